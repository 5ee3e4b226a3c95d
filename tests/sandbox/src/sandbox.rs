//! A deployment on this machine: everything up, and in the hands of whoever holds it.

mod acting;
mod lambda;
mod looking;
mod options;
mod secrets_manager;
mod starting;
mod time;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::access::Access;
use crate::access_analyzer::AccessAnalyzer;
use crate::automation::Automation;
use crate::callers::Callers;
use crate::clock::Clock;
use crate::cloudtrail::CloudTrail;
use crate::config::Config;
use crate::directory::Directory;
use crate::emulator::Emulator;
use crate::event_bus::EventBus;
use crate::faults::Faults;
use crate::functions::{Functions, Invocation};
use crate::proxy::Proxy;
use crate::published::Published;
use crate::schedule::Schedules;
use crate::secrets::Secrets;
use crate::shape::present;
use crate::template::Deployment;

pub use acting::Ran;
pub use lambda::{FailedEvent, Invoked};
pub use looking::ComplianceRow;
pub use options::Options;
pub use secrets_manager::{Rotated, STEPS};
pub use time::Settled;

/// The deployment. Dropping it stops every process and removes every file of it.
///
/// Methods that stand for a service (`evaluate`, `run_automations`, `fire_schedules`) do what the service would do now;
/// nothing happens by itself, and time stands for no one but ticks on as real time does.
pub struct Sandbox {
    options: Options,
    deployment: Deployment,
    /// Programs of the workspace, by name.
    binaries: BTreeMap<String, PathBuf>,
    clock: Clock,
    directory: Directory,
    access: Arc<Access>,
    access_analyzer: Arc<AccessAnalyzer>,
    config: Arc<Config>,
    automation: Arc<Automation>,
    cloudtrail: Arc<CloudTrail>,
    event_bus: EventBus,
    published: Arc<Published>,
    secrets: Arc<Secrets>,
    schedules: Schedules,
    callers: Callers,
    faults: Faults,
    functions: Functions,
    proxy: Proxy,
    emulator: Emulator,
    invocations: Mutex<Vec<Invoked>>,
    failed_events: Mutex<Vec<FailedEvent>>,
    /// Config neither evaluates nor remediates.
    silent: AtomicBool,
    /// Removed last.
    folder: Folder,
}

/// A folder that is removed when it is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // It lies in the clone's ignored folder; whatever is left there does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("options", &self.options)
            .field("folder", &self.folder.0)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Replaces the account's users and groups by a seed, whose time does not move the clock.
    pub async fn seed(&self, seed: &Value) -> Result<()> {
        self.emulator.seed(seed).await.context("failed to seed the account")?;
        self.refresh().await
    }

    /// What is true of users and groups now, whatever hazards show to readers.
    pub async fn truth(&self) -> Result<Value> {
        self.emulator.truth().await
    }

    /// Status of an access key now, in AWS's words; `None` where there is no such key.
    pub async fn key_status(&self, access_key_id: &str) -> Result<Option<String>> {
        let truth = self.truth().await?;
        let users = truth.get("users").and_then(Value::as_array).into_iter().flatten();
        let mut keys = users.filter_map(|user| user.get("keys").and_then(Value::as_array)).flatten();
        let key = keys.find(|key| key.get("id").and_then(Value::as_str) == Some(access_key_id));
        Ok(key.and_then(|key| key.get("status")).and_then(Value::as_str).map(str::to_owned))
    }

    /// Somebody changes IAM past Credwarden, and past CloudTrail: `action` such as `DeleteUser`, parameters as the query
    /// protocol has them. What CloudTrail is to know of, [`Sandbox::act`] does.
    pub async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        self.learn_secrets_of(parameters);
        let answer = self.emulator.iam(action, parameters).await?;
        self.secrets.learn_from(&answer);
        self.refresh().await?;
        Ok(answer)
    }

    /// The owner of an access key uses it now.
    pub async fn use_key(&self, access_key_id: &str) -> Result<()> {
        self.emulator.use_key(access_key_id, "s3", &self.deployment.scope.region).await
    }

    /// A user signs in at the console with its password now.
    pub async fn sign_in(&self, user: &str) -> Result<()> {
        self.emulator.sign_in(user).await
    }

    /// Somebody writes a parameter.
    pub async fn put_parameter(&self, name: &str, value: &str) -> Result<()> {
        let tier = self.deployment.parameters.get(name).and_then(|deployed| deployed.request.get("Tier"));
        let request =
            present(json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true, "Tier": tier }));
        self.emulator.json(&self.deployment.scope.region, "AmazonSSM.PutParameter", &request).await.map(drop)
    }

    /// Sets the kill switch: `run`, `undo-only`, `stop`, or anything else.
    pub async fn set_kill_switch(&self, value: &str) -> Result<()> {
        self.put_parameter(&self.name_in_environment("CREDWARDEN_KILL_SWITCH_PARAMETER")?, value).await
    }

    /// Replaces the policy; functions read it at each invocation.
    pub async fn set_policy(&self, policy: &str) -> Result<()> {
        self.put_parameter(&self.name_in_environment("CREDWARDEN_POLICY_PARAMETER")?, policy).await
    }

    /// The policy as deployed.
    pub fn deployed_policy(&self) -> Result<Value> {
        let name = self.name_in_environment("CREDWARDEN_POLICY_PARAMETER")?;
        let parameter = self.deployment.parameters.get(&name).with_context(|| format!("there is no `{name}`"))?;
        serde_json::from_str(&parameter.value).context("the deployed policy is not JSON")
    }

    /// A person starts a document. What it needs and is not given is the automation's role, which is filled in.
    pub fn start_document(&self, name: &str, parameters: &[(&str, &str)], person: &str) -> Result<String> {
        let mut given: BTreeMap<String, Vec<String>> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        if !given.contains_key(ROLE_PARAMETER) {
            given.insert(ROLE_PARAMETER.to_owned(), vec![self.automation_role()?]);
        }
        let by = self.automation.person_arn(person);
        self.automation.start(name, given, &by, self.now()).with_context(|| format!("failed to start `{name}`"))
    }

    /// A person approves what an execution waits for, or rejects it; it goes on with the next automations that run.
    pub fn decide(&self, execution: &str, person: &str, approves: bool) -> Result<()> {
        let by = self.automation.person_arn(person);
        self.automation.signal(execution, &by, approves).with_context(|| format!("failed to signal `{execution}`"))
    }

    /// A person invokes a function with any payload.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Invocation> {
        self.invoke_function(function, payload, "person").await
    }

    /// Sandbox time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn automation_role(&self) -> Result<String> {
        let trusted = |service: &String| service == "ssm.amazonaws.com";
        let role = self.deployment.roles.values().find(|role| role.trusted_services.iter().any(trusted));
        Ok(role.context("no role of the template is for SSM Automation")?.arn.clone())
    }

    /// The name that the template gives to the functions in an environment variable.
    fn name_in_environment(&self, variable: &str) -> Result<String> {
        let found = self.deployment.functions.values().find_map(|function| function.environment.get(variable));
        Ok(found.with_context(|| format!("no function has `{variable}` in its environment"))?.clone())
    }

    async fn refresh(&self) -> Result<()> {
        self.directory.replace_from(&self.truth().await?);
        Ok(())
    }
}

/// The parameter in which every document takes the role that it runs in.
const ROLE_PARAMETER: &str = "AutomationAssumeRole";

/// The account that everything happens in; AWS keeps this number for examples.
const ACCOUNT: &str = "123456789012";
