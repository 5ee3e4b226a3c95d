//! What is read of IAM, and how a reading fails.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::future::Future;

use credwarden_credential::id::{AccessKeyId, Arn, GroupName, UserId, UserName};
use credwarden_credential::snapshot::{Credential, Gap, GapReason, KeyStatus, LastUse};
use jiff::Timestamp;

/// The calls of IAM that only read, one method a call, each named as IAM names it.
///
/// A method returns after all retries. A list is read a page at a time: the first with no marker, each further one with
/// the [`Page::next`] of the page before.
pub trait ReadIam: Send + Sync {
    /// Asks IAM to make a credential report. It makes at most one in 4 hours.
    fn generate_credential_report(&self) -> impl Future<Output = Result<ReportState, ReadError>> + Send;

    /// The credential report that was made last.
    fn get_credential_report(&self) -> impl Future<Output = Result<ReportAnswer, ReadError>> + Send;

    /// Users with tags, groups and attached policies, and groups with theirs: up to 1,000 a page.
    fn get_account_authorization_details(
        &self,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<AuthorizationDetail>, ReadError>> + Send;

    /// The access keys of a user.
    fn list_access_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<AccessKeyMetadata>, ReadError>> + Send;

    /// When a user's console password was created. IAM answers alike for a user without one and for no such user: `None`.
    fn get_login_profile(&self, user: &UserName) -> impl Future<Output = Result<Option<Timestamp>, ReadError>> + Send;

    /// One user with tags.
    fn get_user(&self, user: &UserName) -> impl Future<Output = Result<SingleUser, ReadError>> + Send;

    /// The service-specific credentials of one user, or of all. [`LastUse::NotRead`] is all that IAM tells of their use.
    fn list_service_specific_credentials(
        &self,
        user: Option<&UserName>,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<Owned>, ReadError>> + Send;

    /// The SSH public keys of a user.
    fn list_ssh_public_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<Credential>, ReadError>> + Send;

    /// The X.509 signing certificates of a user.
    fn list_signing_certificates(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<Credential>, ReadError>> + Send;

    /// When a key was used last; never [`LastUse::NotRead`] or [`LastUse::Unread`].
    fn get_access_key_last_used(&self, key: &AccessKeyId) -> impl Future<Output = Result<LastUse, ReadError>> + Send;

    /// The groups of a user.
    fn list_groups_for_user(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<GroupName>, ReadError>> + Send;

    /// The managed policies attached to a user.
    fn list_attached_user_policies(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<Arn>, ReadError>> + Send;

    /// The managed policies attached to a group.
    fn list_attached_group_policies(
        &self,
        group: &GroupName,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<Arn>, ReadError>> + Send;

    /// The account's users, ids and names only: IAM leaves tags out of this list.
    fn list_users(&self, marker: Option<Marker>) -> impl Future<Output = Result<Page<ListedUser>, ReadError>> + Send;
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What the page holds, possibly nothing.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Marker>,
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// Where in a list IAM goes on. Opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker(pub String);

/// IAM's answer to the request for a new credential report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportState {
    /// IAM has begun to make one.
    Started,
    /// IAM is making one.
    InProgress,
    /// There is one of the last 4 hours.
    Complete,
}

/// IAM's answer to the request for the present credential report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportAnswer {
    /// The report.
    Made {
        /// Comma-separated values.
        content: Vec<u8>,
        /// When it was made.
        made: Timestamp,
    },
    /// None was ever made.
    NotPresent,
    /// The last one is too old to be given out.
    Expired,
    /// One is being made.
    InProgress,
}

/// One entry of the account's authorization details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationDetail {
    /// A user.
    User(UserDetail),
    /// A group.
    Group(GroupDetail),
}

/// A user as every list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The unique id.
    pub id: UserId,
    /// The name.
    pub name: UserName,
    /// The ARN.
    pub arn: Arn,
    /// The path, `/` or `/…/`.
    pub path: String,
    /// When the user was created.
    pub created: Timestamp,
    /// The user's tags.
    pub tags: BTreeMap<String, String>,
}

/// A user as `GetUser` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleUser {
    /// The user itself.
    pub record: UserRecord,
    /// When the user signed in to the console last. IAM remembers it when the password is gone.
    pub password_last_used: Option<Timestamp>,
}

/// A credential in a list of all users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Whose it is.
    pub user: UserName,
    /// The credential.
    pub credential: Credential,
}

/// A user as `GetAccountAuthorizationDetails` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDetail {
    /// The user itself.
    pub record: UserRecord,
    /// Its groups.
    pub groups: BTreeSet<GroupName>,
    /// The managed policies attached to the user itself, not those of its groups.
    pub attached_policies: BTreeSet<Arn>,
}

/// A group as `GetAccountAuthorizationDetails` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDetail {
    /// The name.
    pub name: GroupName,
    /// The managed policies attached to it.
    pub attached_policies: BTreeSet<Arn>,
}

/// An access key as `ListAccessKeys` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyMetadata {
    /// The id.
    pub id: AccessKeyId,
    /// Whether requests can be signed with it.
    pub status: KeyStatus,
    /// When it was created.
    pub created: Timestamp,
}

/// A user as `ListUsers` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUser {
    /// The unique id.
    pub id: UserId,
    /// The name.
    pub name: UserName,
}

/// A call of IAM that did not give what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing}: {failure}")]
pub struct ReadError {
    /// What went wrong.
    pub failure: Failure,
    /// What was being done, such as ``list access keys of `alice` ``.
    pub doing: String,
    /// What the SDK says.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong in a call of IAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The caller's role does not allow the call.
    #[error("access denied; the function's role must allow the call")]
    Denied,
    /// Still throttled after all retries.
    #[error("throttled; it is tried again in the next run")]
    Throttled,
    /// What the call is about does not exist.
    #[error("no such entity")]
    NoSuchEntity,
    /// The answer made no sense.
    #[error("implausible answer")]
    Implausible,
    /// Failed otherwise after all retries.
    #[error("failed; it is tried again in the next run")]
    Failed,
}

impl ReadError {
    /// A failure that no other error explains.
    pub fn new(failure: Failure, doing: impl Into<String>) -> Self {
        Self { failure, doing: doing.into(), source: None }
    }

    /// A failure explained by another error.
    pub fn caused(failure: Failure, doing: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { failure, doing: doing.into(), source: Some(source.into()) }
    }

    /// The gap that the failure leaves.
    pub fn gap(&self) -> Gap {
        let reason = match self.failure {
            Failure::Denied => GapReason::Denied,
            Failure::Throttled => GapReason::Throttled,
            Failure::Implausible => GapReason::Implausible,
            Failure::NoSuchEntity | Failure::Failed => GapReason::Failed,
        };
        Gap::new(reason, self.doing.clone())
    }
}

/// Reads a list to its end: all of it, or an error, never a shorter list.
pub async fn every_page<T, F, Fut>(doing: &str, mut page: F) -> Result<Vec<T>, ReadError>
where
    F: FnMut(Option<Marker>) -> Fut,
    Fut: Future<Output = Result<Page<T>, ReadError>>,
{
    let mut items = Vec::new();
    let mut marker = None;
    loop {
        let Page { items: more, next } = page(marker.clone()).await?;
        items.extend(more);
        match next {
            None => return Ok(items),
            // A marker that leads to itself would be followed for ever.
            Some(next) if marker.as_ref() == Some(&next) => return Err(ReadError::new(Failure::Implausible, doing)),
            Some(next) => marker = Some(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_that_goes_round_in_a_circle_is_refused() {
        let page = |marker: Option<Marker>| async {
            let next = marker.or_else(|| Some(Marker("again".to_owned())));
            Ok(Page { items: vec!["alice"], next })
        };
        let error = every_page("list users", page).await.unwrap_err();
        assert_eq!(error.failure, Failure::Implausible);
    }
}
