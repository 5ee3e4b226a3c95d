//! The release binaries that are measured, built as a deployment builds them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

/// The rules and the core alone: further packages would have the dependencies built with other features.
const PACKAGES: [&str; 4] =
    ["access-key-age", "unused-credentials", "unauthorized-key-creation", "credwarden-bench-core"];

/// How long the core took for a number of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(crate) struct Judged {
    pub(crate) credentials: u64,
    pub(crate) seconds: f64,
}

impl Judged {
    /// How many credentials it judges in a second.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(crate) fn per_second(self) -> f64 {
        self.credentials as f64 / self.seconds
    }
}

/// Builds what is not built yet, which takes minutes the first time, and tells where each binary is.
pub(crate) async fn build() -> Result<BTreeMap<String, PathBuf>> {
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--locked", "--bins", "--message-format", "json-render-diagnostics"]);
    command.args(PACKAGES.iter().flat_map(|package| ["--package", package])).current_dir(root());
    let output = command.stderr(Stdio::inherit()).kill_on_drop(true).output().await;
    let output = output.context("failed to run `cargo`\nhint: install Rust")?;
    ensure!(output.status.success(), "`cargo build --release` failed; its errors are above");
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

/// Runs the core's measurement to its end.
pub(crate) async fn judge(binary: &Path) -> Result<Vec<Judged>> {
    let output = Command::new(binary).stderr(Stdio::inherit()).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("failed to run `{}`", binary.display()))?;
    ensure!(output.status.success(), "`{}` failed; the reason is above", binary.display());
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).context("failed to read what the core prints")).collect()
}

fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let name = message.get("target")?.get("name")?.as_str()?;
        Some((name.to_owned(), PathBuf::from(message.get("executable")?.as_str()?)))
    };
    messages.lines().filter_map(executable).collect()
}

/// The folder of the clone.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_told_from_libraries() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"a-library"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"a-rule"},"executable":"release/a-rule"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executables(messages), BTreeMap::from([("a-rule".to_owned(), PathBuf::from("release/a-rule"))]));
    }

    #[test]
    fn the_rate_is_by_the_second() {
        let judged = Judged { credentials: 1_000, seconds: 0.0005 };
        assert!((judged.per_second() - 2_000_000.0).abs() < 1.0);
    }
}
