//! The Python rule: a process of its own, invoked once.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use credwarden_sandbox::emulator::installation;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::process::{Measured, Surroundings};

/// What `run.py` prints.
#[derive(Deserialize)]
struct Printed {
    answer: Value,
    cpu_seconds: f64,
    peak_kib: u64,
}

/// A Python with what the rule imports; installed under `folder` where it is not there yet.
pub(crate) async fn install(folder: &Path) -> Result<PathBuf> {
    installation::python(folder, &source().join("requirements.txt")).await
}

/// Starts the rule and invokes it once.
pub(crate) async fn invoke(python: &Path, around: &Surroundings, event: &Value) -> Result<Measured> {
    let mut command = Command::new(python);
    around.describe(&mut command);
    command.arg("-B").arg(source().join("run.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let begun = Instant::now();
    let mut process = command.spawn().context("failed to start the Python rule")?;
    let mut input = process.stdin.take().context("the Python rule takes no event")?;
    input.write_all(event.to_string().as_bytes()).await.context("failed to give the Python rule its event")?;
    drop(input);
    let output = process.wait_with_output().await.context("failed to wait for the Python rule")?;
    let wall = begun.elapsed();
    ensure!(output.status.success(), "the Python rule failed; what it says is above");
    let Printed { answer, cpu_seconds, peak_kib } =
        serde_json::from_slice(&output.stdout).context("failed to read what the Python rule prints")?;
    Ok(Measured { wall, cpu: Duration::from_secs_f64(cpu_seconds), peak_kib, answer })
}

/// How many bytes a file is as the only one, `bootstrap`, of a zip file.
pub(crate) async fn zipped_size(python: &Path, file: &Path) -> Result<u64> {
    let mut command = Command::new(python);
    command.arg("-B").arg(source().join("zipped_size.py")).arg(file).stderr(Stdio::inherit());
    let output = command.output().await.with_context(|| format!("failed to zip `{}`", file.display()))?;
    ensure!(output.status.success(), "failed to zip `{}`; the reason is above", file.display());
    String::from_utf8_lossy(&output.stdout).trim().parse().context("failed to read the size of a zip file")
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}
