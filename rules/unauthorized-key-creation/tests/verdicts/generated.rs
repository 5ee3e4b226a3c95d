//! Generated users, judged by the rule and by a naive reading of its description.

use std::sync::Arc;

use credwarden_credential::creation::{Creation, CreationAct, Provenance};
use credwarden_credential::snapshot::{
    AccessKey, AccessKeys, Gap, GapReason, KeyStatus, Reported, ReportedCredential, User,
};
use credwarden_policy::exception::Exceptions;
use jiff::SignedDuration;
use proptest::prelude::*;
use unauthorized_key_creation::{judge, undecided};

use crate::world::{
    DAY, HOUR, INSTALLED, ago, by, created, key, known, now, offending, only_key_vending, policy, reactivated, user,
    verdict, word,
};

const ALLOWED: &str = "role/key-vending";

/// Straight from the rule's description, without any of its structure.
fn naive(user: &User) -> &'static str {
    let AccessKeys::Live(keys) = &user.access_keys else { return "unknown" };
    let provenance = user.provenance.as_deref().unwrap();
    if keys.is_empty() {
        return "none";
    }
    let (mut broken, mut unknown) = (false, false);
    for key in keys.iter().filter(|key| key.status == KeyStatus::Active) {
        let of_it: Vec<_> =
            provenance.creations.iter().filter(|event| event.credential.as_str() == key.id.as_str()).collect();
        let baseline = key.created < ago(INSTALLED);
        let bad = |event: &&Creation| {
            event.at >= ago(INSTALLED) && !event.creator.principal.as_str().ends_with("key-vending")
        };
        let was_created = of_it.iter().any(|event| event.act == CreationAct::CreateAccessKey);
        if of_it.iter().any(bad) {
            broken = true;
        } else if !baseline && !was_created {
            let asked = provenance.coverage.get(&CreationAct::CreateAccessKey).map(|coverage| coverage.asked);
            match asked {
                Some(asked) if asked.as_second() - key.created.as_second() >= 2 * HOUR => broken = true,
                _ => unknown = true,
            }
        }
    }
    match (broken, unknown) {
        (true, _) => "broken",
        (false, true) => "unknown",
        (false, false) => "fine",
    }
}

fn any_age() -> impl Strategy<Value = i64> {
    prop_oneof![0..400 * DAY, 2 * HOUR - 2..2 * HOUR + 3, INSTALLED - 2..INSTALLED + 3]
}

fn any_event(number: u32, age: i64) -> impl Strategy<Value = Vec<Creation>> {
    let creator = || prop_oneof![Just(ALLOWED), Just("role/developer")];
    let made = prop::option::weighted(0.7, creator());
    let again = prop::collection::vec((0..=age, creator()), 0..3);
    (made, again).prop_map(move |(made, again)| {
        let made = made.map(|who| created(number, age, by(who)));
        made.into_iter().chain(again.into_iter().map(|(age, who)| reactivated(number, age, by(who)))).collect()
    })
}

fn any_key(number: u32) -> impl Strategy<Value = (AccessKey, Vec<Creation>)> {
    (any_age(), any::<bool>()).prop_flat_map(move |(age, is_active)| {
        let status = if is_active { KeyStatus::Active } else { KeyStatus::Inactive };
        (Just(AccessKey { status, ..key(number, age) }), any_event(number, age))
    })
}

fn any_user() -> impl Strategy<Value = User> {
    let keys = prop_oneof![
        Just(vec![]).boxed(),
        any_key(1).prop_map(|one| vec![one]).boxed(),
        (any_key(1), any_key(2)).prop_map(|(one, two)| vec![one, two]).boxed(),
    ];
    let asked = prop::option::weighted(0.9, prop_oneof![Just(0), 0..3 * DAY]);
    (keys, asked).prop_map(|(keys, asked)| {
        let (keys, events): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
        let mut provenance = known(events.into_iter().flatten());
        match asked {
            Some(age) => provenance.coverage.values_mut().for_each(|coverage| coverage.asked = ago(age)),
            None => provenance.coverage.clear(),
        }
        user(keys, provenance)
    })
}

/// The user's keys as the credential report shows them.
fn as_reported(user: &User) -> AccessKeys {
    let AccessKeys::Live(keys) = &user.access_keys else { return user.access_keys.clone() };
    let provenance = user.provenance.as_deref().unwrap();
    let mut reported = Reported { active: vec![], inactive: 0, report_made: now() };
    for (key, slot) in keys.iter().zip(1..) {
        let again = provenance.creations.iter().filter(|event| event.credential.as_str() == key.id.as_str());
        let changed = again.map(|event| event.at).chain([key.created]).max();
        match key.status {
            KeyStatus::Active => reported.active.push(ReportedCredential { slot, changed, last_used: None }),
            KeyStatus::Inactive => reported.inactive += 1,
        }
    }
    AccessKeys::Reported(reported)
}

proptest! {
    #[test]
    fn the_rule_agrees_with_its_naive_reading(user in any_user()) {
        prop_assert_eq!(word(&verdict(&user)), naive(&user));
    }

    #[test]
    fn what_the_report_clears_is_fine_when_it_is_read(user in any_user(), judges_baseline in any::<bool>()) {
        let baseline = !judges_baseline;
        let policy = policy(&format!(
            r#"{{ "default": {{ "creators": ["arn:*:iam::*:{ALLOWED}"], "baseline": {baseline} }} }}"#
        ));
        let mut shown = user.clone();
        shown.access_keys = as_reported(&user);
        if undecided(&shown, &policy, now()).is_empty() {
            let read = judge(&user, &policy, &Exceptions::default(), now());
            let cleared = judge(&shown, &policy, &Exceptions::default(), now());
            prop_assert_eq!(word(&cleared), word(&read));
        }
    }

    #[test]
    fn time_alone_never_makes_compliant(user in any_user(), later in 0..400 * DAY) {
        let after = judge(&user, &only_key_vending(), &Exceptions::default(), now() + SignedDuration::from_secs(later));
        if word(&verdict(&user)) != "fine" {
            prop_assert_ne!(word(&after), "fine");
        }
    }

    #[test]
    fn taking_a_fact_away_never_adds_compliant(user in any_user(), left_out in any::<prop::sample::Index>()) {
        let mut without_keys = user.clone();
        without_keys.access_keys = AccessKeys::Unread(Gap::new(GapReason::Failed, "list access keys"));
        prop_assert_eq!(word(&verdict(&without_keys)), "unknown");
        let mut without_provenance = user.clone();
        without_provenance.provenance = None;
        prop_assert!(word(&verdict(&without_provenance)) != "fine" || naive(&user) == "fine");
        // A creation that nobody recorded is no permission; that of a re-activation cannot be missed.
        let provenance = user.provenance.as_deref().unwrap();
        let mut events: Vec<_> = provenance.creations.iter().cloned().collect();
        let creations: Vec<_> =
            (0..events.len()).filter(|place| !events[*place].act.is_reactivation()).collect();
        if !creations.is_empty() {
            events.remove(creations[left_out.index(creations.len())]);
            let mut without_event = user.clone();
            let fewer = Provenance { creations: events.into_iter().collect(), ..provenance.clone() };
            without_event.provenance = Some(Arc::new(fewer));
            if word(&verdict(&user)) != "fine" {
                prop_assert_ne!(word(&verdict(&without_event)), "fine");
            }
        }
    }

    #[test]
    fn the_order_of_keys_and_events_is_irrelevant(user in any_user()) {
        let mut reversed = user.clone();
        if let AccessKeys::Live(keys) = &mut reversed.access_keys {
            keys.reverse();
        }
        let provenance = user.provenance.as_deref().unwrap();
        let mut events: Vec<_> = provenance.creations.iter().cloned().collect();
        events.reverse();
        let events = events.clone().into_iter().chain(events).collect();
        reversed.provenance = Some(Arc::new(Provenance { creations: events, ..provenance.clone() }));
        prop_assert_eq!(verdict(&user), verdict(&reversed));
        prop_assert_eq!(offending(&verdict(&user)), offending(&verdict(&reversed)));
    }
}
