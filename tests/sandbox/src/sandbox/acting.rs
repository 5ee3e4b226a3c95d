//! People who act on the account, seen by CloudTrail.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::process::Command;

use super::Sandbox;
use crate::callers::SessionCredentials;
use crate::person::Person;
use crate::secrets;

/// What a program wrote, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// The exit status.
    pub status: i32,
}

impl Sandbox {
    /// Somebody calls IAM: `action` such as `CreateAccessKey`, parameters as the query protocol has them. Without a
    /// `UserName` a user acts on itself, as IAM lets it. CloudTrail records it, also what IAM refuses. The answer is XML.
    pub async fn act(&self, who: &Person, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let mut sent = parameters.to_vec();
        if let Some(own_name) = who.own_name().filter(|_| !parameters.iter().any(|(name, _)| *name == "UserName")) {
            sent.push(("UserName", own_name));
        }
        self.refresh().await?;
        let at = self.now();
        self.learn_secrets_of(parameters);
        let (status, said) = self.emulator.iam_answer(action, &sent).await?;
        self.secrets.learn_from(&said);
        let given: Map<_, _> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        self.cloudtrail.record(who, at, action, &Value::Object(given), status, &said);
        self.refresh().await?;
        ensure!(status < 400, "`iam:{action}`: IAM answers {status}: {said}");
        Ok(said)
    }

    /// Somebody created a credential, or made one active again (`UpdateAccessKey` and its like), before the deployment: its
    /// event is in CloudTrail's history. The credential itself is seeded.
    pub fn acted(&self, who: &Person, at: Timestamp, action: &str, user: &str, credential_id: &str) -> Result<()> {
        self.cloudtrail.record_past(who, at, action, user, credential_id)
    }

    /// Credentials with which a program of this person calls AWS at [`Sandbox::endpoint`]; it is an administrator there,
    /// unless [`Sandbox::confine`] says otherwise.
    pub fn credentials_of(&self, who: &Person) -> SessionCredentials {
        let caller = who.caller();
        self.cloudtrail.introduce(&caller, who.clone());
        self.callers.issue(&caller)
    }

    /// Gives the person this policy, and no other: programs of this person are denied all else.
    pub fn confine(&self, who: &Person, policy: &Value) -> Result<()> {
        self.access.confine(&who.caller(), policy)
    }

    /// The person runs a program of the workspace at a terminal that shows the account and the time of the sandbox.
    pub async fn run(&self, who: &Person, program: &str, arguments: &[&str]) -> Result<Ran> {
        let binary = self.binaries.get(program).with_context(|| format!("the build made no `{program}`"))?;
        let mut command = Command::new(binary);
        command.args(arguments).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        self.functions.surroundings().describe(&mut command, &self.credentials_of(who));
        let output = command.output().await.with_context(|| format!("failed to start `{}`", binary.display()))?;
        let text = |bytes| String::from_utf8(bytes).with_context(|| format!("`{program}` writes no UTF-8"));
        let status = output.status.code().with_context(|| format!("`{program}` was killed"))?;
        let ran = Ran { out: text(output.stdout)?, err: text(output.stderr)?, status };
        self.secrets.keep_written(&format!("{}{}", ran.out, ran.err));
        Ok(ran)
    }

    /// What a person sets is a secret from now on.
    pub(super) fn learn_secrets_of(&self, parameters: &[(&str, &str)]) {
        for (_, value) in parameters.iter().filter(|(name, _)| secrets::FIELDS.contains(name)) {
            self.secrets.learn(value);
        }
    }
}
