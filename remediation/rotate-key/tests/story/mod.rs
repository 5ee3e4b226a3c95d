//! One user and its keys, and what the plan makes of them day after day, as a text to read.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]
#![expect(unreachable_pub, reason = "every file of stories uses its own part of it")]

use std::fmt::Write;

use credwarden_credential::age::{Days, date};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, LastUse, Status};
use credwarden_policy::enrolment::RequestToken;
use credwarden_policy::limits::Limits;
use credwarden_policy::mint::{Mint, MintStep};
use credwarden_policy::rotation::{
    Acknowledged, Decision, Delivery, Enrolled, Facts, Forced, Idle, Kept, Next, Rotation, Tell,
};
use jiff::{SignedDuration, Timestamp};
use rotate_key::plan;

pub const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/alice-a1B2c3";

/// One user, day after day. The function looks whenever the plan asks for it, and once a day.
pub struct Story {
    pub day: u32,
    pub keys: Vec<Credential>,
    pub in_use: Vec<(&'static str, u32)>,
    pub rotation: Option<Rotation>,
    pub deactivated: Option<Timestamp>,
    pub delivery: Delivery,
    /// What is known of the user's enrolment, and of its secret.
    pub enrolled: Option<Enrolled>,
    /// Whether `mint-key` does what it is asked for.
    pub mints: bool,
    pub idle: Option<Idle>,
    pub forced: Option<Forced>,
    pub may_force: bool,
    pub longest_gap: Option<Days>,
    pub text: String,
    pub last: String,
}

pub fn id(key: &str) -> CredentialId {
    format!("AKIA{:0>16}", key.to_uppercase()).parse().unwrap()
}

fn name(id: &CredentialId) -> &'static str {
    ["old", "older", "new", "second", "third"].into_iter().find(|key| self::id(key) == *id).unwrap()
}

pub fn at(day: u32, hour: i64) -> Timestamp {
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    begin + Days(day).duration() + SignedDuration::from_hours(hour)
}

impl Story {
    /// A key of 100 days, used every day at 6.
    pub fn begin() -> Self {
        let mut story = Self {
            day: 0,
            keys: Vec::new(),
            in_use: vec![("old", 1)],
            rotation: None,
            deactivated: None,
            delivery: Delivery::Owner,
            enrolled: None,
            mints: true,
            idle: None,
            forced: None,
            may_force: false,
            longest_gap: None,
            text: String::new(),
            last: String::new(),
        };
        story.add("old", at(0, 0) - Days(100).duration());
        story
    }

    /// What `mint-key` does when it is asked.
    pub fn mint(&mut self, token: RequestToken, now: Timestamp) {
        if !self.mints || self.keys.len() > 1 {
            return;
        }
        let key = if self.text.contains("the key `new` is minted") { "second" } else { "new" };
        self.say(&format!("the key `{key}` is minted into the secret"));
        self.add(key, now);
        let step = MintStep::Delivered { key: id(key), at: now };
        let enrolled = self.enrolled.as_mut().unwrap();
        let (user, secret) = (enrolled.user.clone(), enrolled.secret.clone());
        let name = "alice".parse().unwrap();
        enrolled.mint = Some(Mint { token, user, name, secret, replaces: id("old"), asked: now, step });
        enrolled.fetched = None;
    }

    pub fn add(&mut self, key: &str, created: Timestamp) {
        let last_use = LastUse::Never;
        let (expires, service) = (None, None);
        self.keys.push(Credential { id: id(key), status: Status::Active, created, expires, service, last_use });
    }

    pub fn key(&mut self, key: &str) -> &mut Credential {
        self.keys.iter_mut().find(|known| known.id == id(key)).unwrap()
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.text, "day {:3}  {line}", self.day).unwrap();
    }

    pub fn creates(&mut self, key: &str) {
        self.say(&format!("the owner creates the key `{key}`"));
        self.add(key, at(self.day, 7));
    }

    pub fn deletes(&mut self, key: &str) {
        self.say(&format!("the owner deletes the key `{key}`"));
        self.keys.retain(|known| known.id != id(key));
    }

    pub fn moves_to(&mut self, key: &'static str) {
        self.say(&format!("everything uses `{key}` from now on"));
        self.in_use = vec![(key, 1)];
    }

    pub fn makes_active(&mut self, key: &str) {
        self.say(&format!("the owner makes `{key}` active again"));
        self.key(key).status = Status::Active;
    }

    pub fn acknowledges(&mut self) {
        self.say("the owner says that nothing needs `old` any more");
        let said = Acknowledged { by: "arn:aws:iam::123456789012:user/olivia".to_owned(), at: at(self.day, 9) };
        self.look(at(self.day, 9), Some(&said));
    }

    /// Days pass, until the morning of `day`.
    pub fn until_day(&mut self, day: u32) {
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
    pub fn looks(&mut self) {
        let mut now = at(self.day, 10);
        while now < at(self.day + 1, 6) {
            match self.look(now, None) {
                Next::Wait { until, .. } => now = until,
                Next::AskForMint { .. } | Next::DeleteIdle { .. } | Next::Deactivate { .. } => {
                    now += SignedDuration::from_mins(15);
                }
                Next::End => break,
            }
        }
    }

    pub fn look(&mut self, now: Timestamp, acknowledged: Option<&Acknowledged>) -> Next {
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
            forced: self.forced.as_ref(),
            acknowledged,
            longest_gap: self.longest_gap,
            limits,
            delivery: self.delivery,
            enrolled: self.enrolled.as_ref(),
            idle: self.idle.as_ref(),
            may_force: self.may_force,
        };
        let Decision { rotation, tell, next } = plan(&facts, now);
        if let Some(tell) = tell {
            let by = date(rotation.deadline);
            self.say(&format!("told: {}, by {by}", told(&tell)));
        }
        let line = match &next {
            Next::Wait { why, .. } => format!("waits: {}", readable(why)),
            Next::AskForMint { .. } => "asks for a new key, to be minted into the secret".to_owned(),
            Next::DeleteIdle { key } => format!("deletes `{}`", name(key)),
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
        match &next {
            Next::AskForMint { token } => self.mint(token.clone(), now),
            Next::DeleteIdle { key } => self.keys.retain(|held| held.id != *key),
            Next::Wait { .. } | Next::Deactivate { .. } | Next::End => {}
        }
        next
    }
}

fn readable(why: &str) -> String {
    let keys = ["old", "older", "new", "second", "third"];
    keys.iter().fold(why.replace(SECRET, "the secret"), |why, key| why.replace(id(key).as_str(), &format!("`{key}`")))
}

fn told(tell: &Tell) -> String {
    match tell {
        Tell::CreateKey => "create a second key and move to it".to_owned(),
        Tell::Minting(_) => "a new key will be minted into the secret".to_owned(),
        Tell::NotMinted(broken) => format!("no key is minted, for {broken}"),
        Tell::Fetch { key, .. } => format!("`{}` is in the secret: have it fetched, or say so", name(key)),
        Tell::FreeSlot(key) => format!("delete `{}`, there is no room for a new key", name(key)),
        Tell::Move(key) => format!("move to `{}` and say so", name(key)),
        Tell::Acknowledge(key) => format!("`{}` is used and `old` is not: say that nothing needs it", name(key)),
        Tell::UseRole => "use a role".to_owned(),
        Tell::Overdue(kept) => match kept {
            Kept::NoNewKey => "overdue, there is no new key".to_owned(),
            Kept::NewKeyUnused(key) => format!("overdue, `{}` was never used", name(key)),
            Kept::InUse(_) => "overdue, `old` is in use".to_owned(),
            Kept::NotFetched(key) => {
                format!("overdue, nobody has fetched `{}`, or says that nothing needs `old`", name(key))
            }
            Kept::NotMinted(broken) => format!("overdue, no key is minted, for {broken}"),
            Kept::NotAcknowledged => "overdue, nobody says that nothing needs `old`".to_owned(),
        },
    }
}
