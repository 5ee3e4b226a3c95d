//! People who ask for exceptions and people who approve them, and questions about what became of it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use credwarden_sandbox::automation::{Execution, Status};
use credwarden_sandbox::sandbox::Sandbox;
use serde_json::Value;

use crate::remedy::Ended;

/// The function and the document for exceptions.
pub const EXCEPTIONS: &str = "credwarden-tag-exception";

/// The rule that the tests except from.
pub const EXCEPTED_RULE: &str = "access-key-age";

/// Whom the automatic profile's policy names as an approver.
pub const CAROL: &str = "arn:aws:sts::123456789012:assumed-role/credential-approver/carol";

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// `grant`, `extend`, `revoke` or `mirror`.
    pub operation: &'a str,
    /// `AIDA…`
    pub user_id: &'a str,
    /// The credential, or `all`.
    pub credential: &'a str,
    /// The last day or second.
    pub until: &'a str,
    /// Who answers for it.
    pub owner: &'a str,
    /// Why.
    pub justification: &'a str,
    /// Who asks.
    pub by: &'a str,
}

impl<'a> Ask<'a> {
    /// Olivia asks for one credential of a user, for which the payments team answers.
    pub fn grant(user_id: &'a str, credential: &'a str, until: &'a str) -> Self {
        Self {
            operation: "grant",
            user_id,
            credential,
            until,
            owner: "payments@example.com",
            justification: "The vendor's client cannot rotate before spring (CHG-1234).",
            by: "olivia",
        }
    }

    /// The same of another operation.
    #[must_use]
    pub fn operation(self, operation: &'a str) -> Self {
        Self { operation, ..self }
    }
}

/// Starts the document and runs it to its end, or until it waits for an approval.
pub async fn ask(sandbox: &Sandbox, ask: &Ask<'_>) -> Result<Execution> {
    let parameters = [
        ("Operation", ask.operation),
        ("ResourceId", ask.user_id),
        ("Rule", EXCEPTED_RULE),
        ("CredentialId", ask.credential),
        ("Owner", ask.owner),
        ("Justification", ask.justification),
        ("Until", ask.until),
    ];
    let id = sandbox.start_document(EXCEPTIONS, &parameters, ask.by)?;
    go_on(sandbox, &id).await
}

/// Carol approves what waits, and it runs to its end.
pub async fn approve(sandbox: &Sandbox, execution: &Execution) -> Result<Ended> {
    ensure!(execution.status == Status::Waiting, "it does not wait: {execution:?}");
    sandbox.decide(&execution.id, CAROL, true)?;
    Ok(Ended::of(&go_on(sandbox, &execution.id).await?))
}

/// Asks, and Carol approves.
pub async fn ask_and_approve(sandbox: &Sandbox, what: &Ask<'_>) -> Result<Ended> {
    approve(sandbox, &ask(sandbox, what).await?).await
}

/// Runs an execution that is queued.
pub async fn go_on(sandbox: &Sandbox, id: &str) -> Result<Execution> {
    // Only what a test runs itself is run.
    sandbox.automation().next().context("no execution is queued")?;
    sandbox.automation().run(id, sandbox, || sandbox.now()).await
}

/// The tags of a user that mirror exceptions, as IAM has them.
pub async fn tags(sandbox: &Sandbox, user: &str) -> Result<BTreeMap<String, String>> {
    let truth = sandbox.truth().await?;
    let mut users = truth.get("users").and_then(Value::as_array).into_iter().flatten();
    let found = users.find(|found| found.get("name").and_then(Value::as_str) == Some(user));
    let tags = found.with_context(|| format!("there is no user `{user}`"))?.get("tags").and_then(Value::as_object);
    let mirrors = tags.into_iter().flatten().filter(|(key, _)| key.starts_with("credwarden:exception/"));
    Ok(mirrors.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect())
}

/// The items of the ledger on a user's exceptions by their sort keys: what each says, and whether it is looked for.
pub async fn entries(sandbox: &Sandbox, user_id: &str) -> Result<BTreeMap<String, (Value, bool)>> {
    let ledger = sandbox.ledger().await?;
    let partition = format!("USER#{user_id}");
    let mine = ledger.iter().filter(|item| item.get("pk").and_then(Value::as_str) == Some(partition.as_str()));
    let of_exceptions = mine.filter_map(|item| {
        let sk = item.get("sk")?.as_str()?;
        let body = item.get("body").and_then(Value::as_str).and_then(|body| serde_json::from_str(body).ok());
        sk.starts_with("EXCEPTION").then(|| (sk.to_owned(), (body.unwrap_or_default(), item.get("open").is_some())))
    });
    Ok(of_exceptions.collect())
}
