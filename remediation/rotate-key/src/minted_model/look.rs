//! A run of `rotate-key`, step by step, as `shared/remedy` does it: lease, live reading, decision, the rotation written down;
//! then the mint written down and asked for, an idle key deleted, or the old one made inactive.

use std::sync::Arc;

use credwarden_credential::age::is_older;
use credwarden_credential::snapshot::{Gap, GapReason, LastUse};
use credwarden_policy::rotation::{
    Acknowledged, Broken, Delivery, Enrolled, Facts, Forced, Idle, Kept, Next, Rotation, Standing, Tell,
};

use super::secret::{Minting, NAMES, Progress};
use super::state::{Besides, Fetch, State};
use super::system::{Rotations, ShellGuard};
use crate::model::account::{BY, Key, LIMITS, Reading, Tick, id, instant, last_use, shown, tick};
use crate::plan_with;

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Decided,
    Written,
    /// The mint is written down; or IAM was told to make the old key inactive.
    Done,
}

/// What a run has decided to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Todo {
    Wait {
        until: Tick,
    },
    End,
    /// The mint of the rotation that was opened then.
    Ask {
        opened: Tick,
    },
    /// The other key as it was read.
    DeleteIdle {
        key: Key,
        reading: Reading,
    },
    Deactivate {
        though_in_use: bool,
    },
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Look {
    pub(super) phase: Phase,
    pub(super) rotation: Arc<Rotation>,
    pub(super) tells: Option<Told>,
    pub(super) todo: Todo,
}

/// What an owner hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Told {
    /// That a key will be minted.
    Minting,
    /// That none is.
    NotMinted,
    Anything,
}

impl Rotations {
    fn has_lease(&self, state: &State, slot: usize) -> bool {
        self.without == Some(ShellGuard::Lease) || state.lease.map(usize::from) == Some(slot)
    }

    /// Lease, live reading, decision.
    pub(super) fn begin(&self, state: &mut State, reading: Reading) -> Option<()> {
        let slot = state.looks.iter().position(Option::is_none)?;
        let now = state.now;
        state.looked += 1;
        if reading != Reading::Fresh {
            state.fault();
        }
        let keys = if reading == Reading::LateList { state.keys_before? } else { state.keys };
        let old = keys.old?;
        if !is_seen(state, &old) {
            return None;
        }
        let uses = |key: &Key| reading.last_use(key, key.number == old.number, now);
        let forced = state.setting.is_forced.then(|| Forced { by: BY.to_owned(), reason: "leak".to_owned() });
        let said = state.said.map(|said| Acknowledged { by: BY.to_owned(), at: instant(said) });
        let others: Vec<_> = keys.other.iter().map(|key| shown(key, uses(key))).collect();
        let (enrolled, idle) = (enrolled(state, reading), idle(state));
        let facts = Facts {
            key: &shown(&old, uses(&old)),
            others: &others,
            rotation: state.rotation.as_deref(),
            deactivated: state.deactivated.map(instant),
            forced: forced.as_ref(),
            acknowledged: said.as_ref(),
            longest_gap: state.setting.pattern.longest_gap(),
            limits: LIMITS,
            delivery: Delivery::Secret,
            enrolled: enrolled.as_ref(),
            idle: idle.as_ref(),
            may_force: state.setting.may_force,
        };
        let decision = plan_with(&facts, instant(now), self.guards);
        let todo = match decision.next {
            Next::Wait { until, .. } => Todo::Wait { until: tick(until) },
            Next::End => Todo::End,
            Next::AskForMint { token } => {
                let opened = NAMES.tokens.iter().position(|known| *known == token)?;
                let opened = Tick::try_from(opened).ok()?;
                let is_read = reading != Reading::NoSecret;
                state.wrong = state.wrong.or(state.judge_asking(opened, is_read, keys.other.as_ref()));
                Todo::Ask { opened }
            }
            Next::DeleteIdle { .. } => Todo::DeleteIdle { key: keys.other?, reading },
            Next::Deactivate { though_in_use } => Todo::Deactivate { though_in_use },
        };
        let tells = decision.tell.map(|tell| match tell {
            Tell::Minting(_) | Tell::FreeSlot(_) => Told::Minting,
            Tell::NotMinted(_) | Tell::Overdue(Kept::NotMinted(_)) => Told::NotMinted,
            _ => Told::Anything,
        });
        state.lease = Some(u8::try_from(slot).ok()?);
        state.looks[slot] = Some(Look { phase: Phase::Decided, rotation: Arc::new(decision.rotation), tells, todo });
        Some(())
    }

    /// What a run does next.
    pub(super) fn look(&self, state: &mut State, slot: usize) -> Option<()> {
        let look = state.looks[slot].take()?;
        let now = state.now;
        let is_asking = matches!((look.phase, look.todo), (Phase::Done, Todo::Ask { .. }));
        if !is_asking && !self.has_lease(state, slot) {
            return Some(());
        }
        let next = match (look.phase, look.todo) {
            (Phase::Decided, todo) => {
                write_down(state, &look);
                (!matches!(todo, Todo::Wait { .. } | Todo::End)).then_some(Phase::Written)
            }
            (Phase::Written, Todo::Ask { opened }) => {
                if state.mints.iter().all(|mint| mint.opened != opened) {
                    state.mints.push(Minting::new(opened, now));
                }
                Some(Phase::Done)
            }
            (Phase::Done, Todo::Ask { opened }) => {
                let place = state.mints.iter().position(|mint| mint.opened == opened)?;
                let is_last = matches!(state.mints[place].progress, Progress::Delivered(..));
                if !is_last {
                    state.secret.rotate(u8::try_from(place).ok()?);
                }
                None
            }
            (Phase::Written, Todo::DeleteIdle { key, reading }) => {
                self.delete_idle(state, &key, reading);
                None
            }
            (Phase::Written, Todo::Deactivate { though_in_use }) => {
                deactivate(state, slot, though_in_use).then_some(Phase::Done)
            }
            (Phase::Done, Todo::Deactivate { .. }) => {
                (state.applied, state.deactivated) = (None, Some(now));
                None
            }
            _ => None,
        };
        match next {
            Some(phase) => state.looks[slot] = Some(Look { phase, ..look }),
            None if state.lease.map(usize::from) == Some(slot) => state.lease = None,
            None => {}
        }
        Some(())
    }

    /// Reads an idle key again, and deletes it if it is as it was.
    fn delete_idle(&self, state: &mut State, decided: &Key, reading: Reading) {
        let now = state.now;
        let Some(other) = state.keys.other.filter(|other| other.number == decided.number) else { return };
        let uses = |key: &Key| reading.last_use(key, false, now);
        let is_same = other.is_active == decided.is_active && uses(&other) == uses(decided);
        if is_same || self.without == Some(ShellGuard::ReadsAgain) {
            state.wrong = state.wrong.or(state.judge_deleting(&other));
            state.delete_other();
            state.has_made_room = true;
        }
    }
}

/// Writes the rotation down, with what is told of it.
fn write_down(state: &mut State, look: &Look) {
    let now = state.now;
    let is_new = state.rotation.as_ref().is_none_or(|known| known.opened != look.rotation.opened);
    state.wrong = state.wrong.or(state.judge_writing(&look.rotation));
    if look.rotation.acknowledged.is_some() || !matches!(look.todo, Todo::Deactivate { .. }) {
        state.said = None;
    }
    if is_new {
        state.announced = None;
    }
    if let Some(tells) = look.tells {
        state.told[usize::from(state.is_enrolled)].get_or_insert(now);
        state.is_called_off = tells == Told::NotMinted;
    }
    if look.tells == Some(Told::Minting) {
        state.announced.get_or_insert(now);
    }
    state.rotation = Some(Arc::clone(&look.rotation));
    state.due = match look.todo {
        Todo::Wait { until } => until,
        Todo::End => Tick::MAX,
        Todo::Ask { .. } | Todo::DeleteIdle { .. } | Todo::Deactivate { .. } => now + 1,
    };
}

/// Reads the old key again, and makes it inactive; whether it did.
fn deactivate(state: &mut State, slot: usize, though_in_use: bool) -> bool {
    let now = state.now;
    let Some(old) = state.keys.old.filter(|old| old.is_active) else { return false };
    let is_silent = match last_use(old.used_for_sure(now)) {
        LastUse::At { at, .. } => is_older(at, LIMITS.in_use, instant(now)),
        _ => true,
    };
    if !though_in_use && !is_silent {
        return false;
    }
    let holds_lease = state.lease.map(usize::from) == Some(slot);
    state.wrong = state.wrong.or(state.judge_deactivating(&old, holds_lease));
    state.change(|keys| keys.old = Some(Key { is_active: false, ..old }));
    state.applied = Some(now);
    true
}

/// Looks at what an earlier run has done; false: the lists may not show it yet.
fn is_seen(state: &mut State, old: &Key) -> bool {
    let Some(applied) = state.applied else { return true };
    if !old.is_active {
        (state.applied, state.deactivated) = (None, Some(state.now));
        return true;
    }
    if applied == state.now {
        return false;
    }
    // Somebody has changed it back.
    (state.applied, state.deactivated) = (None, Some(applied));
    state.is_made_active();
    true
}

/// What is known of the enrolment.
fn enrolled(state: &State, reading: Reading) -> Option<Enrolled> {
    let minting = state.minting();
    let standing = if !state.is_enrolled {
        // What is left of it is seen to as long as a dead run may have left something.
        minting.filter(|mint| mint.progress.may_have_left_a_key() && !state.secret.is_deleted)?;
        Standing::Broken(Broken::Withdrawn)
    } else if reading == Reading::NoSecret {
        Standing::Unknown(Gap::new(GapReason::Failed, "read the secret"))
    } else if state.secret.is_deleted {
        Standing::Broken(Broken::SecretGone)
    } else if state.secret.is_opened {
        Standing::Broken(Broken::PolicyChanged)
    } else {
        Standing::Stands
    };
    // The history of calls is as late as the last use, and tells of all fetches: which of them counts is the plan's matter.
    let is_shown = |at: Tick| reading != Reading::LateUse || at < state.now;
    let is_asked = state.is_enrolled && state.rotation.as_ref().is_some_and(|rotation| rotation.fetched.is_none());
    let fetched = state.fetched.filter(|fetch| is_shown(fetch.at)).or(state.fetched_before);
    let fetched = fetched.filter(|_| is_asked).map(Fetch::instant);
    Some(Enrolled {
        user: NAMES.user.clone(),
        secret: NAMES.secret.clone(),
        standing,
        mint: minting.map(Minting::mint),
        fetched,
    })
}

/// The key that the ledger's own act made inactive, and of which no event tells that it was made active since. The shell
/// leaves out those that are active, too; here that is left to the plan.
fn idle(state: &State) -> Option<Idle> {
    let Besides::Idle(since) = state.setting.besides else { return None };
    state.keys.other.filter(|other| other.number == 0)?;
    let is_told = state.reactivated.is_some_and(|at| state.is_known(at));
    (!is_told).then(|| Idle { key: id(0), since: instant(since) })
}
