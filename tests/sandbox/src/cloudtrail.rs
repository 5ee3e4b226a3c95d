//! CloudTrail, played: who changed IAM, as event history and as events for `EventBridge`.
//!
//! Every change of IAM that passes the proxy, and every act of a person, is recorded in the shape of recorded events of
//! AWS: `requestParameters` are null where a caller acts on itself, dates of answers are written as Americans write them,
//! a failure has an `errorCode` and no answer. IAM is global: its events are in us-east-1 and nowhere else. Who fetches a
//! secret is recorded besides; `EventBridge` is not told, for it omits what only reads.

mod event;
mod fetch;
mod lookup;
#[cfg(test)]
mod tests;
mod xml;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::call::{Answer, Call, Player};
use crate::directory::Directory;
use crate::person::Person;
use crate::template::{Deployment, Scope};
use crate::tricks::{Trick, Tricks};

use event::Act;

/// CloudTrail of one account in one region.
#[derive(Debug)]
pub struct CloudTrail {
    scope: Scope,
    directory: Directory,
    tricks: Tricks,
    state: Mutex<State>,
}

/// How late CloudTrail is. AWS: "typically delivers events within an average of about 5 minutes", "not guaranteed".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lags {
    /// Until `LookupEvents` shows an event.
    pub history: SignedDuration,
    /// Until `EventBridge` is given it; `None` where it never is.
    pub delivery: Option<SignedDuration>,
}

impl Default for Lags {
    /// Neither is late.
    fn default() -> Self {
        Self { history: SignedDuration::ZERO, delivery: Some(SignedDuration::ZERO) }
    }
}

#[derive(Debug, Default)]
struct State {
    /// In order of recording.
    history: Vec<Recorded>,
    /// What `EventBridge` will be given, and when.
    outgoing: Vec<(Timestamp, Value)>,
    /// Who calls under which name.
    callers: BTreeMap<String, Person>,
    lags: Lags,
    /// When events were looked up.
    lookups: Vec<Timestamp>,
    ids: u64,
}

/// One event of the history.
#[derive(Clone, Debug)]
struct Recorded {
    at: Timestamp,
    visible_from: Timestamp,
    listed_name: Option<String>,
    event: Value,
}

impl CloudTrail {
    /// Records from now on; functions act in their roles, under session names that are their own.
    pub fn new(deployment: &Deployment, directory: Directory, tricks: Tricks) -> Self {
        let function = |name: &String, role_arn: &String| {
            let person = Person::role(role_arn, name).from(FUNCTIONS_ADDRESS).by(FUNCTIONS_PROGRAM);
            (name.clone(), person)
        };
        let functions = deployment.functions.values().map(|found| function(&found.name, &found.role_arn));
        let state = State { callers: functions.collect(), ..State::default() };
        Self { scope: deployment.scope.clone(), directory, tricks, state: Mutex::new(state) }
    }

    /// From now on events are as late as this; those already recorded keep their time.
    pub fn set_lags(&self, lags: Lags) {
        self.state().lags = lags;
    }

    /// Whose calls the proxy records under this name.
    pub fn introduce(&self, caller: &str, person: Person) {
        self.state().callers.insert(caller.to_owned(), person);
    }

    /// Records what somebody did now, and what was answered: XML in IAM's words. `parameters` are as they were given, so
    /// without a user's name where a user acts on itself.
    pub fn record(&self, who: &Person, at: Timestamp, action: &str, parameters: &Value, status: u16, body: &str) {
        let id = self.next_id();
        let act = Act { who, at, action, parameters, status, body };
        let event = act.event(&self.scope, &self.directory, id);
        self.keep(at, who.listed_name(), event, Told::Both);
    }

    /// Records that somebody fetched a secret now (`GetSecretValue`), or tried to: history alone is told.
    pub fn record_fetch(&self, who: &Person, at: Timestamp, parameters: &Value, status: u16, body: &str) {
        let fetch = fetch::Fetch { who, at, parameters, status, body };
        let event = fetch.event(&self.scope, &self.directory, self.next_id());
        self.keep(at, who.listed_name(), event, Told::History);
    }

    /// Records that a credential was created, or made active again, before the deployment: the event is in the history, and
    /// `EventBridge` had nobody to give it to. `action` such as `UploadSSHPublicKey`; `UpdateAccessKey` and its like are
    /// re-activations. Errors name an action that creates no credential.
    pub fn record_past(&self, who: &Person, at: Timestamp, action: &str, user: &str, id: &str) -> anyhow::Result<()> {
        let (parameters, body) = event::creation(action, user, id, at)?;
        let act = Act { who, at, action, parameters: &parameters, status: 200, body: &body };
        let event = act.event(&self.scope, &self.directory, self.next_id());
        self.keep(at, who.listed_name(), event, Told::Before);
        Ok(())
    }

    /// Takes an event of any shape into history and delivery.
    pub fn record_event(&self, at: Timestamp, event: Value) {
        self.keep(at, None, event, Told::Both);
    }

    /// Every event so far, oldest first, whether or not anybody may see it yet.
    pub fn events(&self) -> Vec<Value> {
        let mut history = self.state().history.clone();
        history.sort_by_key(|recorded| recorded.at);
        history.into_iter().map(|recorded| recorded.event).collect()
    }

    /// What `EventBridge` is given by now and was not given before. It is delivered at least once, in no order.
    pub fn take_deliveries(&self, now: Timestamp) -> Vec<Value> {
        let mut state = self.state();
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.outgoing).into_iter().partition(|(at, _)| *at <= now);
        state.outgoing = later;
        drop(state);
        let times = if self.tricks.plays(Trick::DuplicateTrailEvent) { 2 } else { 1 };
        let mut events: Vec<_> = due.into_iter().flat_map(|(_, event)| std::iter::repeat_n(event, times)).collect();
        if self.tricks.plays(Trick::UnorderedTrailEvents) {
            events.reverse();
        }
        events
    }

    fn keep(&self, at: Timestamp, listed_name: Option<String>, event: Value, told: Told) {
        let mut state = self.state();
        let Lags { history, delivery } = state.lags;
        if let (Told::Both, Some(delay)) = (told, delivery) {
            state.outgoing.push((later(at, delay), event.clone()));
        }
        let visible_from = if told == Told::Before { at } else { later(at, history) };
        state.history.push(Recorded { at, visible_from, listed_name, event });
    }

    fn next_id(&self) -> u64 {
        let mut state = self.state();
        state.ids += 1;
        state.ids
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Player for CloudTrail {
    fn play(&self, call: &Call) -> Option<Answer> {
        (call.action == "cloudtrail:LookupEvents").then(|| lookup::answer(self, call))
    }

    fn saw(&self, call: &Call, status: u16, body: &[u8]) {
        let write = call.action.strip_prefix("iam:").filter(|action| event::is_write(action));
        if write.is_none() && call.action != fetch::ACTION {
            return;
        }
        let known = self.state().callers.get(&call.caller).cloned();
        let person = call.caller.strip_prefix("person:").map(Person::user);
        let Some(who) = known.or(person) else { return };
        let body = String::from_utf8_lossy(body);
        match write {
            Some(action) => self.record(&who, call.at, action, &call.parameters, status, &body),
            None => self.record_fetch(&who, call.at, &call.parameters, status, &body),
        }
    }
}

/// Who is told of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// `EventBridge`, and whoever looks it up.
    Both,
    /// Whoever looks it up.
    History,
    /// Whoever looks it up, and at once: it is of the past.
    Before,
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The region whose event history and `EventBridge` have IAM's events.
pub const IAM_REGION: &str = "us-east-1";

/// From where functions call, and with what.
const FUNCTIONS_ADDRESS: &str = "198.51.100.10";
const FUNCTIONS_PROGRAM: &str = "aws-sdk-rust/1.3.9 os/linux lang/rust";
