//! Makes a credential unusable in a way that can be undone: requests signed with an inactive access key are refused,
//! and so is whatever is done with another credential that IAM gives a status. It is what it was once it is active again.
//! Nothing is deleted.

pub mod wiring;

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, KeyStatus, Status};

/// The status that deactivation gives a credential; `None` if it cannot be used anyhow, or IAM gives its kind no status.
pub fn act(credential: &Credential) -> Option<KeyStatus> {
    match (&credential.id, credential.status) {
        (CredentialId::ConsolePassword, _) | (_, Status::Inactive | Status::Expired) => None,
        (_, Status::Active) => Some(KeyStatus::Inactive),
    }
}

/// The status that undoing gives a credential; `None` if it is active, or has expired, which nothing undoes.
pub fn undo(credential: &Credential) -> Option<KeyStatus> {
    match (&credential.id, credential.status) {
        (CredentialId::ConsolePassword, _) | (_, Status::Active | Status::Expired) => None,
        (_, Status::Inactive) => Some(KeyStatus::Active),
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
            let inactive = credential(id, act(&credential(id, Status::Active)).unwrap());
            assert_eq!(inactive.status, Status::Inactive, "{id}");
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
    fn what_has_no_status_to_give_is_left_alone() {
        let (expired, password) = (credential(IDS[1], Status::Expired), credential("console-password", Status::Active));
        for credential in [expired, password] {
            assert_eq!((act(&credential), undo(&credential)), (None, None), "{}", credential.id);
        }
    }
}
