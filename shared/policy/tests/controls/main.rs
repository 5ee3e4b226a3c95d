//! Every control that a rule is said to serve exists, and every framework that asks something of a rule is named by it.

mod known_ids;

use std::collections::BTreeSet;

use credwarden_policy::controls::{CONTROLS, Framework, serving};
use credwarden_policy::remedy::RuleName;
use known_ids::known_ids;

/// The rules, and the frameworks that ask something of what each finds.
const ASKED: [(&str, &[Framework]); 3] = [
    ("access-key-age", Framework::ALL),
    (
        "unused-credentials",
        &[
            Framework::Cis7,
            Framework::Cis5,
            Framework::SecurityHub,
            Framework::PciDss,
            Framework::Nist80053,
            Framework::Iso27001,
            Framework::Soc2,
            Framework::Hipaa,
            Framework::FedRamp20x,
            Framework::Nis2,
            Framework::Dora,
            Framework::WellArchitected,
        ],
    ),
    // Neither CIS 7.0, Security Hub nor 800-63B says who may create a credential.
    (
        "unauthorized-key-creation",
        &[
            Framework::Cis5,
            Framework::PciDss,
            Framework::Nist80053,
            Framework::Iso27001,
            Framework::Soc2,
            Framework::Hipaa,
            Framework::FedRamp20x,
            Framework::Nis2,
            Framework::Dora,
            Framework::WellArchitected,
        ],
    ),
];

#[test]
fn every_control_is_one_of_its_framework() {
    for control in CONTROLS {
        assert!(known_ids(control.framework).contains(&control.id), "{control} is not known");
    }
}

#[test]
fn every_rule_serves_a_control_of_each_framework_that_asks_for_it_and_of_no_other() {
    for (rule, frameworks) in ASKED {
        let served: BTreeSet<_> = serving(rule).map(|control| control.framework).collect();
        assert_eq!(served, frameworks.iter().copied().collect(), "{rule}");
    }
}

#[test]
fn every_rule_of_the_policy_serves_controls_and_every_control_names_rules_of_the_table() {
    for rule in RuleName::ALL {
        assert!(rule.controls().next().is_some(), "{rule}");
    }
    for control in CONTROLS {
        assert!(!control.rules.is_empty(), "{control}");
        assert!(control.rules.iter().all(|rule| ASKED.iter().any(|(asked, _)| asked == rule)), "{control}");
    }
}

#[test]
fn controls_stand_once_each_in_the_order_of_frameworks() {
    let ids: BTreeSet<_> = CONTROLS.iter().map(|control| (control.framework, control.id)).collect();
    assert_eq!(ids.len(), CONTROLS.len());
    assert!(CONTROLS.is_sorted_by_key(|control| control.framework));
}

#[test]
fn what_a_control_asks_is_one_short_sentence() {
    for control in CONTROLS {
        assert!(control.asks.ends_with('.') && control.asks.len() <= 120, "{control}: {}", control.asks);
    }
}

#[test]
fn the_controls_of_the_rule_of_ages_read_like_this() {
    let controls: Vec<_> = RuleName::AccessKeyAge.controls().map(ToString::to_string).collect();
    insta::assert_snapshot!(controls.join("\n"), @r"
    CIS 7.0 2.12
    CIS 5.0 1.13
    Security Hub IAM.3
    PCI DSS 4.0.1 8.3.9
    PCI DSS 4.0.1 8.6.3
    NIST 800-53 r5 IA-5
    NIST 800-63B 4 3.1.1.2
    ISO 27001 2022 A.5.17
    ISO 27001 2022 A.8.5
    SOC 2 2017 CC6.1
    HIPAA 164.308(a)(5)(ii)(D)
    HIPAA 164.312(d)
    FedRAMP 20x KSI-IAM-SNU
    FedRAMP 20x KSI-SVC-ASM
    NIS2 11.6.2(c)
    DORA Article 9
    Well-Architected SEC02-BP05
    ");
}
