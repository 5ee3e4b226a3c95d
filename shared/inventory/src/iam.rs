//! IAM itself.

use aws_config::SdkConfig;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::EntityType;
use credwarden_credential::id::{AccessKeyId, Arn, GroupName, UserName};
use credwarden_credential::snapshot::{Credential, LastUse};
use jiff::Timestamp;

use crate::answer;
use crate::calls::read_error;
use crate::read::{
    AccessKeyMetadata, AuthorizationDetail, Failure, ListedUser, Marker, Owned, Page, ReadError, ReadIam, ReportAnswer,
    ReportState, SingleUser,
};

#[cfg(test)]
mod tests;

/// Entries of a page: the most that IAM gives, so that an account of 5,000 users takes few calls.
const MAX_ITEMS: i32 = 1000;

/// [`ReadIam`] by calls of IAM.
#[derive(Clone, Debug)]
pub struct Iam {
    client: Client,
}

impl Iam {
    /// Reads with a client of this configuration.
    pub fn of(config: &SdkConfig) -> Self {
        Self::new(Client::new(config))
    }

    /// Reads with the given client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl ReadIam for Iam {
    async fn generate_credential_report(&self) -> Result<ReportState, ReadError> {
        let doing = "generate the credential report";
        let output = self.client.generate_credential_report().send().await.map_err(|error| read_error(doing, error))?;
        answer::report_state(doing, output.state())
    }

    async fn get_credential_report(&self) -> Result<ReportAnswer, ReadError> {
        let doing = "get the credential report";
        match self.client.get_credential_report().send().await {
            Ok(output) => answer::report(doing, output),
            Err(error) => match error.as_service_error() {
                Some(service) if service.is_credential_report_not_present_exception() => Ok(ReportAnswer::NotPresent),
                Some(service) if service.is_credential_report_expired_exception() => Ok(ReportAnswer::Expired),
                Some(service) if service.is_credential_report_not_ready_exception() => Ok(ReportAnswer::InProgress),
                _ => Err(read_error(doing, error)),
            },
        }
    }

    async fn get_account_authorization_details(
        &self,
        marker: Option<Marker>,
    ) -> Result<Page<AuthorizationDetail>, ReadError> {
        let doing = "get the account's authorization details";
        let output = self
            .client
            .get_account_authorization_details()
            .filter(EntityType::User)
            .filter(EntityType::Group)
            .max_items(MAX_ITEMS)
            .set_marker(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(doing, error))?;
        let next = answer::next(doing, output.is_truncated(), output.marker())?;
        let users = output.user_detail_list().iter().map(|user| answer::user_detail(doing, user));
        let groups = output.group_detail_list().iter().map(|group| answer::group_detail(doing, group));
        Ok(Page { items: users.chain(groups).collect::<Result<_, _>>()?, next })
    }

    async fn list_access_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<AccessKeyMetadata>, ReadError> {
        let doing = format!("list access keys of `{user}`");
        let output = self
            .client
            .list_access_keys()
            .user_name(user.as_str())
            .set_marker(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(&doing, error))?;
        let next = answer::next(&doing, output.is_truncated(), output.marker())?;
        let items = output.access_key_metadata().iter().map(|key| answer::access_key(&doing, key));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }

    async fn get_login_profile(&self, user: &UserName) -> Result<Option<Timestamp>, ReadError> {
        let doing = format!("get the login profile of `{user}`");
        match self.client.get_login_profile().user_name(user.as_str()).send().await {
            Ok(output) => answer::login_profile(&doing, output.login_profile()).map(Some),
            Err(error) => match read_error(doing, error) {
                ReadError { failure: Failure::NoSuchEntity, .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    async fn get_user(&self, user: &UserName) -> Result<SingleUser, ReadError> {
        let doing = format!("get user `{user}`");
        let output =
            self.client.get_user().user_name(user.as_str()).send().await.map_err(|error| read_error(&doing, error))?;
        answer::user(&doing, output.user())
    }

    async fn list_service_specific_credentials(
        &self,
        user: Option<&UserName>,
        marker: Option<Marker>,
    ) -> Result<Page<Owned>, ReadError> {
        let doing = user.map_or_else(
            || "list the service-specific credentials of all users".to_owned(),
            |user| format!("list service-specific credentials of `{user}`"),
        );
        let request = self.client.list_service_specific_credentials().set_marker(marker.map(|marker| marker.0));
        let request = match user {
            Some(user) => request.user_name(user.as_str()),
            None => request.all_users(true).max_items(MAX_ITEMS),
        };
        let output = request.send().await.map_err(|error| read_error(&doing, error))?;
        let next = answer::next(&doing, output.is_truncated(), output.marker())?;
        let items = output.service_specific_credentials().iter();
        Ok(Page {
            items: items.map(|metadata| answer::service_specific(&doing, metadata)).collect::<Result<_, _>>()?,
            next,
        })
    }

    async fn list_ssh_public_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        let doing = format!("list SSH public keys of `{user}`");
        let output = self
            .client
            .list_ssh_public_keys()
            .user_name(user.as_str())
            .set_marker(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(&doing, error))?;
        let next = answer::next(&doing, output.is_truncated(), output.marker())?;
        let items = output.ssh_public_keys().iter().map(|key| answer::ssh_public_key(&doing, key));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }

    async fn list_signing_certificates(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        let doing = format!("list signing certificates of `{user}`");
        let output = self
            .client
            .list_signing_certificates()
            .user_name(user.as_str())
            .set_marker(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(&doing, error))?;
        let next = answer::next(&doing, output.is_truncated(), output.marker())?;
        let items = output.certificates().iter().map(|certificate| answer::signing_certificate(&doing, certificate));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }

    async fn get_access_key_last_used(&self, key: &AccessKeyId) -> Result<LastUse, ReadError> {
        let doing = format!("get the last use of {key}");
        let output = self
            .client
            .get_access_key_last_used()
            .access_key_id(key.as_str())
            .send()
            .await
            .map_err(|error| read_error(&doing, error))?;
        answer::last_use(&doing, output.access_key_last_used())
    }

    async fn list_groups_for_user(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<GroupName>, ReadError> {
        let doing = format!("list groups of `{user}`");
        let output = self
            .client
            .list_groups_for_user()
            .user_name(user.as_str())
            .set_marker(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(&doing, error))?;
        let next = answer::next(&doing, output.is_truncated(), output.marker())?;
        let items = output.groups().iter().map(|group| answer::parsed(&doing, Some(group.group_name())));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }

    async fn list_attached_user_policies(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        let doing = format!("list policies attached to user `{user}`");
        let output = self
            .client
            .list_attached_user_policies()
            .user_name(user.as_str())
            .set_marker(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(&doing, error))?;
        let next = answer::next(&doing, output.is_truncated(), output.marker())?;
        Ok(Page { items: answer::attached(&doing, output.attached_policies())?, next })
    }

    async fn list_attached_group_policies(
        &self,
        group: &GroupName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        let doing = format!("list policies attached to group `{group}`");
        let output = self
            .client
            .list_attached_group_policies()
            .group_name(group.as_str())
            .set_marker(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(&doing, error))?;
        let next = answer::next(&doing, output.is_truncated(), output.marker())?;
        Ok(Page { items: answer::attached(&doing, output.attached_policies())?, next })
    }

    async fn list_users(&self, marker: Option<Marker>) -> Result<Page<ListedUser>, ReadError> {
        let doing = "list users";
        let output = self
            .client
            .list_users()
            .max_items(MAX_ITEMS)
            .set_marker(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(doing, error))?;
        let next = answer::next(doing, output.is_truncated(), output.marker())?;
        let items = output.users().iter().map(|user| answer::listed_user(doing, user));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }
}
