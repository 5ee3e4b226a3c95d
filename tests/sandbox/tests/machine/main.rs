//! The machine under the played services: emulator, proxy, function processes, clock, against a real emulator.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints allow these in test functions only, and here stands what those share"
)]

mod credentials;
mod emulator;
mod functions;
mod proxy;
mod secrets;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use credwarden_sandbox::{
    call::{Call, Denied, Gate, Player},
    callers::Callers,
    clock::Clock,
    emulator::{Emulator, installation_folder},
    faults::Faults,
    functions::{Ended, FunctionSpec, Functions, Invocation, Surroundings},
    proxy::Proxy,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Where every test's clock begins: 2026-09-21T14:13:20Z.
const BEGIN: i64 = 1_790_000_000;
const DAY: i64 = 86_400;
const ECHO: &str = "credwarden-echo";

/// A machine with two functions, `credwarden-echo` and `credwarden-hasty` (whose time limit is short).
struct Machine {
    clock: Clock,
    emulator: Emulator,
    proxy: Proxy,
    faults: Faults,
    functions: Functions,
}

/// Lets everything pass but one action.
struct AllBut(&'static str);

impl Gate for AllBut {
    fn check(&self, call: &Call) -> Result<(), Denied> {
        if call.action == self.0 {
            return Err(Denied(format!("{} may not {}", call.caller, call.action)));
        }
        Ok(())
    }
}

impl Machine {
    async fn start() -> Self {
        Self::with(vec![]).await
    }

    async fn with(players: Vec<Arc<dyn Player>>) -> Self {
        let folder = folder();
        let clock = Clock::start(Timestamp::from_second(BEGIN).unwrap(), &folder).unwrap();
        let emulator = Emulator::start(&installation_folder(), &clock).await.unwrap();
        emulator.seed(&seed()).await.unwrap();
        let callers = Callers::default();
        let faults = Faults::default();
        let gate = Arc::new(AllBut("iam:DeleteUser"));
        let proxy = Proxy::start(emulator.address(), clock.clone(), callers.clone(), gate, players, faults.clone())
            .await
            .unwrap();
        let surroundings = Surroundings {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: proxy.address(),
            libfaketime: emulator.libfaketime().to_owned(),
            clock: clock.clone(),
            callers,
            folder,
        };
        let spec = |name: &str, timeout| FunctionSpec {
            name: name.to_owned(),
            binary: PathBuf::from(env!("CARGO_BIN_EXE_echo")),
            environment: BTreeMap::from([("COLOR".to_owned(), "green".to_owned())]),
            timeout: Duration::from_millis(timeout),
            memory_mb: 256,
        };
        let functions = Functions::start(vec![spec(ECHO, 60_000), spec("credwarden-hasty", 700)], surroundings);
        Self { clock, emulator, proxy, faults, functions }
    }

    async fn invoke(&self, payload: Value) -> Invocation {
        self.functions.invoke(ECHO, &payload).await.unwrap()
    }

    /// Makes the function call AWS, and gives what came back of the one call.
    async fn call(&self, service: &str, action: &str, parameters: Value) -> Value {
        let invocation = self.invoke(json!({ "calls": [[service, action, parameters]] })).await;
        answered(&invocation)["answers"][0].clone()
    }
}

fn answered(invocation: &Invocation) -> Value {
    match &invocation.result {
        Ended::Answered(answer) => answer.clone(),
        other => panic!("no answer but {other:?}, logs {:?}", invocation.logs),
    }
}

/// A new folder of this test's own.
fn folder() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("machine-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// alice: an administrator by group with a password and two keys, one of them toggled; 120 more, each with one key.
fn seed() -> Value {
    let alice = json!({
        "name": "alice", "path": "/people/", "id": "AIDAALICE000000000001", "created": BEGIN - 400 * DAY,
        "tags": { "owner": "alice@example.com" }, "groups": ["admins"], "attached": [], "boundary": null,
        "password": { "created": BEGIN - 300 * DAY, "last_used": null },
        "keys": [
            { "id": "AKIAALICE00000000002", "status": "Active", "created": BEGIN - 200 * DAY,
              "last_used": { "at": BEGIN - 3 * DAY, "service": "s3", "region": "eu-west-1" } },
            { "id": "AKIAALICE00000000001", "status": "Inactive", "created": BEGIN - 100 * DAY, "last_used": null },
        ],
    });
    let others = (0..120).map(|number| {
        json!({
            "name": format!("user-{number:03}"), "path": "/", "id": format!("AIDAUSER{number:013}"),
            "created": BEGIN - 50 * DAY, "tags": {}, "groups": [], "attached": [], "boundary": null, "password": null,
            "keys": [{ "id": format!("AKIAUSER{number:012}"), "status": "Active", "created": BEGIN - 50 * DAY,
                       "last_used": null }],
        })
    });
    json!({
        "account": "123456789012",
        "now": BEGIN,
        "groups": [{ "name": "admins", "attached": ["arn:aws:iam::aws:policy/AdministratorAccess"] }],
        "users": std::iter::once(alice).chain(others).collect::<Vec<_>>(),
    })
}
