//! A preset is a policy, and differs from the default by what its framework asks, and by nothing else.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use credwarden_policy::document::{DEFAULT, MAX_BYTES};
use credwarden_policy::policy::Policy;
use credwarden_policy::preset::Preset;
use serde_json::Value;

/// Every value in which `after` differs from `before`, a line each.
fn differences(path: &str, before: &Value, after: &Value, lines: &mut String) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            // In the order of the alphabet, whichever the library keeps.
            for key in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let value = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                differences(&path, &value(before), &value(after), lines);
            }
        }
        _ if before == after => {}
        _ => writeln!(lines, "{path}: {before} -> {after}").unwrap(),
    }
}

fn changes(preset: Preset) -> String {
    let mut lines = String::new();
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    differences("", &read(DEFAULT), &read(&preset.document()), &mut lines);
    lines
}

#[test]
fn every_preset_is_a_policy_that_can_be_deployed_as_printed() {
    for preset in Preset::ALL {
        let document = preset.document();
        assert!(document.len() <= MAX_BYTES, "{preset}: {} bytes", document.len());
        assert_eq!(Policy::parse(&document).map(|policy| policy.document().to_pretty_json()), Ok(document));
    }
}

#[test]
fn cis_7_counts_what_was_never_used_like_what_is_unused() {
    insta::assert_snapshot!(changes(Preset::Cis7), @r"
    limits.default.access-key.neverUsedDays: 14 -> 45
    limits.default.console-password.neverUsedDays: 14 -> 45
    ");
}

#[test]
fn pci_ages_passwords_and_gives_90_days_of_inactivity() {
    insta::assert_snapshot!(changes(Preset::Pci), @r#"
    limits.default.access-key.neverUsedDays: 14 -> 90
    limits.default.access-key.unusedDays: 45 -> 90
    limits.default.console-password.maxAgeDays: "off" -> 90
    limits.default.console-password.neverUsedDays: 14 -> 90
    limits.default.console-password.unusedDays: 45 -> 90
    "#);
}

#[test]
fn nist_63b_is_the_default_which_never_ages_the_passwords_of_people() {
    assert_eq!(changes(Preset::Nist63b), "");
    let document: Value = serde_json::from_str(&Preset::Nist63b.document()).unwrap();
    assert_eq!(document.pointer("/limits/default/console-password/maxAgeDays"), Some(&Value::from("off")));
}

#[test]
fn a_preset_is_printed_with_a_line_for_each_kind_of_credential() {
    let document = Preset::Cis7.document();
    let keys = document.lines().find(|line| line.contains("\"access-key\"")).unwrap();
    assert_eq!(
        keys.trim(),
        r#""access-key": { "maxAgeDays": 90, "warnDays": 14, "unusedDays": 45, "neverUsedDays": 45, "inUseDays": 7, "undoDays": 30 },"#
    );
}
