//! One process of a function: an execution environment of Lambda's.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result};
use tokio::process::{Child, Command};

use super::{FunctionSpec, Surroundings};
use crate::{
    callers::{Life, SessionCredentials},
    runtime_api::RuntimeApi,
};

/// A started process, idle or at work. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) runtime: RuntimeApi,
    pub(super) life: Life,
    log: PathBuf,
    read_to: u64,
}

impl Process {
    /// Starts a process; `number` tells it from all others of this sandbox.
    pub(super) async fn start(spec: &FunctionSpec, number: u64, around: &Surroundings) -> Result<Self> {
        let runtime = RuntimeApi::start().await?;
        let (credentials, life) = around.callers.issue_to_process(&spec.name);
        let log = around.folder.join(format!("{}-{number}.log", spec.name));
        let output = File::create(&log).with_context(|| format!("failed to make `{}`", log.display()))?;
        let errors = output.try_clone().with_context(|| format!("failed to share `{}`", log.display()))?;
        let mut command = Command::new(&spec.binary);
        command.env_clear().envs(&spec.environment);
        describe_runtime(&mut command, spec, number, &runtime);
        around.describe(&mut command, &credentials);
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start `{}` of `{}`", spec.binary.display(), spec.name))?;
        tokio::spawn(watch(child, life.clone()));
        Ok(Self { runtime, life, log, read_to: 0 })
    }

    /// What the process wrote since the last look: a process writes its lines before it reports.
    pub(super) fn new_lines(&mut self) -> Vec<String> {
        let mut text = Vec::new();
        let read = File::open(&self.log).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.read_to))?;
            file.read_to_end(&mut text)
        });
        self.read_to += read.unwrap_or(0) as u64;
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.life.condemn();
    }
}

/// What Lambda says of itself. Source: Lambda Developer Guide, "Defined runtime environment variables".
fn describe_runtime(command: &mut Command, spec: &FunctionSpec, number: u64, runtime: &RuntimeApi) {
    command
        .env("AWS_LAMBDA_RUNTIME_API", runtime.address().to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", &spec.name)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string())
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("[$LATEST]{number:032x}"))
        .env("_HANDLER", "bootstrap")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TZ", ":UTC");
}

impl Surroundings {
    /// Makes a process see the account and the time of the sandbox, as the owner of these credentials. Without
    /// `DONT_FAKE_MONOTONIC` a waiting runtime hangs; without `NO_CACHE` a jump is seen late.
    pub(crate) fn describe(&self, command: &mut Command, credentials: &SessionCredentials) {
        command
            .env("AWS_REGION", &self.region)
            .env("AWS_DEFAULT_REGION", &self.region)
            .env("AWS_ACCESS_KEY_ID", &credentials.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key)
            .env("AWS_SESSION_TOKEN", &credentials.session_token)
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.endpoint))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("LD_PRELOAD", &self.libfaketime)
            .env("FAKETIME_TIMESTAMP_FILE", self.clock.file())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
}

async fn watch(mut child: Child, life: Life) {
    let _leftovers = Leftovers { process: child.id() };
    let ended = tokio::select! {
        ended = child.wait() => ended.map(drop),
        () = life.condemned() => child.kill().await,
    };
    // Neither fails for a child of ours that nobody else waits for.
    drop(ended);
    life.has_died();
}

/// What libfaketime leaves in shared memory when it is killed.
struct Leftovers {
    process: Option<u32>,
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        let Some(process) = self.process else { return };
        for name in [format!("sem.faketime_sem_{process}"), format!("faketime_shm_{process}")] {
            // Not there after an orderly end.
            let _ = fs::remove_file(Path::new("/dev/shm").join(name));
        }
    }
}
