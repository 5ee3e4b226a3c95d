//! Functions: their own binaries as processes over the real Lambda Runtime API.

mod process;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use self::process::Process;
use crate::{
    callers::{Callers, Life},
    clock::Clock,
    runtime_api::{Event, Report, ReportedError},
};

/// Numbers of requests, so that no two in one run of the program are the same: functions keep them in their ledger.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

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
    /// Where each process's output is kept, in a file of its own.
    pub folder: PathBuf,
}

/// The functions of a deployment. Dropping it kills their processes.
#[derive(Debug)]
pub struct Functions {
    specs: BTreeMap<String, FunctionSpec>,
    surroundings: Surroundings,
    /// Idle processes by function, the one that ended last on top.
    warm: Mutex<BTreeMap<String, Vec<Process>>>,
    /// Every process started, by function.
    lives: Mutex<Vec<(String, Life)>>,
    logs: Mutex<Vec<LogLine>>,
}

/// One finished invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Request id.
    pub request_id: String,
    /// How it ended.
    pub result: Ended,
    /// The answer as the function wrote it, byte for byte; empty where it gave none.
    pub answer: String,
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
    /// Sandbox time at the end of the invocation.
    pub at: Timestamp,
    /// The line, without its end.
    pub text: String,
}

impl Functions {
    /// Makes functions invocable. No process starts before its first invocation.
    pub fn start(specs: Vec<FunctionSpec>, surroundings: Surroundings) -> Self {
        Self {
            specs: specs.into_iter().map(|spec| (spec.name.clone(), spec)).collect(),
            surroundings,
            warm: Mutex::default(),
            lives: Mutex::default(),
            logs: Mutex::default(),
        }
    }

    /// What every process of this sandbox sees around it.
    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Invokes a function and waits for its end: on a warm process, else on a new one.
    ///
    /// An error is an unknown function or a binary that cannot be started; everything else is the invocation's end.
    pub async fn invoke(&self, name: &str, payload: &Value) -> Result<Invocation> {
        let spec = self.specs.get(name).with_context(|| format!("the deployment has no function `{name}`"))?;
        let begun = Instant::now();
        let mut process = match self.take_warm(name) {
            Some(process) => process,
            None => self.start_process(spec).await?,
        };
        let event = self.event(spec, payload);
        let request_id = event.request_id.clone();
        process.runtime.invoke(event);
        let life = process.life.clone();
        let (result, answer) = tokio::select! {
            report = process.runtime.report(&request_id) => {
                let answer = written(&report);
                (ended(report), answer)
            }
            () = life.dead() => (Ended::Died, String::new()),
            () = tokio::time::sleep(spec.timeout) => {
                life.end().await;
                (Ended::TimedOut, String::new())
            }
        };
        let logs = process.new_lines();
        self.keep_logs(name, &logs);
        if matches!(result, Ended::Answered(_) | Ended::Failed(_)) && life.is_running() {
            lock(&self.warm).entry(name.to_owned()).or_default().push(process);
        }
        Ok(Invocation { request_id, result, answer, duration: begun.elapsed(), logs })
    }

    /// Kills all processes of a function, as a new deployment does; the next invocation is a cold start.
    pub fn kill(&self, name: &str) {
        for (_, life) in lock(&self.lives).iter().filter(|(function, _)| function == name) {
            life.condemn();
        }
    }

    /// Everything that functions wrote so far, in order of the invocations' ends.
    pub fn logs(&self) -> Vec<LogLine> {
        lock(&self.logs).clone()
    }

    /// How many processes have been started: one for each cold start.
    pub fn started(&self) -> u64 {
        lock(&self.lives).len() as u64
    }

    fn take_warm(&self, name: &str) -> Option<Process> {
        let mut warm = lock(&self.warm);
        let idle = warm.get_mut(name)?;
        idle.retain(|process| process.life.is_running());
        idle.pop()
    }

    async fn start_process(&self, spec: &FunctionSpec) -> Result<Process> {
        let number = self.started() + 1;
        let process = Process::start(spec, number, &self.surroundings).await?;
        lock(&self.lives).push((spec.name.clone(), process.life.clone()));
        Ok(process)
    }

    fn event(&self, spec: &FunctionSpec, payload: &Value) -> Event {
        let Surroundings { account, region, clock, .. } = &self.surroundings;
        let number = REQUESTS.fetch_add(1, Ordering::SeqCst);
        let timeout = SignedDuration::try_from(spec.timeout).unwrap_or(SignedDuration::MAX);
        Event {
            request_id: format!("00000000-0000-4000-8000-{number:012x}"),
            deadline: clock.now().saturating_add(timeout).unwrap_or(Timestamp::MAX),
            function_arn: format!("arn:aws:lambda:{region}:{account}:function:{}", spec.name),
            payload: Bytes::from(payload.to_string()),
        }
    }

    fn keep_logs(&self, name: &str, lines: &[String]) {
        let at = self.surroundings.clock.now();
        let lines = lines.iter().map(|text| LogLine { function: name.to_owned(), at, text: text.clone() });
        lock(&self.logs).extend(lines);
    }
}

fn written(report: &Report) -> String {
    match report {
        Report::Response { body, .. } => String::from_utf8_lossy(body).into_owned(),
        Report::Error { .. } | Report::InitError(_) => String::new(),
    }
}

fn ended(report: Report) -> Ended {
    match report {
        Report::Response { body, .. } => match serde_json::from_slice(&body) {
            Ok(answer) => Ended::Answered(answer),
            // Lambda passes on what is not JSON as an error of the runtime.
            Err(error) => {
                let kind = "Runtime.MarshalError".to_owned();
                Ended::Failed(FunctionError { kind, message: error.to_string() })
            }
        },
        Report::Error { error, .. } | Report::InitError(error) => {
            let ReportedError { error_type, error_message } = error;
            Ended::Failed(FunctionError { kind: error_type, message: error_message })
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
