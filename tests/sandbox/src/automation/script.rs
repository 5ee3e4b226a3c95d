//! `aws:executeScript`: the document's own Python, run by this machine's.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Runs a script's handler with its events; what it returns, or its exception as an error.
pub(super) async fn run(script: &str, handler: &str, payload: &Value, timeout: Duration) -> Result<Value> {
    let mut child = Command::new("python3")
        .args(["-I", "-c", HARNESS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("failed to start `python3`, which runs the documents' scripts: install Python 3")?;
    let request = json!({ "script": script, "handler": handler, "events": payload }).to_string();
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(request.as_bytes()).await.context("failed to hand a script to `python3`")?;
    }
    let output = tokio::time::timeout(timeout, child.wait_with_output());
    let output = output.await.context("the script took too long")?.context("failed to run `python3`")?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{}", error.lines().last().unwrap_or("the script failed without a word"));
    }
    serde_json::from_slice(&output.stdout).context("the script's answer is not JSON")
}

/// The handler's own output goes to stderr, so that stdout holds its answer and nothing else.
const HARNESS: &str = r"
import json, sys
request = json.load(sys.stdin)
out, sys.stdout = sys.stdout, sys.stderr
names = {}
exec(request['script'], names)
json.dump(names[request['handler']](request['events'], {}), out)
";
