//! One rule's function: its release binary as a process that polls the Lambda Runtime API.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as Listener};
use std::path::Path;
use std::process::{Command as Blocking, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{Mutex, mpsc};

use crate::endpoint::at_once;
use crate::process::{self, Measured, REGION, Surroundings};

/// How long an invocation may take: as deployed.
const TIMEOUT: Duration = Duration::from_secs(290);

/// A function's binary and what the stack sets for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    pub(crate) binary: &'a Path,
    /// The ledger's table.
    pub(crate) table: &'a str,
}

/// The Runtime API, version 2018-06-01, of one invocation. Source: AWS Lambda Developer Guide, "Using the Lambda runtime
/// API for custom runtimes".
struct Invocation {
    deadline_ms: i64,
    /// Taken by the first poll; a later one waits for ever.
    event: Mutex<Option<String>>,
    ended: mpsc::UnboundedSender<Result<Bytes, Bytes>>,
}

/// Starts a process of the function, as a daily evaluation finds none, and invokes it once.
pub(crate) async fn invoke(function: Function<'_>, around: &Surroundings, event: &Value) -> Result<Measured> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to open a port for the Runtime API")?;
    let address = listener.local_addr().context("failed to read the Runtime API's port")?;
    let (ended, mut answers) = mpsc::unbounded_channel();
    let deadline_ms = around.clock.now().as_millisecond() + i64::try_from(TIMEOUT.as_millis())?;
    let invocation = Arc::new(Invocation { deadline_ms, event: Mutex::new(Some(event.to_string())), ended });
    let serving = tokio::spawn(serve(listener, invocation));
    let mut command = Command::new(function.binary);
    around.describe(&mut command);
    describe(command.as_std_mut(), function, address);
    let begun = Instant::now();
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut process = process.with_context(|| format!("failed to start `{}`", function.binary.display()))?;
    let answer = tokio::select! {
        answer = answers.recv() => answer.context("the Runtime API ended early")?,
        ended = process.wait() => bail!("`{}` ended without an answer: {:?}", function.name, ended),
        () = tokio::time::sleep(TIMEOUT) => bail!("`{}` took longer than {TIMEOUT:?}", function.name),
    };
    let wall = begun.elapsed();
    let (cpu, peak_kib) = process::usage(process.id().context("the process has ended")?)?;
    process.kill().await.context("failed to end the function's process")?;
    serving.abort();
    match answer {
        Ok(body) => Ok(Measured { wall, cpu, peak_kib, answer: serde_json::from_slice(&body)? }),
        Err(body) => bail!("`{}` failed: {}", function.name, String::from_utf8_lossy(&body)),
    }
}

/// How long the function takes from its start to its first poll for work, without the library that moves its clock.
pub(crate) fn first_poll(function: Function<'_>) -> Result<Duration> {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to open a port for the Runtime API")?;
    let address = listener.local_addr().context("failed to read the Runtime API's port")?;
    let mut command = Command::new(function.binary);
    process::describe_account(&mut command, "http://127.0.0.1:9");
    let command: &mut Blocking = command.as_std_mut();
    describe(command, function, address);
    let begun = Instant::now();
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut process = process.with_context(|| format!("failed to start `{}`", function.binary.display()))?;
    let polled = listener.accept().and_then(|(mut stream, _)| stream.read_exact(&mut [0; 3]));
    let took = begun.elapsed();
    process.kill().and_then(|()| process.wait()).context("failed to end the function's process")?;
    polled.context("the function did not poll")?;
    Ok(took)
}

fn describe(command: &mut Blocking, function: Function<'_>, runtime: SocketAddr) {
    command
        .env("AWS_LAMBDA_RUNTIME_API", runtime.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", function.name)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "[$LATEST]0")
        .env("_HANDLER", "bootstrap")
        .env("CREDWARDEN_POLICY_PARAMETER", "/credwarden/policy")
        .env("CREDWARDEN_LEDGER_TABLE", function.table)
        .env("CREDWARDEN_REMEDY_ROLE_ARNS", "arn:aws:iam::123456789012:role/credwarden-remedy");
}

async fn serve(listener: TcpListener, invocation: Arc<Invocation>) {
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
        .route("/2018-06-01/runtime/init/error", post(failed))
        .with_state(invocation);
    // Ends with its task only.
    let _ = axum::serve(listener.tap_io(at_once), router).await;
}

async fn next(State(invocation): State<Arc<Invocation>>) -> Response {
    let Some(event) = invocation.event.lock().await.take() else { return std::future::pending().await };
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "00000000-0000-0000-0000-000000000001")
        .header("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string())
        .header("lambda-runtime-invoked-function-arn", format!("arn:aws:lambda:{REGION}:123456789012:function:bench"))
        .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0")
        .body(Body::from(event))
        .unwrap_or_else(|_| Response::new(Body::empty()))
}

async fn answered(State(invocation): State<Arc<Invocation>>, body: Bytes) -> StatusCode {
    // Nobody listens any more where the time was up.
    let _ = invocation.ended.send(Ok(body));
    StatusCode::ACCEPTED
}

async fn failed(State(invocation): State<Arc<Invocation>>, body: Bytes) -> StatusCode {
    let _ = invocation.ended.send(Err(body));
    StatusCode::ACCEPTED
}
