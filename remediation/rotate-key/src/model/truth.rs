//! What is true, whoever has seen it, and what must therefore never be done. It shares no line with the plan.

use credwarden_policy::rotation::Delivery;

use super::account::{DAY, Key, Pattern, Tick, tick};
use super::state::{Setting, State};

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wrong {
    /// The owner is left without a newer key that works.
    NoKeyThatWorks,
    /// The new key was a surprise: it was not there for a day.
    NewKeyTooNew,
    /// The old key was in use, and the class does not let such keys go.
    InUse,
    /// The owner did not say that nothing needs it.
    NotSaid,
    /// A job that runs seldom, as often as was observed, is locked out.
    SeldomJob,
    /// The owner had not the whole warning.
    Unwarned,
    /// The owner had just made the key active again.
    Fight,
    /// The class's owners are to use roles, and no key is made inactive for its age.
    Advised,
    /// Another run acts.
    TwoRuns,
}

/// The last instant at which the other key was a newer one that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Worked {
    pub(super) at: Tick,
    pub(super) key: Key,
}

impl State {
    /// Notes what is true now.
    pub(super) fn note(&mut self) {
        let works = |key: &Key, old: &Key| key.is_active && key.created > old.created && key.used.is_some();
        // What was true 4 hours ago justifies what is done now.
        self.worked = self.worked.filter(|worked| worked.at >= self.now - 1);
        if let (Some(other), Some(old)) = (self.keys.other, self.keys.old)
            && works(&other, &old)
            && self.worked.is_none_or(|worked| worked.key.number == other.number)
        {
            self.worked = Some(Worked { at: self.now, key: Key { used: None, used_before: None, ..other } });
        }
    }

    /// Somebody made the old key active. It is against us only where we know that it was inactive.
    pub(super) fn is_made_active(&mut self) {
        let has_ended = self.rotation.as_ref().is_some_and(|rotation| rotation.ended.is_some());
        if (self.deactivated.is_some() || has_ended) && self.work.is_none() {
            self.made_active = Some(self.now);
            self.said_at = None;
            self.asked = None;
        }
    }

    /// What is wrong with making `old` inactive now, by the facts of 4 hours ago and later.
    pub(super) fn judge(&self, old: &Key, holds_lease: bool) -> Option<Wrong> {
        let now = self.now;
        if !holds_lease {
            return Some(Wrong::TwoRuns);
        }
        if self.delivery == Delivery::Replace {
            return Some(Wrong::Advised);
        }
        let Some(worked) = self.worked else { return Some(Wrong::NoKeyThatWorks) };
        if worked.key.created > now - DAY {
            return Some(Wrong::NewKeyTooNew);
        }
        if self.made_active.is_some_and(|at| now < at + DAY || self.asked.is_none()) {
            return Some(Wrong::Fight);
        }
        let Some(asked) = self.asked else { return Some(Wrong::Unwarned) };
        let is_warned = now > asked + DAY;
        if self.setting.may_force && is_warned {
            return None;
        }
        let otherwise = |wrong| if self.setting.may_force { Wrong::Unwarned } else { wrong };
        if self.said_at.is_none_or(|at| at < worked.key.created) {
            return Some(otherwise(Wrong::NotSaid));
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

    /// Whether an owner who did everything right in time, with nothing going wrong, must see the old key inactive by now.
    pub(super) fn is_left_undone(&self) -> bool {
        let Setting { is_config_silent, faults, end, pattern, .. } = self.setting;
        let (Some(old), Some(other), Some(rotation)) = (self.keys.old, self.keys.other, &self.rotation) else {
            return false;
        };
        let Some(said) = rotation.acknowledged.as_ref().map(|said| tick(said.at)) else { return false };
        let is_over = self.now >= end && !self.is_running() && self.begun > 0;
        let is_done_right = is_config_silent && faults == self.faults && other.is_active && other.used.is_some();
        let silence = if pattern == Pattern::Quarterly { 6 * DAY } else { 2 * DAY };
        let last = said.max(other.created + DAY).max(old.used.map_or(0, |used| used + silence + 1));
        is_over && is_done_right && old.is_active && last + 2 * DAY < self.now && self.delivery == Delivery::Owner
    }
}
