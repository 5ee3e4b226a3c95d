//! What people do who may: the owner, the retriever, whoever administers the account. Anything, in any order.

use super::state::State;
use crate::model::account::Key;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Deed {
    /// Creates a key by hand.
    Create,
    /// Uses the other key once, by somebody who holds it.
    Try,
    /// The retriever fetches what the secret holds.
    Fetch,
    /// Says that nothing needs the old key, whether that is so or not.
    Acknowledge,
    DeleteOther,
    SwitchOther,
    /// Makes the old key active, or inactive.
    SwitchOld,
    /// Lets others read the secret, or has it as it was approved.
    SwitchPolicy,
    DeleteSecret,
    /// Withdraws the enrolment, or enrols the user anew.
    SwitchEnrolment,
    SwitchKill,
}

/// What whoever administers the secret does.
pub(super) const OF_THE_SECRET: [Deed; 4] =
    [Deed::DeleteOther, Deed::SwitchPolicy, Deed::SwitchEnrolment, Deed::SwitchKill];

/// All of it.
pub(super) const DEEDS: [Deed; 11] = [
    Deed::Create,
    Deed::Try,
    Deed::Fetch,
    Deed::Acknowledge,
    Deed::DeleteOther,
    Deed::SwitchOther,
    Deed::SwitchOld,
    Deed::SwitchPolicy,
    Deed::DeleteSecret,
    Deed::SwitchEnrolment,
    Deed::SwitchKill,
];

impl State {
    pub(super) fn deeds(&self) -> impl Iterator<Item = Deed> {
        let done = usize::from(self.setting.deeds - self.deeds);
        let any = if self.deeds == 0 { &[] } else { self.setting.may };
        let next = self.setting.script.get(done..=done).unwrap_or_default();
        let deeds = if self.setting.script.is_empty() { any } else { next };
        deeds.iter().copied().filter(|deed| self.can_do(*deed))
    }

    fn can_do(&self, deed: Deed) -> bool {
        let (old, other) = (self.keys.old.as_ref(), self.keys.other.as_ref());
        match deed {
            Deed::Create => other.is_none(),
            // A key that was minted is held by whoever reads the secret.
            Deed::Try => other.is_some_and(|other| {
                let is_held = self.made_by.is_none() || self.current() == other.number;
                is_held && other.is_active && other.used != Some(self.now)
            }),
            Deed::Fetch => !self.secret.is_deleted && self.held != Some(self.current()),
            Deed::Acknowledge => self.said.is_none() && self.rotation.is_some(),
            Deed::DeleteOther | Deed::SwitchOther => other.is_some(),
            Deed::SwitchOld => old.is_some(),
            Deed::SwitchPolicy | Deed::SwitchKill => true,
            Deed::DeleteSecret => !self.secret.is_deleted,
            // Whom a run has told is told of another way by the next.
            Deed::SwitchEnrolment => !self.is_looking() && (self.is_enrolled || !self.secret.is_deleted),
        }
    }

    pub(super) fn do_deed(&mut self, deed: Deed) {
        self.deeds -= 1;
        let now = self.now;
        self.troubled = now;
        match deed {
            Deed::Create => {
                self.newest += 1;
                let key = Key::new(self.newest, now);
                self.change(|keys| keys.other = Some(key));
            }
            Deed::Try => {
                if let Some(other) = &mut self.keys.other {
                    other.use_at(now);
                }
            }
            Deed::Fetch => {
                self.fetch();
                let workload = self.workload;
                let keys = [&mut self.keys.old, &mut self.keys.other].into_iter().flatten();
                for key in keys.filter(|key| key.number == workload) {
                    key.use_at(now);
                }
            }
            Deed::Acknowledge => (self.said, self.said_at) = (Some(now), Some(now)),
            Deed::DeleteOther => self.delete_other(),
            Deed::SwitchOther => {
                self.change(|keys| {
                    if let Some(other) = &mut keys.other {
                        other.is_active = !other.is_active;
                    }
                });
                if self.keys.other.is_some_and(|other| other.is_active) {
                    self.reactivated = Some(now);
                }
            }
            Deed::SwitchOld => {
                self.change(|keys| {
                    if let Some(old) = &mut keys.old {
                        old.is_active = !old.is_active;
                    }
                });
                if self.keys.old.is_some_and(|old| old.is_active) {
                    self.is_made_active();
                }
            }
            Deed::SwitchPolicy => self.secret.is_opened = !self.secret.is_opened,
            Deed::DeleteSecret => self.secret.is_deleted = true,
            Deed::SwitchEnrolment => {
                self.is_enrolled = !self.is_enrolled;
                // Who enrols approves what the secret's policy says.
                self.secret.is_opened &= !self.is_enrolled;
            }
            Deed::SwitchKill => self.is_stopped = !self.is_stopped,
        }
    }
}
