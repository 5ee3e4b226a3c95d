//! One user and one event, for tests of what decides about one alone: whatever a test is not about is plain.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "what is no name or ARN fails the test that wrote it"
)]

use std::collections::{BTreeMap, BTreeSet};

use credwarden_credential::creation::{Creation, CreationAct, Creator, Principal};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{AccessKeys, Known, Listing, User};
use jiff::Timestamp;

/// A user of that name who holds nothing: all its credentials were listed, and there are none.
pub fn user(name: &str, created: Timestamp) -> User {
    let others = CredentialKind::OF_USERS.into_iter().filter(|kind| *kind != CredentialKind::AccessKey);
    User {
        id: "AIDAEXAMPLE000000001".parse().unwrap(),
        name: name.parse().unwrap(),
        arn: format!("arn:aws:iam::123456789012:user/{name}").parse().unwrap(),
        path: "/".to_owned(),
        created,
        tags: BTreeMap::new(),
        groups: BTreeSet::new(),
        attached_policies: BTreeSet::new(),
        console_password: Known::Yes(false),
        access_keys: AccessKeys::Live(Vec::new()),
        other_credentials: others.map(|kind| (kind, Listing::Live(Vec::new()))).collect(),
        provenance: None,
    }
}

/// A session `dana` of that role, a path and a name.
pub fn session(role: &str) -> Creator {
    Creator {
        principal: Principal::Role(format!("arn:aws:iam::123456789012:role/{role}").parse().unwrap()),
        session: Some("dana".to_owned()),
        source_identity: None,
        invoked_by: None,
    }
}

/// That a credential of the user of that name was created or re-activated then.
pub fn creation(act: CreationAct, credential: CredentialId, user: &str, creator: Creator, at: Timestamp) -> Creation {
    Creation {
        event: format!("{act}-{credential}-{}-{at}", creator.principal.as_str()),
        act,
        credential,
        user: user.parse().unwrap(),
        user_id: None,
        creator,
        source: "198.51.100.7".to_owned(),
        mfa: Some(false),
        at,
        region: "us-east-1".to_owned(),
    }
}
