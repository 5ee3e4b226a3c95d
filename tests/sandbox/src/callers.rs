//! Whose access key signed a request: each process and each played service or person has its own.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

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
    /// Kills the process that was given the key; nothing where there is none.
    pub kill: Arc<Notify>,
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

impl fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCredentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Callers {
    /// Gives new credentials to `name`. The returned notice kills the process when the proxy raises it.
    pub fn issue(&self, name: &str) -> (SessionCredentials, Arc<Notify>) {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let number = issued.len() + 1;
        let kill = Arc::new(Notify::new());
        let access_key_id = format!("ASIASANDBOX{number:09}");
        issued.insert(access_key_id.clone(), Caller { name: name.to_owned(), kill: Arc::clone(&kill) });
        let credentials = SessionCredentials {
            access_key_id,
            secret_access_key: format!("sandbox-secret-{number:025}"),
            session_token: format!("sandbox-token-{number}"),
        };
        (credentials, kill)
    }

    /// Who was given this access key id.
    pub fn of(&self, access_key_id: &str) -> Option<Caller> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).get(access_key_id).cloned()
    }
}
