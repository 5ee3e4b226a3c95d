//! Faults of IAM, put before whatever reads it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use credwarden_credential::id::{AccessKeyId, Arn, GroupName, UserName};
use credwarden_credential::snapshot::{Credential, LastUse};
use credwarden_inventory::read::{
    AccessKeyMetadata, AuthorizationDetail, Failure, ListedUser, Marker, Owned, Page, ReadError, ReadIam, ReportAnswer,
    ReportState, SingleUser,
};
use jiff::Timestamp;

use crate::fake::Action;

/// A reader some of whose calls fail or are slow.
#[derive(Debug)]
pub struct Failing<R> {
    reader: R,
    faults: Mutex<Vec<Fault>>,
}

/// What happens to which calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The call that it happens to.
    pub action: Action,
    /// Only when the call is about this user, group or key.
    pub about: Option<String>,
    /// What happens.
    pub effect: Effect,
    /// How many calls it passes by before it happens.
    pub after: u32,
    /// To how many calls it happens; `None`: always.
    pub times: Option<u32>,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It fails.
    Fail(Failure),
    /// It takes that long, and succeeds.
    Take(Duration),
}

impl<R> Failing<R> {
    /// A reader that does not fail yet.
    pub fn new(reader: R) -> Self {
        Self { reader, faults: Mutex::default() }
    }

    /// A call fails whenever it is about this user, group or key.
    #[must_use]
    pub fn fail(self, action: Action, about: &str, failure: Failure) -> Self {
        let about = Some(about.to_owned());
        self.fault(Fault { action, about, effect: Effect::Fail(failure), after: 0, times: None })
    }

    /// A call always fails, after some that succeed.
    #[must_use]
    pub fn fail_after(self, calls: u32, action: Action, failure: Failure) -> Self {
        self.fault(Fault { action, about: None, effect: Effect::Fail(failure), after: calls, times: None })
    }

    /// A call takes that long, whatever it is about.
    #[must_use]
    pub fn slow(self, action: Action, time: Duration) -> Self {
        self.fault(Fault { action, about: None, effect: Effect::Take(time), after: 0, times: None })
    }

    /// Adds a fault; of several that fit a call, the first happens.
    #[must_use]
    pub fn fault(self, fault: Fault) -> Self {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
        self
    }

    /// The reader behind.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    async fn meet(&self, action: Action, about: &str) -> Result<(), ReadError> {
        match self.next_effect(action, about) {
            None => Ok(()),
            Some(Effect::Fail(failure)) => Err(ReadError::new(failure, format!("call {action} of `{about}`"))),
            Some(Effect::Take(time)) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
        }
    }

    fn next_effect(&self, action: Action, about: &str) -> Option<Effect> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        for fault in faults.iter_mut() {
            let fits = fault.action == action && fault.about.as_deref().is_none_or(|only| only == about);
            if !fits || fault.times == Some(0) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            return Some(fault.effect);
        }
        None
    }
}

impl<R: ReadIam> ReadIam for Failing<R> {
    async fn generate_credential_report(&self) -> Result<ReportState, ReadError> {
        self.meet(Action::GenerateCredentialReport, "").await?;
        self.reader.generate_credential_report().await
    }

    async fn get_credential_report(&self) -> Result<ReportAnswer, ReadError> {
        self.meet(Action::GetCredentialReport, "").await?;
        self.reader.get_credential_report().await
    }

    async fn get_account_authorization_details(
        &self,
        marker: Option<Marker>,
    ) -> Result<Page<AuthorizationDetail>, ReadError> {
        self.meet(Action::GetAccountAuthorizationDetails, "").await?;
        self.reader.get_account_authorization_details(marker).await
    }

    async fn list_access_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<AccessKeyMetadata>, ReadError> {
        self.meet(Action::ListAccessKeys, user.as_str()).await?;
        self.reader.list_access_keys(user, marker).await
    }

    async fn get_login_profile(&self, user: &UserName) -> Result<Option<Timestamp>, ReadError> {
        self.meet(Action::GetLoginProfile, user.as_str()).await?;
        self.reader.get_login_profile(user).await
    }

    async fn get_user(&self, user: &UserName) -> Result<SingleUser, ReadError> {
        self.meet(Action::GetUser, user.as_str()).await?;
        self.reader.get_user(user).await
    }

    async fn list_service_specific_credentials(
        &self,
        user: Option<&UserName>,
        marker: Option<Marker>,
    ) -> Result<Page<Owned>, ReadError> {
        let about = user.map(UserName::as_str).unwrap_or_default();
        self.meet(Action::ListServiceSpecificCredentials, about).await?;
        self.reader.list_service_specific_credentials(user, marker).await
    }

    async fn list_ssh_public_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        self.meet(Action::ListSshPublicKeys, user.as_str()).await?;
        self.reader.list_ssh_public_keys(user, marker).await
    }

    async fn list_signing_certificates(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        self.meet(Action::ListSigningCertificates, user.as_str()).await?;
        self.reader.list_signing_certificates(user, marker).await
    }

    async fn get_access_key_last_used(&self, key: &AccessKeyId) -> Result<LastUse, ReadError> {
        self.meet(Action::GetAccessKeyLastUsed, key.as_str()).await?;
        self.reader.get_access_key_last_used(key).await
    }

    async fn list_groups_for_user(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<GroupName>, ReadError> {
        self.meet(Action::ListGroupsForUser, user.as_str()).await?;
        self.reader.list_groups_for_user(user, marker).await
    }

    async fn list_attached_user_policies(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        self.meet(Action::ListAttachedUserPolicies, user.as_str()).await?;
        self.reader.list_attached_user_policies(user, marker).await
    }

    async fn list_attached_group_policies(
        &self,
        group: &GroupName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        self.meet(Action::ListAttachedGroupPolicies, group.as_str()).await?;
        self.reader.list_attached_group_policies(group, marker).await
    }

    async fn list_users(&self, marker: Option<Marker>) -> Result<Page<ListedUser>, ReadError> {
        self.meet(Action::ListUsers, "").await?;
        self.reader.list_users(marker).await
    }
}
