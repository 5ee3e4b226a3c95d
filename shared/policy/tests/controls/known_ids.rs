//! Ids that exist in each framework, in the part that speaks of access and authentication.
//!
//! Each list is as complete as its source. An id that is not in it may exist; one that is in it does.

use credwarden_policy::controls::Framework;

/// The ids that are known of a framework.
pub(crate) fn known_ids(framework: Framework) -> &'static [&'static str] {
    match framework {
        Framework::Cis7 => CIS_7,
        Framework::Cis5 => CIS_5,
        Framework::SecurityHub => SECURITY_HUB,
        Framework::PciDss => PCI_DSS,
        Framework::Nist80053 => NIST_800_53,
        Framework::Nist80063b => NIST_800_63B,
        Framework::Iso27001 => ISO_27001,
        Framework::Soc2 => SOC_2,
        Framework::Hipaa => HIPAA,
        Framework::FedRamp20x => FEDRAMP_20X,
        Framework::Nis2 => NIS2,
        Framework::Dora => DORA,
        Framework::WellArchitected => WELL_ARCHITECTED,
    }
}

/// Section 2 of 7.0: prowler-cloud/prowler, `prowler/compliance/aws/cis_7.0_aws.json`; 2.11 and 2.12 also in Tenable's audit
/// (`CIS_Amazon_Web_Services_Foundations_v7.0.0_L1.audit`).
const CIS_7: &[&str] = &[
    "2.1.1", "2.1.2", "2.1.3", "2.1.4", "2.1.5", "2.1.6", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9",
    "2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "2.18", "2.19", "2.20", "2.21",
];

/// Section 1 of 5.0: prowler-cloud/prowler, `prowler/compliance/aws/cis_5.0_aws.json`. It writes 1.10 as a second 1.1.
const CIS_5: &[&str] = &[
    "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "1.11", "1.12", "1.13", "1.14", "1.15",
    "1.16", "1.17", "1.18", "1.19", "1.20", "1.21",
];

/// AWS Security Hub User Guide, "Security Hub CSPM controls for IAM".
const SECURITY_HUB: &[&str] = &[
    "IAM.1", "IAM.2", "IAM.3", "IAM.4", "IAM.5", "IAM.6", "IAM.7", "IAM.8", "IAM.9", "IAM.10", "IAM.11", "IAM.12",
    "IAM.13", "IAM.14", "IAM.15", "IAM.16", "IAM.17", "IAM.18", "IAM.19", "IAM.20", "IAM.21", "IAM.22", "IAM.23",
    "IAM.24", "IAM.25", "IAM.26", "IAM.27", "IAM.28",
];

/// Requirements 7.2 and 8 that AWS Config's rules are mapped to: prowler-cloud/prowler,
/// `prowler/compliance/aws/pci_4.0_aws.json`, whose own numbers below a requirement are left out. The standard's own text is
/// not public, so this is unverified; the version after it, 4.0.1, added and removed no requirement.
const PCI_DSS: &[&str] = &[
    "7.2.1", "7.2.2", "7.2.3", "7.2.4", "7.2.5", "7.2.6", "8.2.1", "8.2.2", "8.2.4", "8.2.5", "8.2.6", "8.2.7",
    "8.2.8", "8.3.2", "8.3.4", "8.3.5", "8.3.6", "8.3.7", "8.3.9", "8.3.10", "8.3.11", "8.4.1", "8.4.2", "8.4.3",
    "8.6.3",
];

/// Families AC and IA of the moderate baseline: usnistgov/oscal-content,
/// `NIST_SP-800-53_rev5_MODERATE-baseline-resolved-profile_catalog.json`.
const NIST_800_53: &[&str] = &[
    "AC-1", "AC-2", "AC-2(1)", "AC-2(2)", "AC-2(3)", "AC-2(4)", "AC-2(5)", "AC-2(13)", "AC-3", "AC-4", "AC-5", "AC-6",
    "AC-6(1)", "AC-6(2)", "AC-6(5)", "AC-6(7)", "AC-6(9)", "AC-6(10)", "AC-7", "AC-8", "AC-11", "AC-11(1)", "AC-12",
    "AC-14", "AC-17", "AC-17(1)", "AC-17(2)", "AC-17(3)", "AC-17(4)", "AC-18", "AC-18(1)", "AC-18(3)", "AC-19",
    "AC-19(5)", "AC-20", "AC-20(1)", "AC-20(2)", "AC-21", "AC-22", "IA-1", "IA-2", "IA-2(1)", "IA-2(2)", "IA-2(8)",
    "IA-2(12)", "IA-3", "IA-4", "IA-4(4)", "IA-5", "IA-5(1)", "IA-5(2)", "IA-5(6)", "IA-6", "IA-7", "IA-8", "IA-8(1)",
    "IA-8(2)", "IA-8(4)", "IA-11", "IA-12", "IA-12(2)", "IA-12(3)", "IA-12(5)",
];

/// "Password Verifiers", the only section that a rule serves. Unverified: named so in secondary copies only.
const NIST_800_63B: &[&str] = &["3.1.1.2"];

/// Annex A, themes 5 (organizational) and 8 (technological): prowler-cloud/prowler,
/// `prowler/compliance/aws/iso27001_2022_aws.json`. The standard's own text is not public, so this is unverified.
const ISO_27001: &[&str] = &[
    "A.5.1", "A.5.2", "A.5.3", "A.5.4", "A.5.9", "A.5.15", "A.5.16", "A.5.17", "A.5.18", "A.5.23", "A.5.36", "A.6.5",
    "A.8.2", "A.8.3", "A.8.4", "A.8.5", "A.8.9", "A.8.15", "A.8.16", "A.8.24",
];

/// Common criteria 6 and 7: prowler-cloud/prowler, `prowler/compliance/aws/soc2_aws.json`. Unverified: a secondary copy.
const SOC_2: &[&str] =
    &["CC6.1", "CC6.2", "CC6.3", "CC6.6", "CC6.7", "CC6.8", "CC7.1", "CC7.2", "CC7.3", "CC7.4", "CC7.5"];

/// 45 CFR 164.308(a)(3) to (5), 164.312(a) and (d): prowler-cloud/prowler, `prowler/compliance/aws/hipaa_aws.json`.
const HIPAA: &[&str] = &[
    "164.308(a)(3)(i)",
    "164.308(a)(3)(ii)(A)",
    "164.308(a)(3)(ii)(B)",
    "164.308(a)(3)(ii)(C)",
    "164.308(a)(4)(i)",
    "164.308(a)(4)(ii)(A)",
    "164.308(a)(4)(ii)(B)",
    "164.308(a)(4)(ii)(C)",
    "164.308(a)(5)(ii)(B)",
    "164.308(a)(5)(ii)(C)",
    "164.308(a)(5)(ii)(D)",
    "164.312(a)(1)",
    "164.312(a)(2)(i)",
    "164.312(d)",
];

/// Themes IAM and SVC: `FedRAMP/rules`, `fedramp-consolidated-rules.json` of July 2026.
const FEDRAMP_20X: &[&str] = &[
    "KSI-IAM-AAM",
    "KSI-IAM-APM",
    "KSI-IAM-ELP",
    "KSI-IAM-JIT",
    "KSI-IAM-SNU",
    "KSI-IAM-SUS",
    "KSI-SVC-ACM",
    "KSI-SVC-ASM",
    "KSI-SVC-EIS",
    "KSI-SVC-PRR",
    "KSI-SVC-RUD",
    "KSI-SVC-SIN",
    "KSI-SVC-VCM",
    "KSI-SVC-VRI",
];

/// Points 11.2, 11.5 and 11.6 of the annex that can be mapped to AWS: prowler-cloud/prowler,
/// `prowler/compliance/aws/nis2_aws.json`, which writes the letter of a point behind a dot.
const NIS2: &[&str] = &[
    "11.2.1",
    "11.2.2(a)",
    "11.2.2(d)",
    "11.2.2(e)",
    "11.2.2(f)",
    "11.5.2(a)",
    "11.5.2(d)",
    "11.5.4",
    "11.6.1",
    "11.6.2(a)",
    "11.6.2(c)",
    "11.6.2(d)",
    "11.6.2(e)",
];

/// Chapter II: prowler-cloud/prowler, `prowler/compliance/dora_2022_2554.json`.
const DORA: &[&str] = &[
    "Article 5",
    "Article 6",
    "Article 7",
    "Article 8",
    "Article 9",
    "Article 10",
    "Article 11",
    "Article 12",
    "Article 13",
    "Article 14",
];

/// SEC 2, "How do you manage authentication for people and machines?": AWS Well-Architected Framework, Security Pillar.
const WELL_ARCHITECTED: &[&str] = &["SEC02-BP01", "SEC02-BP02", "SEC02-BP03", "SEC02-BP04", "SEC02-BP05", "SEC02-BP06"];
