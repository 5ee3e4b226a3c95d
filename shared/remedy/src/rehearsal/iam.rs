//! IAM in a rehearsal: what it tells is true but for the changes that were rehearsed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use credwarden_credential::id::{AccessKeyId, Arn, GroupName, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, KeyStatus, LastUse};
use credwarden_inventory::read::{
    AccessKeyMetadata, AuthorizationDetail, ListedUser, Marker, Owned, Page, ReadError, ReadIam, ReportAnswer,
    ReportState, SingleUser,
};
use credwarden_policy::remedy::Effect;
use jiff::Timestamp;

use crate::write::{WriteError, WriteIam};

/// Reads with a reader, and shows every change as if it had been made. Clones share the changes.
#[derive(Debug)]
pub(super) struct RehearsedIam<'a, R> {
    // INVARIANT (nothing is changed): there is no writer here.
    reader: &'a R,
    changes: Arc<Mutex<Changes>>,
}

/// What would be changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// Which credential gets which status.
    pub(super) statuses: BTreeMap<CredentialId, KeyStatus>,
    /// Which are deleted.
    pub(super) deleted: BTreeSet<CredentialId>,
    /// Whether the user's sessions are refused, where that changes.
    pub(super) sessions_refused: Option<bool>,
}

impl Changes {
    /// What would become of a credential; `None`: nothing.
    pub(super) fn of(&self, credential: &CredentialId) -> Option<Effect> {
        let status = self.statuses.get(credential).copied().map(Effect::Status);
        if self.deleted.contains(credential) { Some(Effect::Deleted) } else { status }
    }
}

impl<R> Clone for RehearsedIam<'_, R> {
    fn clone(&self) -> Self {
        Self { reader: self.reader, changes: Arc::clone(&self.changes) }
    }
}

impl<'a, R> RehearsedIam<'a, R> {
    pub(super) fn over(reader: &'a R) -> Self {
        Self { reader, changes: Arc::default() }
    }

    pub(super) fn changes(&self) -> Changes {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Changes)) {
        change(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn changed(&self, credential: Credential) -> Credential {
        match self.changes().statuses.get(&credential.id) {
            Some(status) => Credential { status: (*status).into(), ..credential },
            None => credential,
        }
    }
}

impl<R> WriteIam for RehearsedIam<'_, R> {
    async fn set_status(
        &self,
        _user: &UserName,
        credential: &CredentialId,
        status: KeyStatus,
    ) -> Result<(), WriteError> {
        self.change(|changes| {
            changes.statuses.insert(credential.clone(), status);
        });
        Ok(())
    }

    async fn delete_access_key(&self, _user: &UserName, key: &CredentialId) -> Result<(), WriteError> {
        self.change(|changes| {
            changes.deleted.insert(key.clone());
        });
        Ok(())
    }

    async fn delete_password(&self, _user: &UserName) -> Result<(), WriteError> {
        self.change(|changes| {
            changes.deleted.insert(CredentialId::ConsolePassword);
        });
        Ok(())
    }

    async fn refuse_sessions(&self, _user: &UserName) -> Result<(), WriteError> {
        self.change(|changes| changes.sessions_refused = Some(true));
        Ok(())
    }

    async fn accept_sessions(&self, _user: &UserName) -> Result<(), WriteError> {
        self.change(|changes| changes.sessions_refused = Some(false));
        Ok(())
    }
}

impl<R: ReadIam> ReadIam for RehearsedIam<'_, R> {
    async fn generate_credential_report(&self) -> Result<ReportState, ReadError> {
        self.reader.generate_credential_report().await
    }

    async fn get_credential_report(&self) -> Result<ReportAnswer, ReadError> {
        self.reader.get_credential_report().await
    }

    async fn get_account_authorization_details(
        &self,
        marker: Option<Marker>,
    ) -> Result<Page<AuthorizationDetail>, ReadError> {
        self.reader.get_account_authorization_details(marker).await
    }

    async fn list_access_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<AccessKeyMetadata>, ReadError> {
        let Changes { statuses, deleted, .. } = self.changes();
        let mut page = self.reader.list_access_keys(user, marker).await?;
        page.items.retain(|key| !deleted.contains(&CredentialId::AccessKey(key.id.clone())));
        Ok(page.map(|key| match statuses.get(&CredentialId::AccessKey(key.id.clone())) {
            Some(status) => AccessKeyMetadata { status: *status, ..key },
            None => key,
        }))
    }

    async fn get_login_profile(&self, user: &UserName) -> Result<Option<Timestamp>, ReadError> {
        let created = self.reader.get_login_profile(user).await?;
        Ok(created.filter(|_| !self.changes().deleted.contains(&CredentialId::ConsolePassword)))
    }

    async fn get_user(&self, user: &UserName) -> Result<SingleUser, ReadError> {
        self.reader.get_user(user).await
    }

    async fn list_service_specific_credentials(
        &self,
        user: Option<&UserName>,
        marker: Option<Marker>,
    ) -> Result<Page<Owned>, ReadError> {
        let page = self.reader.list_service_specific_credentials(user, marker).await?;
        Ok(page.map(|Owned { user, credential }| Owned { user, credential: self.changed(credential) }))
    }

    async fn list_ssh_public_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        Ok(self.reader.list_ssh_public_keys(user, marker).await?.map(|credential| self.changed(credential)))
    }

    async fn list_signing_certificates(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        Ok(self.reader.list_signing_certificates(user, marker).await?.map(|credential| self.changed(credential)))
    }

    async fn get_access_key_last_used(&self, key: &AccessKeyId) -> Result<LastUse, ReadError> {
        self.reader.get_access_key_last_used(key).await
    }

    async fn list_groups_for_user(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<GroupName>, ReadError> {
        self.reader.list_groups_for_user(user, marker).await
    }

    async fn list_attached_user_policies(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        self.reader.list_attached_user_policies(user, marker).await
    }

    async fn list_attached_group_policies(
        &self,
        group: &GroupName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        self.reader.list_attached_group_policies(group, marker).await
    }

    async fn list_users(&self, marker: Option<Marker>) -> Result<Page<ListedUser>, ReadError> {
        self.reader.list_users(marker).await
    }
}
