//! Random histories by the functions' own binaries: whatever owners, people, faults and time do in whatever order, every
//! change was justified, nobody is locked out, and all comes to its end.

use std::collections::{BTreeMap, BTreeSet};

use credwarden_credential::age::{Days, is_older};
use credwarden_credential::snapshot::LastUse;
use credwarden_e2e::remedy::{
    ACKNOWLEDGE_ROTATION, FORCE_ROTATION, KeyChange, Ledger, UNDO, UNDO_ROTATION, assert_sound, execute, key_changes,
    noon, ready_with, remedy, run, seed, settle_by_schedule, start,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::faults::Matching;
use credwarden_sandbox::hazards::Hazards;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use round::{Event, Fault, LIVES, Meanwhile, Round, round, rounds};

mod round;

/// A key as it truly is.
#[derive(Clone, Debug)]
struct Key {
    id: String,
    created: Timestamp,
    is_active: bool,
    uses: Vec<Timestamp>,
    /// When somebody said last that nothing needs it.
    said: Option<Timestamp>,
    deleted: Option<Timestamp>,
}

/// A user as it truly is.
#[derive(Clone, Debug)]
struct Life {
    name: String,
    id: String,
    keys: Vec<Key>,
    /// Whether somebody asked for its keys to be rotated whatever their age.
    is_forced: bool,
    has_moved: bool,
}

impl Life {
    /// The keys that are there.
    fn held(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.deleted.is_none())
    }

    fn held_mut(&mut self, id: &str) -> Option<&mut Key> {
        self.keys.iter_mut().find(|key| key.deleted.is_none() && key.id == id)
    }
}

fn used_at(last_use: &LastUse) -> Vec<Timestamp> {
    match last_use {
        LastUse::At { at, .. } => vec![*at],
        LastUse::NotRead | LastUse::Never | LastUse::Unread(_) => Vec::new(),
    }
}

struct World {
    sandbox: Sandbox,
    rotates: bool,
    lag: SignedDuration,
    kill_switch: &'static str,
    /// How many changes of keys were looked at.
    seen: usize,
}

impl World {
    async fn of(rotates: bool, lag_hours: u32) -> Self {
        let hazards = Hazards {
            last_use_lag: std::time::Duration::from_secs(u64::from(lag_hours) * 3_600),
            ..Hazards::default()
        };
        let entry = json!({ "default": { "remedy": "rotate-key", "mode": "enforce" } });
        let change = |policy: &mut Value| {
            if rotates {
                policy["remedies"]["access-key-age"] = entry;
            }
        };
        let options = Options { hazards, ..Options::at(noon()) };
        let sandbox = ready_with(options, &Estate::new(noon()), change).await.unwrap();
        let lag = SignedDuration::from_hours(i64::from(lag_hours));
        Self { sandbox, rotates, lag, kill_switch: "run", seen: 0 }
    }

    /// Ten users who are as different as they can be: one key or two, idle or in use.
    async fn born(&self, number: usize) -> Vec<Life> {
        let now = self.sandbox.now();
        let mut estate = Estate::new(now);
        for place in 0..LIVES {
            estate = estate.user(&format!("round-{number}-user-{place}")).key(age_days(100));
            if place % 3 != 0 {
                estate = estate.used(age_days(2 + 5 * i64::try_from(place).unwrap()), "s3");
            }
            if place % 2 == 1 {
                estate = estate.key(age_days(95)).used(age_days(20), "s3");
            }
        }
        seed(&self.sandbox, &estate).await.unwrap();
        let lives = estate.users.iter().map(|user| {
            let keys = user.keys.iter().map(|held| Key {
                id: held.key.id.to_string(),
                created: held.key.created,
                is_active: true,
                uses: used_at(&held.key.last_use),
                said: None,
                deleted: None,
            });
            Life {
                name: user.name().to_string(),
                id: user.id().to_string(),
                keys: keys.collect(),
                is_forced: false,
                has_moved: false,
            }
        });
        lives.collect()
    }

    async fn happen(&self, event: &Event, life: &mut Life) {
        let sandbox = &self.sandbox;
        let key = |place: &usize| life.held().nth(*place).map(|key| key.id.clone());
        match event {
            Event::Nothing => {}
            Event::Remediate(fault) => {
                self.arm(fault);
                remedy(sandbox, &life.id).await.unwrap();
            }
            Event::Twice => {
                let both = [start(sandbox, &life.id).unwrap(), start(sandbox, &life.id).unwrap()];
                let (first, second) = tokio::join!(run(sandbox, &both[0]), run(sandbox, &both[1]));
                first.and(second).unwrap();
            }
            Event::Acknowledge { key: place, fault } => {
                let Some(key) = key(place) else { return };
                self.arm(fault);
                self.acknowledge(life, &key).await;
            }
            Event::Force(fault) => {
                life.is_forced = true;
                self.arm(fault);
                let asked = [("ResourceId", life.id.as_str()), ("CredentialId", "all"), ("Reason", "It may be known.")];
                execute(sandbox, FORCE_ROTATION, &asked).await.unwrap();
            }
            Event::Undo { key: place, fault } => {
                let Some(key) = key(place) else { return };
                self.arm(fault);
                let document = if self.rotates { UNDO_ROTATION } else { UNDO };
                let asked = [("ResourceId", life.id.as_str()), ("CredentialId", key.as_str())];
                execute(sandbox, document, &asked).await.unwrap();
            }
            Event::Creates => self.create(life).await,
            Event::Deletes(place) => {
                if let Some(key) = key(place) {
                    self.delete(life, &key).await;
                }
            }
            Event::Uses(place) => {
                if let Some(key) = key(place) {
                    self.use_key(life, &key).await;
                }
            }
            Event::Toggles(place) => {
                let Some(key) = key(place) else { return };
                let to = if self.is_active(&key).await { "Inactive" } else { "Active" };
                let change = [("UserName", life.name.as_str()), ("AccessKeyId", key.as_str()), ("Status", to)];
                sandbox.iam("UpdateAccessKey", &change).await.unwrap();
            }
        }
        sandbox.faults().clear();
    }

    fn arm(&self, fault: &Fault) {
        if let Some((number, act)) = fault {
            self.sandbox.faults().arm(Matching::any().nth(*number), *act);
        }
    }

    async fn is_active(&self, key: &str) -> bool {
        self.sandbox.key_status(key).await.unwrap().is_some_and(|status| status == "Active")
    }

    async fn acknowledge(&self, life: &mut Life, key: &str) {
        let now = self.sandbox.now();
        if let Some(held) = life.held_mut(key) {
            held.said = Some(now);
        }
        let asked = [("ResourceId", life.id.as_str()), ("CredentialId", key)];
        execute(&self.sandbox, ACKNOWLEDGE_ROTATION, &asked).await.unwrap();
    }

    /// IAM allows two access keys a user.
    async fn create(&self, life: &mut Life) {
        if life.held().count() >= 2 {
            return;
        }
        let before = self.sandbox.active_keys().await.unwrap();
        self.sandbox.iam("CreateAccessKey", &[("UserName", &life.name)]).await.unwrap();
        let after = self.sandbox.active_keys().await.unwrap();
        let (id, created) = (after.difference(&before).next().unwrap().clone(), self.sandbox.now());
        life.keys.push(Key { id, created, is_active: true, uses: Vec::new(), said: None, deleted: None });
    }

    async fn delete(&self, life: &mut Life, key: &str) {
        let (deleted, now) = ([("UserName", life.name.as_str()), ("AccessKeyId", key)], self.sandbox.now());
        self.sandbox.iam("DeleteAccessKey", &deleted).await.unwrap();
        if let Some(held) = life.held_mut(key) {
            held.deleted = Some(now);
        }
    }

    /// Nobody can use a key that is inactive.
    async fn use_key(&self, life: &mut Life, key: &str) {
        if self.is_active(key).await {
            self.sandbox.use_key(key).await.unwrap();
            let now = self.sandbox.now();
            if let Some(held) = life.held_mut(key) {
                held.uses.push(now);
            }
        }
    }

    /// Time passes, and the schedule goes on with what is due.
    async fn hours(&self, hours: i64) {
        self.sandbox.advance(SignedDuration::from_hours(hours)).await.unwrap();
        self.sandbox.fire_schedules().await.unwrap();
        self.sandbox.run_automations().await.unwrap();
    }

    /// Holds what was changed since the last look against what was true before.
    async fn look(&mut self, lives: &mut [Life], during: &str) {
        let changes = key_changes(&self.sandbox).split_off(self.seen);
        self.seen += changes.len();
        for change in &changes {
            let life = lives.iter().find(|life| life.name == change.user).unwrap();
            match (change.to.as_str(), self.kill_switch) {
                ("Active", "run" | "undo-only") => {}
                ("Inactive", "run") => self.justified(life, change, during),
                other => panic!("{during}: {change:?} against the kill switch: {other:?}"),
            }
        }
        for life in lives.iter_mut() {
            for held in life.keys.iter_mut().filter(|key| key.deleted.is_none()) {
                held.is_active = self.is_active(&held.id).await;
            }
        }
    }

    /// Whether a key might be made inactive: nothing shows its use, and where it is rotated its owner has a newer one that
    /// works, and has said so.
    fn justified(&self, life: &Life, change: &KeyChange, during: &str) {
        let Some(old) = life.keys.iter().find(|held| held.id == change.key) else {
            panic!("{during}: {change:?} of {life:?}: nobody knows the key");
        };
        let what = format!("{during}: {change:?} of {life:?}");
        assert!(life.is_forced || is_older(old.created, Days(90), change.at), "{what}: not too old");
        // INVARIANT (true facts): what lies inside the lag of the last use, nobody can know.
        let shown = change.at - self.lag;
        if let Some(used) = old.uses.iter().filter(|at| **at <= shown).max() {
            assert!(is_older(*used, Days(7), change.at), "{what}: in use");
        }
        if self.rotates {
            let works = |held: &&Key| {
                let is_held = held.deleted.is_none_or(|at| at > change.at);
                is_held && held.is_active && held.created > old.created && !held.uses.is_empty()
            };
            let Some(newer) = life.keys.iter().filter(works).map(|held| held.created).max() else {
                panic!("{what}: locked out");
            };
            assert!(old.said.is_some_and(|at| at > newer), "{what}: nobody has said that nothing needs it");
        }
    }

    /// Nothing goes wrong any more, and every owner does what it is told.
    async fn comes_to_its_end(&mut self, lives: &mut [Life], number: usize) {
        let during = format!("the end of round {number}");
        // Past every hold that an undo has left.
        self.hours(8 * 24).await;
        self.look(lives, &during).await;
        for turn in 0..12 {
            for life in lives.iter_mut().filter(|life| !life.has_moved) {
                remedy(&self.sandbox, &life.id).await.unwrap();
                self.look(std::slice::from_mut(life), &during).await;
                if self.rotates {
                    self.obey(life, &during).await;
                }
            }
            self.hours(if turn % 3 == 2 { 8 * 24 } else { 30 }).await;
            self.look(lives, &during).await;
            let now = self.sandbox.now();
            let open = self.open().await;
            for life in lives.iter_mut() {
                let is_old = |held: &Key| held.is_active && is_older(held.created, Days(90), now);
                life.has_moved = !life.held().any(is_old) && !open.contains(&life.id);
            }
            if lives.iter().all(|life| life.has_moved) {
                return;
            }
        }
        let left: Vec<_> = lives.iter().filter(|life| !life.has_moved).collect();
        panic!("{during}: whoever did what it was told has not moved: {left:#?}, {:?}", self.open().await);
    }

    async fn obey(&mut self, life: &mut Life, during: &str) {
        let ledger = Ledger::of(&self.sandbox).await.unwrap();
        let bodies = ledger.record(&life.id).into_iter().filter(|item| item["open"] == "work");
        let told: Vec<Value> = bodies
            .filter(|item| item["sk"].as_str().is_some_and(|sk| sk.starts_with("ROTATION#")))
            .map(|item| serde_json::from_str(item["body"].as_str().unwrap()).unwrap())
            .collect();
        for Errand { key, replacement, told } in told.iter().map(Errand::read) {
            let during = format!("{during}: {key}: {told:?}, by {replacement:?}");
            match told {
                Tell::CreateKey => self.create(life).await,
                Tell::FreeSlot(idle) => self.delete(life, &idle).await,
                Tell::Move => {
                    if let Some(replacement) = replacement {
                        self.use_key(life, &replacement).await;
                    }
                    self.acknowledge(life, &key).await;
                }
            }
            self.look(std::slice::from_mut(life), &during).await;
        }
    }

    /// The users with something left to do.
    async fn open(&self) -> BTreeSet<String> {
        let ledger = Ledger::of(&self.sandbox).await.unwrap();
        let partitions = ledger.open().into_iter().filter_map(|item| item["pk"].as_str());
        partitions.filter_map(|pk| pk.strip_prefix("USER#")).map(str::to_owned).collect()
    }
}

/// What an owner has to do next about one key.
struct Errand {
    key: String,
    replacement: Option<String>,
    told: Tell,
}

#[derive(Debug)]
enum Tell {
    CreateKey,
    FreeSlot(String),
    /// Move, and say so.
    Move,
}

impl Errand {
    fn read(body: &Value) -> Self {
        let rotation = &body["rotation"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let told = match &rotation["told"] {
            Value::String(told) if told == "createKey" => Tell::CreateKey,
            told => text(&told["freeSlot"]).map_or(Tell::Move, Tell::FreeSlot),
        };
        Self { key: text(&rotation["key"]).unwrap(), replacement: text(&rotation["replacement"]["key"]), told }
    }
}

async fn live(rotates: bool, lag_hours: u32) {
    let mut world = World::of(rotates, lag_hours).await;
    for number in 0..rounds() {
        // With and without a lag other histories are lived.
        let Round { lives: histories, meanwhile } = round(2 * number + usize::from(lag_hours > 0), rotates);
        let mut lives = world.born(number).await;
        for (place, meanwhile) in meanwhile.iter().enumerate() {
            for (history, life) in histories.iter().zip(&mut lives) {
                let event = &history[place];
                world.happen(event, life).await;
                let during = format!("round {number}, event {place}, {event:?}");
                world.look(std::slice::from_mut(life), &during).await;
            }
            let during = format!("round {number}, after event {place}, {meanwhile:?}");
            match meanwhile {
                Meanwhile::Hours(hours) => {
                    world.set_kill_switch("run").await;
                    world.hours(*hours).await;
                }
                Meanwhile::KillSwitch(value) => world.set_kill_switch(value).await,
            }
            world.look(&mut lives, &during).await;
        }
        world.set_kill_switch("run").await;
        world.comes_to_its_end(&mut lives, number).await;
    }
    settle_by_schedule(&world.sandbox).await.unwrap();
    let inactive = key_changes(&world.sandbox).into_iter().filter(|change| change.to == "Inactive");
    let times = inactive.fold(BTreeMap::<String, i64>::new(), |mut times, change| {
        *times.entry(change.key).or_default() += 1;
        times
    });
    let spent = Ledger::of(&world.sandbox).await.unwrap().spent("act");
    assert!(i64::try_from(times.len()).unwrap() <= spent, "{} keys changed, {spent} paid for", times.len());
    assert_sound(&world.sandbox).await.unwrap();
}

impl World {
    async fn set_kill_switch(&mut self, value: &'static str) {
        self.kill_switch = value;
        self.sandbox.set_kill_switch(value).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_keys_that_are_deactivated_come_to_their_end() {
    live(false, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_keys_that_are_deactivated_come_to_their_end_where_uses_show_late() {
    live(false, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_keys_that_are_rotated_come_to_their_end() {
    live(true, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_keys_that_are_rotated_come_to_their_end_where_uses_show_late() {
    live(true, 4).await;
}
