//! Random histories of an account: whatever happens in whatever order, what must never happen does not.

use credwarden_credential::age::{Days, is_older};
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{KeyStatus, LastUse, Status as CredentialStatus};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_ledger::table::Value;
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::world::gate::Effect;
use crate::world::{ACT, AGE, CONFIG, PERSON, RULE, UNDO, World, noon, policy_with};
use crate::{Fault, fault, in_paused_time, invoked, is_excepted, is_held, tenths};

/// The last of them is protected.
const USERS: [&str; 5] = ["u0", "u1", "u2", "u3", "protected"];

/// 5 % of 60 users.
const BUDGET: i64 = 3;

#[derive(Clone, Debug)]
enum Event {
    Remediate { user: usize, fault: Fault },
    Undo { user: usize, key: usize, fault: Fault },
    Hour,
    Day,
    IsUsed { user: usize, key: usize },
    IsToggled { user: usize, key: usize },
    IsHeld { user: usize, key: usize },
    IsExcepted { user: usize },
    IsCreatedAgain { user: usize },
    KillSwitch(&'static str),
    Enforces(bool),
    ListsLag(bool),
}

fn event() -> impl Strategy<Value = Event> {
    let user = 0..USERS.len();
    let key = 0..2_usize;
    let fault = fault();
    prop_oneof![
        6 => (user.clone(), fault.clone()).prop_map(|(user, fault)| Event::Remediate { user, fault }),
        3 => (user.clone(), key.clone(), fault).prop_map(|(user, key, fault)| Event::Undo { user, key, fault }),
        4 => Just(Event::Hour),
        1 => Just(Event::Day),
        1 => (user.clone(), key.clone()).prop_map(|(user, key)| Event::IsUsed { user, key }),
        1 => (user.clone(), key.clone()).prop_map(|(user, key)| Event::IsToggled { user, key }),
        1 => (user.clone(), key).prop_map(|(user, key)| Event::IsHeld { user, key }),
        1 => user.clone().prop_map(|user| Event::IsExcepted { user }),
        1 => user.prop_map(|user| Event::IsCreatedAgain { user }),
        1 => prop::sample::select(vec!["run", "run", "undo-only", "stop"]).prop_map(Event::KillSwitch),
        1 => any::<bool>().prop_map(Event::Enforces),
        1 => any::<bool>().prop_map(Event::ListsLag),
    ]
}

fn policy(enforces: bool) -> String {
    let protected = ("\"protected\": []", "\"protected\": [\"arn:*:iam::*:user/protected\"]");
    if enforces { policy_with(&[protected]) } else { policy_with(&[protected, ("\"enforce\"", "\"observe\"")]) }
}

/// What the history has set, to judge by.
struct Truth {
    kill_switch: &'static str,
    enforces: bool,
    faults: usize,
}

async fn happen(world: &World, event: Event, truth: &mut Truth) {
    match event {
        Event::Remediate { user, fault } => {
            truth.faults += usize::from(fault.is_some());
            let execution = world.execution(AGE, &world.id(USERS[user]), None, CONFIG);
            invoke(world, &execution, fault, truth).await;
        }
        Event::Undo { user, key, fault } => {
            truth.faults += usize::from(fault.is_some());
            let credential = world.key(USERS[user], key);
            let execution = world.execution(UNDO, &world.id(USERS[user]), Some(&credential), PERSON);
            invoke(world, &execution, fault, truth).await;
        }
        Event::Hour => watched(world, truth, world.hour()).await,
        Event::Day => {
            world.pass_time(SignedDuration::from_hours(24));
            *world.stale.lock().unwrap() = None;
        }
        Event::IsUsed { user, key } => {
            let at = world.now.get();
            world.iam.change(|estate| {
                let last_use = LastUse::At { at, service: "s3".to_owned(), region: "us-east-1".to_owned() };
                estate.find_mut(USERS[user]).keys[key].key.last_use = last_use;
            });
        }
        Event::IsToggled { user, key } => {
            let key = world.key(USERS[user], key);
            let other = match world.status(&key) {
                CredentialStatus::Active => KeyStatus::Inactive,
                CredentialStatus::Inactive | CredentialStatus::Expired => KeyStatus::Active,
            };
            world.by_hand(&key, other);
        }
        Event::IsHeld { user, key } => {
            is_held(world, USERS[user], world.key(USERS[user], key)).await;
        }
        Event::IsExcepted { user } => is_excepted(world, USERS[user]).await,
        Event::IsCreatedAgain { user } => {
            let name = USERS[user];
            world.iam.change(|estate| {
                let again = estate.clone().without(name).user(name).key(age_days(150)).key(age_days(120));
                *estate = again;
            });
            *world.stale.lock().unwrap() = None;
        }
        Event::KillSwitch(value) => {
            truth.kill_switch = value;
            world.set_kill_switch(value);
        }
        Event::Enforces(enforces) => {
            truth.enforces = enforces;
            world.set_policy(&policy(enforces));
        }
        Event::ListsLag(lag) => *world.lists_lag.lock().unwrap() = lag,
    }
}

async fn invoke(world: &World, execution: &str, fault: Fault, truth: &Truth) {
    watched(world, truth, invoked(world, execution, fault)).await;
}

/// Holds whatever is written meanwhile against what was true before.
async fn watched<T>(world: &World, truth: &Truth, run: impl Future<Output = T>) {
    // An hour of the schedule moves the time first; nothing that is judged here gets better by it but holds.
    let before = Before::of(world).await;
    let seen = world.writes.lock().unwrap().len();
    run.await;
    let writes = world.writes.lock().unwrap()[seen..].to_vec();
    let mut deactivated = Vec::new();
    for (key, status) in writes {
        match status {
            KeyStatus::Inactive => {
                before.justifies_deactivation(world, truth, &key);
                deactivated.push(key);
            }
            KeyStatus::Active => before.justifies_undo(truth, &key, &deactivated),
        }
    }
    for (key, attributes) in world.table.items() {
        if key.pk.starts_with("BUDGET#") && key.sk == "act" {
            let Some(Value::Number(spent)) = attributes.get("spent") else { panic!("{key} without a number") };
            assert!(*spent <= BUDGET, "{key}: {spent} spent of {BUDGET}");
        }
    }
}

struct Before {
    estate: Estate,
    records: Vec<(UserId, credwarden_ledger::record::UserRecord)>,
}

impl Before {
    async fn of(world: &World) -> Self {
        let estate = world.iam.estate();
        let mut records = Vec::new();
        for user in &estate.users {
            records.push((user.id().clone(), world.ledger().record(user.id()).await.unwrap()));
        }
        Self { estate, records }
    }

    fn justifies_deactivation(&self, world: &World, truth: &Truth, credential: &CredentialId) {
        let now = world.now.get();
        assert_eq!(truth.kill_switch, "run", "{credential}: against the kill switch");
        assert!(truth.enforces, "{credential}: against the mode");
        let user =
            self.estate.users.iter().find(|user| {
                user.keys.iter().any(|owned| CredentialId::AccessKey(owned.key.id.clone()) == *credential)
            });
        let user = user.unwrap();
        assert_ne!(user.name().as_str(), "protected", "{credential}: protected");
        let key = user.keys.iter().find(|owned| CredentialId::AccessKey(owned.key.id.clone()) == *credential).unwrap();
        assert!(is_older(key.key.created, Days(90), now), "{credential}: not too old");
        if let LastUse::At { at, .. } = key.key.last_use {
            assert!(is_older(at, Days(7), now), "{credential}: in use");
        }
        let (_, record) = self.records.iter().find(|(id, _)| id == user.id()).unwrap();
        assert!(record.hold(credential, now).is_none(), "{credential}: held");
        assert!(record.exceptions.covering(user.id(), RULE, credential, now).is_none(), "{credential}: excepted");
    }

    /// One hour of the schedule may both act and go on with an undo: what it did first, `deactivated`, counts too.
    fn justifies_undo(&self, truth: &Truth, credential: &CredentialId, deactivated: &[CredentialId]) {
        assert_ne!(truth.kill_switch, "stop", "{credential}: against the kill switch");
        let mut works = self.records.iter().flat_map(|(_, record)| &record.works);
        let is_ours = works.any(|work| work.credential == *credential) || deactivated.contains(credential);
        assert!(is_ours, "{credential}: nothing was done to it");
    }
}

async fn live_through(history: Vec<Event>) {
    let mut estate = Estate::new(noon());
    for name in USERS {
        estate = estate.user(name).key(age_days(200)).key(age_days(100));
    }
    let world = World::just_installed(estate);
    world.set_policy(&policy(true));
    world.reported(&policy(true), age_days(2)).await;
    let mut truth = Truth { kill_switch: "run", enforces: true, faults: 0 };
    for event in history {
        happen(&world, event, &mut truth).await;
    }
    let deactivations = world.writes().iter().filter(|(_, status)| *status == KeyStatus::Inactive).count();
    let paid = usize::try_from(world.spent("act")).unwrap();
    assert!(deactivations <= paid + truth.faults, "{deactivations} made, {paid} paid, {} faults", truth.faults);
    // Liveness: with AWS Config silent for ever, the schedule settles all that is open.
    world.set_kill_switch("run");
    truth.kill_switch = "run";
    *world.lists_lag.lock().unwrap() = false;
    for _ in 0..6 {
        watched(&world, &truth, world.hour()).await;
    }
    assert!(world.is_settled().await, "{:?}", world.ledger().due(jiff::Timestamp::MAX).await);
    // Every deactivation that stands in the ledger can be undone, and is held then.
    for name in USERS {
        let id = world.id(name);
        for work in world.ledger().record(&id).await.unwrap().works {
            let is_done = serde_json::to_value(&work.step).unwrap()["settled"]["outcome"]["done"].is_object();
            if work.act == ACT && is_done && name != "protected" && work.undo_until > Some(world.now.get()) {
                assert_eq!(world.undo(name, &work.credential).await.status, Status::Undone, "{work:?}");
                let record = world.ledger().record(&id).await.unwrap();
                assert!(record.hold(&work.credential, world.now.get()).is_some());
            }
        }
    }
}

/// A remedy dies at its write to one key, and a day later an undo of the other key dies before it answers; the next
/// hour goes on with both.
#[test]
fn one_hour_goes_on_with_a_remedy_and_an_undo_of_the_same_user() {
    for death in 0..40 {
        in_paused_time(live_through(vec![
            Event::Remediate { user: 0, fault: Some((death, Effect::DieBefore)) },
            Event::Day,
            Event::Undo { user: 0, key: 1, fault: Some((6, Effect::DieAfter)) },
            Event::Hour,
        ]));
    }
}

proptest! {
    #![proptest_config(tenths(4))]

    #[test]
    fn no_history_breaks_a_promise(history in prop::collection::vec(event(), 1..40)) {
        in_paused_time(live_through(history));
    }
}
