//! Makes a credential unusable in a way that can be undone: requests signed with an inactive access key are refused,
//! and it is what it was once it is active again. Nothing is deleted.

use credwarden_credential::snapshot::{AccessKey, KeyStatus};

/// The status that deactivation gives a key; `None` if it is inactive.
pub fn act(key: &AccessKey) -> Option<KeyStatus> {
    match key.status {
        KeyStatus::Active => Some(KeyStatus::Inactive),
        KeyStatus::Inactive => None,
    }
}

/// The status that undoing gives a key; `None` if it is active.
pub fn undo(key: &AccessKey) -> Option<KeyStatus> {
    match key.status {
        KeyStatus::Active => None,
        KeyStatus::Inactive => Some(KeyStatus::Active),
    }
}

#[cfg(test)]
mod tests {
    use credwarden_credential::snapshot::LastUse;

    use super::*;

    fn key(status: KeyStatus) -> AccessKey {
        let id = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
        AccessKey { id, status, created: jiff::Timestamp::UNIX_EPOCH, last_use: LastUse::Never }
    }

    #[test]
    fn undo_gives_back_what_the_act_took() {
        let active = key(KeyStatus::Active);
        let inactive = key(act(&active).unwrap());
        assert_eq!(inactive.status, KeyStatus::Inactive);
        assert_eq!(undo(&inactive), Some(active.status));
    }

    #[test]
    fn doing_it_again_changes_nothing() {
        assert_eq!(act(&key(KeyStatus::Inactive)), None);
        assert_eq!(undo(&key(KeyStatus::Active)), None);
    }
}
