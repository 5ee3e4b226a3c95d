//! The proxy between everything that calls AWS and what answers: it names, counts, permits, spoils and forwards calls.

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc};

use anyhow::{Result, bail};

use crate::{
    call::{Call, Gate, Player},
    callers::Callers,
    clock::Clock,
    faults::{Act, Faults},
};

/// A running proxy. Dropping it closes every connection.
pub struct Proxy {
    address: SocketAddr,
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

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

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
        let _ = (emulator, clock, callers, gate, players, faults);
        bail!("not built")
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
        Vec::new()
    }

    /// How many calls of each action arrived.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}
