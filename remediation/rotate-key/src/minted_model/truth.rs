//! What is true, whoever has seen it, and what must therefore never be done. It shares no line with the plans.

use credwarden_policy::rotation::Rotation;

use super::attempt::Phase;
use super::owner::OF_THE_SECRET;
use super::secret::Progress;
use super::state::{Besides, Setting, State};
use crate::model::account::{DAY, Key, Pattern, Tick, instant, tick};

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wrong {
    /// The owner is left without a newer key that works, and that the secret holds.
    NoKeyThatWorks,
    /// The new key was a surprise: it was not there for a day.
    NewKeyTooNew,
    /// The old key was in use, and the class does not let such keys go.
    InUse,
    /// The retriever did not get the new key, and the owner did not say that nothing needs the old one.
    NotFetched,
    /// A job that runs seldom, as often as was observed, is locked out.
    SeldomJob,
    /// The owner had not the whole warning.
    Unwarned,
    /// The owner had just made the key active again.
    Fight,
    /// Another run acts.
    TwoRuns,
    /// A key that was delivered is forgotten, and another one asked for.
    Forgotten,
    /// A key is minted by an enrolment that is not what was approved.
    Unapproved,
    /// The owner was not told a day ago that a key will be minted.
    Unannounced,
    /// A key is asked for that there is no room for.
    NoRoom,
    /// A mint creates a key while one that it has created is there.
    TwoKeys,
    /// A key was deleted that no act of ours had made inactive.
    NotOurs,
    /// A key was deleted that could be used.
    Usable,
    /// A key was deleted within the time in which its being made inactive can be undone.
    Undoable,
    /// A key was deleted that somebody had used since it was made inactive.
    Wanted,
    /// A key was discarded that we had not created, or whose secret somebody holds.
    NotLost,
}

/// The last instant at which the other key was a newer one that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Worked {
    pub(super) at: Tick,
    pub(super) key: Key,
}

impl State {
    /// Something goes wrong.
    pub(super) fn fault(&mut self) {
        self.faults -= 1;
        self.troubled = self.now;
    }

    /// Notes what is true now.
    pub(super) fn note(&mut self) {
        // Whoever is enrolled gets its key from the secret.
        let is_to_be_had = |key: &Key| !self.is_enrolled || self.current() == key.number;
        let works = |key: &Key, old: &Key| {
            key.is_active && key.created > old.created && key.used.is_some() && is_to_be_had(key)
        };
        // What was true 4 hours ago justifies what is done now.
        let mut worked = self.worked.filter(|worked| worked.at >= self.now - 1);
        if let (Some(other), Some(old)) = (self.keys.other, self.keys.old)
            && works(&other, &old)
            && worked.is_none_or(|worked| worked.key.number == other.number)
        {
            worked = Some(Worked { at: self.now, key: Key { used: None, used_before: None, ..other } });
        }
        self.worked = worked;
    }

    /// Somebody made the old key active. It is against us only where we know that it was inactive.
    pub(super) fn is_made_active(&mut self) {
        let has_ended = self.rotation.as_ref().is_some_and(|rotation| rotation.ended.is_some());
        if (self.deactivated.is_some() || has_ended) && self.applied.is_none() {
            self.made_active = Some(self.now);
            (self.said_at, self.told) = (None, [None, None]);
        }
    }

    /// What is wrong with making `old` inactive now, by the facts of 4 hours ago and later.
    pub(super) fn judge_deactivating(&self, old: &Key, holds_lease: bool) -> Option<Wrong> {
        let now = self.now;
        if !holds_lease {
            return Some(Wrong::TwoRuns);
        }
        let Some(worked) = self.worked else { return Some(Wrong::NoKeyThatWorks) };
        if worked.key.created > now - DAY {
            return Some(Wrong::NewKeyTooNew);
        }
        // Who was to create a key was not told to fetch one.
        let told = self.told[usize::from(self.is_enrolled)].filter(|_| !self.is_called_off);
        if self.made_active.is_some_and(|at| now < at + DAY || told.is_none()) {
            return Some(Wrong::Fight);
        }
        let Some(told) = told else { return Some(Wrong::Unwarned) };
        let is_warned = now > told + DAY;
        if self.setting.may_force && is_warned {
            return None;
        }
        let otherwise = |wrong| if self.setting.may_force { Wrong::Unwarned } else { wrong };
        let is_said = self.said_at.is_some_and(|at| at >= worked.key.created);
        if !is_said && self.held != Some(worked.key.number) {
            return Some(otherwise(Wrong::NotFetched));
        }
        let is_silent = old.used_for_sure(now).is_none_or(|used| used < now - 1 - 2 * DAY);
        if !is_silent {
            return Some(otherwise(Wrong::InUse));
        }
        if self.setting.pattern == Pattern::Quarterly && !self.has_moved {
            return Some(otherwise(Wrong::SeldomJob));
        }
        None
    }

    /// What is wrong with writing this down in place of what was.
    pub(super) fn judge_writing(&self, rotation: &Rotation) -> Option<Wrong> {
        let known = self.rotation.as_ref().filter(|known| known.ended.is_none() && known.opened != rotation.opened)?;
        let is_asked_the_same = known.delivery == rotation.delivery;
        // It is over once it was made inactive: whoever makes it active again has the whole warning.
        let was_made_inactive = self.deactivated.is_some_and(|at| instant(at) > known.opened);
        let is_there = |key: u8| self.keys.other.is_some_and(|other| other.number == key);
        let is_lost_sight_of = self.minting().is_some_and(|mint| match mint.progress {
            Progress::Stored(key, _) | Progress::Delivered(key, _) => is_there(key) && known.mint != rotation.mint,
            Progress::Asked | Progress::Intended(_) | Progress::Created(..) => false,
        });
        (is_asked_the_same && !was_made_inactive && is_lost_sight_of).then_some(Wrong::Forgotten)
    }

    /// What is wrong with having a key minted, by what was read.
    pub(super) fn judge_asking(&self, opened: Tick, is_read: bool, other: Option<&Key>) -> Option<Wrong> {
        let progress = self.mints.iter().find(|mint| mint.opened == opened).map(|mint| mint.progress);
        // Then the function that mints has first to clear away, and to see for itself what it may.
        if progress.is_some_and(Progress::may_have_left_a_key) {
            return None;
        }
        let is_announced = self.setting.is_forced || self.announced.is_some_and(|at| self.now >= at + DAY);
        if !is_read || !self.is_approved() {
            Some(Wrong::Unapproved)
        } else if !is_announced {
            Some(Wrong::Unannounced)
        } else if other.is_some() && matches!(progress, None | Some(Progress::Asked)) {
            Some(Wrong::NoRoom)
        } else {
            None
        }
    }

    /// Whether a key may come into the secret: whoever may read it has been approved.
    pub(super) fn is_approved(&self) -> bool {
        self.is_enrolled && !self.secret.is_deleted && !self.secret.is_opened
    }

    /// What is wrong with creating a key by this mint.
    pub(super) fn judge_creating(&self, mint: u8, was_approved: bool) -> Option<Wrong> {
        if !was_approved {
            return Some(Wrong::Unapproved);
        }
        (self.keys.other.is_some() && self.made_by == Some(mint)).then_some(Wrong::TwoKeys)
    }

    /// What is wrong with deleting this key to make room.
    pub(super) fn judge_deleting(&self, key: &Key) -> Option<Wrong> {
        let Besides::Idle(since) = self.setting.besides else { return Some(Wrong::NotOurs) };
        if key.number != 0 {
            Some(Wrong::NotOurs)
        } else if key.is_active {
            Some(Wrong::Usable)
        } else if self.now <= since + DAY {
            Some(Wrong::Undoable)
        } else if key.used_for_sure(self.now).is_some_and(|used| used > since) {
            Some(Wrong::Wanted)
        } else {
            None
        }
    }

    /// Whether a key that is there was minted, and nobody holds its secret: no version, and no run that could still store it
    /// but the one in this place.
    fn is_lost(&self, key: u8, besides: Option<usize>) -> bool {
        let others = self.attempts.iter().enumerate().filter(|(slot, _)| Some(*slot) != besides);
        let mut attempts = others.filter_map(|(_, attempt)| attempt.as_ref());
        let is_there = self.keys.other.is_some_and(|other| other.number == key);
        is_there
            && self.made_by.is_some()
            && self.mints.iter().all(|mint| mint.holds != Some(key))
            && attempts.all(|attempt| match attempt.phase {
                Phase::NoteCreated { key: held } | Phase::Put { key: held } => held != key,
                _ => true,
            })
    }

    /// What is wrong with the run in this place discarding a key. What is gone cannot be deleted.
    pub(super) fn judge_discarding(&self, key: u8, slot: usize) -> Option<Wrong> {
        let is_there = self.keys.other.is_some_and(|other| other.number == key);
        (is_there && !self.is_lost(key, Some(slot))).then_some(Wrong::NotLost)
    }

    /// Whether all has come to rest at the end of time: nothing runs or is asked for, and the last day was looked at.
    fn is_over(&self) -> bool {
        !self.is_looking() && !self.is_minting() && self.secret.requested.is_none() && self.looked > 0
    }

    /// Whether the old key must be inactive by now: its retriever fetches, nothing stands in the way of a mint, and nothing
    /// was done by people or went wrong for six days.
    pub(super) fn is_left_undone(&self) -> bool {
        let Setting { pattern, fetches_from, besides, may, script, .. } = self.setting;
        let is_easy = (pattern, fetches_from, besides) == (Pattern::Always, 0, Besides::Nothing) && script.is_empty();
        let is_undisturbed = self.deeds == self.setting.deeds || may == OF_THE_SECRET;
        let is_old_active = self.keys.old.is_some_and(|old| old.is_active);
        // What an earlier rotation has left is a person's matter: its key, and the label of a version that is not complete.
        let is_own =
            |version: u8| self.minting().is_some_and(|minting| self.mints.get(usize::from(version)) == Some(minting));
        let is_free =
            self.secret.pending.is_none_or(is_own) && (self.keys.other.is_none() || self.made_by.is_some_and(is_own));
        let is_due = is_easy && is_undisturbed && is_free && self.is_approved() && !self.is_stopped;
        is_old_active && is_due && self.is_over() && self.now >= self.troubled + 6 * DAY
    }

    /// Whether a key whose secret nobody holds is left though all was done that could be, for two days in which its user's
    /// rotation was open and nothing went wrong.
    pub(super) fn is_left(&self) -> bool {
        let Some(other) = self.keys.other.filter(|other| self.is_lost(other.number, None)) else { return false };
        let open = self.rotation.as_ref().filter(|rotation| rotation.ended.is_none());
        let made_by = self.made_by.and_then(|mint| self.mints.get(usize::from(mint)));
        // Of a key whose id nobody wrote down, only an event tells whose it is.
        let is_told = !matches!(made_by.map(|mint| mint.progress), Some(Progress::Intended(_)))
            || (self.is_known(other.created) && self.is_known(other.created + DAY));
        let since = open.map_or(Tick::MAX, |rotation| tick(rotation.opened).max(other.created).max(self.troubled));
        let is_long_ago = self.now > since.saturating_add(2 * DAY);
        self.is_over() && is_told && is_long_ago && !self.is_stopped && !self.secret.is_deleted
    }

    /// The same of a user whose rotation has ended otherwise.
    pub(super) fn is_left_at_the_end(&self) -> bool {
        let is_lost = self.keys.other.is_some_and(|other| self.is_lost(other.number, None));
        is_lost && self.is_over() && self.rotation.as_ref().is_some_and(|rotation| rotation.ended.is_some())
    }
}
