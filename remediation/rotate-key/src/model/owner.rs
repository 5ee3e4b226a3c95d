//! What an owner, or a person with its rights, does: anything, in any order.

use credwarden_policy::rotation::Delivery;

use super::account::Key;
use super::state::State;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Deed {
    Create,
    /// Uses the other key once.
    Try,
    /// Configures the workload with the other key, and tries it.
    Move,
    /// Configures it with the old key again.
    MoveBack,
    /// Says that nothing needs the old key, whether that is so or not.
    Acknowledge,
    DeleteOther,
    DeleteOld,
    SwitchOther,
    /// Makes the old key active, or inactive.
    SwitchOld,
    /// Edits the policy: owners are not to use a role, but to create a key.
    EditPolicy,
}

const DEEDS: [Deed; 10] = [
    Deed::Create,
    Deed::Try,
    Deed::Move,
    Deed::MoveBack,
    Deed::Acknowledge,
    Deed::DeleteOther,
    Deed::DeleteOld,
    Deed::SwitchOther,
    Deed::SwitchOld,
    Deed::EditPolicy,
];

impl State {
    pub(super) fn deeds(&self) -> impl Iterator<Item = Deed> {
        let done = usize::from(self.setting.deeds - self.deeds);
        let any: &[Deed] = if self.deeds == 0 { &[] } else { &DEEDS };
        let next = self.setting.script.get(done..=done).unwrap_or_default();
        let deeds = if self.setting.script.is_empty() { any } else { next };
        deeds.iter().copied().filter(|deed| self.can_do(*deed))
    }

    fn can_do(&self, deed: Deed) -> bool {
        let (old, other) = (self.keys.old.as_ref(), self.keys.other.as_ref());
        match deed {
            Deed::Create => other.is_none() && old.is_some(),
            Deed::Move => other.is_some_and(|other| other.is_active && self.workload != other.number),
            Deed::MoveBack => old.is_some_and(|old| old.is_active && self.workload != old.number),
            Deed::Acknowledge => self.said.is_none() && self.rotation.is_some() && old.is_some(),
            Deed::DeleteOther | Deed::SwitchOther => other.is_some(),
            Deed::DeleteOld => old.is_some() && other.is_some(),
            Deed::SwitchOld => old.is_some(),
            Deed::Try => other.is_some_and(|other| other.is_active && other.used != Some(self.now)),
            Deed::EditPolicy => self.delivery == Delivery::Replace && !self.is_running(),
        }
    }

    pub(super) fn do_deed(&mut self, deed: Deed) {
        self.deeds -= 1;
        let now = self.now;
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
            Deed::Move => {
                if let Some(other) = &mut self.keys.other {
                    self.workload = other.number;
                    other.use_at(now);
                }
                self.has_moved = true;
            }
            Deed::MoveBack => {
                if let Some(old) = &mut self.keys.old {
                    self.workload = old.number;
                    old.use_at(now);
                }
            }
            Deed::Acknowledge => {
                self.said = Some(now);
                self.said_at = Some(now);
            }
            Deed::DeleteOther => self.change(|keys| keys.other = None),
            Deed::DeleteOld => self.change(|keys| keys.old = None),
            Deed::SwitchOther => self.change(|keys| {
                if let Some(other) = &mut keys.other {
                    other.is_active = !other.is_active;
                }
            }),
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
            Deed::EditPolicy => {
                self.delivery = Delivery::Owner;
                self.asked = None;
            }
        }
    }
}
