//! Every change against the true facts, as far as AWS shows them in time.

use std::collections::BTreeMap;

use credwarden_e2e::remedy::{assert_sound, key_changes, noon, ready_with, settle_by_schedule, spent, undo};
use credwarden_estate::company::company;
use credwarden_estate::seed::Seed;
use credwarden_sandbox::hazards::Hazards;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// How late a use of a key is shown, to the second: AWS states no bound.
const USE_LAG: SignedDuration = SignedDuration::from_hours(4);

/// How late lists show a write.
const LISTS_LAG: SignedDuration = SignedDuration::from_mins(10);

const MAX_AGE_DAYS: i64 = 90;
const IN_USE: SignedDuration = SignedDuration::from_hours(7 * 24);
const UNDO_HOLDS: SignedDuration = SignedDuration::from_hours(7 * 24);
const A_DAY: u64 = 4;

/// What is true of one key, and since when: kept by the test itself.
#[derive(Debug)]
struct Truth {
    user_id: String,
    created: Timestamp,
    limit: SignedDuration,
    is_protected: bool,
    uses: Vec<Timestamp>,
    /// What its owner, or an undo, has made of it.
    statuses: Vec<(Timestamp, &'static str)>,
    /// From when until when an undo holds it.
    held: Option<(Timestamp, Timestamp)>,
}

impl Truth {
    /// Why deactivating it at `at` is not justified by what was visible then, if it is not.
    fn objection(&self, at: Timestamp) -> Option<String> {
        if self.is_protected {
            return Some("its user is protected".to_owned());
        }
        if at.duration_since(self.created) <= self.limit {
            return Some(format!("it is of {} and not too old", self.created));
        }
        if let Some((_, until)) = self.held.filter(|(from, until)| (*from..=*until).contains(&at)) {
            return Some(format!("it is held until {until}"));
        }
        let visible = self.uses.iter().filter(|used| **used <= at - USE_LAG).max();
        if let Some(used) = visible.filter(|used| at.duration_since(**used) <= IN_USE) {
            return Some(format!("it was used at {used}"));
        }
        let then = self.statuses.iter().rfind(|(since, _)| *since <= at - LISTS_LAG);
        then.filter(|(_, status)| *status == "Inactive").map(|_| "it was inactive".to_owned())
    }
}

fn truths(seed: &Value) -> BTreeMap<String, Truth> {
    let time = |value: &Value| Timestamp::from_second(value.as_i64().unwrap()).unwrap();
    let mut truths = BTreeMap::new();
    for user in seed["users"].as_array().unwrap() {
        let lowered = user["tags"]["credwarden:max-age-days"].as_str().map(|days| days.parse().unwrap());
        let days = lowered.unwrap_or(MAX_AGE_DAYS).min(MAX_AGE_DAYS);
        for key in user["keys"].as_array().unwrap() {
            let status = if key["status"] == "Active" { "Active" } else { "Inactive" };
            let truth = Truth {
                user_id: user["id"].as_str().unwrap().to_owned(),
                created: time(&key["created"]),
                limit: SignedDuration::from_hours(24 * days),
                is_protected: user["path"].as_str().unwrap().starts_with("/break-glass/"),
                uses: key["last_used"].get("at").map(time).into_iter().collect(),
                statuses: vec![(time(&key["changed"]), status)],
                held: None,
            };
            truths.insert(key["id"].as_str().unwrap().to_owned(), truth);
        }
    }
    truths
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_is_justified_before_the_lag() {
    let company = company(noon());
    let hazards = Hazards {
        last_use_lag: USE_LAG.unsigned_abs(),
        stale_lists: LISTS_LAG.unsigned_abs(),
        inactive_keys_lose_dates: true,
        ..Hazards::default()
    };
    let options = Options { hazards, automations_at_once: 4, ..Options::at(noon()) };
    let budget = |policy: &mut Value| policy["budget"] = json!({ "perDay": A_DAY, "percentPerDay": 50 });
    let sandbox = ready_with(options, &company.estate, budget).await.unwrap();
    sandbox.silence_config(false);
    let mut truths = truths(&serde_json::to_value(Seed::from(&company.estate)).unwrap());
    let keys: Vec<_> = truths.keys().cloned().collect();
    // Those that are in use, and go on being used.
    let busy: Vec<_> = company.specimens.iter().flat_map(|specimen| &specimen.held).map(ToString::to_string).collect();

    let mut undone = None;
    for step in 0..STEPS {
        live(&sandbox, &mut truths, &busy, &keys[(step * 7) % keys.len()]).await;
        sandbox.advance(SignedDuration::from_hours(2)).await.unwrap();
        sandbox.tick().await.unwrap();
        sandbox.advance(SignedDuration::from_hours(4)).await.unwrap();
        sandbox.fire_schedules().await.unwrap();
        sandbox.run_automations().await.unwrap();
        if undone.is_none() && step >= 4 {
            // Somebody misses the key that was first made inactive.
            let change = key_changes(&sandbox).remove(0);
            let truth = truths.get_mut(&change.key).unwrap();
            assert_eq!(undo(&sandbox, &truth.user_id, &change.key).await.unwrap().changed.len(), 0, "lists are late");
            truth.statuses.push((sandbox.now(), "Active"));
            truth.held = Some((sandbox.now(), sandbox.now() + UNDO_HOLDS - SignedDuration::from_mins(1)));
            undone = Some(change.key);
        }
    }
    settle_by_schedule(&sandbox).await.unwrap();

    let changes = key_changes(&sandbox);
    let mut days: BTreeMap<String, u64> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.to == "Inactive") {
        let objection = truths[&change.key].objection(change.at);
        assert_eq!(objection, None, "{change:?}: {:?}", truths[&change.key]);
        *days.entry(change.at.strftime("%Y-%m-%d").to_string()).or_default() += 1;
    }
    assert!(days.values().all(|spent| *spent <= A_DAY), "{days:?}");
    assert!(days.values().any(|spent| *spent == A_DAY), "the budget was never reached: {days:?}");
    assert!(days.values().sum::<u64>() > 10, "too little happened: {days:?}");
    assert_eq!(spent(&sandbox, "act").await.unwrap(), i64::try_from(days.values().sum::<u64>()).unwrap());
    let undone = undone.unwrap();
    assert_eq!(sandbox.key_status(&undone).await.unwrap().unwrap(), "Active", "what was undone stays so");
    assert_sound(&sandbox).await.unwrap();
}

/// Owners go on with their work, and one of them finds out what an old key is for.
async fn live(sandbox: &Sandbox, truths: &mut BTreeMap<String, Truth>, busy: &[String], curious: &String) {
    for key_id in busy.iter().chain([curious]) {
        if sandbox.key_status(key_id).await.unwrap().unwrap() == "Active" {
            sandbox.use_key(key_id).await.unwrap();
            truths.get_mut(key_id).unwrap().uses.push(sandbox.now());
        }
    }
}

/// Four a day.
const STEPS: usize = 16;
