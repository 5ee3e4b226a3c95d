//! Whose access key signed a request: each process and each played service or person has its own.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

/// The session credentials that the sandbox has given out, and to whom.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    issued: Arc<Mutex<BTreeMap<String, Caller>>>,
}

/// Who signs with one access key.
#[derive(Clone, Debug)]
pub struct Caller {
    /// A function's name, `automation`, or `person:<name>`.
    pub name: String,
    /// The process that was given the key, where it was one.
    pub life: Option<Life>,
}

/// Temporary credentials as Lambda puts them into a function's environment. No emulator checks the signature.
#[derive(Clone)]
pub struct SessionCredentials {
    /// `ASIA…`, unique to one process.
    pub access_key_id: String,
    /// Secret half.
    pub secret_access_key: String,
    /// Session token.
    pub session_token: String,
}

/// The life of one process, seen and ended from anywhere. Clones share it.
#[derive(Clone, Debug)]
pub struct Life {
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Running,
    Condemned,
    Dead,
}

impl Callers {
    /// Gives new credentials to somebody who is no process of ours: `automation`, `person:<name>`.
    pub fn issue(&self, name: &str) -> SessionCredentials {
        self.give(name, None)
    }

    /// Gives new credentials to a process.
    pub fn issue_to_process(&self, name: &str) -> (SessionCredentials, Life) {
        let life = Life::default();
        (self.give(name, Some(life.clone())), life)
    }

    /// Who was given this access key id.
    pub fn of(&self, access_key_id: &str) -> Option<Caller> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).get(access_key_id).cloned()
    }

    fn give(&self, name: &str, life: Option<Life>) -> SessionCredentials {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let number = issued.len() + 1;
        let credentials = SessionCredentials::numbered(number);
        issued.insert(credentials.access_key_id.clone(), Caller { name: name.to_owned(), life });
        credentials
    }

    /// The secrets of all credentials that were given out.
    pub fn secrets(&self) -> Vec<String> {
        let given = self.issued.lock().unwrap_or_else(PoisonError::into_inner).len();
        let both = |number| {
            let SessionCredentials { secret_access_key, session_token, .. } = SessionCredentials::numbered(number);
            [secret_access_key, session_token]
        };
        (1..=given).flat_map(both).collect()
    }
}

impl SessionCredentials {
    fn numbered(number: usize) -> Self {
        Self {
            access_key_id: format!("ASIASANDBOX{number:09}"),
            secret_access_key: format!("sandbox-secret-{number:025}"),
            session_token: format!("sandbox-token-{number:025}"),
        }
    }
}

impl fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCredentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Default for Life {
    fn default() -> Self {
        Self { state: watch::Sender::new(State::Running) }
    }
}

impl Life {
    /// Asks for the process to be killed.
    pub fn condemn(&self) {
        self.move_to(State::Condemned);
    }

    /// Kills the process, and returns when it is dead.
    pub async fn end(&self) {
        self.condemn();
        self.dead().await;
    }

    /// Whether nobody has ended it yet.
    pub fn is_running(&self) -> bool {
        *self.state.borrow() == State::Running
    }

    pub(crate) async fn condemned(&self) {
        self.reach(State::Condemned).await;
    }

    pub(crate) async fn dead(&self) {
        self.reach(State::Dead).await;
    }

    pub(crate) fn has_died(&self) {
        self.move_to(State::Dead);
    }

    fn move_to(&self, state: State) {
        self.state.send_if_modified(|now| {
            let later = state > *now;
            *now = state.max(*now);
            later
        });
    }

    async fn reach(&self, state: State) {
        // Never an error: the sender lives as long as `self`.
        let _ = self.state.subscribe().wait_for(|now| *now >= state).await;
    }
}
