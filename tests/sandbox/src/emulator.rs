//! The emulator of the account's data: moto, in its own Python process, with what it differs in from AWS mended.

pub mod installation;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use hyper::{HeaderMap, Method, header::HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{clock::Clock, hazards::Hazards, http::Http};

/// How long the emulator may take until it listens; it takes about two seconds.
const START_PATIENCE: Duration = Duration::from_mins(2);

/// A running emulator. Dropping it ends its process.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    libfaketime: PathBuf,
    http: Http,
    /// Killed when dropped; should the sandbox itself be killed, its end of the standard input closes, and it ends.
    _process: Child,
}

/// A request that AWS's own service model refuses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Violation {
    /// Service and operation, such as `iam:ListUsers`.
    pub action: String,
    /// What is wrong with the request, one text for each place.
    pub problems: Vec<String>,
}

/// A rotation that somebody asked for, and for which nobody has invoked the function yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Rotation {
    /// ARN of the secret.
    pub secret: String,
    /// The version that is to become the current one: `ClientRequestToken`.
    pub token: String,
    /// ARN of the rotation function.
    pub function: String,
}

#[derive(Deserialize)]
struct Started {
    port: u16,
    libfaketime: PathBuf,
}

/// The folder of this clone that Git ignores and where the sandbox installs what it needs.
pub fn installation_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/sandbox")
}

impl Emulator {
    /// Installs what is missing under `folder` (once for all), and starts an emulator that shows `clock`'s time.
    pub async fn start(folder: &Path, clock: &Clock) -> Result<Self> {
        let python = installation::python(folder, &installation::source().join("requirements.txt")).await?;
        let launcher = installation::source().join("launcher.py");
        let mut process = Command::new(python)
            // Its sources lie in the repository: no compiled files beside them.
            .arg("-B")
            .arg(&launcher)
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONHOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start `{}`", launcher.display()))?;
        let output = process.stdout.take().context("failed to read what the emulator prints")?;
        let mut line = String::new();
        tokio::time::timeout(START_PATIENCE, BufReader::new(output).read_line(&mut line))
            .await
            .context("the emulator does not listen")?
            .context("failed to read what the emulator prints")?;
        let Started { port, libfaketime } =
            serde_json::from_str(&line).context("the emulator ended while it started; what it says is above")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let emulator = Self { address, libfaketime, http: Http::default(), _process: process };
        emulator.follow(clock).await?;
        Ok(emulator)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The library that moves the clock of a function's process.
    pub fn libfaketime(&self) -> &Path {
        &self.libfaketime
    }

    /// Replaces the account's users and groups by those of this seed (the form that `credwarden_estate` writes), and
    /// forgets credential reports. Parameters, tables and roles stay.
    pub async fn seed(&self, seed: &Value) -> Result<()> {
        self.control("/_seed", seed).await.map(drop)
    }

    /// Empties every service, forgets reports and violations, sets the hazards to their defaults.
    pub async fn reset(&self) -> Result<()> {
        self.control("/_reset", &Value::Null).await.map(drop)
    }

    /// Takes over `clock`'s time. Needed after every jump.
    pub async fn follow(&self, clock: &Clock) -> Result<()> {
        self.control("/_clock", &json!({ "offset": clock.offset().as_secs_f64() })).await.map(drop)
    }

    /// Sets how far behind the truth it answers.
    pub async fn set_hazards(&self, hazards: &Hazards) -> Result<()> {
        self.control("/_hazards", &hazards.to_json()).await.map(drop)
    }

    /// Somebody uses a key of a user now: the only thing that changes its last use.
    pub async fn use_key(&self, access_key_id: &str, service: &str, region: &str) -> Result<()> {
        self.control("/_use", &json!({ "key": access_key_id, "service": service, "region": region })).await.map(drop)
    }

    /// A user signs in at the console with its password now: the only thing that changes the password's last use.
    pub async fn sign_in(&self, user: &str) -> Result<()> {
        self.control("/_sign_in", &json!({ "user": user })).await.map(drop)
    }

    /// What is true of the account's users and groups now, whatever the hazards show to readers:
    /// `{"users": [{name, id, path, created, tags, groups, attached, password, keys: [{id, status, created, changed,
    /// last_used}], service_specific_credentials: [{id, service, status, created, expires}], ssh_public_keys: [{id, status,
    /// created}], signing_certificates: [{id, status, created, changed}]}], "groups": [{name, attached, users}]}`, times in
    /// epoch seconds.
    pub async fn truth(&self) -> Result<Value> {
        self.control("/_truth", &Value::Null).await
    }

    /// The secrets of the credentials that users have now.
    pub async fn secrets(&self) -> Result<Vec<String>> {
        let told = self.control("/_secrets", &Value::Null).await?;
        serde_json::from_value(told).context("failed to read the emulator's list of secrets")
    }

    /// The requests so far that AWS's service models refuse.
    pub async fn violations(&self) -> Result<Vec<Violation>> {
        let told = self.control("/_violations", &Value::Null).await?;
        serde_json::from_value(told).context("failed to read the emulator's list of violations")
    }

    /// The rotations of secrets that were asked for (`RotateSecret`) since this was asked last.
    pub async fn rotations(&self) -> Result<Vec<Rotation>> {
        let told = self.control("/_rotations", &Value::Null).await?;
        serde_json::from_value(told).context("failed to read the emulator's list of rotations")
    }

    /// Calls a service of the JSON protocol directly, unseen by the proxy: `target` such as `AmazonSSM.PutParameter`.
    pub async fn json(&self, region: &str, target: &str, parameters: &Value) -> Result<Value> {
        let service = match target.split_once('.') {
            Some(("AmazonSSM", _)) => "ssm",
            Some(("StarlingDoveService", _)) => "config",
            Some(("secretsmanager", _)) => "secretsmanager",
            Some((prefix, _)) if prefix.starts_with("DynamoDB") => "dynamodb",
            _ => bail!("no service is known for the target `{target}`"),
        };
        let mut headers = signed(region, service)?;
        headers.insert("x-amz-target", HeaderValue::from_str(target)?);
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        let body = self.post("/", headers, parameters.to_string()).await.with_context(|| format!("`{target}`"))?;
        serde_json::from_slice(&body).with_context(|| format!("failed to read the answer to `{target}`"))
    }

    /// Calls IAM directly, unseen by the proxy; parameters as the query protocol flattens them; the answer is XML.
    pub async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let (status, said) = self.iam_answer(action, parameters).await?;
        ensure!(status < 400, "`iam:{action}`: the emulator answers {status}: {said}");
        Ok(said)
    }

    /// The same, with status and answer also of what IAM refuses.
    pub async fn iam_answer(&self, action: &str, parameters: &[(&str, &str)]) -> Result<(u16, String)> {
        let fixed = [("Action", action), ("Version", "2010-05-08")];
        let pairs =
            fixed.iter().chain(parameters).map(|(name, value)| format!("{name}={}", urlencoding::encode(value)));
        let form = pairs.collect::<Vec<_>>().join("&");
        let mut headers = signed("us-east-1", "iam")?;
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        let sent = self.http.send(self.address, Method::POST, "/", headers, Bytes::from(form)).await;
        let response = sent.with_context(|| format!("`iam:{action}`"))?;
        let said = String::from_utf8(response.body.to_vec());
        let said = said.with_context(|| format!("failed to read the answer to `iam:{action}`"))?;
        Ok((response.status.as_u16(), said))
    }

    async fn control(&self, path: &str, asked: &Value) -> Result<Value> {
        let body = if asked.is_null() { String::new() } else { asked.to_string() };
        let answer = self.post(path, HeaderMap::new(), body).await.with_context(|| format!("emulator's `{path}`"))?;
        serde_json::from_slice(&answer).with_context(|| format!("failed to read the answer of the emulator's `{path}`"))
    }

    async fn post(&self, path: &str, headers: HeaderMap, body: String) -> Result<Bytes> {
        let response = self.http.send(self.address, Method::POST, path, headers, Bytes::from(body)).await?;
        let said = String::from_utf8_lossy(&response.body);
        ensure!(response.status.is_success(), "the emulator answers {}: {said}", response.status);
        Ok(response.body)
    }
}

/// The part of a signature that says region and service; the emulator looks at no more.
fn signed(region: &str, service: &str) -> Result<HeaderMap> {
    let value = format!(
        "AWS4-HMAC-SHA256 Credential=ASIASANDBOX/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    Ok(HeaderMap::from_iter([(hyper::header::AUTHORIZATION, HeaderValue::from_str(&value)?)]))
}
