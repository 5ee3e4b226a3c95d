//! Decorators of all ports: every call passes a gate, which counts, and at one call does what a test wants.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};

use credwarden_credential::id::{AccessKeyId, Arn, GroupName, UserId, UserName};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{Credential, KeyStatus, LastUse};
use credwarden_estate::estate::Estate;
use credwarden_estate::fake::FakeIam;
use credwarden_inventory::parameter::{ParameterError, ReadParameter};
use credwarden_inventory::read::{
    AccessKeyMetadata, AuthorizationDetail, Failure, ListedUser, Marker, Owned, Page, ReadError, ReadIam, ReportAnswer,
    ReportState, SingleUser,
};
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::table::{Item, Key, Query, Table, TableError, Write};
use credwarden_remedy::resource::{ConfigError, ReadConfig};
use credwarden_remedy::ssm::{Execution, ReadSsm, SsmError};
use credwarden_remedy::write::{WriteError, WriteIam};
use jiff::Timestamp;
use tokio::sync::Notify;

use super::{Deleted, Parameters, Writes};

/// What happens at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The process dies before the call is sent.
    DieBefore,
    /// The process dies when the call has been carried out, before its answer.
    DieAfter,
    /// The call is not carried out, and fails after all retries.
    Fail,
    /// The call is carried out, and its answer is lost after all retries.
    Lose,
    /// The call is carried out, its answer is lost, and its retry is answered.
    Retry,
    /// The call is held until the test lets it go on.
    Stall,
}

#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    calls: Mutex<Vec<String>>,
    plan: Option<(usize, Effect)>,
    failing: Option<&'static str>,
    stalled: Notify,
    released: Notify,
}

impl Gate {
    /// Everything passes.
    pub fn open() -> Self {
        Self::default()
    }

    /// At the call with this number, counted from zero.
    pub fn at(number: usize, effect: Effect) -> Self {
        Self(Arc::new(Inside { plan: Some((number, effect)), ..Inside::default() }))
    }

    /// Every call fails whose name contains this.
    pub fn failing(name: &'static str) -> Self {
        Self(Arc::new(Inside { failing: Some(name), ..Inside::default() }))
    }

    pub fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().clone()
    }

    pub async fn stalled(&self) {
        self.0.stalled.notified().await;
    }

    pub fn release(&self) {
        self.0.released.notify_one();
    }

    pub async fn pass<T, E, F>(&self, name: String, call: impl Fn() -> F, fail: impl Fn() -> E) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let fails = self.0.failing.is_some_and(|failing| name.contains(failing));
        let number = {
            let mut calls = self.0.calls.lock().unwrap();
            calls.push(name);
            calls.len() - 1
        };
        tokio::task::yield_now().await;
        if fails {
            return Err(fail());
        }
        match self.0.plan.filter(|(at, _)| *at == number).map(|(_, effect)| effect) {
            None => call().await,
            Some(Effect::DieBefore) => pending().await,
            Some(Effect::DieAfter) => {
                let _ = call().await;
                pending().await
            }
            Some(Effect::Fail) => Err(fail()),
            Some(Effect::Lose) => {
                let _ = call().await;
                Err(fail())
            }
            Some(Effect::Retry) => {
                let _ = call().await;
                call().await
            }
            Some(Effect::Stall) => {
                self.0.stalled.notify_one();
                self.0.released.notified().await;
                call().await
            }
        }
    }
}

pub struct GatedSsm {
    pub gate: Gate,
    pub parameters: Parameters,
    pub executions: Arc<Mutex<BTreeMap<String, Execution>>>,
}

impl ReadSsm for GatedSsm {
    async fn automation_execution(&self, id: &str) -> Result<Execution, SsmError> {
        let fail = || SsmError { doing: format!("get automation execution `{id}`"), why: "no answer".to_owned() };
        let call = async || self.executions.lock().unwrap().get(id).cloned().ok_or_else(fail);
        self.gate.pass("ssm:GetAutomationExecution".to_owned(), call, fail).await
    }
}

impl ReadParameter for GatedSsm {
    async fn read_parameter(&self, name: &str) -> Result<String, ParameterError> {
        let fail = || ParameterError { name: name.to_owned(), why: "no answer".to_owned() };
        let call = async || self.parameters.lock().unwrap().get(name).cloned().ok_or_else(fail);
        self.gate.pass(format!("ssm:GetParameter {name}"), call, fail).await
    }
}

pub struct GatedConfig {
    pub gate: Gate,
    pub recorded: Arc<Mutex<BTreeMap<UserId, UserName>>>,
}

impl ReadConfig for GatedConfig {
    async fn user_name(&self, id: &UserId) -> Result<Option<UserName>, ConfigError> {
        let call = async || Ok(self.recorded.lock().unwrap().get(id).cloned());
        let fail = || ConfigError { id: id.clone(), why: "no answer".to_owned() };
        self.gate.pass("config:BatchGetResourceConfig".to_owned(), call, fail).await
    }
}

pub struct GatedWriter {
    pub gate: Gate,
    pub iam: FakeIam,
    pub writes: Writes,
    pub passwords: Deleted,
    pub now: Timestamp,
    pub stale: Arc<Mutex<Option<FakeIam>>>,
    pub lists_lag: Arc<Mutex<bool>>,
    pub deleted: Arc<Mutex<Vec<CredentialId>>>,
}

impl WriteIam for GatedWriter {
    async fn set_status(
        &self,
        user: &UserName,
        credential: &CredentialId,
        status: KeyStatus,
    ) -> Result<(), WriteError> {
        let call = async || {
            if *self.lists_lag.lock().unwrap() {
                let before = FakeIam::new(self.iam.estate());
                self.stale.lock().unwrap().get_or_insert(before);
            }
            let estate = self.iam.estate();
            let belongs = estate
                .find(user.as_str())
                .is_some_and(|user| user.of(credential.kind()).iter().any(|owned| owned.id == *credential));
            if !belongs {
                return Err(WriteError::NoSuchEntity { user: user.clone(), credential: credential.clone() });
            }
            self.iam.change(|estate| estate.set_status(credential, status));
            self.writes.lock().unwrap().push((credential.clone(), status));
            Ok(())
        };
        let fail =
            || WriteError::Failed { user: user.clone(), credential: credential.clone(), why: "no answer".to_owned() };
        let action = match credential.kind() {
            CredentialKind::AccessKey => "UpdateAccessKey",
            CredentialKind::ServiceSpecificCredential => "UpdateServiceSpecificCredential",
            CredentialKind::SshPublicKey => "UpdateSSHPublicKey",
            CredentialKind::SigningCertificate => "UpdateSigningCertificate",
            other => panic!("no status of a {other} is written"),
        };
        self.gate.pass(format!("iam:{action} {credential}"), call, fail).await
    }

    async fn delete_access_key(&self, user: &UserName, key: &CredentialId) -> Result<(), WriteError> {
        let call = async || {
            if *self.lists_lag.lock().unwrap() {
                let before = FakeIam::new(self.iam.estate());
                self.stale.lock().unwrap().get_or_insert(before);
            }
            let keys = |estate: &Estate| estate.find(user.as_str()).map_or(0, |user| user.keys.len());
            let before = keys(&self.iam.estate());
            self.iam.change(|estate| {
                estate.find_mut(user.as_str()).keys.retain(|held| held.key.id.as_str() != key.as_str());
            });
            if keys(&self.iam.estate()) == before {
                return Err(WriteError::NoSuchEntity { user: user.clone(), credential: key.clone() });
            }
            self.deleted.lock().unwrap().push(key.clone());
            Ok(())
        };
        let fail = || WriteError::Failed { user: user.clone(), credential: key.clone(), why: "no answer".to_owned() };
        self.gate.pass(format!("iam:DeleteAccessKey {key}"), call, fail).await
    }

    async fn delete_password(&self, user: &UserName) -> Result<(), WriteError> {
        let call = async || {
            if *self.lists_lag.lock().unwrap() {
                let before = FakeIam::new(self.iam.estate());
                self.stale.lock().unwrap().get_or_insert(before);
            }
            let password = self.iam.change(|estate| estate.find_mut(user.as_str()).password.take());
            if password.is_none() {
                return Err(WriteError::NoSuchEntity { user: user.clone(), credential: CredentialId::ConsolePassword });
            }
            self.passwords.lock().unwrap().push((user.clone(), self.now));
            Ok(())
        };
        let credential = CredentialId::ConsolePassword;
        let fail =
            || WriteError::Failed { user: user.clone(), credential: credential.clone(), why: "no answer".to_owned() };
        self.gate.pass(format!("iam:DeleteLoginProfile {user}"), call, fail).await
    }

    async fn refuse_sessions(&self, user: &UserName) -> Result<(), WriteError> {
        self.attached(user, "attach").await
    }

    async fn accept_sessions(&self, user: &UserName) -> Result<(), WriteError> {
        self.attached(user, "detach").await
    }
}

impl GatedWriter {
    /// Attaches the stack's policy to a user, or detaches it.
    async fn attached(&self, user: &UserName, doing: &'static str) -> Result<(), WriteError> {
        let call = async || {
            self.iam.change(|estate| {
                let attached = &mut estate.find_mut(user.as_str()).detail.attached_policies;
                let policy = super::SESSION_POLICY.parse().unwrap();
                if doing == "attach" { attached.insert(policy) } else { attached.remove(&policy) }
            });
            Ok(())
        };
        let fail = || WriteError::Sessions { user: user.clone(), doing, why: "no answer".to_owned() };
        self.gate.pass(format!("iam:{doing} {user}"), call, fail).await
    }
}

pub struct GatedTable {
    pub gate: Gate,
    pub table: MemoryTable,
}

impl Table for GatedTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        self.gate.pass(format!("dynamodb:GetItem {key}"), || self.table.get(key), no_answer).await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, TableError> {
        self.gate.pass(format!("dynamodb:Query {query:?}"), || self.table.query(query), no_answer).await
    }

    async fn write(&self, write: &Write) -> Result<(), TableError> {
        self.gate.pass(format!("dynamodb:Write {}", write.key), || self.table.write(write), no_answer).await
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), TableError> {
        let call = || self.table.transact(writes);
        self.gate.pass("dynamodb:TransactWriteItems".to_owned(), call, no_answer).await
    }
}

fn no_answer() -> TableError {
    TableError::Failed("no answer".into())
}

pub struct GatedReader {
    pub gate: Gate,
    pub iam: FakeIam,
    pub stale: Arc<Mutex<Option<FakeIam>>>,
}

macro_rules! gated {
    ($self:ident, $name:literal, $about:expr, $call:expr) => {{
        let fail = || ReadError::new(Failure::Failed, concat!("call iam:", $name));
        $self.gate.pass(format!(concat!("iam:", $name, " {}"), $about), $call, fail).await
    }};
}

impl ReadIam for GatedReader {
    async fn generate_credential_report(&self) -> Result<ReportState, ReadError> {
        gated!(self, "GenerateCredentialReport", "", || self.iam.generate_credential_report())
    }

    async fn get_credential_report(&self) -> Result<ReportAnswer, ReadError> {
        gated!(self, "GetCredentialReport", "", || self.iam.get_credential_report())
    }

    async fn get_account_authorization_details(
        &self,
        marker: Option<Marker>,
    ) -> Result<Page<AuthorizationDetail>, ReadError> {
        gated!(self, "GetAccountAuthorizationDetails", "", || {
            self.iam.get_account_authorization_details(marker.clone())
        })
    }

    async fn list_access_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<AccessKeyMetadata>, ReadError> {
        let shown = self.stale.lock().unwrap().clone().unwrap_or_else(|| self.iam.clone());
        gated!(self, "ListAccessKeys", user, || shown.list_access_keys(user, marker.clone()))
    }

    async fn get_login_profile(&self, user: &UserName) -> Result<Option<Timestamp>, ReadError> {
        let shown = self.stale.lock().unwrap().clone().unwrap_or_else(|| self.iam.clone());
        gated!(self, "GetLoginProfile", user, || shown.get_login_profile(user))
    }

    async fn list_service_specific_credentials(
        &self,
        user: Option<&UserName>,
        marker: Option<Marker>,
    ) -> Result<Page<Owned>, ReadError> {
        let about = user.map(UserName::as_str).unwrap_or_default();
        gated!(self, "ListServiceSpecificCredentials", about, || self
            .iam
            .list_service_specific_credentials(user, marker.clone()))
    }

    async fn list_ssh_public_keys(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        gated!(self, "ListSSHPublicKeys", user, || self.iam.list_ssh_public_keys(user, marker.clone()))
    }

    async fn list_signing_certificates(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Credential>, ReadError> {
        gated!(self, "ListSigningCertificates", user, || self.iam.list_signing_certificates(user, marker.clone()))
    }

    async fn get_user(&self, user: &UserName) -> Result<SingleUser, ReadError> {
        gated!(self, "GetUser", user, || self.iam.get_user(user))
    }

    async fn get_access_key_last_used(&self, key: &AccessKeyId) -> Result<LastUse, ReadError> {
        gated!(self, "GetAccessKeyLastUsed", key, || self.iam.get_access_key_last_used(key))
    }

    async fn list_groups_for_user(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<GroupName>, ReadError> {
        gated!(self, "ListGroupsForUser", user, || self.iam.list_groups_for_user(user, marker.clone()))
    }

    async fn list_attached_user_policies(
        &self,
        user: &UserName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        gated!(self, "ListAttachedUserPolicies", user, || self.iam.list_attached_user_policies(user, marker.clone()))
    }

    async fn list_attached_group_policies(
        &self,
        group: &GroupName,
        marker: Option<Marker>,
    ) -> Result<Page<Arn>, ReadError> {
        gated!(self, "ListAttachedGroupPolicies", group, || {
            self.iam.list_attached_group_policies(group, marker.clone())
        })
    }

    async fn list_users(&self, marker: Option<Marker>) -> Result<Page<ListedUser>, ReadError> {
        gated!(self, "ListUsers", "", || self.iam.list_users(marker.clone()))
    }
}
