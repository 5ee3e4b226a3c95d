//! Where everything measured sends its calls: each is counted, and answered no sooner than after a delay.
//!
//! IAM, AWS Config, `CloudTrail` and SSM are answered from memory while the delay lasts, so that an emulator's own time does not pass for
//! AWS's; `DynamoDB` is the sandbox's emulator. What takes longer than the delay is counted apart ([`Tally::late`]).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use credwarden_estate::estate::Estate;
use credwarden_policy::policy::Policy;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::call::Call;
use crate::config::{Config, billed};
use crate::iam::Iam;
use crate::trail::{CREATOR, Trail};

/// A listening endpoint of one account. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// What was called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Calls by action, such as `iam:ListUsers`.
    pub(crate) calls: BTreeMap<String, u64>,
    /// The users that were read on their own.
    pub(crate) read_live: BTreeSet<String>,
    /// Evaluations that AWS Config bills.
    pub(crate) billed: u64,
    /// By how much the emulator was later than the delay, in all calls together.
    pub(crate) late: Duration,
}

#[derive(Debug)]
struct Shared {
    delay: Duration,
    /// The sandbox's emulator.
    emulator: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    iam: Mutex<Iam>,
    trail: Mutex<Trail>,
    config: Mutex<Config>,
    /// The value of every parameter.
    policy: String,
    tally: Mutex<Tally>,
}

impl Endpoint {
    /// An endpoint of this account, with a free port of 127.0.0.1.
    pub(crate) async fn start(estate: Estate, delay: Duration, emulator: SocketAddr) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to open a port for the endpoint")?;
        let address = listener.local_addr().context("failed to read the endpoint's port")?;
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        let trail = Mutex::new(Trail::new(&estate));
        let (iam, config, tally) = (Mutex::new(Iam::new(estate)), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { delay, emulator, client, iam, trail, config, policy: policy()?, tally });
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            // Ends with this task only.
            let _ = axum::serve(listener.tap_io(at_once), router).await;
        });
        Ok(Self { address, shared, serving })
    }

    /// Value of `AWS_ENDPOINT_URL`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The account has become this one; stored results stay.
    pub(crate) fn turn_to(&self, estate: Estate) {
        *lock(&self.shared.trail) = Trail::new(&estate);
        *lock(&self.shared.iam) = Iam::new(estate);
    }

    /// What was called since the last look.
    pub(crate) fn take_tally(&self) -> Tally {
        std::mem::take(&mut *lock(&self.shared.tally))
    }

    /// How many results of a rule are stored, of one compliance type or of any.
    pub(crate) fn stored(&self, rule: &str, compliance: Option<&str>) -> usize {
        lock(&self.shared.config).stored(rule, compliance)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Tally {
    /// Counts a call.
    fn count(&mut self, call: &Call) {
        *self.calls.entry(call.action.clone()).or_default() += 1;
        self.read_live.extend(call.user().map(str::to_owned));
        if call.action == "config:PutEvaluations" {
            self.billed += billed(call);
        }
    }

    /// All calls.
    pub(crate) fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Calls of these actions.
    pub(crate) fn of(&self, actions: &[&str]) -> u64 {
        actions.iter().filter_map(|action| self.calls.get(*action)).sum()
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let call = Call::read(parts.uri.path(), &parts.headers, &body);
    lock(&shared.tally).count(&call);
    let from_memory = match call.action.split(':').next() {
        Some("iam") => lock(&shared.iam).answer(&call).map(|(status, text)| answer(status, "text/xml", text)),
        // Nobody has created an analyzer.
        Some("access-analyzer") => Some(json_answer(&json!({ "analyzers": [] }))),
        Some("config") => lock(&shared.config).answer(&call).map(|value| json_answer(&value)),
        Some("cloudtrail") => lock(&shared.trail).answer(&call).map(|value| json_answer(&value)),
        Some("ssm") => parameter(&call, &shared.policy).map(|value| json_answer(&value)),
        _ => None,
    };
    let response = match from_memory {
        Some(response) => response,
        None => match forward(&shared, Request::from_parts(parts, Full::new(body))).await {
            Ok(response) => response,
            Err(error) => answer(500, "text/plain", format!("{error:#}")),
        },
    };
    let late = begun.elapsed().saturating_sub(shared.delay);
    // Without a delay nothing is late.
    if !shared.delay.is_zero() {
        lock(&shared.tally).late += late;
    }
    tokio::time::sleep_until(begun + shared.delay).await;
    response
}

/// The default policy, and who may create credentials: every credential must have been created by that role.
fn policy() -> Result<String> {
    let mut document: Value = serde_json::from_str(&Policy::default().to_json())?;
    let limits = json!({ "default": { "creators": [CREATOR], "baseline": false } });
    document.as_object_mut().context("the policy is no object")?.insert("creation".to_owned(), limits);
    Ok(Policy::parse(&document.to_string())?.to_json())
}

fn parameter(call: &Call, policy: &str) -> Option<Value> {
    let name = call.text("Name").filter(|_| call.action == "ssm:GetParameter")?;
    Some(json!({ "Parameter": { "Name": name, "Type": "String", "Value": policy, "Version": 1 } }))
}

async fn forward(shared: &Shared, mut request: Request<Full<Bytes>>) -> Result<Response> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() =
        format!("http://{}{path}", shared.emulator).parse().context("failed to form the emulator's URI")?;
    for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
        request.headers_mut().remove(name);
    }
    let (mut parts, body) = shared.client.request(request).await.context("the emulator does not answer")?.into_parts();
    let body = body.collect().await.context("the emulator's answer ends early")?.to_bytes();
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, hyper::header::CONNECTION] {
        parts.headers.remove(name);
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Sends each part of an answer at once: waiting for more would be time that no service takes.
pub(crate) fn at_once(stream: &mut TcpStream) {
    // A stream that cannot be told so is closed already.
    let _ = stream.set_nodelay(true);
}

fn json_answer(value: &Value) -> Response {
    answer(200, "application/x-amz-json-1.1", value.to_string())
}

fn answer(status: u16, content_type: &str, text: String) -> Response {
    let response = Response::builder().status(status).header(CONTENT_TYPE, content_type).body(Body::from(text));
    response.unwrap_or_else(|_| Response::new(Body::empty()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Parameters;

    #[test]
    fn calls_are_counted_by_action_and_users_once() {
        let mut tally = Tally::default();
        let form = |user: &str| Parameters::Form(BTreeMap::from([("UserName".to_owned(), user.to_owned())]));
        for (action, user) in [("iam:ListAccessKeys", "a"), ("iam:ListSSHPublicKeys", "a"), ("iam:ListAccessKeys", "b")]
        {
            tally.count(&Call { action: action.to_owned(), parameters: form(user) });
        }
        let evaluations = json!({ "Evaluations": [{ "ComplianceType": "COMPLIANT" }] });
        tally.count(&Call { action: "config:PutEvaluations".to_owned(), parameters: Parameters::Json(evaluations) });
        assert_eq!(tally.total(), 4);
        assert_eq!(tally.of(&["iam:ListAccessKeys", "iam:ListUsers"]), 2);
        assert_eq!((tally.read_live.len(), tally.billed), (2, 1));
    }
}
