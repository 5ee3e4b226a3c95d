//! Policies with the thresholds of a framework.
//!
//! A preset is the default document ([`DEFAULT`]) with the numbers that the framework gives, and no other difference: what the
//! framework does not speak of stays as it is.

use credwarden_credential::kind::CredentialKind;

use crate::check::DEFAULT_CLASS;
use crate::document::{DEFAULT, Document, Limit, LimitsEntry};
use crate::remedy::names;

names! {
    /// A framework whose thresholds a policy can have.
    Preset {
        /// CIS Amazon Web Services Foundations Benchmark 7.0. Access keys are rotated every 90 days (2.12). What is unused for
        /// 45 days is disabled (2.11), and by that recommendation's audit procedure what was never used counts from when it
        /// was created or changed. It says "45 days or more", and the policy's limit is broken a second after 45 days.
        Cis7 = "cis-7",
        /// PCI DSS 4.0.1. Inactive accounts are disabled within 90 days (8.2.6). A password that is the only factor is changed
        /// every 90 days (8.3.9), which a policy cannot see: whoever requires MFA of all people may switch it off. The secrets
        /// of applications are changed as the entity's own risk analysis says (8.6.3); 90 days stay until it says another
        /// number.
        Pci = "pci",
        /// NIST SP 800-63B-4. People's passwords are not changed by the calendar (3.1.1.2), only on evidence of compromise. The
        /// default policy follows it already.
        Nist63b = "nist-63b",
    }
}

impl Preset {
    /// The complete policy, as JSON for people to read, save and change.
    pub fn document(self) -> String {
        // A test holds that the default document can be read.
        let document = serde_json::from_str::<Document>(DEFAULT);
        document.map(|document| self.applied_to(document).to_pretty_json()).unwrap_or_default()
    }

    fn applied_to(self, mut document: Document) -> Document {
        let limits = document.limits.entry(DEFAULT_CLASS.to_owned()).or_default();
        let mut set = |kind: CredentialKind, set: &dyn Fn(&mut LimitsEntry)| {
            set(limits.entry(kind.as_str().to_owned()).or_default());
        };
        let unused = |days| {
            move |entry: &mut LimitsEntry| {
                entry.unused_days = Some(Limit::Days(days));
                entry.never_used_days = Some(Limit::Days(days));
            }
        };
        let max_age = |limit| move |entry: &mut LimitsEntry| entry.max_age_days = Some(limit);
        match self {
            Self::Cis7 => {
                set(CredentialKind::AccessKey, &max_age(Limit::Days(90)));
                set(CredentialKind::AccessKey, &unused(45));
                set(CredentialKind::ConsolePassword, &unused(45));
            }
            Self::Pci => {
                set(CredentialKind::AccessKey, &unused(90));
                set(CredentialKind::ConsolePassword, &unused(90));
                set(CredentialKind::ConsolePassword, &max_age(Limit::Days(90)));
            }
            Self::Nist63b => set(CredentialKind::ConsolePassword, &max_age(Limit::Off)),
        }
        document
    }
}
