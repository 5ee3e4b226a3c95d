//! Python packages of emulators, in virtual environments of the clone's own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

/// What time-machine, which moves the emulator's clock, needs.
const OLDEST_PYTHON: (u32, u32) = (3, 11);

/// The folder of the launcher and its requirements.
pub(super) fn source() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/emulator"))
}

/// A Python that has everything which a file of requirements pins. Made under `folder` where it is not there yet; whoever
/// comes second waits for the first.
pub async fn python(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let (folder, requirements) = (folder.to_owned(), requirements.to_owned());
    tokio::task::spawn_blocking(move || install(&folder, &requirements))
        .await
        .context("the installation ended early")?
}

fn install(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let text = fs::read(requirements).with_context(|| format!("failed to read `{}`", requirements.display()))?;
    let hash = Sha256::digest(&text).iter().take(6).fold(0_u64, |hash, byte| (hash << 8) | u64::from(*byte));
    let environment = folder.join(format!("venv-{hash:012x}"));
    let python = environment.join("bin").join("python");
    let ready = environment.join("ready");
    fs::create_dir_all(folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
    let lock = folder.join(format!("venv-{hash:012x}.lock"));
    let lock = File::create(&lock).with_context(|| format!("failed to make `{}`", lock.display()))?;
    // Released when the file is closed, also by the end of the process.
    lock.lock().context("failed to wait for another installation")?;
    if ready.exists() {
        return Ok(python);
    }
    if environment.exists() {
        fs::remove_dir_all(&environment)
            .with_context(|| format!("failed to remove the unfinished `{}`", environment.display()))?;
    }
    check_version()?;
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&environment),
        "failed to make a virtual environment of Python\n\
         hint: install Python's venv module (Debian, Ubuntu: `apt install python3-venv`)",
    )?;
    run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir"])
            .args(["--require-hashes", "--requirement"])
            .arg(requirements),
        "failed to install an emulator's Python packages\n\
         hint: `pip` must reach a package index; the cause is above what it says last",
    )?;
    fs::write(&ready, "").with_context(|| format!("failed to write `{}`", ready.display()))?;
    Ok(python)
}

fn check_version() -> Result<()> {
    let (major, minor) = OLDEST_PYTHON;
    let hint =
        format!("hint: install Python {major}.{minor} or later as `python3` (https://www.python.org/downloads/)");
    let found = Command::new("python3")
        .args(["-c", "import sys; print(*sys.version_info[:2])"])
        .output()
        .with_context(|| format!("failed to start `python3`, on which the emulator runs\n{hint}"))?;
    let text = String::from_utf8_lossy(&found.stdout);
    let version = text.trim().split_once(' ').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    match version {
        Some(version) if version >= OLDEST_PYTHON => Ok(()),
        Some((major, minor)) => bail!("`python3` is Python {major}.{minor}, too old for the emulator\n{hint}"),
        None => bail!("`python3` does not tell its version\n{hint}"),
    }
}

fn run(command: &mut Command, failure: &str) -> Result<()> {
    let output = command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").output().context(failure.to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!("{}\n{failure}", String::from_utf8_lossy(&said).trim())
}
