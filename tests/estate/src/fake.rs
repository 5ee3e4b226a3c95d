//! IAM as a fake that reads an estate.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use credwarden_credential::id::{AccessKeyId, Arn, GroupName, UserName};
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Credential, LastUse};
use credwarden_inventory::read::{
    AccessKeyMetadata, AuthorizationDetail, Failure, GroupDetail, ListedUser, Marker, Owned, Page, ReadError, ReadIam,
    ReportAnswer, ReportState, SingleUser,
};
use jiff::{SignedDuration, Timestamp};

use crate::estate::{Estate, EstateUser};
use crate::report;

/// IAM makes at most one report in this time (`GenerateCredentialReport`).
const REPORT_IS_KEPT: SignedDuration = SignedDuration::from_hours(4);

/// Entries of a page where nothing else is said: what IAM gives at most.
const PAGE_SIZE: usize = 1000;

/// A call of IAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "they are IAM's own names")]
pub enum Action {
    GenerateCredentialReport,
    GetCredentialReport,
    GetAccountAuthorizationDetails,
    ListAccessKeys,
    GetLoginProfile,
    GetUser,
    GetAccessKeyLastUsed,
    ListGroupsForUser,
    ListAttachedUserPolicies,
    ListAttachedGroupPolicies,
    ListUsers,
    ListServiceSpecificCredentials,
    ListSshPublicKeys,
    ListSigningCertificates,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListSshPublicKeys => formatter.write_str("iam:ListSSHPublicKeys"),
            action => write!(formatter, "iam:{action:?}"),
        }
    }
}

/// One call that was made, and of whom or what: a name, a key id, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The call.
    pub action: Action,
    /// Whom or what it was about; empty for calls about the account.
    pub about: String,
}

/// IAM of an estate. Clones show the same estate, which can be changed while others read it.
#[derive(Clone, Debug)]
pub struct FakeIam(Arc<Mutex<World>>);

#[derive(Debug)]
struct World {
    estate: Estate,
    report: Reporting,
    page_size: usize,
    calls: Vec<Call>,
}

/// The credential report, in whatever state it is.
#[derive(Debug)]
struct Reporting {
    present: Option<(Vec<u8>, Timestamp)>,
    is_expired: bool,
    /// Under way, and how many further looks at it find it unfinished.
    making: Option<u32>,
    /// How many looks find a new one unfinished; `None`: it never finishes.
    takes: Option<u32>,
}

impl FakeIam {
    /// The estate, with a credential report of just now: it stays what it is when the estate changes.
    pub fn new(estate: Estate) -> Self {
        let present = Some((report::render(&estate).into_bytes(), estate.now));
        let report = Reporting { present, is_expired: false, making: None, takes: Some(1) };
        Self(Arc::new(Mutex::new(World { estate, report, page_size: PAGE_SIZE, calls: Vec::new() })))
    }

    /// The credential report is that of an earlier state of the account, made then.
    #[must_use]
    pub fn with_report_of(self, earlier: &Estate) -> Self {
        self.with_report(report::render(earlier), earlier.now)
    }

    /// The credential report has this content and was made then.
    #[must_use]
    pub fn with_report(self, content: impl Into<Vec<u8>>, made: Timestamp) -> Self {
        self.world().report.present = Some((content.into(), made));
        self
    }

    /// No credential report was ever made.
    #[must_use]
    pub fn without_report(self) -> Self {
        self.world().report.present = None;
        self
    }

    /// IAM no longer gives out the last credential report.
    #[must_use]
    pub fn with_expired_report(self) -> Self {
        self.world().report.is_expired = true;
        self
    }

    /// That many looks at a new report find it unfinished; `None`: it never finishes.
    #[must_use]
    pub fn report_takes(self, looks: Option<u32>) -> Self {
        self.world().report.takes = looks;
        self
    }

    /// Lists come in pages of this size.
    #[must_use]
    pub fn page_size(self, entries: usize) -> Self {
        self.world().page_size = entries.max(1);
        self
    }

    /// Changes the estate, as somebody else does meanwhile. The credential report stays as it was made.
    pub fn change<T>(&self, change: impl FnOnce(&mut Estate) -> T) -> T {
        change(&mut self.world().estate)
    }

    /// The estate as it is now.
    pub fn estate(&self) -> Estate {
        self.world().estate.clone()
    }

    /// The calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// Whom or what a call was made about, each time it was made, in order.
    pub fn calls_of(&self, action: Action) -> Vec<String> {
        self.calls().into_iter().filter(|call| call.action == action).map(|call| call.about).collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn called(&self, action: Action, about: &str) -> MutexGuard<'_, World> {
        let mut world = self.world();
        world.calls.push(Call { action, about: about.to_owned() });
        world
    }
}

impl World {
    fn user(&self, action: Action, name: &UserName) -> Result<&EstateUser, ReadError> {
        self.estate
            .find(name.as_str())
            .ok_or_else(|| ReadError::new(Failure::NoSuchEntity, format!("call {action} of `{name}`")))
    }

    fn page<T>(&self, items: Vec<T>, marker: Option<&Marker>) -> Page<T> {
        let begin: usize = marker.and_then(|marker| marker.0.parse().ok()).unwrap_or_default();
        let end = begin + self.page_size;
        let next = (end < items.len()).then(|| Marker(end.to_string()));
        Page { items: items.into_iter().skip(begin).take(self.page_size).collect(), next }
    }
}

impl ReadIam for FakeIam {
    async fn generate_credential_report(&self) -> Result<ReportState, ReadError> {
        let mut world = self.called(Action::GenerateCredentialReport, "");
        let now = world.estate.now;
        let report = &mut world.report;
        let is_kept = report.present.as_ref().is_some_and(|(_, made)| now.duration_since(*made) < REPORT_IS_KEPT);
        if report.making.is_some() {
            Ok(ReportState::InProgress)
        } else if is_kept && !report.is_expired {
            Ok(ReportState::Complete)
        } else {
            report.making = report.takes;
            Ok(ReportState::Started)
        }
    }

    async fn get_credential_report(&self) -> Result<ReportAnswer, ReadError> {
        let mut world = self.called(Action::GetCredentialReport, "");
        match world.report.making {
            Some(0) => {
                let made = world.estate.now;
                world.report.present = Some((report::render(&world.estate).into_bytes(), made));
                world.report.making = None;
                world.report.is_expired = false;
            }
            Some(looks) => {
                world.report.making = Some(looks - 1);
                return Ok(ReportAnswer::InProgress);
            }
            None => {}
        }
        Ok(match &world.report.present {
            None => ReportAnswer::NotPresent,
            Some(_) if world.report.is_expired => ReportAnswer::Expired,
            Some((content, made)) => ReportAnswer::Made { content: content.clone(), made: *made },
        })
    }

    async fn get_account_authorization_details(
        &self,
        marker: Option<Marker>,
    ) -> Result<Page<AuthorizationDetail>, ReadError> {
        let world = self.called(Action::GetAccountAuthorizationDetails, "");
        let users = world.estate.users.iter().map(|user| AuthorizationDetail::User(user.detail.clone()));
        let groups = world.estate.groups.iter().map(|(name, attached)| {
            AuthorizationDetail::Group(GroupDetail { name: name.clone(), attached_policies: attached.clone() })
        });
        Ok(world.page(users.chain(groups).collect(), marker.as_ref()))
    }

    async fn list_access_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<AccessKeyMetadata>, ReadError> {
        let world = self.called(Action::ListAccessKeys, user.as_str());
        let keys = world.user(Action::ListAccessKeys, user)?.keys.iter().map(|owned| AccessKeyMetadata {
            id: owned.key.id.clone(),
            status: owned.key.status,
            created: owned.key.created,
        });
        Ok(world.page(keys.collect(), marker.as_ref()))
    }

    async fn get_login_profile(&self, user: &UserName) -> Result<Option<Timestamp>, ReadError> {
        let world = self.called(Action::GetLoginProfile, user.as_str());
        Ok(world.estate.find(user.as_str()).and_then(|user| user.password).map(|password| password.created))
    }

    async fn get_user(&self, user: &UserName) -> Result<SingleUser, ReadError> {
        let world = self.called(Action::GetUser, user.as_str());
        let user = world.user(Action::GetUser, user)?;
        let password_last_used = user.password.and_then(|password| password.last_used);
        Ok(SingleUser { record: user.detail.record.clone(), password_last_used })
    }

    async fn list_service_specific_credentials(
        &self,
        user: Option<&UserName>,
        marker: Option<Marker>,
    ) -> Result<Page<Owned>, ReadError> {
        let action = Action::ListServiceSpecificCredentials;
        let world = self.called(action, user.map(UserName::as_str).unwrap_or_default());
        let users: Vec<&EstateUser> = match user {
            Some(user) => vec![world.user(action, user)?],
            None => world.estate.users.iter().collect(),
        };
        let owned = users.into_iter().flat_map(|user| {
            let credentials = user.of(CredentialKind::ServiceSpecificCredential).into_iter();
            credentials.map(|credential| Owned { user: user.name().clone(), credential })
        });
        Ok(world.page(owned.collect(), marker.as_ref()))
    }

    async fn list_ssh_public_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        let world = self.called(Action::ListSshPublicKeys, user.as_str());
        let keys = world.user(Action::ListSshPublicKeys, user)?.of(CredentialKind::SshPublicKey);
        Ok(world.page(keys, marker.as_ref()))
    }

    async fn list_signing_certificates(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        let world = self.called(Action::ListSigningCertificates, user.as_str());
        let certificates = world.user(Action::ListSigningCertificates, user)?.of(CredentialKind::SigningCertificate);
        Ok(world.page(certificates, marker.as_ref()))
    }

    async fn get_access_key_last_used(&self, key: &AccessKeyId) -> Result<LastUse, ReadError> {
        let world = self.called(Action::GetAccessKeyLastUsed, key.as_str());
        let mut keys = world.estate.users.iter().flat_map(|user| &user.keys);
        match keys.find(|owned| owned.key.id == *key) {
            Some(owned) => Ok(owned.key.last_use.clone()),
            // What IAM says of a key that does not exist was seen as a denial, too: either way nothing is known.
            None => Err(ReadError::new(Failure::Denied, format!("get the last use of {key}"))),
        }
    }

    async fn list_groups_for_user(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<GroupName>, ReadError> {
        let world = self.called(Action::ListGroupsForUser, user.as_str());
        let groups = world.user(Action::ListGroupsForUser, user)?.detail.groups.iter().cloned().collect();
        Ok(world.page(groups, marker.as_ref()))
    }

    async fn list_attached_user_policies(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        let world = self.called(Action::ListAttachedUserPolicies, user.as_str());
        let attached = &world.user(Action::ListAttachedUserPolicies, user)?.detail.attached_policies;
        Ok(world.page(attached.iter().cloned().collect(), marker.as_ref()))
    }

    async fn list_attached_group_policies(
        &self,
        group: &GroupName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        let world = self.called(Action::ListAttachedGroupPolicies, group.as_str());
        match world.estate.groups.get(group) {
            Some(attached) => Ok(world.page(attached.iter().cloned().collect(), marker.as_ref())),
            None => Err(ReadError::new(Failure::NoSuchEntity, format!("list policies attached to group `{group}`"))),
        }
    }

    async fn list_users(&self, marker: Option<Marker>) -> Result<Page<ListedUser>, ReadError> {
        let world = self.called(Action::ListUsers, "");
        let users =
            world.estate.users.iter().map(|user| ListedUser { id: user.id().clone(), name: user.name().clone() });
        Ok(world.page(users.collect(), marker.as_ref()))
    }
}
