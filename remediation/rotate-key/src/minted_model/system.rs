//! The whole: what can happen next, and what is promised whatever does.

use stateright::{Model, Property};

use super::attempt::{Attempt, Phase};
use super::owner::Deed;
use super::state::{Setting, State};
use super::truth::Wrong;
use crate::guards::Guards;
use crate::model::account::{DAY, Pattern, Reading, Tick};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Pass(Tick),
    Person(Deed),
    /// A run of `rotate-key` begins, and goes on.
    Begin(Reading),
    Look(usize),
    /// It dies, or the answer to what it did last is lost, which it takes for a fault.
    LookDies(usize),
    /// The lease expires, with its holder dead or only slow.
    Expire,
    /// Secrets Manager calls `mint-key`, as it was asked to; or once more.
    Call,
    Recall,
    Attempt(usize),
    /// Lists show the keys as they were before the last change.
    AttemptReadsLate(usize),
    AttemptDies(usize),
    /// The call is refused, and has done nothing.
    AttemptIsRefused(usize),
    /// What was to be noted is, but the answer is lost.
    NoteIsLost(usize),
}

/// A guard of the functions around the plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShellGuard {
    /// Every write, and the change, asks whether the lease is still held.
    Lease,
    /// A write to a mint names the one that was read.
    NamesWhatWasRead,
    /// An idle key is read once more just before it is deleted.
    ReadsAgain,
    /// That a key is about to be created is written down before it is.
    IntentFirst,
    /// A call that creates a key is not made again when its answer is lost.
    CreatesOnce,
}

/// The system: who is asked what holds.
#[derive(Clone, Debug)]
pub(super) struct Rotations {
    pub(super) guards: Guards,
    pub(super) without: Option<ShellGuard>,
    pub(super) settings: Vec<Setting>,
}

impl State {
    /// Whether time may pass: what is due is looked at, and what was asked of Secrets Manager is done.
    fn may_pass(&self) -> bool {
        let is_seen_to = self.looked > 0 || self.due > self.now;
        let is_called = self.secret.requested.is_none();
        let is_idle = !self.is_looking() && !self.is_minting();
        is_idle && self.now < self.setting.end && (self.is_stopped || (is_seen_to && is_called))
    }

    fn look_actions(&self, actions: &mut Vec<Action>) {
        let can_fail = self.faults > 0;
        let is_free = self.lease.is_none() && self.looks.iter().any(Option::is_none);
        if !self.is_stopped && self.looked < self.setting.looks && is_free {
            let keys = [self.keys.old, self.keys.other];
            let is_used_now = keys.iter().flatten().any(|key| key.used == Some(self.now));
            let is_fetched_now = self.fetched.is_some_and(|fetch| fetch.at == self.now);
            actions.push(Action::Begin(Reading::Fresh));
            if can_fail {
                actions.push(Action::Begin(Reading::NoUse));
                actions.push(Action::Begin(Reading::NoSecret));
            }
            if can_fail && (is_used_now || is_fetched_now) {
                actions.push(Action::Begin(Reading::LateUse));
            }
            if can_fail && self.keys_before.is_some() {
                actions.push(Action::Begin(Reading::LateList));
            }
        }
        for slot in (0..self.looks.len()).filter(|slot| self.looks[*slot].is_some()) {
            actions.push(Action::Look(slot));
            if can_fail {
                actions.push(Action::LookDies(slot));
            }
        }
        if let Some(holder) = self.lease {
            let is_dead = self.looks[usize::from(holder)].is_none();
            if is_dead || can_fail {
                actions.push(Action::Expire);
            }
        }
    }

    fn attempt_actions(&self, actions: &mut Vec<Action>) {
        let can_fail = self.faults > 0;
        if self.attempts.iter().any(Option::is_none) {
            if self.secret.requested.is_some() {
                actions.push(Action::Call);
            }
            if self.recalls > 0 && (self.secret.pending.is_some() || self.is_minting()) {
                actions.push(Action::Recall);
            }
        }
        for (slot, attempt) in self.attempts.iter().enumerate() {
            let Some(attempt) = attempt else { continue };
            actions.push(Action::Attempt(slot));
            if !can_fail {
                continue;
            }
            actions.push(Action::AttemptDies(slot));
            match attempt.phase {
                Phase::Read(_) if self.keys_before.is_some() => actions.push(Action::AttemptReadsLate(slot)),
                Phase::Create | Phase::Put { .. } => actions.push(Action::AttemptIsRefused(slot)),
                Phase::NoteCreated { .. } => actions.push(Action::NoteIsLost(slot)),
                _ => {}
            }
        }
    }

    /// Begins an invocation for the rotation of the secret that was asked for, or is not complete.
    fn call(&mut self) -> Option<()> {
        let slot = self.attempts.iter().position(Option::is_none)?;
        let running = self.attempts.iter().flatten().map(|attempt| attempt.mint).next();
        let mint = self.secret.requested.take().or(self.secret.pending).or(running)?;
        self.attempts[slot] = Some(Attempt::new(mint));
        Some(())
    }

    /// Something befalls an invocation.
    fn attempt_fails(&mut self, slot: usize, then: impl FnOnce(Phase) -> Option<Phase>) -> Option<()> {
        self.fault();
        let attempt = self.attempts[slot].take()?;
        self.attempts[slot] = then(attempt.phase).map(|phase| Attempt { phase, ..attempt });
        Some(())
    }
}

impl Model for Rotations {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.settings.iter().map(|setting| State::new(*setting)).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What comes after a wrong does not matter.
        if state.wrong.is_some() {
            return;
        }
        if state.may_pass() {
            actions.push(Action::Pass(DAY));
            if state.shorts > 0 {
                actions.push(Action::Pass(1));
            }
        }
        actions.extend(state.deeds().map(Action::Person));
        state.look_actions(actions);
        state.attempt_actions(actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Pass(ticks) => {
                state.shorts -= u8::from(ticks == 1);
                state.pass(ticks);
            }
            Action::Person(deed) => state.do_deed(deed),
            Action::Begin(reading) => self.begin(&mut state, reading)?,
            Action::Look(slot) => self.look(&mut state, slot)?,
            Action::LookDies(slot) => {
                state.fault();
                state.looks[slot] = None;
            }
            Action::Expire => {
                if state.lease.is_some_and(|holder| state.looks[usize::from(holder)].is_some()) {
                    state.fault();
                }
                state.lease = None;
            }
            Action::Call => state.call()?,
            Action::Recall => {
                state.recalls -= 1;
                state.call()?;
            }
            Action::Attempt(slot) => self.attempt(&mut state, slot, false)?,
            Action::AttemptReadsLate(slot) => {
                state.fault();
                self.attempt(&mut state, slot, true)?;
            }
            Action::AttemptDies(slot) => state.attempt_fails(slot, |phase| match phase {
                Phase::NoteCreated { .. } if self.without == Some(ShellGuard::CreatesOnce) => Some(Phase::Create),
                _ => None,
            })?,
            Action::AttemptIsRefused(slot) => state.attempt_fails(slot, |phase| {
                Some(match phase {
                    Phase::Put { key } => Phase::Clear { key, is_noted: true },
                    _ => Phase::NoteAsked,
                })
            })?,
            Action::NoteIsLost(slot) => {
                self.attempt(&mut state, slot, false)?;
                state.attempt_fails(slot, |phase| match phase {
                    Phase::Put { key } | Phase::Clear { key, .. } => Some(Phase::Clear { key, is_noted: false }),
                    _ => None,
                })?;
            }
        }
        state.note();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn is(state: &State, wrong: Wrong) -> bool {
            state.wrong == Some(wrong)
        }
        fn has_ended(state: &State) -> bool {
            let is_inactive = state.keys.old.is_some_and(|old| !old.is_active) && state.deactivated.is_some();
            is_inactive && state.rotation.as_ref().is_some_and(|rotation| rotation.ended.is_some())
        }
        fn is_said(state: &State) -> bool {
            state.rotation.as_ref().is_some_and(|rotation| rotation.acknowledged.is_some())
        }
        fn is_fetched(state: &State) -> bool {
            state.rotation.as_ref().is_some_and(|rotation| rotation.fetched.is_some())
        }
        vec![
            Property::always(NO_KEY_THAT_WORKS, |_, state| !is(state, Wrong::NoKeyThatWorks)),
            Property::always(NEW_KEY_TOO_NEW, |_, state| !is(state, Wrong::NewKeyTooNew)),
            Property::always(IN_USE, |_, state| !is(state, Wrong::InUse)),
            Property::always(NOT_FETCHED, |_, state| !is(state, Wrong::NotFetched)),
            Property::always(SELDOM_JOB, |_, state| !is(state, Wrong::SeldomJob)),
            Property::always(UNWARNED, |_, state| !is(state, Wrong::Unwarned)),
            Property::always(FIGHT, |_, state| !is(state, Wrong::Fight)),
            Property::always(TWO_RUNS, |_, state| !is(state, Wrong::TwoRuns)),
            Property::always(FORGOTTEN, |_, state| !is(state, Wrong::Forgotten)),
            Property::always(UNAPPROVED, |_, state| !is(state, Wrong::Unapproved)),
            Property::always(UNANNOUNCED, |_, state| !is(state, Wrong::Unannounced)),
            Property::always(NO_ROOM, |_, state| !is(state, Wrong::NoRoom)),
            Property::always(TWO_KEYS, |_, state| !is(state, Wrong::TwoKeys)),
            Property::always(NOT_OURS, |_, state| !is(state, Wrong::NotOurs)),
            Property::always(USABLE, |_, state| !is(state, Wrong::Usable)),
            Property::always(UNDOABLE, |_, state| !is(state, Wrong::Undoable)),
            Property::always(WANTED, |_, state| !is(state, Wrong::Wanted)),
            Property::always(NOT_LOST, |_, state| !is(state, Wrong::NotLost)),
            Property::always(UNDONE, |_, state: &State| !state.is_left_undone()),
            Property::always(LEFT, |_, state: &State| !state.is_left()),
            Property::sometimes("a rotation ends whose key the retriever has fetched", |_, state| {
                has_ended(state) && is_fetched(state) && !is_said(state)
            }),
            Property::sometimes("a rotation ends whose owner has spoken", |_, state| {
                has_ended(state) && is_said(state) && !is_fetched(state)
            }),
            Property::sometimes("a rotation that a person asked for ends", |_, state| {
                has_ended(state) && state.setting.is_forced
            }),
            Property::sometimes("a seldom job fetches, and its rotation ends", |_, state| {
                has_ended(state) && state.setting.pattern == Pattern::Quarterly && is_fetched(state)
            }),
            Property::sometimes("a class that lets it has a key in use made inactive", |_, state: &State| {
                has_ended(state) && state.setting.may_force && !is_said(state) && !is_fetched(state)
            }),
            Property::sometimes("an idle key makes room, and the rotation ends", |_, state| {
                has_ended(state) && state.has_made_room
            }),
            Property::sometimes("a key that nobody holds is cleared away, and the rotation ends", |_, state| {
                has_ended(state) && state.has_cleared
            }),
            // Nothing looks at a user whose old key cannot be used any more.
            Property::sometimes(
                "today a key that nobody holds stays when the old one is made inactive",
                |_, state: &State| state.is_left_at_the_end(),
            ),
            // Only a person can take off the label of a version that an earlier rotation has left.
            Property::sometimes(
                "today an incomplete version keeps a later mint from being begun",
                |_, state: &State| {
                    let latest = u8::try_from(state.mints.len()).ok().and_then(|mints| mints.checked_sub(1));
                    state.secret.pending.is_some() && state.secret.pending < latest && state.secret.requested.is_some()
                },
            ),
            Property::sometimes("a second mint follows one whose key was deleted", |_, state: &State| {
                state.mints.len() > 1 && state.secret.current == Some(1)
            }),
        ]
    }
}

pub(super) const NO_KEY_THAT_WORKS: &str = "the owner has a newer key that works, and the secret holds it";
pub(super) const NEW_KEY_TOO_NEW: &str = "the new key was there for a day";
pub(super) const IN_USE: &str = "a key in use stays, unless the class lets it go";
pub(super) const NOT_FETCHED: &str = "the retriever has fetched the new key, or the owner has spoken";
pub(super) const SELDOM_JOB: &str = "a seldom job that was observed is not locked out";
pub(super) const UNWARNED: &str = "the owner has had the whole warning";
pub(super) const FIGHT: &str = "who makes a key active again is left alone for the whole warning";
pub(super) const TWO_RUNS: &str = "no two runs act on one user";
pub(super) const FORGOTTEN: &str = "a key that was delivered is not forgotten";
pub(super) const UNAPPROVED: &str = "nothing is minted by an enrolment that does not stand";
pub(super) const UNANNOUNCED: &str = "nothing is minted that was not announced for a day";
pub(super) const NO_ROOM: &str = "nothing is asked for that there is no room for";
pub(super) const TWO_KEYS: &str = "a mint creates no second key beside its first";
pub(super) const NOT_OURS: &str = "nothing is deleted but what our own act made inactive";
pub(super) const USABLE: &str = "nothing is deleted that can be used";
pub(super) const UNDOABLE: &str = "nothing is deleted whose being made inactive can be undone";
pub(super) const WANTED: &str = "nothing is deleted that was used since it was made inactive";
pub(super) const NOT_LOST: &str = "nothing is discarded but our own key that nobody holds";
pub(super) const UNDONE: &str = "what is ripe is done";
pub(super) const LEFT: &str = "no key is left whose secret nobody holds";
