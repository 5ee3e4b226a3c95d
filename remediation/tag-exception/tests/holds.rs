//! What is decided of holds, against a second way to decide it.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use credwarden_policy::document::DEFAULT;
use credwarden_policy::exception::{Hold, HoldChange};
use credwarden_policy::policy::Policy;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;
use tag_exception::hold::{Asked, Refusal, decide};

const DAY: i64 = 86_400;
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn policy(longest: Option<u32>) -> Policy {
    let mut document: Value = serde_json::from_str(DEFAULT).unwrap();
    let fields = document.as_object_mut().unwrap();
    match longest {
        Some(days) => fields.insert("longestHoldDays".to_owned(), days.into()),
        None => fields.remove("longestHoldDays"),
    };
    Policy::parse(&document.to_string()).unwrap()
}

fn asked(until: Option<i64>) -> Asked {
    Asked {
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
        credential: KEY.parse().ok(),
        justification: Some("The migration ends in December.".to_owned()),
        until: until.map(at),
        requester: Some("alice".to_owned()),
    }
}

fn held(until: i64, by: &str) -> Hold {
    Hold { credential: KEY.parse().unwrap(), until: at(until), reason: "earlier".to_owned(), by: by.to_owned() }
}

#[test]
fn the_last_instant_that_the_policy_lets_is_held_and_a_second_more_is_not() {
    for (longest, days) in [(None, 30), (Some(7), 7)] {
        let policy = policy(longest);
        let until = |until| decide(&asked(Some(until)), HoldChange::Hold, None, &policy, now());
        let last = days * DAY;
        assert_eq!(until(last).unwrap().until, at(last));
        assert!(matches!(until(last + 1).unwrap_err().as_slice(), [Refusal::TooLong { .. }]));
        assert!(matches!(until(0).unwrap_err().as_slice(), [Refusal::Past(_)]));
        assert!(until(1).is_ok());
    }
}

#[test]
fn a_hold_never_shortens_another_and_the_same_again_is_the_same() {
    let policy = policy(None);
    let hold = |until, before: &Hold| decide(&asked(Some(until)), HoldChange::Hold, Some(before), &policy, now());
    let undo = held(7 * DAY, "olivia");
    let shorter = [Refusal::HeldLonger { by: "olivia".to_owned(), until: at(7 * DAY) }];
    assert_eq!(hold(DAY, &undo).unwrap_err(), shorter);
    assert_eq!(hold(7 * DAY, &undo).unwrap_err(), shorter);
    let longer = hold(8 * DAY, &undo).unwrap();
    assert_eq!((longer.by.as_str(), longer.until), ("alice", at(8 * DAY)));
    assert_eq!(hold(8 * DAY, &longer).unwrap(), longer);
    assert!(hold(DAY, &held(-1, "olivia")).is_ok(), "one that has ended is none");
}

#[test]
fn whoever_releases_is_known_and_so_is_whose_hold_it_was() {
    let release = |before: Option<&Hold>| decide(&asked(None), HoldChange::Release, before, &policy(None), now());
    let released = release(Some(&held(7 * DAY, "olivia"))).unwrap();
    assert!(!released.holds(now()));
    assert_eq!(released.by, "alice");
    assert_eq!(released.reason, "released: The migration ends in December. (olivia held it until 2026-12-01: earlier)");
    for none in [None, Some(&held(-1, "olivia"))] {
        assert_eq!(release(none).unwrap_err(), [Refusal::NotHeld]);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let nothing = Asked { credential: None, justification: None, until: None, requester: None, ..asked(None) };
    let refusals = decide(&nothing, HoldChange::Hold, None, &policy(None), now()).unwrap_err();
    let all = [Refusal::RequesterUnknown, Refusal::NoJustification, Refusal::NoCredential, Refusal::NoUntil];
    assert_eq!(refusals, all);
}

proptest! {
    #[test]
    fn a_hold_is_what_a_second_way_makes_of_it(
        until in proptest::option::of(-2 * DAY..40 * DAY),
        before in proptest::option::of((-2 * DAY..40 * DAY, prop_oneof![Just("alice"), Just("olivia")])),
        releases in any::<bool>(),
        lacks in 0..6_usize,
    ) {
        let mut asked = asked(until);
        match lacks {
            0 => asked.credential = None,
            1 => asked.justification = None,
            2 => asked.requester = None,
            _ => {}
        }
        let before = before.map(|(until, by)| held(until, by));
        let change = if releases { HoldChange::Release } else { HoldChange::Hold };
        let holding = before.clone().filter(|hold| hold.until >= now());
        let is_right = lacks > 2
            && if releases {
                holding.is_some()
            } else {
                until.is_some_and(|until| {
                    let not_shorter = holding.as_ref().is_none_or(|hold| {
                        hold.until < at(until) || (hold.until == at(until) && hold.by == "alice")
                    });
                    0 < until && until <= 30 * DAY && not_shorter
                })
            };
        let decided = decide(&asked, change, before.as_ref(), &policy(None), now());
        prop_assert_eq!(decided.is_ok(), is_right, "{:?}", decided);
        if let Ok(hold) = decided {
            prop_assert_eq!(hold.holds(now()), !releases);
            prop_assert_eq!(hold.by, "alice");
        }
    }
}
