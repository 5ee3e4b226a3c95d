//! People who act on the account, seen by CloudTrail.

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Sandbox;
use crate::callers::SessionCredentials;
use crate::person::Person;

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
        let (status, said) = self.emulator.iam_answer(action, &sent).await?;
        let given: Map<_, _> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        self.cloudtrail.record(who, at, action, &Value::Object(given), status, &said);
        self.refresh().await?;
        ensure!(status < 400, "`iam:{action}`: IAM answers {status}: {said}");
        Ok(said)
    }

    /// Somebody created a credential, or made an access key active again (`UpdateAccessKey`), before the deployment: its
    /// event is in CloudTrail's history. The credential itself is seeded.
    pub fn acted(&self, who: &Person, at: Timestamp, action: &str, user: &str, credential_id: &str) -> Result<()> {
        self.cloudtrail.record_past(who, at, action, user, credential_id)
    }

    /// Credentials with which a program of this person calls AWS at [`Sandbox::endpoint`]; it is an administrator there.
    pub fn credentials_of(&self, who: &Person) -> SessionCredentials {
        let caller = format!("person:{}", who.label());
        self.cloudtrail.introduce(&caller, who.clone());
        self.callers.issue(&caller)
    }
}
