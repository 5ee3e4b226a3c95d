//! The truth about an account, and the one builder of it.

#![expect(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a mistake in the making of a test's world must end the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::str::FromStr;

use credwarden_credential::id::{AccountId, Arn, GroupName, UserId, UserName};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{
    AccessKey, Credential, KeyStatus, Known, LastUse, Listing, Snapshot, Status, User,
};
use credwarden_inventory::live::SIGN_IN;
use credwarden_inventory::read::{UserDetail, UserRecord};
use jiff::{SignedDuration, Timestamp};

use crate::id;

/// The ARN of AWS's policy of administrators.
pub const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// The account of every estate.
pub const ACCOUNT: &str = "123456789012";

/// How long ago a user was created of whom nothing else is said.
const AGE_OF_USERS: i64 = 400;

/// That many days.
pub fn age_days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days * 24)
}

/// That many hours.
pub fn age_hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// That many seconds.
pub fn age_seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// An account: its groups and users, and the time it is there.
///
/// The builder's methods describe the user named last, and within it the key made last. A method that finds nobody to
/// describe, or a text that is no name or ARN, ends the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estate {
    /// The time at which all ages are counted.
    pub now: Timestamp,
    /// The groups, with the managed policies attached to them.
    pub groups: BTreeMap<GroupName, BTreeSet<Arn>>,
    /// The users.
    pub users: Vec<EstateUser>,
    /// How many users were ever created with a name: the next one has another id.
    ever_created: BTreeMap<UserName, u32>,
}

/// A user of an estate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstateUser {
    /// What IAM shows of the user itself.
    pub detail: UserDetail,
    /// The permissions boundary.
    pub boundary: Option<Arn>,
    /// The console password.
    pub password: Option<Password>,
    /// The access keys.
    pub keys: Vec<EstateKey>,
    /// Service-specific credentials, SSH public keys and signing certificates.
    pub others: Vec<EstateCredential>,
    /// How many credentials were ever made for the user: the next one has another id.
    ever_minted: u32,
}

/// A credential of an estate that is neither password nor access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstateCredential {
    /// The credential; IAM shows no last use of it.
    pub credential: Credential,
    /// When it was created or its status last changed.
    pub changed: Timestamp,
}

/// A console password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Password {
    /// When it was set.
    pub created: Timestamp,
    /// When its user signed in last.
    pub last_used: Option<Timestamp>,
}

/// An access key of an estate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstateKey {
    /// The key, with its true last use.
    pub key: AccessKey,
    /// When it was created or its status last changed: what the credential report calls `last_rotated`.
    pub changed: Timestamp,
}

impl Estate {
    /// An account without users.
    pub fn new(now: Timestamp) -> Self {
        let now = whole_seconds(now);
        Self { now, groups: BTreeMap::new(), users: Vec::new(), ever_created: BTreeMap::new() }
    }

    /// Adds a group, or attaches further policies to it.
    #[must_use]
    pub fn group(mut self, name: &str, attached: &[&str]) -> Self {
        self.groups.entry(parsed(name)).or_default().extend(attached.iter().map(|arn| parsed::<Arn>(arn)));
        self
    }

    /// Adds a user, created 400 days ago at `/`.
    #[must_use]
    pub fn user(mut self, name: &str) -> Self {
        let name: UserName = parsed(name);
        assert!(self.find(name.as_str()).is_none(), "there is a user `{name}` already");
        let serial = self.ever_created.entry(name.clone()).or_default();
        *serial += 1;
        let record = UserRecord {
            id: id::user_id(name.as_str(), *serial),
            arn: user_arn("/", &name),
            name,
            path: "/".to_owned(),
            created: before(self.now, age_days(AGE_OF_USERS)),
            tags: BTreeMap::new(),
        };
        let detail = UserDetail { record, groups: BTreeSet::new(), attached_policies: BTreeSet::new() };
        self.users.push(EstateUser {
            detail,
            boundary: None,
            password: None,
            keys: Vec::new(),
            others: Vec::new(),
            ever_minted: 0,
        });
        self
    }

    /// The user was created that long ago.
    #[must_use]
    pub fn created(mut self, age: SignedDuration) -> Self {
        self.last_user().detail.record.created = before(self.now, age);
        self
    }

    /// The user's path, `/` or `/…/`.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        let record = &mut self.last_user().detail.record;
        record.arn = user_arn(path, &record.name);
        path.clone_into(&mut record.path);
        self
    }

    /// The user bears a tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.last_user().detail.record.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The user is a member of a group, which is added if there is none of that name.
    #[must_use]
    pub fn member_of(mut self, group: &str) -> Self {
        let group: GroupName = parsed(group);
        self.last_user().detail.groups.insert(group.clone());
        self.groups.entry(group).or_default();
        self
    }

    /// A managed policy is attached to the user itself.
    #[must_use]
    pub fn attached(mut self, policy: &str) -> Self {
        self.last_user().detail.attached_policies.insert(parsed(policy));
        self
    }

    /// The user has a permissions boundary.
    #[must_use]
    pub fn boundary(mut self, policy: &str) -> Self {
        self.last_user().boundary = Some(parsed(policy));
        self
    }

    /// The user has a console password that was set that long ago and never used. The user is at least as old.
    #[must_use]
    pub fn password(mut self, age: SignedDuration) -> Self {
        let created = before(self.now, age);
        let user = self.last_user();
        user.password = Some(Password { created, last_used: None });
        user.detail.record.created = user.detail.record.created.min(created);
        self
    }

    /// The user signed in to the console that long ago.
    #[must_use]
    pub fn signed_in(mut self, age: SignedDuration) -> Self {
        let at = before(self.now, age);
        match &mut self.last_user().password {
            Some(password) => password.last_used = Some(at),
            None => panic!("only a user with a password signs in"),
        }
        self
    }

    /// The user has a further access key, active, made that long ago and never used. The user is at least as old.
    #[must_use]
    pub fn key(mut self, age: SignedDuration) -> Self {
        let created = before(self.now, age);
        let user = self.last_user();
        user.ever_minted += 1;
        let id = id::access_key_id(&user.detail.record.id, user.ever_minted);
        let key = AccessKey { id, status: KeyStatus::Active, created, last_use: LastUse::Never };
        user.keys.push(EstateKey { key, changed: created });
        user.detail.record.created = user.detail.record.created.min(created);
        self
    }

    /// The key was made inactive that long ago.
    #[must_use]
    pub fn inactive_since(mut self, age: SignedDuration) -> Self {
        let changed = before(self.now, age);
        let key = self.last_key();
        key.key.status = KeyStatus::Inactive;
        key.changed = changed;
        self
    }

    /// The key was made inactive and active again that long ago: it looks new in the credential report.
    #[must_use]
    pub fn toggled(mut self, age: SignedDuration) -> Self {
        self.last_key().changed = before(self.now, age);
        self
    }

    /// The key was used last that long ago, in `us-east-1`.
    #[must_use]
    pub fn used(mut self, age: SignedDuration, service: &str) -> Self {
        let at = before(self.now, age);
        self.last_key().key.last_use = LastUse::At { at, service: service.to_owned(), region: "us-east-1".to_owned() };
        self
    }

    /// The user has a service-specific credential, active, made that long ago for a service such as
    /// `codecommit.amazonaws.com`.
    #[must_use]
    pub fn service_specific(self, service: &str, age: SignedDuration) -> Self {
        self.other(CredentialKind::ServiceSpecificCredential, Some(service), age)
    }

    /// The user has an SSH public key, active, uploaded that long ago.
    #[must_use]
    pub fn ssh_public_key(self, age: SignedDuration) -> Self {
        self.other(CredentialKind::SshPublicKey, None, age)
    }

    /// The user has a signing certificate, active, uploaded that long ago.
    #[must_use]
    pub fn signing_certificate(self, age: SignedDuration) -> Self {
        self.other(CredentialKind::SigningCertificate, None, age)
    }

    /// The credential made last that is neither password nor access key has this status since then.
    #[must_use]
    pub fn with_status(mut self, status: Status, age: SignedDuration) -> Self {
        let changed = before(self.now, age);
        let other = self.last_other();
        other.credential.status = status;
        other.changed = changed;
        self
    }

    /// The credential made last that is neither password nor access key expires in that time.
    #[must_use]
    pub fn expiring_in(mut self, time: SignedDuration) -> Self {
        let expires = before(self.now, -time);
        self.last_other().credential.expires = Some(expires);
        self
    }

    fn other(mut self, kind: CredentialKind, service: Option<&str>, age: SignedDuration) -> Self {
        let created = before(self.now, age);
        let user = self.last_user();
        user.ever_minted += 1;
        let credential = Credential {
            id: id::credential_id(kind, &user.detail.record.id, user.ever_minted),
            status: Status::Active,
            created,
            expires: None,
            service: service.map(str::to_owned),
            last_use: LastUse::NotRead,
        };
        user.others.push(EstateCredential { credential, changed: created });
        user.detail.record.created = user.detail.record.created.min(created);
        self
    }

    /// The user of that name.
    pub fn find(&self, name: &str) -> Option<&EstateUser> {
        self.users.iter().find(|user| user.name().as_str() == name)
    }

    /// The user of that name, who must be there, to be changed.
    pub fn find_mut(&mut self, name: &str) -> &mut EstateUser {
        match self.users.iter_mut().find(|user| user.name().as_str() == name) {
            Some(user) => user,
            None => panic!("there is no user `{name}`"),
        }
    }

    /// Takes the user of that name away. One who is created later under that name has another id.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.users.retain(|user| user.name().as_str() != name);
        self
    }

    /// Moves the time on; ages grow.
    #[must_use]
    pub fn after(mut self, time: SignedDuration) -> Self {
        self.now = before(self.now, -time);
        self
    }

    /// Makes a credential active or inactive, as the call of its kind does. `false` if there is none.
    pub fn set_status(&mut self, credential: &CredentialId, status: KeyStatus) -> bool {
        let now = self.now;
        for user in &mut self.users {
            if let Some(owned) = user.keys.iter_mut().find(|owned| credential.as_str() == owned.key.id.as_str()) {
                (owned.key.status, owned.changed) = (status, now);
                return true;
            }
            if let Some(owned) = user.others.iter_mut().find(|owned| owned.credential.id == *credential) {
                (owned.credential.status, owned.changed) = (status.into(), now);
                return true;
            }
        }
        false
    }

    /// Everything that can be known of the account: all keys with their last use.
    pub fn snapshot(&self) -> Snapshot {
        let users = self.users.iter().map(|user| (user.id().clone(), self.whole(user))).collect();
        Snapshot { as_of: self.now, users }
    }

    fn whole(&self, user: &EstateUser) -> User {
        let UserDetail { record, groups, attached_policies } = user.detail.clone();
        let by_group = groups.iter().filter_map(|group| self.groups.get(group)).flatten().cloned();
        let mut keys: Vec<AccessKey> = user.keys.iter().map(|owned| owned.key.clone()).collect();
        keys.sort_by(|one, other| one.id.cmp(&other.id));
        User {
            id: record.id,
            name: record.name,
            arn: record.arn,
            path: record.path,
            created: record.created,
            tags: record.tags,
            attached_policies: attached_policies.into_iter().chain(by_group).collect(),
            groups,
            console_password: Known::Yes(user.password.is_some()),
            access_keys: Listing::Live(keys),
            other_credentials: CredentialKind::OF_USERS
                .into_iter()
                .filter(|kind| *kind != CredentialKind::AccessKey)
                .map(|kind| (kind, Listing::Live(user.of(kind))))
                .collect(),
            provenance: None,
        }
    }

    fn last_user(&mut self) -> &mut EstateUser {
        match self.users.last_mut() {
            Some(user) => user,
            None => panic!("name a user first"),
        }
    }

    fn last_other(&mut self) -> &mut EstateCredential {
        match self.last_user().others.last_mut() {
            Some(other) => other,
            None => panic!("give the user a credential first"),
        }
    }

    fn last_key(&mut self) -> &mut EstateKey {
        match self.last_user().keys.last_mut() {
            Some(key) => key,
            None => panic!("give the user a key first"),
        }
    }
}

impl Password {
    fn credential(self) -> Credential {
        let last_use = match self.last_used.filter(|at| *at >= self.created) {
            Some(at) => LastUse::At { at, service: SIGN_IN.to_owned(), region: String::new() },
            None => LastUse::Never,
        };
        Credential {
            id: CredentialId::ConsolePassword,
            status: Status::Active,
            created: self.created,
            expires: None,
            service: None,
            last_use,
        }
    }
}

impl EstateUser {
    /// The user's id.
    pub fn id(&self) -> &UserId {
        &self.detail.record.id
    }

    /// The user's name.
    pub fn name(&self) -> &UserName {
        &self.detail.record.name
    }

    /// The user's credentials of a kind, in the order of ids.
    pub fn of(&self, kind: CredentialKind) -> Vec<Credential> {
        let mut credentials: Vec<_> = match (kind, self.password) {
            (CredentialKind::ConsolePassword, Some(password)) => vec![password.credential()],
            (CredentialKind::AccessKey, _) => self.keys.iter().map(|owned| Credential::from(&owned.key)).collect(),
            _ => self
                .others
                .iter()
                .map(|other| other.credential.clone())
                .filter(|other| other.id.kind() == kind)
                .collect(),
        };
        credentials.sort_by(|one, other| one.id.cmp(&other.id));
        credentials
    }
}

/// Dates of IAM have whole seconds.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn before(now: Timestamp, age: SignedDuration) -> Timestamp {
    match now.checked_sub(age) {
        Ok(at) => at,
        Err(error) => panic!("{age} is too long ago: {error}"),
    }
}

fn user_arn(path: &str, name: &UserName) -> Arn {
    parsed(&format!("arn:aws:iam::{ACCOUNT}:user{path}{name}"))
}

pub(crate) fn account() -> AccountId {
    parsed(ACCOUNT)
}

fn parsed<T: FromStr<Err: Debug>>(text: &str) -> T {
    match text.parse() {
        Ok(parsed) => parsed,
        Err(error) => panic!("`{text}`: {error:?}"),
    }
}
