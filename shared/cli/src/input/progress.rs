//! Progress while an account is read: what was asked last, and how many calls were made, on standard error.

use std::future::Future;

use credwarden_credential::id::{AccessKeyId, Arn, GroupName, UserName};
use credwarden_credential::snapshot::{Credential, LastUse};
use credwarden_inventory::read::{
    AccessKeyMetadata, AuthorizationDetail, ListedUser, Marker, Owned, Page, ReadError, ReadIam, ReportAnswer,
    ReportState, SingleUser,
};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::time::Duration;

/// How often the time is written anew while a call takes long.
const TICK: Duration = Duration::from_millis(200);

/// A reader whose calls are shown. Nothing is written where standard error is no terminal.
#[derive(Debug)]
pub struct Watched<R> {
    reader: R,
    bar: ProgressBar,
}

impl<R> Watched<R> {
    /// Shows the calls of `reader`.
    pub fn new(reader: R) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {pos} calls: {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self { reader, bar }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn see<F: Future>(&self, call: F, doing: impl Into<String>) -> F {
        self.bar.set_message(doing.into());
        self.bar.inc(1);
        call
    }
}

impl<R: ReadIam> ReadIam for Watched<R> {
    async fn generate_credential_report(&self) -> Result<ReportState, ReadError> {
        self.see(self.reader.generate_credential_report(), "asking for a credential report").await
    }

    async fn get_credential_report(&self) -> Result<ReportAnswer, ReadError> {
        self.see(self.reader.get_credential_report(), "waiting for the credential report").await
    }

    async fn get_account_authorization_details(
        &self,
        marker: Option<Marker>,
    ) -> Result<Page<AuthorizationDetail>, ReadError> {
        self.see(self.reader.get_account_authorization_details(marker), "listing users and groups").await
    }

    async fn list_access_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<AccessKeyMetadata>, ReadError> {
        self.see(self.reader.list_access_keys(user, marker), user.as_str()).await
    }

    async fn get_login_profile(&self, user: &UserName) -> Result<Option<Timestamp>, ReadError> {
        self.see(self.reader.get_login_profile(user), user.as_str()).await
    }

    async fn get_user(&self, user: &UserName) -> Result<SingleUser, ReadError> {
        self.see(self.reader.get_user(user), user.as_str()).await
    }

    async fn get_access_key_last_used(&self, key: &AccessKeyId) -> Result<LastUse, ReadError> {
        self.see(self.reader.get_access_key_last_used(key), key.as_str()).await
    }

    async fn list_service_specific_credentials(
        &self,
        user: Option<&UserName>,
        marker: Option<Marker>,
    ) -> Result<Page<Owned>, ReadError> {
        let doing = user.map_or("listing service-specific credentials", UserName::as_str);
        self.see(self.reader.list_service_specific_credentials(user, marker), doing).await
    }

    async fn list_ssh_public_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        self.see(self.reader.list_ssh_public_keys(user, marker), user.as_str()).await
    }

    async fn list_signing_certificates(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        self.see(self.reader.list_signing_certificates(user, marker), user.as_str()).await
    }

    async fn list_groups_for_user(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<GroupName>, ReadError> {
        self.see(self.reader.list_groups_for_user(user, marker), user.as_str()).await
    }

    async fn list_attached_user_policies(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        self.see(self.reader.list_attached_user_policies(user, marker), user.as_str()).await
    }

    async fn list_attached_group_policies(
        &self,
        group: &GroupName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        self.see(self.reader.list_attached_group_policies(group, marker), group.as_str()).await
    }

    async fn list_users(&self, marker: Option<Marker>) -> Result<Page<ListedUser>, ReadError> {
        self.see(self.reader.list_users(marker), "listing users").await
    }
}
