//! The controls of compliance frameworks, and which rule serves which.
//!
//! A rule serves a control when a user that breaks the rule is evidence that the control is not kept. No rule proves a control
//! kept: most ask for more than a rule can see. Ids are written as the framework's own text writes them; a test holds that
//! each is an id of its framework.
//!
//! ```
//! use credwarden_policy::controls::Framework;
//! use credwarden_policy::remedy::RuleName;
//!
//! let cis = RuleName::AccessKeyAge.controls().find(|control| control.framework == Framework::Cis7);
//! assert_eq!(cis.unwrap().to_string(), "CIS 7.0 2.12");
//! ```

use std::fmt;

use serde::Serialize;

use crate::remedy::{RuleName, names};

names! {
    /// A framework, law or practice that asks something of long-term credentials.
    Framework {
        /// CIS Amazon Web Services Foundations Benchmark 7.0. Ids and titles as Tenable's audit of the benchmark gives them
        /// (`CIS_Amazon_Web_Services_Foundations_v7.0.0_L1.audit`).
        Cis7 = "cis-7.0",
        /// CIS Amazon Web Services Foundations Benchmark 5.0, which numbers the same recommendations otherwise and still asks
        /// for one active key.
        Cis5 = "cis-5.0",
        /// The IAM controls of AWS Security Hub CSPM ("Security Hub CSPM controls for IAM", AWS Security Hub User Guide).
        /// AWS Foundational Security Best Practices (FSBP) has IAM.3 and IAM.8; IAM.22 belongs to the CIS standards there.
        SecurityHub = "security-hub",
        /// PCI DSS 4.0.1. Unverified: the standard's text is not public; ids and their sense are those of open mappings to
        /// AWS Config's rules and of `ComplianceAsCode`.
        PciDss = "pci-dss-4.0.1",
        /// NIST SP 800-53 Revision 5, as NIST's OSCAL catalogue has it.
        Nist80053 = "nist-800-53r5",
        /// NIST SP 800-63B-4, the section on password verifiers. Unverified: read in secondary copies.
        Nist80063b = "nist-800-63b-4",
        /// ISO/IEC 27001:2022, Annex A. Unverified: the standard's text is not public; ids and titles are those of open
        /// mappings.
        Iso27001 = "iso-27001-2022",
        /// SOC 2: the AICPA's Trust Services Criteria of 2017. Unverified: read in open mappings.
        Soc2 = "soc2",
        /// The HIPAA Security Rule, 45 CFR Part 164 Subpart C.
        Hipaa = "hipaa",
        /// `FedRAMP` 20x, Key Security Indicators of the Consolidated Rules for 2026 (`FedRAMP/rules`).
        FedRamp20x = "fedramp-20x",
        /// NIS2: the Annex of Commission Implementing Regulation (EU) 2024/2690.
        Nis2 = "nis2",
        /// DORA: Regulation (EU) 2022/2554.
        Dora = "dora",
        /// AWS Well-Architected Framework, Security Pillar.
        WellArchitected = "well-architected",
    }
}

impl Framework {
    /// The name for people, without the version.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cis7 | Self::Cis5 => "CIS",
            Self::SecurityHub => "Security Hub",
            Self::PciDss => "PCI DSS",
            Self::Nist80053 => "NIST 800-53",
            Self::Nist80063b => "NIST 800-63B",
            Self::Iso27001 => "ISO 27001",
            Self::Soc2 => "SOC 2",
            Self::Hipaa => "HIPAA",
            Self::FedRamp20x => "FedRAMP 20x",
            Self::Nis2 => "NIS2",
            Self::Dora => "DORA",
            Self::WellArchitected => "Well-Architected",
        }
    }

    /// The version, where the framework has several.
    pub fn version(self) -> Option<&'static str> {
        match self {
            Self::Cis7 => Some("7.0"),
            Self::Cis5 => Some("5.0"),
            Self::PciDss => Some("4.0.1"),
            Self::Nist80053 => Some("r5"),
            Self::Nist80063b => Some("4"),
            Self::Iso27001 => Some("2022"),
            Self::Soc2 => Some("2017"),
            Self::SecurityHub | Self::Hipaa | Self::FedRamp20x | Self::Nis2 | Self::Dora | Self::WellArchitected => {
                None
            }
        }
    }

    /// The full title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cis7 | Self::Cis5 => "CIS Amazon Web Services Foundations Benchmark",
            Self::SecurityHub => "AWS Security Hub CSPM controls, with AWS Foundational Security Best Practices",
            Self::PciDss => "Payment Card Industry Data Security Standard",
            Self::Nist80053 => {
                "NIST SP 800-53, Security and Privacy Controls for Information Systems and Organizations"
            }
            Self::Nist80063b => {
                "NIST SP 800-63B, Digital Identity Guidelines: Authentication and Authenticator Management"
            }
            Self::Iso27001 => "ISO/IEC 27001, Annex A",
            Self::Soc2 => "SOC 2, Trust Services Criteria",
            Self::Hipaa => "HIPAA Security Rule, 45 CFR Part 164 Subpart C",
            Self::FedRamp20x => "FedRAMP 20x Key Security Indicators",
            Self::Nis2 => "NIS2, Annex of Implementing Regulation (EU) 2024/2690",
            Self::Dora => "DORA, Regulation (EU) 2022/2554",
            Self::WellArchitected => "AWS Well-Architected Framework, Security Pillar",
        }
    }
}

/// One control of a framework that at least one rule serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// The framework.
    pub framework: Framework,
    /// Its id in the framework, such as `2.12`.
    pub id: &'static str,
    /// What it asks, in a short sentence.
    pub asks: &'static str,
    /// The names of the rules that serve it.
    #[serde(skip)]
    pub rules: &'static [&'static str],
}

impl fmt::Display for Control {
    /// The framework with its version, and the id: `CIS 7.0 2.12`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.framework.name())?;
        if let Some(version) = self.framework.version() {
            write!(formatter, " {version}")?;
        }
        write!(formatter, " {}", self.id)
    }
}

impl RuleName {
    /// The controls that the rule serves, framework by framework.
    pub fn controls(self) -> impl Iterator<Item = &'static Control> {
        serving(self.as_str())
    }
}

/// The controls that the rule of this name serves, framework by framework.
pub fn serving(rule: &str) -> impl Iterator<Item = &'static Control> {
    CONTROLS.iter().filter(move |control| control.rules.contains(&rule))
}

/// The rule that finds credentials older than their class allows.
const AGE: &str = "access-key-age";
/// The rule that finds credentials that nobody uses.
const UNUSED: &str = "unused-credentials";
/// The rule that finds credentials that somebody created who may not.
const CREATION: &str = "unauthorized-key-creation";

/// Every control that a rule serves, in the order of frameworks.
pub const CONTROLS: &[Control] = &[
    control(Framework::Cis7, "2.11", "Credentials unused for 45 days are disabled.", &[UNUSED]),
    control(Framework::Cis7, "2.12", "Access keys are rotated every 90 days or less.", &[AGE]),
    control(
        Framework::Cis5,
        "1.10",
        "No access key is made while a user with a console password is set up.",
        &[CREATION],
    ),
    control(Framework::Cis5, "1.11", "Credentials unused for 45 days are disabled.", &[UNUSED]),
    control(Framework::Cis5, "1.12", "A user has at most one active access key.", &[CREATION]),
    control(Framework::Cis5, "1.13", "Access keys are rotated every 90 days or less.", &[AGE]),
    control(Framework::SecurityHub, "IAM.3", "Access keys are rotated every 90 days or less.", &[AGE]),
    control(Framework::SecurityHub, "IAM.8", "Unused credentials of users are removed, after 90 days.", &[UNUSED]),
    control(Framework::SecurityHub, "IAM.22", "Credentials of users unused for 45 days are removed.", &[UNUSED]),
    control(
        Framework::PciDss,
        "8.2.4",
        "Identifiers and authentication factors are added only with approval.",
        &[CREATION],
    ),
    control(Framework::PciDss, "8.2.6", "Inactive accounts are disabled within 90 days.", &[UNUSED]),
    control(Framework::PciDss, "8.3.9", "A password that is the only factor is changed every 90 days.", &[AGE]),
    control(
        Framework::PciDss,
        "8.6.3",
        "Secrets of applications and systems are changed as often as the entity's risk analysis says.",
        &[AGE],
    ),
    control(
        Framework::Nist80053,
        "AC-2",
        "Accounts are created with approval, and their use is monitored.",
        &[CREATION],
    ),
    control(
        Framework::Nist80053,
        "AC-2(3)",
        "Accounts that were inactive for the organization's time are disabled.",
        &[UNUSED],
    ),
    control(
        Framework::Nist80053,
        "IA-5",
        "Authenticators are issued by procedure, and changed or refreshed at the organization's interval.",
        &[AGE, CREATION],
    ),
    control(
        Framework::Nist80063b,
        "3.1.1.2",
        "People's passwords are changed on evidence of compromise, and never by the calendar.",
        &[AGE],
    ),
    control(Framework::Iso27001, "A.5.15", "Access is controlled by rules.", &[CREATION]),
    control(
        Framework::Iso27001,
        "A.5.17",
        "Authentication information is allocated and managed by a process.",
        &[AGE, CREATION],
    ),
    control(
        Framework::Iso27001,
        "A.5.18",
        "Access rights are reviewed, and removed when they are no longer due.",
        &[UNUSED],
    ),
    control(Framework::Iso27001, "A.8.5", "Authentication is secure.", &[AGE]),
    control(Framework::Soc2, "CC6.1", "Logical access is protected, and its credentials are managed.", &[AGE]),
    control(
        Framework::Soc2,
        "CC6.2",
        "Credentials are issued to authorized users only, and removed when access is no longer due.",
        &[UNUSED, CREATION],
    ),
    control(Framework::Soc2, "CC6.3", "Access is given, changed and removed on authorization.", &[UNUSED, CREATION]),
    control(Framework::Hipaa, "164.308(a)(3)(ii)(C)", "Access ends when it is no longer due.", &[UNUSED]),
    control(Framework::Hipaa, "164.308(a)(4)(ii)(B)", "Access is granted by policy and procedure.", &[CREATION]),
    control(
        Framework::Hipaa,
        "164.308(a)(4)(ii)(C)",
        "Access is established, reviewed and modified by policy.",
        &[UNUSED, CREATION],
    ),
    control(
        Framework::Hipaa,
        "164.308(a)(5)(ii)(D)",
        "Passwords are created, changed and safeguarded by procedure.",
        &[AGE],
    ),
    control(Framework::Hipaa, "164.312(d)", "Who seeks access is the one claimed.", &[AGE, CREATION]),
    control(
        Framework::FedRamp20x,
        "KSI-IAM-AAM",
        "The lifecycle of all accounts is managed by automation.",
        &[UNUSED, CREATION],
    ),
    control(
        Framework::FedRamp20x,
        "KSI-IAM-APM",
        "People authenticate without passwords where feasible, else with strong ones and MFA that resists phishing.",
        &[CREATION],
    ),
    control(
        Framework::FedRamp20x,
        "KSI-IAM-SNU",
        "Authentication of what is no person is secure and reviewed.",
        &[AGE, UNUSED, CREATION],
    ),
    control(
        Framework::FedRamp20x,
        "KSI-SVC-ASM",
        "Keys, certificates and other secrets are rotated by automation.",
        &[AGE],
    ),
    control(
        Framework::Nis2,
        "11.2.1",
        "Access rights are provided and removed by policy, and documented.",
        &[CREATION],
    ),
    control(Framework::Nis2, "11.5.4", "Identities no longer needed are deactivated without delay.", &[UNUSED]),
    control(
        Framework::Nis2,
        "11.6.2(c)",
        "Credentials are changed initially, at predefined intervals and on suspicion of compromise.",
        &[AGE],
    ),
    control(
        Framework::Dora,
        "Article 8",
        "Information assets, and who has which role for them, are identified.",
        &[UNUSED, CREATION],
    ),
    control(
        Framework::Dora,
        "Article 9",
        "Access is limited to what is due, strongly authenticated, and keys are protected.",
        &[AGE, UNUSED, CREATION],
    ),
    control(
        Framework::WellArchitected,
        "SEC02-BP05",
        "Credentials are audited and rotated periodically.",
        &[AGE, UNUSED, CREATION],
    ),
];

const fn control(
    framework: Framework,
    id: &'static str,
    asks: &'static str,
    rules: &'static [&'static str],
) -> Control {
    Control { framework, id, asks, rules }
}
