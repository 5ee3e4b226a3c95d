//! Random histories of rotations: whatever owners, people, faults and time do in whatever order, nobody is locked out, and
//! an owner who then does what it is told comes to the end.

use std::collections::BTreeMap;

use credwarden_credential::age::{Days, LAST_USE_LAG, is_older};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{KeyStatus, LastUse};
use credwarden_estate::estate::{Estate, EstateKey, EstateUser, age_days};
use credwarden_ledger::record::UserRecord;
use credwarden_ledger::rotation::KeptRotation;
use credwarden_ledger::work::Work;
use credwarden_policy::rotation::Tell;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::world::{ACKNOWLEDGE, AGE, CONFIG, FORCE, PERSON, ROTATE_UNDO, RULE, World, noon, rotating_policy};
use crate::{Fault, fault, in_paused_time, invoked, is_excepted, is_held, tenths};

/// The last of them is protected.
const USERS: [&str; 4] = ["one-key", "two-keys", "young", "protected"];

/// How often an owner who does what it is told is told something, at most, before it has moved.
const TURNS: usize = 24;

#[derive(Clone, Debug)]
enum Event {
    Remediate { user: usize, fault: Fault },
    Acknowledge { user: usize, key: usize, fault: Fault },
    Force { user: usize, fault: Fault },
    Undo { user: usize, key: usize, fault: Fault },
    Hour,
    Days(u8),
    Creates(usize),
    Deletes { user: usize, key: usize },
    Uses { user: usize, key: usize },
    Toggles { user: usize, key: usize },
    IsHeld { user: usize, key: usize },
    IsExcepted(usize),
    IsCreatedAgain(usize),
    KillSwitch(&'static str),
    Enforces(bool),
    ListsLag(bool),
}

fn event() -> impl Strategy<Value = Event> {
    let (user, key) = (0..USERS.len(), 0..2_usize);
    let at = (user.clone(), key);
    let fault = fault();
    prop_oneof![
        5 => (user.clone(), fault.clone()).prop_map(|(user, fault)| Event::Remediate { user, fault }),
        4 => (at.clone(), fault.clone()).prop_map(|((user, key), fault)| Event::Acknowledge { user, key, fault }),
        1 => (user.clone(), fault.clone()).prop_map(|(user, fault)| Event::Force { user, fault }),
        1 => (at.clone(), fault).prop_map(|((user, key), fault)| Event::Undo { user, key, fault }),
        3 => Just(Event::Hour),
        5 => (1..9_u8).prop_map(Event::Days),
        4 => user.clone().prop_map(Event::Creates),
        1 => at.clone().prop_map(|(user, key)| Event::Deletes { user, key }),
        4 => at.clone().prop_map(|(user, key)| Event::Uses { user, key }),
        1 => at.clone().prop_map(|(user, key)| Event::Toggles { user, key }),
        1 => at.prop_map(|(user, key)| Event::IsHeld { user, key }),
        1 => user.clone().prop_map(Event::IsExcepted),
        1 => user.prop_map(Event::IsCreatedAgain),
        1 => prop::sample::select(vec!["run", "run", "undo-only", "stop"]).prop_map(Event::KillSwitch),
        1 => prop::bool::weighted(0.7).prop_map(Event::Enforces),
        1 => any::<bool>().prop_map(Event::ListsLag),
    ]
}

/// What the history has set and said, to judge by.
struct Truth {
    kill_switch: &'static str,
    enforces: bool,
    forces: bool,
    /// When a person said last that nothing needs a key.
    said: BTreeMap<CredentialId, Timestamp>,
}

impl Truth {
    fn policy(&self) -> String {
        let policy = rotating_policy(if self.forces { r#", "force": true"# } else { "" })
            .replace("\"protected\": []", "\"protected\": [\"arn:*:iam::*:user/protected\"]");
        if self.enforces { policy } else { policy.replace("\"enforce\"", "\"observe\"") }
    }
}

async fn happen(world: &World, event: Event, truth: &mut Truth) {
    let key_of = |user: usize, place: usize| held(world, USERS[user]).get(place).cloned();
    match event {
        Event::Remediate { user, fault } => {
            let execution = world.execution(AGE, &world.id(USERS[user]), None, CONFIG);
            invoke(world, &execution, fault, truth).await;
        }
        Event::Acknowledge { user, key, fault } => {
            let Some(key) = key_of(user, key) else { return };
            truth.said.insert(key.clone(), world.now.get());
            let execution = world.execution(ACKNOWLEDGE, &world.id(USERS[user]), Some(&key), PERSON);
            invoke(world, &execution, fault, truth).await;
        }
        Event::Force { user, fault } => {
            let execution = world.execution(FORCE, &world.id(USERS[user]), None, PERSON);
            invoke(world, &execution, fault, truth).await;
        }
        Event::Undo { user, key, fault } => {
            let Some(key) = key_of(user, key) else { return };
            let execution = world.execution(ROTATE_UNDO, &world.id(USERS[user]), Some(&key), PERSON);
            invoke(world, &execution, fault, truth).await;
        }
        Event::Hour => watched(world, truth, world.hour()).await,
        Event::Days(days) => {
            for _ in 0..days {
                watched(world, truth, half_a_day(world)).await;
                watched(world, truth, half_a_day(world)).await;
            }
        }
        Event::Creates(user) => creates(world, USERS[user]),
        Event::Deletes { user, key } => {
            if let Some(key) = key_of(user, key) {
                world.delete_key(USERS[user], &key);
            }
        }
        Event::Uses { user, key } => {
            if let Some(key) = key_of(user, key) {
                uses(world, USERS[user], &key);
            }
        }
        Event::Toggles { user, key } => {
            let Some(key) = key_of(user, key) else { return };
            let is_active = self::key(&world.iam.estate(), &key).is_some_and(|(_, key)| is_active(key));
            world.by_hand(&key, if is_active { KeyStatus::Inactive } else { KeyStatus::Active });
        }
        Event::IsHeld { user, key } => {
            let Some(credential) = key_of(user, key) else { return };
            is_held(world, USERS[user], credential).await;
        }
        Event::IsExcepted(user) => is_excepted(world, USERS[user]).await,
        Event::IsCreatedAgain(user) => {
            let name = USERS[user];
            world.iam.change(|estate| *estate = estate.clone().without(name).user(name).key(age_days(150)));
            *world.stale.lock().unwrap() = None;
        }
        Event::KillSwitch(value) => {
            truth.kill_switch = value;
            world.set_kill_switch(value);
        }
        Event::Enforces(enforces) => {
            truth.enforces = enforces;
            world.set_policy(&truth.policy());
        }
        Event::ListsLag(lag) => *world.lists_lag.lock().unwrap() = lag,
    }
}

/// The ids of a user's keys, in the order in which they were created.
fn held(world: &World, name: &str) -> Vec<CredentialId> {
    let estate = world.iam.estate();
    estate.find(name).unwrap().keys.iter().map(|held| CredentialId::AccessKey(held.key.id.clone())).collect()
}

/// IAM allows two access keys a user.
fn creates(world: &World, name: &str) {
    if held(world, name).len() < 2 {
        world.create_key(name);
        *world.stale.lock().unwrap() = None;
    }
}

/// Nobody can use a key that is inactive.
fn uses(world: &World, name: &str, key: &CredentialId) {
    let estate = world.iam.estate();
    let is_theirs = self::key(&estate, key).is_some_and(|(user, key)| user.name().as_str() == name && is_active(key));
    if is_theirs {
        world.use_key(key);
    }
}

fn key<'a>(estate: &'a Estate, key: &CredentialId) -> Option<(&'a EstateUser, &'a EstateKey)> {
    let keys = estate.users.iter().flat_map(|user| user.keys.iter().map(move |held| (user, held)));
    keys.into_iter().find(|(_, held)| held.key.id.as_str() == key.as_str())
}

fn is_active(held: &EstateKey) -> bool {
    held.key.status == KeyStatus::Active
}

async fn half_a_day(world: &World) {
    world.pass_time(SignedDuration::from_hours(11));
    world.hour().await;
}

async fn invoke(world: &World, execution: &str, fault: Fault, truth: &Truth) {
    watched(world, truth, invoked(world, execution, fault)).await;
}

/// Holds whatever is written meanwhile against what was true before.
async fn watched<T>(world: &World, truth: &Truth, run: impl Future<Output = T>) {
    let estate = world.iam.estate();
    let mut records = BTreeMap::new();
    for user in &estate.users {
        records.insert(user.name().to_string(), world.ledger().record(user.id()).await.unwrap());
    }
    let seen = world.writes.lock().unwrap().len();
    run.await;
    let writes = world.writes.lock().unwrap()[seen..].to_vec();
    for (changed, status) in writes {
        let (user, held) = key(&estate, &changed).unwrap();
        let record = &records[user.name().as_str()];
        match status {
            KeyStatus::Inactive => {
                // What was begun since is written down by now.
                let now = world.ledger().record(user.id()).await.unwrap();
                justified(user, held, &changed, &[record, &now], truth, world.now.get());
            }
            KeyStatus::Active => assert_ne!(truth.kill_switch, "stop", "{changed}: against the kill switch"),
        }
    }
}

/// Whether an old key might be made inactive: its owner has a newer one that works, and had its say or its time.
fn justified(
    user: &EstateUser,
    old: &EstateKey,
    id: &CredentialId,
    records: &[&UserRecord; 2],
    truth: &Truth,
    now: Timestamp,
) {
    let [before, after] = records;
    assert_eq!(truth.kill_switch, "run", "{id}: against the kill switch");
    assert!(truth.enforces, "{id}: against the mode");
    assert_ne!(user.name().as_str(), "protected", "{id}: protected");
    assert!(before.hold(id, now).is_none(), "{id}: held");
    assert!(before.exceptions.covering(user.id(), RULE, id, now).is_none(), "{id}: excepted");
    let works = |held: &&EstateKey| {
        let was_used = matches!(held.key.last_use, LastUse::At { at, .. } if at >= held.key.created);
        is_active(held) && held.key.created > old.key.created && was_used
    };
    let Some(newer) = user.keys.iter().filter(works).map(|held| held.key.created).max() else {
        panic!("{id}: `{}` is locked out", user.name());
    };
    let rotation = &after.rotation(id).unwrap_or_else(|| panic!("{id}: without a rotation")).rotation;
    assert!(rotation.told.is_some() && rotation.opened < now, "{id}: nobody was told: {rotation:?}");
    if truth.forces && now > rotation.deadline {
        return;
    }
    let said = truth.said.get(id).is_some_and(|at| *at > newer && *at > rotation.opened);
    assert!(said, "{id}: nobody has said that nothing needs it: {rotation:?}");
    if let LastUse::At { at, .. } = old.key.last_use {
        assert!(is_older(at, Days(7), now - LAST_USE_LAG), "{id}: in use");
    }
}

/// From now on all owners do what they are told, day after day, and nobody forbids anything.
async fn obeyed(world: &World, truth: &mut Truth) {
    (truth.kill_switch, truth.enforces) = ("run", true);
    world.set_kill_switch("run");
    world.set_policy(&truth.policy());
    *world.lists_lag.lock().unwrap() = false;
    let mut moved = BTreeMap::from(USERS.map(|name| (name, name == "protected")));
    for turn in 0..TURNS {
        for (name, _) in moved.iter().filter(|(_, moved)| !**moved) {
            let execution = world.execution(AGE, &world.id(name), None, CONFIG);
            invoke(world, &execution, None, truth).await;
            obey(world, name, truth).await;
        }
        if turn % 3 == 2 {
            // Longer than a key counts as in use, and than an undo holds it.
            world.pass_time(age_days(8));
        }
        watched(world, truth, half_a_day(world)).await;
        watched(world, truth, half_a_day(world)).await;
        watched(world, truth, half_a_day(world)).await;
        for (name, moved) in &mut moved {
            *moved = *moved || has_moved(world, name).await;
        }
        if moved.values().all(|moved| *moved) {
            return;
        }
    }
    let mut left = Vec::new();
    for (name, _) in moved.iter().filter(|(_, moved)| !**moved) {
        left.push(world.ledger().record(&world.id(name)).await.unwrap().rotations);
    }
    panic!("after {TURNS} turns owners who did what they were told have not moved: {moved:?}, {left:?}");
}

async fn obey(world: &World, name: &str, truth: &mut Truth) {
    let record = world.ledger().record(&world.id(name)).await.unwrap();
    for kept in record.rotations.iter().filter(|kept| kept.is_open()) {
        match &kept.rotation.told {
            Some(Tell::CreateKey) => creates(world, name),
            Some(Tell::FreeSlot(idle)) => world.delete_key(name, idle),
            Some(Tell::Move(_) | Tell::Acknowledge(_)) => {
                if let Some(replacement) = &kept.rotation.replacement {
                    uses(world, name, &replacement.key);
                }
                let key = &kept.rotation.key;
                truth.said.insert(key.clone(), world.now.get());
                let execution = world.execution(ACKNOWLEDGE, &world.id(name), Some(key), PERSON);
                invoke(world, &execution, None, truth).await;
            }
            other => panic!("`{name}` was told {other:?}"),
        }
    }
}

/// Whether a user holds no key that could be used and is too old, and nothing is left to do.
async fn has_moved(world: &World, name: &str) -> bool {
    let (estate, now) = (world.iam.estate(), world.now.get());
    let user = estate.find(name).unwrap();
    let is_old = user.keys.iter().any(|held| is_active(held) && is_older(held.key.created, Days(90), now));
    let record = world.ledger().record(user.id()).await.unwrap();
    let is_open = record.rotations.iter().any(KeptRotation::is_open) || record.works.iter().any(Work::is_open);
    !is_old && !is_open
}

async fn live_through(history: Vec<Event>, forces: bool) {
    let estate = Estate::new(noon()).user("one-key").key(age_days(100)).used(age_days(2), "s3");
    let estate = estate.user("two-keys").key(age_days(200)).key(age_days(110)).used(age_days(1), "s3");
    let estate = estate.user("young").key(age_days(80)).used(age_days(1), "s3");
    let world = World::just_installed(estate.user("protected").key(age_days(200)).key(age_days(10)));
    let mut truth = Truth { kill_switch: "run", enforces: true, forces, said: BTreeMap::new() };
    world.set_policy(&truth.policy());
    world.reported(&truth.policy(), age_days(2)).await;
    for event in history {
        happen(&world, event, &mut truth).await;
    }
    obeyed(&world, &mut truth).await;
}

proptest! {
    #![proptest_config(tenths(3))]

    #[test]
    fn nobody_is_locked_out_and_whoever_does_what_it_is_told_comes_to_the_end(
        history in prop::collection::vec(event(), 1..40),
    ) {
        in_paused_time(live_through(history, false));
    }

    #[test]
    fn nobody_is_locked_out_where_the_class_forces_owners(history in prop::collection::vec(event(), 1..40)) {
        in_paused_time(live_through(history, true));
    }
}
