//! Owners, and what each of them is told and sees happen. Every story is a file to read, in `snapshots`.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::fmt::Write;

use credwarden_credential::age::{Days, date};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, LastUse, Status};
use credwarden_policy::limits::Limits;
use credwarden_policy::rotation::{Acknowledged, Decision, Delivery, Facts, Kept, Next, Rotation, Tell};
use jiff::{SignedDuration, Timestamp};
use rotate_key::plan;

/// One user, day after day. The function looks whenever the plan asks for it, and once a day.
struct Story {
    day: u32,
    keys: Vec<Credential>,
    in_use: Vec<(&'static str, u32)>,
    rotation: Option<Rotation>,
    deactivated: Option<Timestamp>,
    delivery: Delivery,
    may_force: bool,
    longest_gap: Option<Days>,
    text: String,
    last: String,
}

fn id(key: &str) -> CredentialId {
    format!("AKIA{:0>16}", key.to_uppercase()).parse().unwrap()
}

fn name(id: &CredentialId) -> &'static str {
    ["old", "older", "new", "second", "third"].into_iter().find(|key| self::id(key) == *id).unwrap()
}

fn at(day: u32, hour: i64) -> Timestamp {
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    begin + Days(day).duration() + SignedDuration::from_hours(hour)
}

impl Story {
    /// A key of 100 days, used every day at 6.
    fn begin() -> Self {
        let mut story = Self {
            day: 0,
            keys: Vec::new(),
            in_use: vec![("old", 1)],
            rotation: None,
            deactivated: None,
            delivery: Delivery::Owner,
            may_force: false,
            longest_gap: None,
            text: String::new(),
            last: String::new(),
        };
        story.add("old", at(0, 0) - Days(100).duration());
        story
    }

    fn add(&mut self, key: &str, created: Timestamp) {
        let last_use = LastUse::Never;
        let (expires, service) = (None, None);
        self.keys.push(Credential { id: id(key), status: Status::Active, created, expires, service, last_use });
    }

    fn key(&mut self, key: &str) -> &mut Credential {
        self.keys.iter_mut().find(|known| known.id == id(key)).unwrap()
    }

    fn say(&mut self, line: &str) {
        writeln!(self.text, "day {:3}  {line}", self.day).unwrap();
    }

    fn creates(&mut self, key: &str) {
        self.say(&format!("the owner creates the key `{key}`"));
        self.add(key, at(self.day, 7));
    }

    fn deletes(&mut self, key: &str) {
        self.say(&format!("the owner deletes the key `{key}`"));
        self.keys.retain(|known| known.id != id(key));
    }

    fn moves_to(&mut self, key: &'static str) {
        self.say(&format!("everything uses `{key}` from now on"));
        self.in_use = vec![(key, 1)];
    }

    fn makes_active(&mut self, key: &str) {
        self.say(&format!("the owner makes `{key}` active again"));
        self.key(key).status = Status::Active;
    }

    fn acknowledges(&mut self) {
        self.say("the owner says that nothing needs `old` any more");
        let said = Acknowledged { by: "arn:aws:iam::123456789012:user/olivia".to_owned(), at: at(self.day, 9) };
        self.look(at(self.day, 9), Some(&said));
    }

    /// Days pass, until the morning of `day`.
    fn until_day(&mut self, day: u32) {
        while self.day < day {
            self.looks();
            self.day += 1;
            for (key, every) in self.in_use.clone() {
                if self.day.is_multiple_of(every)
                    && let Some(key) = self.keys.iter_mut().find(|known| known.id == id(key))
                    && key.status == Status::Active
                {
                    let (service, region) = ("s3".to_owned(), "eu-central-1".to_owned());
                    key.last_use = LastUse::At { at: at(self.day, 6), service, region };
                }
            }
        }
    }

    /// At 10, and whenever the plan asked for it before the next morning.
    fn looks(&mut self) {
        let mut now = at(self.day, 10);
        while now < at(self.day + 1, 6) {
            match self.look(now, None) {
                Next::Wait { until, .. } => now = until,
                Next::Deactivate { .. } => now += SignedDuration::from_mins(15),
                Next::End => break,
            }
        }
    }

    fn look(&mut self, now: Timestamp, acknowledged: Option<&Acknowledged>) -> Next {
        let others: Vec<_> = self.keys.iter().filter(|key| key.id != id("old")).cloned().collect();
        let limits = Limits {
            max_age: Some(Days(90)),
            warn: Days(14),
            unused: Some(Days(45)),
            never_used: Some(Days(14)),
            in_use: Days(7),
            undo: Days(30),
        };
        let old = self.key("old").clone();
        let facts = Facts {
            key: &old,
            others: &others,
            rotation: self.rotation.as_ref(),
            deactivated: self.deactivated,
            forced: None,
            acknowledged,
            longest_gap: self.longest_gap,
            limits,
            delivery: self.delivery,
            may_force: self.may_force,
        };
        let Decision { rotation, tell, next } = plan(&facts, now);
        if let Some(tell) = tell {
            let by = date(rotation.deadline);
            self.say(&format!("told: {}, by {by}", told(&tell)));
        }
        let line = match &next {
            Next::Wait { why, .. } => format!("waits: {}", readable(why)),
            Next::Deactivate { though_in_use: false } => "makes `old` inactive".to_owned(),
            Next::Deactivate { though_in_use: true } => "makes `old` inactive, though it is in use".to_owned(),
            Next::End => "the rotation has ended".to_owned(),
        };
        if let Next::Deactivate { .. } = next {
            self.key("old").status = Status::Inactive;
            self.deactivated = Some(now);
        }
        if self.last != line
            && !self.last.split(" at ").next().is_some_and(|last| line.starts_with(&format!("{last} at ")))
        {
            self.say(&line);
            self.last = line;
        }
        self.rotation = Some(rotation);
        next
    }
}

fn readable(why: &str) -> String {
    let keys = ["old", "older", "new", "second", "third"];
    keys.iter().fold(why.to_owned(), |why, key| why.replace(id(key).as_str(), &format!("`{key}`")))
}

fn told(tell: &Tell) -> String {
    match tell {
        Tell::CreateKey => "create a second key and move to it".to_owned(),
        Tell::FreeSlot(key) => format!("delete `{}`, there is no room for a new key", name(key)),
        Tell::Move(key) => format!("move to `{}` and say so", name(key)),
        Tell::Acknowledge(key) => format!("`{}` is used and `old` is not: say that nothing needs it", name(key)),
        Tell::UseRole => "use a role".to_owned(),
        Tell::Overdue(kept) => match kept {
            Kept::NoNewKey => "overdue, there is no new key".to_owned(),
            Kept::NewKeyUnused(key) => format!("overdue, `{}` was never used", name(key)),
            Kept::InUse(_) => "overdue, `old` is in use".to_owned(),
            Kept::NotAcknowledged => "overdue, nobody says that nothing needs `old`".to_owned(),
        },
    }
}

#[test]
fn an_owner_who_moves_in_time() {
    let mut story = Story::begin();
    story.until_day(2);
    story.creates("new");
    story.until_day(3);
    story.moves_to("new");
    story.until_day(4);
    story.acknowledges();
    story.until_day(14);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_late_owner() {
    let mut story = Story::begin();
    story.until_day(20);
    story.creates("new");
    story.moves_to("new");
    story.until_day(30);
    story.acknowledges();
    story.until_day(32);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_never_moves() {
    let mut story = Story::begin();
    story.until_day(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_never_moves_in_a_class_that_forces() {
    let mut story = Story::begin();
    story.may_force = true;
    story.until_day(20);
    story.say("still nothing is done: there is no new key");
    story.creates("new");
    story.until_day(23);
    story.say("still nothing is done: the new key was never used");
    story.in_use = vec![("old", 1), ("new", 1)];
    story.until_day(26);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_quarterly_job_that_its_owner_forgot() {
    let mut story = Story::begin();
    (story.in_use, story.longest_gap) = (vec![("old", 90)], Some(Days(90)));
    let used = at(0, 6);
    story.key("old").last_use = LastUse::At { at: used, service: "s3".to_owned(), region: "eu-central-1".to_owned() };
    story.until_day(1);
    story.creates("new");
    story.in_use.push(("new", 1));
    story.until_day(2);
    story.acknowledges();
    story.until_day(100);
    story.say("the job has run with `old`, which its owner thought was not needed");
    story.until_day(120);
    story.moves_to("new");
    story.until_day(280);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_deletes_the_new_key() {
    let mut story = Story::begin();
    story.until_day(1);
    story.creates("new");
    story.moves_to("new");
    story.until_day(3);
    story.acknowledges();
    story.until_day(5);
    story.deletes("new");
    story.until_day(20);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_needs_three_tries() {
    let mut story = Story::begin();
    for (day, key) in [(1, "new"), (3, "second"), (5, "third")] {
        story.until_day(day);
        story.creates(key);
        story.until_day(day + 1);
        if key != "third" {
            story.deletes(key);
        }
    }
    story.moves_to("third");
    story.acknowledges();
    story.until_day(16);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_makes_the_old_key_active_again() {
    let mut story = Story::begin();
    story.until_day(1);
    story.creates("new");
    story.moves_to("new");
    story.until_day(2);
    story.acknowledges();
    story.until_day(12);
    story.makes_active("old");
    story.until_day(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_user_without_room_for_a_new_key() {
    let mut story = Story::begin();
    story.add("older", at(0, 0) - Days(300).duration());
    story.key("older").status = Status::Inactive;
    story.until_day(3);
    story.deletes("older");
    story.until_day(5);
    story.creates("new");
    story.until_day(6);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_shall_use_a_role() {
    let mut story = Story::begin();
    story.delivery = Delivery::Replace;
    story.may_force = true;
    story.until_day(2);
    story.creates("new");
    story.moves_to("new");
    story.until_day(3);
    story.acknowledges();
    story.until_day(30);
    insta::assert_snapshot!(story.text);
}
