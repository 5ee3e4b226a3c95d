//! Users, events and policies of a small account.

use std::sync::Arc;

use credwarden_credential::creation::{Coverage, Creation, CreationAct, Creator, Intended, Principal, Provenance};
use credwarden_credential::id::AccessKeyId;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{AccessKey, Credential, KeyStatus, LastUse, Listing, Status, User};
use credwarden_estate::single;
use credwarden_policy::document::DEFAULT;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::verdict::Verdict;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use unauthorized_key_creation::judge;

pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 24 * HOUR;
const NOW: i64 = 1_790_000_000;

/// How long ago the account was first looked at.
pub(crate) const INSTALLED: i64 = 30 * DAY;

/// How long ago the first event was that CloudTrail still showed then.
pub(crate) const FIRST_EVENT: i64 = INSTALLED + 90 * DAY;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub(crate) fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

pub(crate) fn key_id(number: u32) -> AccessKeyId {
    format!("AKIAEXAMPLE{number:09}").parse().unwrap()
}

pub(crate) fn key(number: u32, age: i64) -> AccessKey {
    AccessKey { id: key_id(number), status: KeyStatus::Active, created: ago(age), last_use: LastUse::NotRead }
}

/// The default policy with this section `creation`.
pub(crate) fn policy(creation: &str) -> Policy {
    let mut document: Value = serde_json::from_str(DEFAULT).unwrap();
    document.as_object_mut().unwrap().insert("creation".to_owned(), serde_json::from_str(creation).unwrap());
    Policy::parse(&document.to_string()).unwrap()
}

pub(crate) fn only_key_vending() -> Policy {
    policy(r#"{ "default": { "creators": ["arn:*:iam::*:role/key-vending"] } }"#)
}

pub(crate) fn by(role: &str) -> Creator {
    Creator {
        principal: Principal::Role(format!("arn:aws:iam::123456789012:{role}").parse().unwrap()),
        session: Some("dana".to_owned()),
        source_identity: None,
        invoked_by: None,
    }
}

fn event(act: CreationAct, credential: CredentialId, user: &str, age: i64, creator: Creator) -> Creation {
    single::creation(act, credential, user, creator, ago(age))
}

pub(crate) fn created(number: u32, age: i64, creator: Creator) -> Creation {
    event(CreationAct::CreateAccessKey, CredentialId::AccessKey(key_id(number)), "build-robot", age, creator)
}

pub(crate) fn reactivated(number: u32, age: i64, creator: Creator) -> Creation {
    event(CreationAct::UpdateAccessKey, CredentialId::AccessKey(key_id(number)), "build-robot", age, creator)
}

pub(crate) fn password_created(user: &str, age: i64, creator: Creator) -> Creation {
    event(CreationAct::CreateLoginProfile, CredentialId::ConsolePassword, user, age, creator)
}

/// These events, and every other was asked for just now.
pub(crate) fn known(events: impl IntoIterator<Item = Creation>) -> Provenance {
    let all = Coverage { from: ago(FIRST_EVENT), asked: now(), unreadable: Vec::new() };
    let mut provenance = Provenance::since(ago(INSTALLED));
    provenance.creations = events.into_iter().collect();
    provenance.coverage = CreationAct::ALL.iter().map(|act| (*act, all.clone())).collect();
    provenance
}

pub(crate) fn user(keys: Vec<AccessKey>, provenance: Provenance) -> User {
    User {
        access_keys: Listing::Live(keys),
        provenance: Some(Arc::new(provenance)),
        ..single::user("build-robot", ago(1000 * DAY))
    }
}

/// Somebody made another credential than an access key active again.
pub(crate) fn reactivated_other(act: CreationAct, credential: &CredentialId, age: i64, creator: Creator) -> Creation {
    event(act, credential.clone(), "build-robot", age, creator)
}

pub(crate) fn with_password(user: User, age: i64) -> User {
    with_other(user, CredentialId::ConsolePassword, age)
}

/// The user with an active credential of another kind than access keys.
pub(crate) fn with_other(mut user: User, id: CredentialId, age: i64) -> User {
    let kind = id.kind();
    let credential = Credential {
        id,
        status: Status::Active,
        created: ago(age),
        expires: None,
        service: None,
        last_use: LastUse::NotRead,
    };
    user.other_credentials.insert(kind, Listing::Live(vec![credential]));
    user
}

/// The user in an account where `deactivate-credential` is a role of our own functions, which wrote down so long ago that
/// it would re-activate the first key, and that it was done.
pub(crate) fn workshop(user: User, intended: Option<i64>) -> User {
    workshop_on(user, &CredentialId::AccessKey(key_id(1)), intended)
}

/// The same of any credential.
pub(crate) fn workshop_on(mut user: User, credential: &CredentialId, intended: Option<i64>) -> User {
    let mut provenance = Provenance::clone(user.provenance.as_deref().unwrap());
    provenance.own_roles = ["arn:aws:iam::123456789012:role/deactivate-credential".parse().unwrap()].into();
    provenance.intents = intended
        .map(|age| Intended {
            user: user.id.clone(),
            credential: credential.clone(),
            from: ago(age),
            until: Some(ago(age)),
        })
        .into_iter()
        .collect();
    user.provenance = Some(Arc::new(provenance));
    user
}

pub(crate) fn verdict(user: &User) -> Verdict {
    judge(user, &only_key_vending(), &Exceptions::default(), now())
}

pub(crate) fn offending(verdict: &Verdict) -> Vec<String> {
    verdict.findings().filter_map(|finding| finding.credential()).map(ToString::to_string).collect()
}

pub(crate) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Compliant(_) => "fine",
        Verdict::NonCompliant { .. } => "broken",
        Verdict::NotApplicable(_) => "none",
        Verdict::Unknown(_) => "unknown",
    }
}
