//! The Lambda Runtime API, version 2018-06-01, for one process.
//!
//! Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

/// The server that one process polls. Dropping it closes the port, upon which a polling process ends.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    events: mpsc::UnboundedSender<Event>,
    reports: mpsc::UnboundedReceiver<Report>,
    serving: JoinHandle<()>,
}

/// One invocation as the process gets it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) request_id: String,
    /// In sandbox time, by which the process's clock goes.
    pub(crate) deadline: Timestamp,
    pub(crate) function_arn: String,
    pub(crate) payload: Bytes,
}

/// What the process tells.
#[derive(Clone, Debug)]
pub(crate) enum Report {
    Response { request_id: String, body: Bytes },
    Error { request_id: String, error: ReportedError },
    InitError(ReportedError),
}

/// The body of an error report.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ReportedError {
    pub(crate) error_type: String,
    pub(crate) error_message: String,
}

struct Shared {
    events: Mutex<mpsc::UnboundedReceiver<Event>>,
    reports: mpsc::UnboundedSender<Report>,
}

impl RuntimeApi {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) async fn start() -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to open a port for the Runtime API")?;
        let address = listener.local_addr().context("failed to read the Runtime API's port")?;
        let (events, queue) = mpsc::unbounded_channel();
        let (told, reports) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { events: Mutex::new(queue), reports: told });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(shared);
        let serving = tokio::spawn(async move {
            // Ends with this task only.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, events, reports, serving })
    }

    /// Value of `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands an invocation to the process.
    pub(crate) fn invoke(&self, event: Event) {
        // Never refused: the server holds the other end.
        let _ = self.events.send(event);
    }

    /// Waits for what the process tells of this invocation, or of its failed start.
    pub(crate) async fn report(&mut self, request: &str) -> Report {
        loop {
            match self.reports.recv().await {
                Some(Report::Response { request_id, .. } | Report::Error { request_id, .. })
                    if request_id != request => {}
                Some(report) => return report,
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let event = shared.events.lock().await.recv().await;
    let Some(Event { request_id, deadline, function_arn, payload }) = event else { return empty(StatusCode::GONE) };
    let trace = "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0";
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", request_id)
        .header("lambda-runtime-deadline-ms", deadline.as_millisecond().to_string())
        .header("lambda-runtime-invoked-function-arn", function_arn)
        .header("lambda-runtime-trace-id", trace)
        .body(Body::from(payload))
        .unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn response(State(shared): State<Arc<Shared>>, Path(request_id): Path<String>, body: Bytes) -> Response {
    accepted(&shared, Report::Response { request_id, body })
}

async fn error(State(shared): State<Arc<Shared>>, Path(request_id): Path<String>, body: Bytes) -> Response {
    accepted(&shared, Report::Error { request_id, error: reported(&body) })
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    accepted(&shared, Report::InitError(reported(&body)))
}

fn reported(body: &[u8]) -> ReportedError {
    serde_json::from_slice(body).unwrap_or_else(|_| ReportedError {
        error_type: "Unreadable".to_owned(),
        error_message: String::from_utf8_lossy(body).into_owned(),
    })
}

fn accepted(shared: &Shared, report: Report) -> Response {
    // Nobody listens any more where the invocation has ended already.
    let _ = shared.reports.send(report);
    empty(StatusCode::ACCEPTED)
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
