//! Makes a credential unusable, in a way that can be undone where IAM knows one: requests signed with an inactive access key are
//! refused, and so is whatever is done with another credential that IAM gives a status. It is what it was once it is active
//! again. A console password has no status, and is deleted for good.

pub mod wiring;

use credwarden_credential::snapshot::{Credential, KeyStatus, Status};
use credwarden_policy::remedy::Effect;

/// What deactivation makes of a credential; `None` if it cannot be used anyhow.
pub fn act(credential: &Credential) -> Option<Effect> {
    match credential.status {
        Status::Inactive | Status::Expired => None,
        Status::Active if credential.id.kind().has_status() => Some(Effect::Status(KeyStatus::Inactive)),
        Status::Active => Some(Effect::Deleted),
    }
}

/// The status that undoing gives a credential; `None` if it is active, or has expired, which nothing undoes.
pub fn undo(credential: &Credential) -> Option<KeyStatus> {
    match credential.status {
        Status::Active | Status::Expired => None,
        Status::Inactive => credential.id.kind().has_status().then_some(KeyStatus::Active),
    }
}

#[cfg(test)]
mod tests {
    use credwarden_credential::snapshot::LastUse;

    use super::*;

    const IDS: [&str; 4] =
        ["AKIAIOSFODNN7EXAMPLE", "ACCAEXAMPLE123EXAMPLE", "APKAEXAMPLE123EXAMPLE", "TA7SMP42TDN5Z26OBPJE7EXAMPLE"];

    fn credential(id: &str, status: impl Into<Status>) -> Credential {
        Credential {
            id: id.parse().unwrap(),
            status: status.into(),
            created: jiff::Timestamp::UNIX_EPOCH,
            expires: None,
            service: None,
            last_use: LastUse::NotRead,
        }
    }

    #[test]
    fn undo_gives_back_what_the_act_took() {
        for id in IDS {
            let made = act(&credential(id, Status::Active)).unwrap();
            assert_eq!(made, Effect::Status(KeyStatus::Inactive), "{id}");
            let inactive = credential(id, Status::Inactive);
            assert_eq!(undo(&inactive), Some(KeyStatus::Active), "{id}");
        }
    }

    #[test]
    fn doing_it_again_changes_nothing() {
        for id in IDS {
            assert_eq!(act(&credential(id, Status::Inactive)), None, "{id}");
            assert_eq!(undo(&credential(id, Status::Active)), None, "{id}");
        }
    }

    #[test]
    fn what_has_expired_is_left_alone() {
        let expired = credential(IDS[1], Status::Expired);
        assert_eq!((act(&expired), undo(&expired)), (None, None));
    }

    #[test]
    fn a_console_password_is_deleted_and_nothing_gives_it_back() {
        let password = credential("console-password", Status::Active);
        assert_eq!((act(&password), undo(&password)), (Some(Effect::Deleted), None));
    }
}
