//! What there is at one instant.

use std::sync::Arc;

use credwarden_policy::rotation::Rotation;
use jiff::{SignedDuration, Timestamp};

use super::attempt::Attempt;
use super::look::Look;
use super::owner::Deed;
use super::secret::{Minting, Progress, Secret};
use super::truth::{Worked, Wrong};
use crate::model::account::{Key, Keys, Pattern, Tick, instant};

/// The key that the user has besides, at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Besides {
    Nothing,
    /// One that the ledger's own act made inactive at this instant.
    Idle(Tick),
    /// One that somebody else has made inactive.
    Inactive,
    /// One that can be used.
    Active,
}

/// What does not change but by a person's hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Setting {
    pub(super) pattern: Pattern,
    /// From when on the retriever fetches what the secret holds whenever the workload runs.
    pub(super) fetches_from: Tick,
    pub(super) besides: Besides,
    /// How late events of created and re-activated keys come; the greatest: they never do.
    pub(super) events_late: Tick,
    pub(super) may_force: bool,
    /// A person asked for the rotation.
    pub(super) is_forced: bool,
    /// How often people do something.
    pub(super) deeds: u8,
    /// What they may do, in any order.
    pub(super) may: &'static [Deed],
    /// What they do, in this order; empty: anything that they may.
    pub(super) script: &'static [Deed],
    /// How often `rotate-key` runs at one instant.
    pub(super) looks: u8,
    /// How often Secrets Manager calls without being asked, at the same time or later.
    pub(super) recalls: u8,
    /// How often something goes wrong.
    pub(super) faults: u8,
    /// How many steps of time are short ones.
    pub(super) shorts: u8,
    /// When time ends.
    pub(super) end: Tick,
}

/// A call of the retriever that got the secret's value, as the history of calls dates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fetch {
    pub(super) at: Tick,
    /// At the instant at which a key was delivered, and a moment later.
    pub(super) is_just_after: bool,
}

impl Fetch {
    pub(super) fn instant(self) -> Timestamp {
        instant(self.at) + SignedDuration::from_secs(i64::from(self.is_just_after))
    }
}

/// All of it.
#[expect(clippy::struct_excessive_bools, reason = "each may be true of the world with any of the others")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) setting: Setting,
    pub(super) now: Tick,
    pub(super) keys: Keys,
    /// The keys before the last change, which lists may still show.
    pub(super) keys_before: Option<Keys>,
    /// The mint by which the other key was created; `None`: it was by somebody else.
    pub(super) made_by: Option<u8>,
    /// When somebody made the other key active again, last.
    pub(super) reactivated: Option<Tick>,
    pub(super) newest: u8,
    /// The key that the workload uses.
    pub(super) workload: u8,
    pub(super) secret: Secret,
    /// The first fetch since a key was delivered last, and the last one before.
    pub(super) fetched: Option<Fetch>,
    pub(super) fetched_before: Option<Fetch>,
    pub(super) is_enrolled: bool,
    /// The kill switch is at stop.
    pub(super) is_stopped: bool,
    /// The owner's word that is still on its way.
    pub(super) said: Option<Tick>,
    pub(super) rotation: Option<Arc<Rotation>>,
    pub(super) mints: Vec<Minting>,
    /// When a run told IAM to make the old key inactive, as long as that was not seen.
    pub(super) applied: Option<Tick>,
    pub(super) deactivated: Option<Tick>,
    pub(super) due: Tick,
    /// Which run holds the lease.
    pub(super) lease: Option<u8>,
    pub(super) looks: [Option<Look>; 2],
    pub(super) attempts: [Option<Attempt>; 2],
    /// How many runs of `rotate-key` began at this instant.
    pub(super) looked: u8,
    pub(super) deeds: u8,
    pub(super) recalls: u8,
    pub(super) faults: u8,
    pub(super) shorts: u8,
    /// What only whoever knows everything knows.
    pub(super) worked: Option<Worked>,
    /// The key that the retriever got last.
    pub(super) held: Option<u8>,
    pub(super) said_at: Option<Tick>,
    /// When the owner was told first what to do, of a user who was not enrolled and of one who was.
    pub(super) told: [Option<Tick>; 2],
    /// Whether it was told last that no key is minted.
    pub(super) is_called_off: bool,
    /// When the owner was told first that a key will be minted.
    pub(super) announced: Option<Tick>,
    pub(super) made_active: Option<Tick>,
    pub(super) has_moved: bool,
    /// When something went wrong last, or a person did something.
    pub(super) troubled: Tick,
    /// What was deleted, and by whom.
    pub(super) has_cleared: bool,
    pub(super) has_made_room: bool,
    pub(super) wrong: Option<Wrong>,
}

impl State {
    pub(super) fn new(setting: Setting) -> Self {
        let used = |key: Key| Key { used: Some(0), ..key };
        let old = Key::new(1, -600);
        let old = if setting.pattern == Pattern::Never { old } else { used(old) };
        let other = match setting.besides {
            Besides::Nothing => None,
            Besides::Idle(_) | Besides::Inactive => Some(Key { is_active: false, ..Key::new(0, -900) }),
            Besides::Active => Some(Key::new(0, -900)),
        };
        Self {
            setting,
            now: 0,
            keys: Keys { old: Some(old), other },
            keys_before: None,
            made_by: None,
            reactivated: None,
            newest: 1,
            workload: 1,
            secret: Secret::NEW,
            fetched: None,
            fetched_before: None,
            is_enrolled: true,
            is_stopped: false,
            said: None,
            rotation: None,
            mints: Vec::new(),
            applied: None,
            deactivated: None,
            due: 0,
            lease: None,
            looks: [None, None],
            attempts: [None, None],
            looked: 0,
            deeds: setting.deeds,
            recalls: setting.recalls,
            faults: setting.faults,
            shorts: setting.shorts,
            worked: None,
            held: None,
            said_at: None,
            told: [None, None],
            is_called_off: false,
            announced: None,
            made_active: None,
            has_moved: false,
            troubled: 0,
            has_cleared: false,
            has_made_room: false,
            wrong: None,
        }
    }

    pub(super) fn is_looking(&self) -> bool {
        self.looks.iter().any(Option::is_some)
    }

    pub(super) fn is_minting(&self) -> bool {
        self.attempts.iter().any(Option::is_some)
    }

    /// The mint that the rotation has asked for.
    pub(super) fn minting(&self) -> Option<&Minting> {
        let token = self.rotation.as_ref()?.mint.as_ref()?;
        self.mints.iter().find(|mint| mint.token() == token)
    }

    /// The key that whoever fetches the secret gets: at the start the old one.
    pub(super) fn current(&self) -> u8 {
        self.secret.current.and_then(|version| self.mints[usize::from(version)].holds).unwrap_or(1)
    }

    /// Changes the keys; lists may show for a while what was.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Keys)) {
        self.keys_before = Some(self.keys);
        change(&mut self.keys);
    }

    /// The other key is gone.
    pub(super) fn delete_other(&mut self) {
        self.change(|keys| keys.other = None);
        (self.made_by, self.reactivated) = (None, None);
    }

    /// The retriever fetches what the secret holds, and the workload uses that from now on.
    pub(super) fn fetch(&mut self) {
        if self.secret.is_deleted {
            return;
        }
        let key = self.current();
        (self.held, self.workload) = (Some(key), key);
        self.has_moved |= key != 1;
        let is_just_after =
            self.mints.iter().any(|mint| matches!(mint.progress, Progress::Delivered(_, at) if at == self.now));
        self.fetched.get_or_insert(Fetch { at: self.now, is_just_after });
    }

    /// What was fetched until now was fetched before this key was delivered.
    pub(super) fn is_delivered(&mut self) {
        self.fetched_before = self.fetched.take().or(self.fetched_before);
    }

    /// Whether an event of this instant has come by now.
    pub(super) fn is_known(&self, at: Tick) -> bool {
        at.saturating_add(self.setting.events_late) <= self.now
    }

    /// Time passes: the workload goes on, and no run outlives the step.
    pub(super) fn pass(&mut self, ticks: Tick) {
        for _ in 0..ticks {
            self.now += 1;
            if !self.setting.pattern.runs_at(self.now) {
                continue;
            }
            if self.now >= self.setting.fetches_from {
                self.fetch();
            }
            let keys = [&mut self.keys.old, &mut self.keys.other].into_iter().flatten();
            for key in keys.filter(|key| key.number == self.workload) {
                key.use_at(self.now);
            }
        }
        self.keys_before = None;
        self.lease = None;
        self.looked = 0;
    }
}
