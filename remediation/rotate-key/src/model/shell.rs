//! The function around the plan, step by step, as `shared/remedy` runs it; and whatever befalls it.

use credwarden_credential::age::is_older;
use credwarden_credential::snapshot::LastUse;
use credwarden_policy::rotation::{Acknowledged, Ended, Facts, Forced, Next, Rotation};
use stateright::{Model, Property};

use super::account::{BY, DAY, Key, LIMITS, Pattern, Reading, Tick, instant, last_use, shown, tick};
use super::owner::Deed;
use super::state::{Phase, Run, Setting, State, Work};
use super::truth::Wrong;
use crate::guards::Guards;
use crate::plan_with;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Pass(Tick),
    Owner(Deed),
    Begin(Reading),
    Step(u8),
    /// The run dies, or the answer to what it did last is lost, which it takes for a fault.
    Die(u8),
    /// A guard says no: a hold, the budget, an exception, the mode.
    Refuse(u8),
    /// The lease expires, with its holder dead or only slow.
    Expire,
}

/// A guard of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShellGuard {
    /// Every write, and the change, asks whether the lease is still held.
    Lease,
    /// A run that finds an intent decides anew before it goes on.
    DecidesAnew,
}

/// The system: who is asked what holds.
#[derive(Clone, Debug)]
pub(super) struct Rotations {
    pub(super) guards: Guards,
    pub(super) without: Option<ShellGuard>,
    pub(super) settings: Vec<Setting>,
}

impl Rotations {
    fn has_lease(&self, state: &State, slot: u8) -> bool {
        self.without == Some(ShellGuard::Lease) || state.lease == Some(slot)
    }

    /// Lease, live reading, decision.
    fn begin(&self, state: &mut State, reading: Reading) -> Option<()> {
        let slot = state.runs.iter().position(Option::is_none)?;
        let now = state.now;
        state.begun += 1;
        state.faults -= u8::from(reading != Reading::Fresh);
        let keys = if reading == Reading::LateList { state.keys_before? } else { state.keys };
        let Some(old) = keys.old else {
            let how = Ended { at: instant(now), how: "gone".to_owned() };
            let rotation = state.rotation.take();
            state.rotation = rotation.map(|known| Rotation { ended: Some(known.ended.unwrap_or(how)), ..known });
            (state.work, state.due) = (None, Tick::MAX);
            return Some(());
        };
        let resumes = resume(state, &old)?;
        let uses = |key: &Key| reading.last_use(key, key.number == old.number, now);
        let forced = state.setting.is_forced.then(|| Forced { by: BY.to_owned(), reason: "leak".to_owned() });
        let said = state.said.map(|said| Acknowledged { by: BY.to_owned(), at: instant(said) });
        let others: Vec<_> = keys.other.iter().map(|key| shown(key, uses(key))).collect();
        let facts = Facts {
            key: &shown(&old, uses(&old)),
            others: &others,
            rotation: state.rotation.as_ref(),
            deactivated: state.deactivated.map(instant),
            forced: forced.as_ref(),
            acknowledged: said.as_ref(),
            longest_gap: state.setting.pattern.longest_gap(),
            limits: LIMITS,
            delivery: state.delivery,
            enrolled: None,
            idle: None,
            may_force: state.setting.may_force,
        };
        let decision = plan_with(&facts, instant(now), self.guards);
        let (until, deactivates) = match decision.next {
            Next::Wait { until, .. } => (Some(tick(until)), None),
            Next::Deactivate { though_in_use } => (None, Some(though_in_use)),
            // No user here is enrolled.
            Next::AskForMint { .. } | Next::DeleteIdle { .. } | Next::End => (None, None),
        };
        let deactivates = match self.without {
            Some(ShellGuard::DecidesAnew) if resumes => Some(true),
            _ => deactivates,
        };
        if deactivates.is_none() {
            state.work = None;
        }
        let (rotation, tells) = (decision.rotation, decision.tell.is_some());
        state.lease = Some(u8::try_from(slot).ok()?);
        state.runs[slot] = Some(Run { phase: Phase::Decided, rotation, tells, until, deactivates, resumes });
        Some(())
    }

    fn step(&self, state: &mut State, slot: u8) -> Option<()> {
        let index = usize::from(slot);
        let run = state.runs[index].take()?;
        let now = state.now;
        if run.phase != Phase::Intended && !self.has_lease(state, slot) {
            return Some(());
        }
        let next = match run.phase {
            Phase::Decided => {
                if run.rotation.acknowledged.is_some() || run.deactivates.is_none() {
                    state.said = None;
                }
                if run.tells && state.asked.is_none() {
                    state.asked = Some(now);
                }
                state.rotation = Some(run.rotation.clone());
                state.due = match (run.until, run.deactivates) {
                    (Some(until), _) => until,
                    (None, Some(_)) => now + 1,
                    (None, None) => Tick::MAX,
                };
                run.deactivates.map(|_| Phase::Written)
            }
            Phase::Written => {
                state.work = Some(Work { at: now, is_applied: false });
                Some(Phase::Intended)
            }
            Phase::Intended => self.apply(state, slot, &run).then_some(Phase::Applied),
            Phase::Applied => {
                (state.work, state.deactivated) = (None, Some(now));
                None
            }
        };
        match next {
            Some(phase) => state.runs[index] = Some(Run { phase, ..run }),
            None => release(state, slot),
        }
        Some(())
    }

    /// Reads the old key again, and makes it inactive; whether it did.
    fn apply(&self, state: &mut State, slot: u8, run: &Run) -> bool {
        let now = state.now;
        let Some(old) = state.keys.old else {
            state.work = None;
            return false;
        };
        if !old.is_active {
            state.work = None;
            state.deactivated = if run.resumes { Some(now) } else { state.deactivated };
            return false;
        }
        let is_silent = match last_use(old.used_for_sure(now)) {
            LastUse::At { at, .. } => is_older(at, LIMITS.in_use, instant(now)),
            _ => true,
        };
        if run.deactivates != Some(true) && !is_silent {
            state.work = None;
            return false;
        }
        if !self.has_lease(state, slot) {
            return false;
        }
        state.wrong = state.judge(&old, state.lease == Some(slot));
        state.change(|keys| keys.old = Some(Key { is_active: false, ..old }));
        state.work = Some(Work { at: now, is_applied: true });
        true
    }
}

/// What an earlier run left open; whether it still is. `None`: the lists may not show yet what it did.
fn resume(state: &mut State, old: &Key) -> Option<bool> {
    let Some(work) = state.work else { return Some(false) };
    if !old.is_active {
        (state.work, state.deactivated) = (None, Some(state.now));
        return Some(false);
    }
    if !work.is_applied {
        return Some(true);
    }
    if work.at == state.now {
        return None;
    }
    // Somebody has changed it back.
    (state.work, state.deactivated) = (None, Some(work.at));
    state.is_made_active();
    Some(false)
}

fn release(state: &mut State, slot: u8) {
    if state.lease == Some(slot) {
        state.lease = None;
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
        let is_due = state.due <= state.now || state.said.is_some();
        let is_asked = !state.setting.is_config_silent || is_due;
        let can_fail = state.faults > 0;
        let may_pass = !state.setting.is_config_silent || !is_due || state.begun > 0;
        if !state.is_running() && state.now < state.setting.end && may_pass {
            let left = if state.due > state.now { state.due - state.now } else { DAY };
            let day = if state.setting.is_config_silent { left.min(DAY) } else { DAY };
            actions.push(Action::Pass(day));
            if state.shorts > 0 && day > 1 {
                actions.push(Action::Pass(1));
            }
        }
        actions.extend(state.deeds().map(Action::Owner));
        // A second run at the same time is another person's, or the schedule's after a fault.
        let most = 1 + u8::from(state.said.is_some() || state.faults < state.setting.faults);
        if is_asked && state.begun < most && state.lease.is_none() && state.runs.iter().any(Option::is_none) {
            let keys = [state.keys.old, state.keys.other];
            let is_used_now = keys.iter().flatten().any(|key| key.used == Some(state.now));
            actions.push(Action::Begin(Reading::Fresh));
            if can_fail && is_used_now {
                actions.push(Action::Begin(Reading::LateUse));
            }
            if can_fail && state.keys_before.is_some() {
                actions.push(Action::Begin(Reading::LateList));
            }
            if can_fail {
                actions.push(Action::Begin(Reading::NoUse));
            }
        }
        for (slot, run) in (0..).zip(&state.runs) {
            let Some(run) = run else { continue };
            actions.push(Action::Step(slot));
            if can_fail {
                actions.push(Action::Die(slot));
            }
            if can_fail && run.phase == Phase::Written {
                actions.push(Action::Refuse(slot));
            }
        }
        if let Some(holder) = state.lease {
            let is_dead = state.runs[usize::from(holder)].is_none();
            if is_dead || can_fail {
                actions.push(Action::Expire);
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Pass(ticks) => {
                state.shorts -= u8::from(ticks == 1 && state.shorts > 0);
                state.pass(ticks);
            }
            Action::Owner(deed) => state.do_deed(deed),
            Action::Begin(reading) => self.begin(&mut state, reading)?,
            Action::Step(slot) => self.step(&mut state, slot)?,
            Action::Die(slot) => {
                state.faults -= 1;
                state.runs[usize::from(slot)] = None;
            }
            Action::Refuse(slot) => {
                state.faults -= 1;
                state.runs[usize::from(slot)] = None;
                state.due = state.now + DAY;
                state.work = None;
                release(&mut state, slot);
            }
            Action::Expire => {
                let is_dead = state.lease.is_some_and(|holder| state.runs[usize::from(holder)].is_none());
                state.faults -= u8::from(!is_dead);
                state.lease = None;
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
            let is_inactive = state.keys.old.is_some_and(|old| !old.is_active);
            is_inactive && state.rotation.as_ref().is_some_and(|rotation| rotation.ended.is_some())
        }
        vec![
            Property::always(NO_KEY_THAT_WORKS, |_, state| !is(state, Wrong::NoKeyThatWorks)),
            Property::always(NEW_KEY_TOO_NEW, |_, state| !is(state, Wrong::NewKeyTooNew)),
            Property::always(IN_USE, |_, state| !is(state, Wrong::InUse)),
            Property::always(NOT_SAID, |_, state| !is(state, Wrong::NotSaid)),
            Property::always(SELDOM_JOB, |_, state| !is(state, Wrong::SeldomJob)),
            Property::always(UNWARNED, |_, state| !is(state, Wrong::Unwarned)),
            Property::always(FIGHT, |_, state| !is(state, Wrong::Fight)),
            Property::always(ADVISED, |_, state| !is(state, Wrong::Advised)),
            Property::always(TWO_RUNS, |_, state| !is(state, Wrong::TwoRuns)),
            Property::always(LEFT_UNDONE, |_, state: &State| !state.is_left_undone()),
            Property::sometimes("a rotation ends", |_, state| has_ended(state) && !state.setting.is_forced),
            Property::sometimes("a rotation that a person asked for ends", |_, state| {
                has_ended(state) && state.rotation.as_ref().is_some_and(|rotation| rotation.forced.is_some())
            }),
            Property::sometimes("the schedule alone ends a rotation", |_, state| {
                has_ended(state) && state.setting.is_config_silent
            }),
            Property::sometimes("a seldom job moves, and its rotation ends", |_, state| {
                has_ended(state) && state.setting.pattern == Pattern::Quarterly && !state.setting.may_force
            }),
            Property::sometimes("a class that lets it has a key in use made inactive", |_, state: &State| {
                let is_said = state.rotation.as_ref().is_some_and(|rotation| rotation.acknowledged.is_some());
                has_ended(state) && state.setting.may_force && !is_said
            }),
        ]
    }
}

pub(super) const NO_KEY_THAT_WORKS: &str = "the owner has a newer key that works";
pub(super) const NEW_KEY_TOO_NEW: &str = "the new key was there for a day";
pub(super) const IN_USE: &str = "a key in use stays, unless the class lets it go";
pub(super) const NOT_SAID: &str = "the owner has said that nothing needs the old key";
pub(super) const SELDOM_JOB: &str = "a seldom job that was observed is not locked out";
pub(super) const UNWARNED: &str = "the owner has had the whole warning";
pub(super) const FIGHT: &str = "who makes a key active again is left alone for the whole warning";
pub(super) const ADVISED: &str = "where a role is advised no key is made inactive";
pub(super) const TWO_RUNS: &str = "no two runs act on one user";
pub(super) const LEFT_UNDONE: &str = "with AWS Config silent, what is ripe is done";
