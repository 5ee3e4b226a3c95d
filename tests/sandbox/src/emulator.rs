//! The emulator of the account's data: moto, in its own Python process, with what it differs in from AWS mended.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::{clock::Clock, hazards::Hazards};

/// A running emulator. Dropping it ends its process.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    libfaketime: PathBuf,
}

/// A request that AWS's own service model refuses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Violation {
    /// IAM action, such as `iam:ListUsers`.
    pub action: String,
    /// What is wrong with the request, one text for each place.
    pub problems: Vec<String>,
}

impl Emulator {
    /// Installs what is missing under `folder` (once for all), and starts an emulator that shows `clock`'s time.
    pub async fn start(folder: &Path, clock: &Clock) -> Result<Self> {
        let _ = (folder, clock);
        bail!("not built")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The library that moves the clock of a function's process.
    pub fn libfaketime(&self) -> &Path {
        &self.libfaketime
    }

    /// Replaces the whole content of the account by this seed (the form that `credwarden_estate` writes).
    pub async fn seed(&self, seed: &Value) -> Result<()> {
        let _ = seed;
        bail!("not built")
    }

    /// Empties the account, forgets reports, uses and violations.
    pub async fn reset(&self) -> Result<()> {
        bail!("not built")
    }

    /// Takes over `clock`'s time. Needed after every jump.
    pub async fn follow(&self, clock: &Clock) -> Result<()> {
        let _ = clock;
        bail!("not built")
    }

    /// Sets how far behind the truth it answers.
    pub async fn set_hazards(&self, hazards: &Hazards) -> Result<()> {
        let _ = hazards;
        bail!("not built")
    }

    /// Somebody uses a key of a user now: the only thing that changes its last use.
    pub async fn use_key(&self, access_key_id: &str, service: &str, region: &str) -> Result<()> {
        let _ = (access_key_id, service, region);
        bail!("not built")
    }

    /// What is true of the account's users now, whatever the hazards show to readers.
    pub async fn truth(&self) -> Result<Value> {
        bail!("not built")
    }

    /// The requests so far that AWS's service models refuse.
    pub async fn violations(&self) -> Result<Vec<Violation>> {
        bail!("not built")
    }

    /// Calls a service of the JSON protocol directly, unseen by the proxy: `target` such as `AmazonSSM.PutParameter`.
    pub async fn json(&self, target: &str, parameters: &Value) -> Result<Value> {
        let _ = (target, parameters);
        bail!("not built")
    }

    /// Calls IAM directly, unseen by the proxy; parameters as the query protocol flattens them; the answer is XML.
    pub async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let _ = (action, parameters);
        bail!("not built")
    }
}
