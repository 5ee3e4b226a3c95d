//! One user, read again completely before anything is done about it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use credwarden_credential::age::is_in_the_future;
use credwarden_credential::id::{Arn, GroupName, UserId, UserName};
use credwarden_credential::snapshot::{AccessKey, AccessKeys, Gap, GapReason, KeyStatus, Known, LastUse, User};
use jiff::Timestamp;
use tracing::warn;

use crate::read::{AccessKeyMetadata, Failure, ReadError, ReadIam, every_page};

/// The user that bears `name` now, or `None` if there is none.
///
/// A key's last use, the list of keys or the console password that could not be read is a gap in the user. Tags, groups
/// and attached policies choose the class: without them nothing can be said of the user at all.
///
/// # Errors
/// The user, its groups or its attached policies could not be read.
pub async fn read_user<R: ReadIam>(reader: &R, name: &UserName, now: Timestamp) -> Result<Option<User>, ReadError> {
    let record = match reader.get_user(name).await {
        Ok(record) => record,
        Err(error) if error.failure == Failure::NoSuchEntity => return Ok(None),
        Err(error) => return Err(error),
    };
    let groups = groups(reader, name).await?;
    let mut attached_policies = attached_to_user(reader, name).await?;
    for group in &groups {
        attached_policies.extend(attached_to_group(reader, group).await?);
    }
    let mut user = User {
        id: record.id,
        name: record.name,
        arn: record.arn,
        path: record.path,
        created: record.created,
        tags: record.tags,
        groups,
        attached_policies,
        console_password: console_password(reader, name).await,
        access_keys: match access_keys(reader, name, now).await {
            AccessKeys::Live(keys) => AccessKeys::Live(with_last_use(reader, keys, now).await),
            unread => unread,
        },
    };
    if let Some(gap) = created_in_the_future(&user, now) {
        user.access_keys = AccessKeys::Unread(gap);
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

/// A user's access keys without their last use, or the gap.
pub(crate) async fn access_keys<R: ReadIam>(reader: &R, name: &UserName, now: Timestamp) -> AccessKeys {
    let doing = format!("list access keys of `{name}`");
    match every_page(&doing, |marker| reader.list_access_keys(name, marker)).await {
        Ok(keys) => match keys.iter().find(|key| key.status == KeyStatus::Active && is_in_the_future(key.created, now))
        {
            None => AccessKeys::Live(distinct(keys)),
            Some(AccessKeyMetadata { id, created, .. }) => AccessKeys::Unread(implausible(format!(
                "judge the age of {id} of `{name}`, which was created in the future, at {created}"
            ))),
        },
        Err(error) => {
            warn!(user.name = %name, error = &error as &dyn Error, "access keys of `{name}` are not known");
            AccessKeys::Unread(error.gap())
        }
    }
}

/// Whether a user has a console password.
pub(crate) async fn console_password<R: ReadIam>(reader: &R, name: &UserName) -> Known<bool> {
    match reader.has_login_profile(name).await {
        Ok(has_one) => Known::Yes(has_one),
        Err(error) => {
            warn!(user.name = %name, error = &error as &dyn Error, "whether `{name}` has a console password is not known");
            Known::No(error.gap())
        }
    }
}

async fn with_last_use<R: ReadIam>(reader: &R, keys: Vec<AccessKey>, now: Timestamp) -> Vec<AccessKey> {
    let mut with_use = Vec::new();
    for key in keys {
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
        with_use.push(AccessKey { last_use, ..key });
    }
    with_use
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
