//! What a deployment is made of: the functions' binaries and the synthesized template.
//!
//! Both are made once per process, by one process of the clone at a time, and only where something has changed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::emulator::installation_folder;
use crate::progress::Progress;

/// Binaries and template of one profile.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// The dev build's binaries, by name.
    pub binaries: BTreeMap<String, PathBuf>,
    /// The template of the profile's stack.
    pub template: PathBuf,
    /// Name of the stack.
    pub stack: String,
    /// Region of the stack.
    pub region: String,
}

/// Makes the artifacts of a profile, or takes those that this process has made before. Dropped, it stops what it started.
pub async fn make(profile: &str, progress: &Progress) -> Result<Arc<Artifacts>> {
    static MADE: Mutex<BTreeMap<String, Arc<Artifacts>>> = Mutex::const_new(BTreeMap::new());
    let mut made = MADE.lock().await;
    if let Some(artifacts) = made.get(profile) {
        return Ok(Arc::clone(artifacts));
    }
    let folder = installation_folder();
    fs::create_dir_all(&folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
    let lock = folder.join("artifacts.lock");
    let lock = File::create(&lock).with_context(|| format!("failed to make `{}`", lock.display()))?;
    let waiting = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
    // Released when it is dropped, also by the end of the process.
    let _lock =
        waiting.context("the wait ended early")?.context("failed to wait for another sandbox that is building")?;
    let binaries = match made.values().next() {
        Some(artifacts) => artifacts.binaries.clone(),
        None => build(progress).await?,
    };
    let checker = binaries.get(CHECKER).with_context(|| format!("the build made no `{CHECKER}`"))?;
    let output = synthesize(profile, checker, &folder, progress).await?;
    let (template, stack, region) = stack(&output)?;
    let artifacts = Arc::new(Artifacts { binaries, template, stack, region });
    made.insert(profile.to_owned(), Arc::clone(&artifacts));
    Ok(artifacts)
}

/// The folder of the clone.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Builds every binary of the workspace: in one command, so that all share the same builds of their dependencies.
async fn build(progress: &Progress) -> Result<BTreeMap<String, PathBuf>> {
    progress.say("building the functions (`cargo build`)");
    let mut command = Command::new("cargo");
    command.args(["build", "--workspace", "--bins", "--message-format", "json-render-diagnostics"]).current_dir(root());
    let output = command.stderr(Stdio::inherit()).kill_on_drop(true).output().await;
    let output = output.context("failed to run `cargo`\nhint: install Rust")?;
    ensure!(output.status.success(), "`cargo build` failed; its errors are above");
    let mut binaries = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        let name = message.get("target").and_then(|target| target.get("name")).and_then(Value::as_str);
        let executable = message.get("executable").and_then(Value::as_str);
        if let (Some(name), Some(executable)) = (name, executable) {
            binaries.insert(name.to_owned(), PathBuf::from(executable));
        }
    }
    Ok(binaries)
}

/// Synthesizes the CDK app with a profile, unless nothing it reads has changed. The folder of the result.
async fn synthesize(profile: &str, checker: &Path, folder: &Path, progress: &Progress) -> Result<PathBuf> {
    let cdk = root().join("cdk");
    install_packages(&cdk, folder, progress).await?;
    let output = folder.join("cdk.out").join(profile);
    let stamp = folder.join(format!("cdk.out.{profile}.stamp"));
    let mut read = vec![checker.to_owned()];
    files_below(&cdk, &mut read)?;
    let state = state_of(&read)?;
    if output.join("manifest.json").exists() && fs::read_to_string(&stamp).is_ok_and(|text| text == state) {
        return Ok(output);
    }
    progress.say(&format!("synthesizing the stack (`cdk synth -c profile={profile}`)"));
    let tool = cdk.join("node_modules").join("aws-cdk").join("bin").join("cdk");
    let mut command = node();
    command
        .arg(&tool)
        .args(["synth", "--quiet", "--context", &format!("profile={profile}"), "--output"])
        .arg(&output)
        .env("CDK_DISABLE_CLI_TELEMETRY", "true")
        .env("CREDWARDEN_POLICY_CHECKER", checker)
        .current_dir(&cdk);
    run(&mut command, "`cdk synth` failed").await?;
    fs::write(&stamp, &state).with_context(|| format!("failed to write `{}`", stamp.display()))?;
    Ok(output)
}

/// `npm ci`, unless it has been done for this lock file.
async fn install_packages(cdk: &Path, folder: &Path, progress: &Progress) -> Result<()> {
    let lock = cdk.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| format!("failed to read `{}`", lock.display()))?;
    let installed = cdk.join("node_modules").join("aws-cdk").exists();
    let stamp = folder.join("package-lock.installed.json");
    if installed && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    run(node().arg("--version"), "`node` does not work").await?;
    progress.say("installing the CDK app's packages (`npm ci`)");
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(cdk);
    run(&mut command, "`npm ci` failed\nhint: it must reach a package registry").await?;
    fs::write(&stamp, &wanted).with_context(|| format!("failed to write `{}`", stamp.display()))
}

fn node() -> Command {
    Command::new("node")
}

/// Runs a command to its end; what it prints goes to stderr.
async fn run(command: &mut Command, failed: &str) -> Result<()> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.stderr(Stdio::inherit()).kill_on_drop(true).output().await.with_context(|| {
        format!("failed to run `{program}`\nhint: install Node.js 20 or later, which brings `node` and `npm`")
    })?;
    if !output.status.success() {
        bail!("{failed}; what it says is above\n{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

/// The stack of a cloud assembly: its template, its name and its region.
fn stack(output: &Path) -> Result<(PathBuf, String, String)> {
    let path = output.join("manifest.json");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
    let manifest: Value = serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", path.display()))?;
    let artifacts = manifest.get("artifacts").and_then(Value::as_object).context("the manifest has no artifacts")?;
    let kind = |artifact: &Value| artifact.get("type").and_then(Value::as_str) == Some("aws:cloudformation:stack");
    let stacks: Vec<_> = artifacts.iter().filter(|(_, artifact)| kind(artifact)).collect();
    let [(id, stack)] = stacks.as_slice() else {
        bail!("the app has {} stacks; the sandbox deploys one", stacks.len());
    };
    let property = |name: &str| stack.get("properties").and_then(|found| found.get(name)).and_then(Value::as_str);
    let template = property("templateFile").context("the stack has no template")?;
    let environment = stack.get("environment").and_then(Value::as_str).context("the stack has no environment")?;
    let region = environment.rsplit('/').next().filter(|region| *region != "unknown-region");
    Ok((
        output.join(template),
        property("stackName").unwrap_or(id).to_owned(),
        region.context("the stack is of no region")?.to_owned(),
    ))
}

/// The files that `cdk synth` reads, without what it installs or writes itself.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list `{}`", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("failed to list `{}`", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if ["node_modules", "dist", "cdk.out", "test"].contains(&name.as_ref()) {
            continue;
        }
        if path.is_dir() {
            files_below(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// A hash over names, sizes and times of files.
fn state_of(files: &[PathBuf]) -> Result<String> {
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort();
    let mut hash = Sha256::new();
    for path in sorted {
        let about = fs::metadata(path).with_context(|| format!("failed to look at `{}`", path.display()))?;
        let changed = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        hash.update(format!("{}\n{}\n{}\n", path.display(), about.len(), changed.as_nanos()));
    }
    Ok(format!("{:x}", hash.finalize()))
}

/// The policy validator that `cdk synth` calls.
const CHECKER: &str = "credwarden-catalogue";
