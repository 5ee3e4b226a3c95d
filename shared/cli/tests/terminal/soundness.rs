//! What a credential report alone calls certain is what the account would say, whatever the account is.

use credwarden_cli::finding::{Finding, SourceKind, Status};
use credwarden_cli::input;
use credwarden_cli::judgement::findings;
use credwarden_cli::rules::{Creators, RULES, Rule};
use credwarden_cli::subject::{Facts, Subject};
use credwarden_estate::estate::{ADMINISTRATOR_ACCESS, Estate, age_seconds};
use credwarden_estate::report;
use credwarden_policy::policy::Policy;
use jiff::Timestamp;
use proptest::prelude::*;

use crate::cases::now;
use crate::program::cases;

const LONGEST: i64 = 500 * 86_400;

/// A user, all times in seconds before now.
#[derive(Clone, Debug)]
struct Person {
    is_administrator: bool,
    is_pipeline: bool,
    password: Option<(i64, Option<i64>)>,
    user: i64,
    key: i64,
    used: Option<i64>,
    toggled: Option<i64>,
}

fn person() -> impl Strategy<Value = Person> {
    let age = || 0..LONGEST;
    let password = proptest::option::of((age(), proptest::option::of(age())));
    (any::<[bool; 2]>(), password, age(), age(), proptest::option::of(age()), proptest::option::of(age())).prop_map(
        |([is_administrator, is_pipeline], password, user, key, used, toggled)| Person {
            is_administrator,
            is_pipeline,
            password,
            user: user.max(key),
            key,
            used: used.map(|used| used.min(key)),
            toggled: toggled.map(|toggled| toggled.min(key)),
        },
    )
}

fn estate(person: &Person) -> Estate {
    let mut estate = Estate::new(now()).user("alice").created(age_seconds(person.user));
    if person.is_pipeline {
        estate = estate.path("/ci/");
    }
    if person.is_administrator {
        estate = estate.attached(ADMINISTRATOR_ACCESS);
    }
    if let Some((made, signed_in)) = person.password {
        estate = estate.password(age_seconds(made));
        estate = signed_in.map_or(estate.clone(), |at| estate.signed_in(age_seconds(at)));
    }
    estate = estate.key(age_seconds(person.key));
    if let Some(used) = person.used {
        estate = estate.used(age_seconds(used), "s3");
    }
    if let Some(toggled) = person.toggled {
        estate = estate.toggled(age_seconds(toggled));
    }
    estate
}

fn rules() -> Vec<&'static Rule> {
    RULES.iter().collect()
}

fn by_report(text: &str, policy: &Policy, as_of: Timestamp) -> Vec<Finding> {
    findings(&input::report::facts(text.as_bytes(), "report", Some(as_of), as_of).unwrap(), policy, &rules())
}

fn by_account(estate: &Estate, policy: &Policy) -> Vec<Finding> {
    let facts = Facts {
        kind: SourceKind::Account,
        file: None,
        as_of: now(),
        subjects: estate.snapshot().users.into_values().map(Subject::User).collect(),
        opinions: std::collections::BTreeMap::new(),
        creators: Creators::NotRead,
        unreadable_rows: 0,
        limitations: Vec::new(),
        exceptions: None,
    };
    findings(&facts, policy, &rules())
}

fn policies() -> [Policy; 2] {
    let other = std::fs::read_to_string(cases().join("policy.json")).unwrap();
    [Policy::default(), Policy::parse(&other).unwrap()]
}

proptest! {
    #[test]
    fn what_a_report_calls_certain_is_true(person in person()) {
        let estate = estate(&person);
        for policy in policies() {
            let account = by_account(&estate, &policy);
            for found in by_report(&report::render(&estate), &policy, now()) {
                let same = account.iter().find(|other| {
                    (other.rule, other.credential_kind) == (found.rule, found.credential_kind)
                });
                let same = same.unwrap();
                if found.status != Status::Unknown {
                    prop_assert_eq!(found.status, same.status, "{:?} but {:?}", found, same);
                }
                if let (Some(latest), Some(since)) = (found.non_compliant_since, same.non_compliant_since) {
                    prop_assert!(since <= latest, "{:?} but {:?}", found, same);
                }
            }
        }
    }

    #[test]
    fn later_nothing_becomes_compliant_again(person in person(), days in 0_i64..400) {
        let text = report::render(&estate(&person));
        let later = now() + age_seconds(days * 86_400);
        for policy in policies() {
            let earlier = by_report(&text, &policy, now());
            for (before, after) in earlier.iter().zip(by_report(&text, &policy, later)) {
                if before.status == Status::NonCompliant {
                    prop_assert_eq!(after.status, Status::NonCompliant);
                }
            }
        }
    }

    #[test]
    fn taking_a_cell_away_never_adds_what_is_compliant(person in person(), column in 0_usize..22) {
        let text = report::render(&estate(&person));
        let less: Vec<String> = text
            .lines()
            .map(|line| {
                let mut cells: Vec<&str> = line.split(',').collect();
                if line.starts_with("alice") && column > 0 {
                    cells[column] = "";
                }
                cells.join(",")
            })
            .collect();
        for policy in policies() {
            let compliant = |text: &str| {
                let of = by_report(text, &policy, now()).into_iter().filter(|found| found.status == Status::Compliant);
                of.map(|found| (found.rule, found.slot)).collect::<Vec<_>>()
            };
            let before = compliant(&text);
            for still in compliant(&less.join("\n")) {
                prop_assert!(before.contains(&still), "{:?} without column {}", still, column);
            }
        }
    }
}
