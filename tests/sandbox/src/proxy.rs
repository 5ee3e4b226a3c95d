//! The proxy between everything that calls AWS and what answers: it names, counts, permits, spoils and forwards calls.

mod answering;
mod request;
mod rest;

use std::{
    collections::BTreeMap,
    fmt, future,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Method, Request, Response,
    body::Incoming,
    header::{CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    call::{Answer, Call, Denied, Gate, Player},
    callers::{Caller, Callers},
    clock::Clock,
    faults::{Act, Faults},
    http::{self, Http},
};

/// Services of which an action may be played. Their requests are checked against AWS's service model before a player
/// sees them; whatever else reaches the emulator is checked there.
const PLAYED: [&str; 6] = ["access-analyzer", "cloudtrail", "config", "events", "sns", "ssm"];

/// A running proxy. Dropping it closes every connection.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

/// One call and what became of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The call.
    pub call: Call,
    /// The access key id that signed it: one for each process.
    pub session: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not answered yet.
    Pending,
    /// Answered by the service.
    Answered {
        /// HTTP status.
        status: u16,
        /// AWS's code, where it is an error.
        error: Option<String>,
    },
    /// Refused by the caller's role; the message says why.
    Denied(String),
    /// Met by a fault.
    Spoiled {
        /// What the fault did.
        by: Act,
        /// The status with which the service had executed it, where it did.
        executed: Option<u16>,
    },
}

struct Shared {
    emulator: SocketAddr,
    http: Http,
    clock: Clock,
    callers: Callers,
    gate: Arc<dyn Gate>,
    players: Vec<Arc<dyn Player>>,
    faults: Faults,
    log: Mutex<Vec<Recorded>>,
}

/// What a connection does after a call.
enum Next {
    Answer(Response<Full<Bytes>>),
    /// Close without an answer.
    Close,
    /// Neither answer nor close.
    Hang,
}

/// A request as it came, for whoever it is forwarded to.
struct Received {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    fn said(&self) -> request::Said {
        request::read(&self.method, &self.path, &self.headers, &self.body)
    }

    /// The same in the JSON protocol, in which requests are checked against models.
    fn checkable(&self, call: &Call) -> Self {
        let (method, path, mut headers) = (Method::POST, self.path.clone(), self.headers.clone());
        if !rest::SERVICES.contains(&call.service.as_str()) {
            return Self { method: self.method.clone(), path, headers, body: self.body.clone() };
        }
        let operation = call.action.split_once(':').map_or("", |(_, operation)| operation);
        if let Ok(target) = HeaderValue::from_str(&format!("{}.{operation}", call.service)) {
            headers.insert("x-amz-target", target);
        }
        Self { method, path, headers, body: Bytes::from(call.parameters.to_string()) }
    }
}

/// Why a connection ends without an answer.
#[derive(Debug)]
struct Closed;

impl Proxy {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// In this order each call is recorded, met by a fault, checked by the gate, answered by the first player that
    /// takes it, else by the emulator.
    pub async fn start(
        emulator: SocketAddr,
        clock: Clock,
        callers: Callers,
        gate: Arc<dyn Gate>,
        players: Vec<Arc<dyn Player>>,
        faults: Faults,
    ) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to open a port for the proxy")?;
        let address = listener.local_addr().context("failed to read the proxy's port")?;
        let http = Http::default();
        let log = Mutex::default();
        let shared = Arc::new(Shared { emulator, http, clock, callers, gate, players, faults, log });
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, listening })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Value of `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every call so far, in order of arrival.
    pub fn log(&self) -> Vec<Recorded> {
        self.shared.log().clone()
    }

    /// How many calls of each action arrived.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for recorded in self.shared.log().iter() {
            *counts.entry(recorded.call.action.clone()).or_insert(0) += 1;
        }
        counts
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is closed without an answer")
    }
}

impl std::error::Error for Closed {}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and every connection with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move {
            // A task of its own: a caller that goes away does not undo what AWS is executing.
            let handled = tokio::spawn(async move { shared.handle(request).await }).await;
            match handled {
                Ok(Next::Answer(response)) => Ok(response),
                Ok(Next::Close) | Err(_) => Err(Closed),
                Ok(Next::Hang) => future::pending::<Result<_, Closed>>().await,
            }
        }
    });
    // An error is a peer that went away, or a connection closed on purpose.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Shared {
    fn log(&self) -> std::sync::MutexGuard<'_, Vec<Recorded>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn handle(&self, request: Request<Incoming>) -> Next {
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return Next::Close };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let received = Received { method: parts.method, path, headers: parts.headers, body: body.to_bytes() };
        let (call, caller) = self.record(&received);
        let fault = self.faults.meet(&call);
        let spoiled = |by, executed| Outcome::Spoiled { by, executed };
        let Some(fault) = fault else {
            let (response, outcome) = self.execute(&call, received).await;
            self.conclude(&call, outcome);
            return Next::Answer(response);
        };
        let act = fault.act();
        let refused = |answer| {
            self.conclude(&call, spoiled(act, None));
            Next::Answer(self.dated(answering::whole(answer)))
        };
        match act {
            Act::Throttle => refused(answering::throttled(&call)),
            Act::ServerError(status) => refused(answering::failed(&call, status)),
            Act::Deny => {
                let message = format!("User: {} is not authorized to perform: {}", call.caller, call.action);
                refused(Answer::denied(&call, &message))
            }
            Act::Timeout => {
                self.conclude(&call, spoiled(act, None));
                Next::Hang
            }
            Act::Reset => {
                self.conclude(&call, spoiled(act, None));
                Next::Close
            }
            Act::DieBefore => {
                self.conclude(&call, spoiled(act, None));
                end(caller).await;
                Next::Close
            }
            Act::LoseResponse | Act::DieAfter => {
                let (response, _) = self.execute(&call, received).await;
                self.conclude(&call, spoiled(act, Some(response.status().as_u16())));
                if act == Act::DieAfter {
                    end(caller).await;
                }
                Next::Close
            }
            Act::Barrier { callers, patience } => {
                fault.wait_for_all(callers, patience).await;
                let (response, outcome) = self.execute(&call, received).await;
                self.conclude(&call, outcome);
                Next::Answer(response)
            }
        }
    }

    fn record(&self, received: &Received) -> (Call, Option<Caller>) {
        let request::Said { session, service, action, parameters } = received.said();
        let caller = self.callers.of(&session);
        let name = caller.as_ref().map_or_else(|| "unknown".to_owned(), |caller| caller.name.clone());
        let mut log = self.log();
        let number = log.len() as u64 + 1;
        let call = Call { number, at: self.clock.now(), caller: name, service, action, parameters };
        log.push(Recorded { call: call.clone(), session, outcome: Outcome::Pending });
        (call, caller)
    }

    fn conclude(&self, call: &Call, outcome: Outcome) {
        let position = usize::try_from(call.number.saturating_sub(1)).unwrap_or(usize::MAX);
        if let Some(recorded) = self.log().get_mut(position) {
            recorded.outcome = outcome;
        }
    }

    /// Lets the service execute a call that the caller's role allows.
    async fn execute(&self, call: &Call, received: Received) -> (Response<Full<Bytes>>, Outcome) {
        if let Err(Denied(message)) = self.gate.check(call) {
            let answer = answering::whole(Answer::denied(call, &message));
            self.show(call, &answer);
            return (self.dated(answer), Outcome::Denied(message));
        }
        let answer = match self.answer(call, received).await {
            Ok(answer) => answer,
            Err(_) => answering::whole(answering::failed(call, 500)),
        };
        self.show(call, &answer);
        let status = answer.status.as_u16();
        let outcome = Outcome::Answered { status, error: answering::error_code(status, &answer.body) };
        (self.dated(answer), outcome)
    }

    async fn answer(&self, call: &Call, received: Received) -> Result<http::Response> {
        if PLAYED.contains(&call.service.as_str()) {
            let checked = self.forward(&received.checkable(call), "/_check").await?;
            if !checked.status.is_success() {
                return Ok(checked);
            }
            if let Some(answer) = self.players.iter().find_map(|player| player.play(call)) {
                return Ok(answering::whole(answer));
            }
        }
        self.forward(&received, &received.path).await
    }

    /// Lets every player see what became of a call.
    fn show(&self, call: &Call, answer: &http::Response) {
        for player in &self.players {
            player.saw(call, answer.status.as_u16(), &answer.body);
        }
    }

    async fn forward(&self, received: &Received, path: &str) -> Result<http::Response> {
        let mut headers = received.headers.clone();
        for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        self.http.send(self.emulator, received.method.clone(), path, headers, received.body.clone()).await
    }

    fn dated(&self, answer: http::Response) -> Response<Full<Bytes>> {
        answering::dated(answer, self.clock.now())
    }
}

async fn end(caller: Option<Caller>) {
    if let Some(life) = caller.and_then(|caller| caller.life) {
        life.end().await;
    }
}
