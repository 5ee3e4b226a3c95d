//! SSM Automation, played: the template's documents run step by step.
//!
//! It answers the calls that start and read executions as AWS's service model has them, and refuses what a document does
//! not declare. A document with an action or a field that is not played is an error when the sandbox starts.

mod api;
mod approval;
mod branch;
mod document;
mod execution;
mod references;
mod run;
mod script;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

use crate::call::{Answer, Call, Player};
use crate::template::{Deployment, Scope};
use crate::tricks::Tricks;

pub use document::Rejected;
pub use execution::{Decision, Execution, Status, StepExecution};

use document::Document;

/// SSM Automation in one account and region.
#[derive(Debug)]
pub struct Automation {
    scope: Scope,
    documents: BTreeMap<String, Document>,
    /// Role ARN by function, for the callers of `StartAutomationExecution`.
    sessions: BTreeMap<String, String>,
    tricks: Tricks,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    executions: Vec<Execution>,
    waiting: VecDeque<String>,
    /// Executions by client token.
    tokens: BTreeMap<String, String>,
}

/// How a document's step reaches Lambda: in the automation's role.
pub trait Lambda {
    /// Invokes a function; an error is a refusal or a failure of Lambda itself.
    fn invoke(&self, role_arn: &str, function: &str, payload: &Value) -> impl Future<Output = Result<Invoked>> + Send;
}

/// What Lambda answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoked {
    /// `Unhandled` where the function failed, was killed or died.
    pub function_error: Option<String>,
    /// The function's answer as it wrote it, or Lambda's error object.
    pub payload: String,
}

impl Automation {
    /// Reads every document of the deployment.
    pub fn new(deployment: &Deployment, tricks: Tricks) -> Result<Self> {
        let mut documents = BTreeMap::new();
        for (name, content) in &deployment.documents {
            let document = Document::parse(content).with_context(|| format!("failed to read document `{name}`"))?;
            documents.insert(name.clone(), document);
        }
        let session = |name: &String, role_arn: &String| {
            let role = role_arn.rsplit('/').next().unwrap_or(role_arn);
            format!("arn:aws:sts::{}:assumed-role/{role}/{name}", deployment.scope.account)
        };
        let sessions = deployment.functions.values();
        Ok(Self {
            scope: deployment.scope.clone(),
            documents,
            sessions: sessions.map(|found| (found.name.clone(), session(&found.name, &found.role_arn))).collect(),
            tricks,
            state: Mutex::default(),
        })
    }

    /// Queues an execution of a document; parameters that it does not take are refused.
    pub fn start(
        &self,
        document: &str,
        parameters: BTreeMap<String, Vec<String>>,
        executed_by: &str,
        now: Timestamp,
    ) -> Result<String, Rejected> {
        let name = document.rsplit('/').next().unwrap_or(document);
        let found = self.documents.get(name).ok_or_else(|| Rejected::no_document(document))?;
        let parameters = found.accept(parameters)?;
        let mut state = self.state();
        let id = format!("00000000-0000-4000-9000-{:012x}", state.executions.len() + 1);
        state.executions.push(Execution::new(&id, name, parameters, executed_by, now));
        state.waiting.push_back(id.clone());
        Ok(id)
    }

    /// An execution that was stopped goes on when its turn comes.
    fn queue(&self, id: &str) {
        self.state().waiting.push_back(id.to_owned());
    }

    /// The next execution that has not begun.
    pub fn next(&self) -> Option<String> {
        self.state().waiting.pop_front()
    }

    /// How many executions have not begun.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// One execution.
    pub fn execution(&self, id: &str) -> Option<Execution> {
        self.state().executions.iter().find(|execution| execution.id == id).cloned()
    }

    /// Every execution, oldest first.
    pub fn executions(&self) -> Vec<Execution> {
        self.state().executions.clone()
    }

    /// ARN of the role in which Config starts remediations: its own, linked to the service.
    pub fn config_arn(&self) -> String {
        let session = "assumed-role/AWSServiceRoleForConfigRemediation/AwsConfigRemediation";
        format!("arn:aws:sts::{}:{session}", self.scope.account)
    }

    /// ARN of a person who starts documents: a user by its name, or whoever an ARN names, such as a role's session.
    pub fn person_arn(&self, person: &str) -> String {
        if person.starts_with("arn:") { person.to_owned() } else { self.scope.iam_arn(&format!("user/{person}")) }
    }

    /// Under which ARN a caller of the proxy appears.
    fn caller_arn(&self, caller: &str) -> String {
        let person = caller.strip_prefix("person:").unwrap_or(caller);
        self.sessions.get(caller).cloned().unwrap_or_else(|| self.person_arn(person))
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Execution)) {
        let mut state = self.state();
        if let Some(execution) = state.executions.iter_mut().find(|execution| execution.id == id) {
            change(execution);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Player for Automation {
    fn play(&self, call: &Call) -> Option<Answer> {
        api::answer(self, call)
    }
}
