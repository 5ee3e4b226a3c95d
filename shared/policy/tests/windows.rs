//! When remedies may change something.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test prepares may fail it")]

use credwarden_policy::class::ClassName;
use credwarden_policy::document::DEFAULT;
use credwarden_policy::policy::Policy;
use credwarden_policy::schema::document_schema;
use credwarden_policy::window::Opening;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const MINUTES_OF_A_DAY: i64 = 24 * 60;

fn document(windows: Value) -> Value {
    let mut document: Value = serde_json::from_str(DEFAULT).unwrap();
    document["windows"] = windows;
    document
}

fn policy(windows: Value) -> Policy {
    Policy::parse(&document(windows).to_string()).unwrap()
}

fn human(policy: &Policy) -> &ClassName {
    policy.class_names().find(|class| class.as_str() == "human").unwrap()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// When it opens; `None`: it is open.
fn opens(policy: &Policy, now: &str) -> Option<String> {
    match policy.opening(human(policy), at(now)) {
        Opening::Open => None,
        Opening::Closed { opens } => Some(opens.to_string()),
    }
}

#[test]
fn a_policy_without_windows_is_always_open() {
    let policy = Policy::default();
    assert_eq!(policy.opening(human(&policy), at("2026-11-24T12:00:00Z")), Opening::Open);
}

#[test]
fn a_window_is_open_from_its_first_instant_to_just_before_its_end() {
    // 2026-11-24 is a Tuesday.
    let policy = policy(json!([{ "days": ["tuesday", "friday"], "from": "09:00", "to": "17:30" }]));
    for (now, expected) in [
        ("2026-11-24T08:59:59Z", Some("2026-11-24T09:00:00Z")),
        ("2026-11-24T09:00:00Z", None),
        ("2026-11-24T17:29:59Z", None),
        ("2026-11-24T17:30:00Z", Some("2026-11-27T09:00:00Z")),
        ("2026-11-25T12:00:00Z", Some("2026-11-27T09:00:00Z")),
        ("2026-11-27T17:30:00Z", Some("2026-12-01T09:00:00Z")),
    ] {
        assert_eq!(opens(&policy, now).as_deref(), expected, "{now}");
    }
}

#[test]
fn a_window_reaches_over_midnight_into_a_day_that_it_does_not_name() {
    let policy = policy(json!([{ "days": ["sunday"], "from": "22:00", "to": "04:00" }]));
    for (now, expected) in [
        ("2026-11-29T21:59:59Z", Some("2026-11-29T22:00:00Z")),
        ("2026-11-29T23:00:00Z", None),
        ("2026-11-30T03:59:59Z", None),
        ("2026-11-30T04:00:00Z", Some("2026-12-06T22:00:00Z")),
        ("2026-11-29T02:00:00Z", Some("2026-11-29T22:00:00Z")),
    ] {
        assert_eq!(opens(&policy, now).as_deref(), expected, "{now}");
    }
}

#[test]
fn what_a_window_leaves_out_does_not_limit_it() {
    let policy = policy(json!([
        { "days": ["saturday"], "classes": ["human"] },
        { "classes": ["privileged", "service-account"] },
    ]));
    assert_eq!(opens(&policy, "2026-11-24T12:00:00Z").as_deref(), Some("2026-11-28T00:00:00Z"));
    assert_eq!(opens(&policy, "2026-11-28T23:59:59Z"), None);
    assert_eq!(opens(&policy, "2026-11-29T00:00:00Z").as_deref(), Some("2026-12-05T00:00:00Z"));
    let others = policy.class_names().filter(|class| class.as_str() != "human");
    for other in others {
        assert_eq!(policy.opening(other, at("2026-11-24T12:00:00Z")), Opening::Open, "{other}");
    }
}

#[test]
fn a_policy_whose_windows_never_open_is_refused_with_its_place() {
    for (windows, place) in [
        (json!([]), "`windows`: none is for class `privileged`"),
        (json!([{ "days": [] }]), "`windows[0].days`: no day"),
        (json!([{ "classes": [] }]), "`windows[0].classes`: no class"),
        (json!([{ "from": "03:00", "to": "03:00" }]), "`windows[0].to`: the same as `from`"),
        (json!([{ "from": "22:00", "to": "23:59" }]), "`windows[0].to`: it is open for less than 2 hours"),
        (json!([{ "from": "23:00", "to": "00:59" }]), "`windows[0].to`: it is open for less than 2 hours"),
        (json!([{ "from": "22:01" }]), "`windows[0].to`: it is open for less than 2 hours"),
        (json!([{ "classes": ["human", "service-account"] }]), "`windows`: none is for class `privileged`"),
        (json!([{}, { "classes": ["humans"] }]), "`windows[1].classes[0]`: there is no class `humans`"),
        (json!([{ "classes": ["default"] }]), "`windows[0].classes[0]`: no class has this name"),
        (json!([{ "days": ["monday", "funday"] }]), "`windows[0].days[1]`: `funday` is none of"),
        (json!([{ "from": "24:00" }]), "`windows[0].from`: `24:00` is no time of day"),
        (json!([{ "from": "9:00" }]), "`windows[0].from`: `9:00` is no time of day"),
        (json!([{ "to": "+9:00" }]), "`windows[0].to`: `+9:00` is no time of day"),
        (json!([{ "to": "22:00:00" }]), "`windows[0].to`: `22:00:00` is no time of day"),
        (json!([{ "too": "22:00" }]), "`windows[0].too`: unknown field"),
    ] {
        let refused = Policy::parse(&document(windows).to_string()).unwrap_err().to_string();
        assert!(refused.contains(place), "{place}: {refused}");
    }
}

#[test]
fn the_schema_knows_windows() {
    let validator = jsonschema::validator_for(&document_schema()).unwrap();
    for (window, is_valid) in [
        (json!({}), true),
        (json!({ "days": ["monday"], "from": "22:00", "to": "24:00", "classes": ["human"] }), true),
        (json!({ "days": [] }), false),
        (json!({ "days": ["Monday"] }), false),
        (json!({ "from": "24:00" }), false),
        (json!({ "to": "25:00" }), false),
        (json!({ "classes": [] }), false),
        (json!({ "day": "monday" }), false),
    ] {
        assert_eq!(validator.is_valid(&document(json!([window]))), is_valid, "{window}");
    }
    assert!(!validator.is_valid(&document(json!([]))));
}

/// One window, in minutes of a day.
#[derive(Clone, Debug)]
struct Given {
    days: Vec<usize>,
    from: i64,
    /// Of the same day where it is greater than `from`, else of the next.
    to: i64,
}

impl Given {
    fn entry(&self) -> Value {
        let days: Vec<_> = self.days.iter().map(|day| DAYS[*day]).collect();
        let time = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
        json!({ "days": days, "from": time(self.from), "to": time(self.to) })
    }

    /// Whether it is open in that minute since 1970, a Thursday.
    fn is_open(&self, minute: i64) -> bool {
        let (day, of_day) = (minute.div_euclid(MINUTES_OF_A_DAY), minute.rem_euclid(MINUTES_OF_A_DAY));
        let on = |day: i64| self.days.contains(&usize::try_from((day + 3).rem_euclid(7)).unwrap());
        if self.from < self.to {
            on(day) && (self.from..self.to).contains(&of_day)
        } else {
            (on(day) && of_day >= self.from) || (on(day - 1) && of_day < self.to)
        }
    }
}

fn given() -> impl Strategy<Value = Given> {
    let days = proptest::sample::subsequence((0..7).collect::<Vec<_>>(), 1..=7);
    (days, 0..MINUTES_OF_A_DAY, 120..MINUTES_OF_A_DAY).prop_map(|(days, from, lasts)| Given {
        days,
        from,
        to: (from + lasts) % MINUTES_OF_A_DAY,
    })
}

proptest! {
    #[test]
    fn a_policy_is_open_and_opens_when_counting_minutes_says_so(
        windows in proptest::collection::vec(given(), 1..4),
        minute in 29_000_000i64..31_000_000,
        second in 0i64..60,
    ) {
        let policy = policy(windows.iter().map(Given::entry).collect());
        let is_open = |minute: i64| windows.iter().any(|window| window.is_open(minute));
        let next = (minute..minute + 8 * MINUTES_OF_A_DAY).find(|minute| is_open(*minute)).unwrap();
        let now = Timestamp::from_second(minute * 60 + second).unwrap();
        let expected = if next == minute {
            Opening::Open
        } else {
            Opening::Closed { opens: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(next) }
        };
        prop_assert_eq!(policy.opening(human(&policy), now), expected);
        let again = Policy::parse(&serde_json::to_string(&policy.effective()).unwrap()).unwrap();
        prop_assert_eq!(again.opening(human(&again), now), expected);
    }
}
