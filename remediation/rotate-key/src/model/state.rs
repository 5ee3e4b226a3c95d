//! What there is at one instant.

use credwarden_policy::rotation::{Delivery, Rotation};

use super::account::{Key, Keys, Pattern, Tick};
use super::owner::Deed;
use super::truth::{Worked, Wrong};

/// The key that the user has besides, at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Besides {
    Nothing,
    InactiveAndOlder,
    UsedAndOlder,
}

/// What does not change but by the owner's hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Setting {
    pub(super) pattern: Pattern,
    pub(super) besides: Besides,
    pub(super) delivery: Delivery,
    pub(super) may_force: bool,
    /// A person asked for the rotation.
    pub(super) is_forced: bool,
    /// AWS Config never asks: only the schedule does, when something is due.
    pub(super) is_config_silent: bool,
    /// How often the owner does something.
    pub(super) deeds: u8,
    /// What it does, in this order; empty: anything.
    pub(super) script: &'static [Deed],
    /// How often something goes wrong.
    pub(super) faults: u8,
    /// How many steps of time are short ones.
    pub(super) shorts: u8,
    /// When time ends.
    pub(super) end: Tick,
}

/// An intent in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Work {
    pub(super) at: Tick,
    pub(super) is_applied: bool,
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Decided,
    Written,
    Intended,
    Applied,
}

/// A run of the function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) phase: Phase,
    pub(super) rotation: Rotation,
    pub(super) tells: bool,
    /// When to look again, where it decided to wait.
    pub(super) until: Option<Tick>,
    /// Whether it decided to make the old key inactive, and whether in use, too.
    pub(super) deactivates: Option<bool>,
    pub(super) resumes: bool,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) setting: Setting,
    pub(super) now: Tick,
    pub(super) keys: Keys,
    /// The keys before the last change, which lists may still show.
    pub(super) keys_before: Option<Keys>,
    /// The key that the workload uses.
    pub(super) workload: u8,
    pub(super) newest: u8,
    pub(super) delivery: Delivery,
    /// The owner's word that is still on its way.
    pub(super) said: Option<Tick>,
    pub(super) rotation: Option<Rotation>,
    pub(super) work: Option<Work>,
    pub(super) deactivated: Option<Tick>,
    pub(super) due: Tick,
    /// Which run holds the lease.
    pub(super) lease: Option<u8>,
    pub(super) runs: [Option<Run>; 2],
    /// How many runs began at this instant.
    pub(super) begun: u8,
    pub(super) deeds: u8,
    pub(super) faults: u8,
    pub(super) shorts: u8,
    /// What only whoever knows everything knows.
    pub(super) worked: Option<Worked>,
    pub(super) said_at: Option<Tick>,
    pub(super) asked: Option<Tick>,
    pub(super) made_active: Option<Tick>,
    pub(super) has_moved: bool,
    pub(super) wrong: Option<Wrong>,
}

impl State {
    pub(super) fn new(setting: Setting) -> Self {
        let used = |key: Key| Key { used: Some(0), ..key };
        let old = Key::new(1, -600);
        let old = if setting.pattern == Pattern::Never { old } else { used(old) };
        let other = match setting.besides {
            Besides::Nothing => None,
            Besides::InactiveAndOlder => Some(Key { is_active: false, ..Key::new(0, -900) }),
            Besides::UsedAndOlder => Some(used(Key::new(0, -900))),
        };
        Self {
            setting,
            now: 0,
            keys: Keys { old: Some(old), other },
            keys_before: None,
            workload: 1,
            newest: 1,
            delivery: setting.delivery,
            said: None,
            rotation: None,
            work: None,
            deactivated: None,
            due: 0,
            lease: None,
            runs: [None, None],
            begun: 0,
            deeds: setting.deeds,
            faults: setting.faults,
            shorts: setting.shorts,
            worked: None,
            said_at: None,
            asked: None,
            made_active: None,
            has_moved: false,
            wrong: None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.runs.iter().any(Option::is_some)
    }

    /// Changes the keys; lists may show for a while what was.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Keys)) {
        self.keys_before = Some(self.keys);
        change(&mut self.keys);
    }

    /// Time passes: the workload goes on, and no run outlives the step.
    pub(super) fn pass(&mut self, ticks: Tick) {
        for _ in 0..ticks {
            self.now += 1;
            let uses = self.setting.pattern.runs_at(self.now);
            let keys = [&mut self.keys.old, &mut self.keys.other].into_iter().flatten();
            for key in keys.filter(|key| uses && key.number == self.workload) {
                key.use_at(self.now);
            }
        }
        self.keys_before = None;
        self.lease = None;
        self.begun = 0;
    }
}
