//! Functions: their own binaries as processes over the real Lambda Runtime API.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::Value;

use crate::{callers::Callers, clock::Clock};

/// One function as the template declares it.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    /// Function name, such as `credwarden-access-key-age`.
    pub name: String,
    /// The binary that a deployment would call `bootstrap`.
    pub binary: PathBuf,
    /// Environment of the template.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take, in real time.
    pub timeout: Duration,
    /// Memory size in MB; told, not enforced.
    pub memory_mb: u32,
}

/// What the processes of all functions share.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Twelve digits.
    pub account: String,
    /// Region of the deployment.
    pub region: String,
    /// The proxy.
    pub endpoint: SocketAddr,
    /// The library that moves a process's clock.
    pub libfaketime: PathBuf,
    /// Sandbox time.
    pub clock: Clock,
    /// Who gets credentials.
    pub callers: Callers,
}

/// The functions of a deployment. Dropping it kills their processes.
#[derive(Debug)]
pub struct Functions {}

/// One finished invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Request id.
    pub request_id: String,
    /// How it ended.
    pub result: Ended,
    /// How long it took in real time.
    pub duration: Duration,
    /// What the process wrote while it ran, line by line.
    pub logs: Vec<String>,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// The function answered.
    Answered(Value),
    /// The function reported an error.
    Failed(FunctionError),
    /// Killed at its timeout.
    TimedOut,
    /// The process ended or was killed before it answered.
    Died,
}

/// What a function reports as its error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// `errorType`.
    pub kind: String,
    /// `errorMessage`.
    pub message: String,
}

/// One line that a function wrote.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// Function name.
    pub function: String,
    /// Sandbox time.
    pub at: Timestamp,
    /// The line, without its end.
    pub text: String,
}

impl Functions {
    /// Makes functions invocable. No process starts before its first invocation.
    pub fn start(specs: Vec<FunctionSpec>, surroundings: Surroundings) -> Self {
        let _ = (specs, surroundings);
        Self {}
    }

    /// Invokes a function and waits for its end: on a warm process, else on a new one.
    ///
    /// An error is an unknown function or a binary that cannot be started; everything else is the invocation's end.
    pub async fn invoke(&self, name: &str, payload: &Value) -> Result<Invocation> {
        let _ = (name, payload);
        bail!("not built")
    }

    /// Kills all processes of a function, as a new deployment does; the next invocation is a cold start.
    pub fn kill(&self, name: &str) {
        let _ = name;
    }

    /// Everything that functions wrote so far.
    pub fn logs(&self) -> Vec<LogLine> {
        Vec::new()
    }

    /// How many processes have been started: one for each cold start.
    pub fn started(&self) -> u64 {
        0
    }
}
