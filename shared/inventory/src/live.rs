//! One user, read again completely before anything is done about it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Display;

use credwarden_credential::age::is_in_the_future;
use credwarden_credential::id::{Arn, GroupName, UserId, UserName};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{
    AccessKey, AccessKeys, Credential, Gap, GapReason, KeyStatus, Known, LastUse, Listing, Status, User,
};
use futures_util::future::join_all;
use jiff::Timestamp;
use tracing::warn;

use crate::read::{AccessKeyMetadata, Failure, ReadError, ReadIam, SingleUser, every_page};

/// The user that bears `name` now, or `None` if there is none.
///
/// A key's last use, a list of credentials or the console password that could not be read is a gap in the user. Tags, groups
/// and attached policies choose the class: without them nothing can be said of the user at all.
///
/// # Errors
/// The user, its groups or its attached policies could not be read.
pub async fn read_user<R: ReadIam>(reader: &R, name: &UserName, now: Timestamp) -> Result<Option<User>, ReadError> {
    let SingleUser { record, password_last_used } = match reader.get_user(name).await {
        Ok(user) => user,
        Err(error) if error.failure == Failure::NoSuchEntity => return Ok(None),
        Err(error) => return Err(error),
    };
    let groups = groups(reader, name).await?;
    let mut attached_policies = attached_to_user(reader, name).await?;
    for group in &groups {
        attached_policies.extend(attached_to_group(reader, group).await?);
    }
    let login_profile = login_profile(reader, name).await;
    let mut user = User {
        id: record.id,
        name: record.name,
        arn: record.arn,
        path: record.path,
        created: record.created,
        tags: record.tags,
        groups,
        attached_policies,
        console_password: has_password(&login_profile),
        access_keys: access_keys(reader, name, LastUses::Read, now).await,
        other_credentials: BTreeMap::from([
            (CredentialKind::ConsolePassword, password(login_profile, Ok(password_last_used), name, now)),
            (
                CredentialKind::ServiceSpecificCredential,
                other_credentials(reader, name, CredentialKind::ServiceSpecificCredential, LastUses::Read, now).await,
            ),
            (
                CredentialKind::SshPublicKey,
                other_credentials(reader, name, CredentialKind::SshPublicKey, LastUses::Read, now).await,
            ),
            (
                CredentialKind::SigningCertificate,
                other_credentials(reader, name, CredentialKind::SigningCertificate, LastUses::Read, now).await,
            ),
        ]),
        provenance: None,
    };
    if let Some(gap) = created_in_the_future(&user, now) {
        nothing_known(&mut user, &gap);
    }
    Ok(Some(user))
}

/// The name that the user with this id bears now, or `None` if there is no such user. IAM has no call for that: the
/// whole list of users is read.
///
/// # Errors
/// The list could not be read to its end, so that nothing follows from the id's absence.
pub async fn find_user_by_id<R: ReadIam>(reader: &R, id: &UserId) -> Result<Option<UserName>, ReadError> {
    let users = every_page("list users", |marker| reader.list_users(marker)).await?;
    Ok(users.into_iter().find(|user| user.id == *id).map(|user| user.name))
}

/// The gap that is left of a user whose own date cannot be believed.
pub(crate) fn created_in_the_future(user: &User, now: Timestamp) -> Option<Gap> {
    is_in_the_future(user.created, now).then(|| {
        implausible(format!("judge the age of `{}`, who was created in the future, at {}", user.name, user.created))
    })
}

/// Puts a gap in the place of all that is known of a user's credentials.
pub(crate) fn nothing_known(user: &mut User, gap: &Gap) {
    user.access_keys = Listing::Unread(gap.clone());
    for kind in CredentialKind::OF_USERS.into_iter().filter(|kind| *kind != CredentialKind::AccessKey) {
        user.other_credentials.insert(kind, Listing::Unread(gap.clone()));
    }
}

/// Whether the last use of each credential is asked for: a call a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastUses {
    /// It is.
    Read,
    /// It is not.
    NotRead,
}

/// A user's access keys, or the gap.
pub(crate) async fn access_keys<R: ReadIam>(
    reader: &R,
    name: &UserName,
    last_uses: LastUses,
    now: Timestamp,
) -> AccessKeys {
    let doing = format!("list access keys of `{name}`");
    match every_page(&doing, |marker| reader.list_access_keys(name, marker)).await {
        Ok(keys) => match keys.iter().find(|key| key.status == KeyStatus::Active && is_in_the_future(key.created, now))
        {
            None if last_uses == LastUses::Read => Listing::Live(with_last_use(reader, distinct(keys), now).await),
            None => Listing::Live(distinct(keys)),
            Some(AccessKeyMetadata { id, created, .. }) => Listing::Unread(from_the_future(id, name, *created)),
        },
        Err(error) => Listing::Unread(not_known(&error, name, CredentialKind::AccessKey)),
    }
}

/// One credential of a user as IAM lists it now, or `None` if it does not. Its last use may be a gap.
///
/// # Errors
/// The credentials of its kind could not be listed, or cannot be believed.
pub async fn read_credential<R: ReadIam>(
    reader: &R,
    name: &UserName,
    id: &CredentialId,
    last_uses: LastUses,
    now: Timestamp,
) -> Result<Option<Credential>, Gap> {
    let listing = match id {
        CredentialId::AccessKey(key) => match access_keys(reader, name, LastUses::NotRead, now).await {
            Listing::Live(mut keys) => {
                keys.retain(|listed| listed.id == *key);
                if last_uses == LastUses::Read {
                    keys = with_last_use(reader, keys, now).await;
                }
                Listing::Live(keys.iter().map(Credential::from).collect())
            }
            Listing::Unread(gap) => Listing::Unread(gap),
            Listing::Reported(reported) => Listing::Reported(reported),
        },
        other => other_credentials(reader, name, other.kind(), last_uses, now).await,
    };
    match listing {
        Listing::Unread(gap) => Err(gap),
        listing => Ok(listing.all().into_iter().find(|found| found.id == *id)),
    }
}

/// A user's credentials of another kind, or the gap.
pub(crate) async fn other_credentials<R: ReadIam>(
    reader: &R,
    name: &UserName,
    kind: CredentialKind,
    last_uses: LastUses,
    now: Timestamp,
) -> Listing<Credential> {
    let doing = format!("list {}s of `{name}`", kind.noun());
    let listed = match kind {
        CredentialKind::ConsolePassword => {
            let login_profile = login_profile(reader, name).await;
            let last_use = match (&login_profile, last_uses) {
                (Ok(Some(_)), LastUses::Read) => {
                    reader.get_user(name).await.map(|user| user.password_last_used).map_err(|error| error.gap())
                }
                _ => return password(login_profile, Ok(None), name, now),
            };
            return password(login_profile, last_use, name, now);
        }
        CredentialKind::ServiceSpecificCredential => {
            every_page(&doing, |marker| reader.list_service_specific_credentials(Some(name), marker))
                .await
                .map(|owned| owned.into_iter().map(|owned| owned.credential).collect())
        }
        CredentialKind::SshPublicKey => every_page(&doing, |marker| reader.list_ssh_public_keys(name, marker)).await,
        CredentialKind::SigningCertificate => {
            every_page(&doing, |marker| reader.list_signing_certificates(name, marker)).await
        }
        _ => Err(ReadError::new(Failure::Implausible, doing)),
    };
    match listed {
        Ok(credentials) => plausible(credentials, name, now),
        Err(error) => Listing::Unread(not_known(&error, name, kind)),
    }
}

/// Credentials each once and in the order of ids, unless an active one was created in the future.
pub(crate) fn plausible(credentials: Vec<Credential>, name: &UserName, now: Timestamp) -> Listing<Credential> {
    let is_implausible = |found: &&Credential| found.status == Status::Active && is_in_the_future(found.created, now);
    if let Some(credential) = credentials.iter().find(is_implausible) {
        return Listing::Unread(from_the_future(&credential.id, name, credential.created));
    }
    let by_id: BTreeMap<_, _> = credentials.into_iter().map(|found| (found.id.clone(), found)).collect();
    Listing::Live(by_id.into_values().collect())
}

/// When a user's console password was created, if there is one.
pub(crate) async fn login_profile<R: ReadIam>(reader: &R, name: &UserName) -> Result<Option<Timestamp>, Gap> {
    reader.get_login_profile(name).await.map_err(|error| not_known(&error, name, CredentialKind::ConsolePassword))
}

/// Whether a user has a console password.
pub(crate) fn has_password(login_profile: &Result<Option<Timestamp>, Gap>) -> Known<bool> {
    match login_profile {
        Ok(created) => Known::Yes(created.is_some()),
        Err(gap) => Known::No(gap.clone()),
    }
}

/// The console password as a credential. IAM shows of its last use only when: neither service nor region.
fn password(
    login_profile: Result<Option<Timestamp>, Gap>,
    last_used: Result<Option<Timestamp>, Gap>,
    name: &UserName,
    now: Timestamp,
) -> Listing<Credential> {
    let created = match login_profile {
        Ok(Some(created)) => created,
        Ok(None) => return Listing::Live(Vec::new()),
        Err(gap) => return Listing::Unread(gap),
    };
    let last_use = match last_used {
        Ok(None) => LastUse::Never,
        Ok(Some(at)) if is_in_the_future(at, now) => {
            LastUse::Unread(implausible(format!("read the last sign-in of `{name}`, in the future, at {at}")))
        }
        // A sign-in before this password was created was with an earlier one.
        Ok(Some(at)) if at < created => LastUse::Never,
        Ok(Some(at)) => LastUse::At { at, service: SIGN_IN.to_owned(), region: String::new() },
        Err(gap) => LastUse::Unread(gap),
    };
    let password = Credential {
        id: CredentialId::ConsolePassword,
        status: Status::Active,
        created,
        expires: None,
        service: None,
        last_use,
    };
    plausible(vec![password], name, now)
}

/// The service of a console password's last use.
pub const SIGN_IN: &str = "signin";

fn not_known(error: &ReadError, name: &UserName, kind: CredentialKind) -> Gap {
    warn!(user.name = %name, error = error as &dyn Error, "the {}s of `{name}` are not known", kind.noun());
    error.gap()
}

fn from_the_future(id: &impl Display, name: &UserName, created: Timestamp) -> Gap {
    implausible(format!("judge the age of {id} of `{name}`, which was created in the future, at {created}"))
}

async fn with_last_use<R: ReadIam>(reader: &R, keys: Vec<AccessKey>, now: Timestamp) -> Vec<AccessKey> {
    let reads = keys.into_iter().map(|key| async move {
        let last_use = match reader.get_access_key_last_used(&key.id).await {
            Ok(LastUse::At { at, .. }) if is_in_the_future(at, now) => {
                LastUse::Unread(implausible(format!("read the last use of {}, in the future, at {at}", key.id)))
            }
            Ok(last_use) => last_use,
            Err(error) => {
                warn!(key.id = %key.id, error = &error as &dyn Error, "the last use of {} is not known", key.id);
                LastUse::Unread(error.gap())
            }
        };
        AccessKey { last_use, ..key }
    });
    join_all(reads).await
}

async fn groups<R: ReadIam>(reader: &R, user: &UserName) -> Result<BTreeSet<GroupName>, ReadError> {
    let doing = format!("list groups of `{user}`");
    Ok(every_page(&doing, |marker| reader.list_groups_for_user(user, marker)).await?.into_iter().collect())
}

async fn attached_to_user<R: ReadIam>(reader: &R, user: &UserName) -> Result<BTreeSet<Arn>, ReadError> {
    let doing = format!("list policies attached to user `{user}`");
    Ok(every_page(&doing, |marker| reader.list_attached_user_policies(user, marker)).await?.into_iter().collect())
}

async fn attached_to_group<R: ReadIam>(reader: &R, group: &GroupName) -> Result<BTreeSet<Arn>, ReadError> {
    let doing = format!("list policies attached to group `{group}`");
    Ok(every_page(&doing, |marker| reader.list_attached_group_policies(group, marker)).await?.into_iter().collect())
}

/// Each key once and in the order of ids, whatever the pages repeat.
fn distinct(keys: Vec<AccessKeyMetadata>) -> Vec<AccessKey> {
    let keys: BTreeMap<_, _> = keys.into_iter().map(|key| (key.id.clone(), key)).collect();
    keys.into_values()
        .map(|AccessKeyMetadata { id, status, created }| AccessKey { id, status, created, last_use: LastUse::NotRead })
        .collect()
}

fn implausible(doing: String) -> Gap {
    Gap::new(GapReason::Implausible, doing)
}
