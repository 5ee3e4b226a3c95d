//! The policy as it works: a document in which nothing is left to a default.

use std::collections::BTreeMap;

use credwarden_credential::age::Days;
use credwarden_credential::kind::CredentialKind;

use crate::class::ClassName;
use crate::document::{Document, Limit, LimitsEntry, RemedyEntry};
use crate::limits::Limits;
use crate::policy::Policy;
use crate::remedy::{Remedy, RemedyName, RuleName};

impl Policy {
    /// The document in which every class names every limit of every kind, and every remedy that it has; nothing stands
    /// under `default`. It is the same policy, spelled out: only users' tags can lower what stands there.
    pub fn effective(&self) -> Document {
        let limits = self.class_names().map(|class| (class.as_str().to_owned(), self.limits_spelled_out(class)));
        let remedies = RuleName::ALL.iter().map(|rule| (rule.as_str().to_owned(), self.remedies_spelled_out(*rule)));
        Document {
            limits: limits.collect(),
            longest_exception_days: Some(self.longest_exception().0),
            longest_hold_days: Some(self.longest_hold().0),
            remedies: remedies.filter(|(_, by_class)| !by_class.is_empty()).collect(),
            ..self.document.clone()
        }
    }

    fn limits_spelled_out(&self, class: &ClassName) -> BTreeMap<String, LimitsEntry> {
        let entry = |kind: &CredentialKind| (kind.as_str().to_owned(), spelled_out(self.limits_of_class(class, *kind)));
        CredentialKind::ALL.iter().map(entry).collect()
    }

    fn remedies_spelled_out(&self, rule: RuleName) -> BTreeMap<String, RemedyEntry> {
        let entry = |class: &ClassName| {
            let Remedy { name, mode, delivery, force, approval } =
                self.remedies.get(&(rule, class.clone())).copied()?;
            let is_rotated = name == RemedyName::RotateKey;
            let entry = RemedyEntry {
                remedy: name.as_str().to_owned(),
                mode: mode.as_str().to_owned(),
                delivery: is_rotated.then(|| delivery.as_str().to_owned()),
                force: is_rotated.then_some(force),
                approval: Some(approval),
            };
            Some((class.as_str().to_owned(), entry))
        };
        self.class_names().filter_map(entry).collect()
    }
}

fn spelled_out(limits: Limits) -> LimitsEntry {
    let limit = |days: Option<Days>| Some(days.map_or(Limit::Off, |days| Limit::Days(days.0)));
    let Limits { max_age, warn, unused, never_used, in_use, undo } = limits;
    LimitsEntry {
        max_age_days: limit(max_age),
        warn_days: Some(warn.0),
        unused_days: limit(unused),
        never_used_days: limit(never_used),
        in_use_days: Some(in_use.0),
        undo_days: Some(undo.0),
    }
}
