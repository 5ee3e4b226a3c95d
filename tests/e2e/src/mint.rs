//! Users who are enrolled, whose rotations have asked for a mint, and questions about what became of it.

use anyhow::{Context as _, Result, bail, ensure};
use credwarden_estate::estate::{Estate, EstateUser, age_days};
use credwarden_sandbox::automation::Status;
use credwarden_sandbox::emulator::Rotation;
use credwarden_sandbox::functions::{Ended, Invocation};
use credwarden_sandbox::sandbox::{Rotated, Sandbox};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::exception::{CAROL, go_on};
use crate::remedy::Ended as Answer;
use crate::rule::{HOUR, deployed, ledger_item, options, report};

/// The rotation function.
pub const MINT: &str = "credwarden-mint-key";

/// Who fetches new keys.
pub const RETRIEVER: &str = "arn:aws:iam::123456789012:role/shop";

/// The document by which users are enrolled.
pub const ENROL: &str = "credwarden-enrol-user";

/// An enrolment that somebody asks for.
#[derive(Clone, Debug)]
pub struct EnrolmentAsked<'a> {
    /// `AIDA…`
    pub user_id: &'a str,
    /// ARN of the secret.
    pub secret: &'a str,
    /// ARN of who fetches the keys.
    pub retriever: &'a str,
    /// ARN of the session that approves it.
    pub approver: &'a str,
    /// Who asks.
    pub by: &'a str,
}

impl<'a> EnrolmentAsked<'a> {
    /// Olivia asks, and carol approves.
    pub fn of(user_id: &'a str, secret: &'a str) -> Self {
        Self { user_id, secret, retriever: RETRIEVER, approver: CAROL, by: "olivia" }
    }
}

/// Asks for an enrolment and has it approved, where it comes to that.
pub async fn enrol(sandbox: &Sandbox, asked: &EnrolmentAsked<'_>) -> Result<Answer> {
    let parameters = [
        ("Operation", "enrol"),
        ("ResourceId", asked.user_id),
        ("Secret", asked.secret),
        ("Retriever", asked.retriever),
        ("Owner", "team-shop"),
        ("Justification", "the shop reads its key there"),
    ];
    let id = sandbox.start_document(ENROL, &parameters, asked.by)?;
    let mut execution = go_on(sandbox, &id).await?;
    if execution.status == Status::Waiting {
        sandbox.decide(&execution.id, asked.approver, true)?;
        execution = go_on(sandbox, &execution.id).await?;
    }
    Ok(Answer::of(&execution))
}

/// Rounds of the schedule, six hours apart, what they start, and the rotations of secrets.
pub async fn hours_pass(sandbox: &Sandbox, hours: i64) -> Result<()> {
    for _ in 0..hours / 6 {
        sandbox.advance(HOUR * 6).await?;
        for invocation in sandbox.fire_schedules().await? {
            report(&invocation)?;
        }
        sandbox.run_automations().await?;
        for rotated in sandbox.run_rotations().await? {
            ensure!(rotated.succeeded(), "{rotated:?}");
        }
    }
    Ok(())
}

/// A user whose key is to be replaced by one that is minted.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// Its name.
    pub name: String,
    /// `AIDA…`
    pub id: String,
    /// The key that is replaced.
    pub old: String,
    /// ARN of the secret.
    pub secret: String,
    /// By which the mint is known.
    pub token: String,
}

/// So many users at the enrolled path, each with an old key.
pub fn crowd(now: Timestamp, count: usize) -> Estate {
    (0..count).fold(Estate::new(now), |estate, number| {
        estate.user(&format!("shop-{number:03}")).path("/enrolled/").key(age_days(120))
    })
}

/// A deployment in which a mint was asked for of every user of `estate`.
pub async fn ready(estate: &Estate) -> Result<(Sandbox, Vec<Enrolled>)> {
    let sandbox = deployed(options(), estate).await?;
    sandbox.silence_config(true);
    let mut enrolled = Vec::new();
    for (number, user) in estate.users.iter().enumerate() {
        enrolled.push(written_down(&sandbox, user, number).await?);
    }
    Ok((sandbox, enrolled))
}

/// Makes a user's secret, and writes its enrolment, an open rotation of its key and the mint into the ledger, as its
/// functions would have.
async fn written_down(sandbox: &Sandbox, user: &EstateUser, number: usize) -> Result<Enrolled> {
    let (name, id, now) = (user.name().to_string(), user.id().to_string(), sandbox.now());
    let old = user.keys.first().context("a user with a key")?.key.id.to_string();
    let secret = sandbox.create_secret(&format!("credwarden/{name}"), "before the first key").await?;
    let token = format!("00000000-0000-4000-a000-{number:012x}");
    let person = |name: &str| format!("arn:aws:iam::123456789012:user/{name}");
    let enrolment = json!({
        "user": id, "secret": secret, "retriever": RETRIEVER, "owner": "team-shop", "by": person("olivia"),
        "approver": person("carol"), "justification": "the shop reads its key there", "at": now, "execution": "e-1",
    });
    let rotation = json!({
        "rotation": { "key": old, "opened": now, "deadline": now, "delivery": "secret", "mint": token },
        "request": { "document": "access-key-age", "user": id, "requester": person("olivia"), "execution": "e-2" },
    });
    let mint = json!({
        "token": token, "user": id, "name": name, "secret": secret, "replaces": old, "asked": now, "step": "asked",
    });
    for (pk, sk, body) in [
        (format!("USER#{id}"), "ENROLMENT".to_owned(), enrolment),
        (format!("USER#{id}"), format!("ROTATION#{old}"), rotation),
        (format!("MINT#{token}"), "STEP".to_owned(), mint),
    ] {
        put(sandbox, &pk, &sk, &body).await?;
    }
    Ok(Enrolled { name, id, old, secret, token })
}

/// Writes an item of the ledger, of the first revision.
async fn put(sandbox: &Sandbox, pk: &str, sk: &str, body: &Value) -> Result<()> {
    let deployment = sandbox.deployment();
    let table = deployment.tables.keys().next().context("a table")?;
    let text = |text: &str| json!({ "S": text });
    let item = json!({ "pk": text(pk), "sk": text(sk), "body": text(&body.to_string()), "revision": { "N": "1" } });
    let request = json!({ "TableName": table, "Item": item });
    let target = "DynamoDB_20120810.PutItem";
    sandbox.emulator().json(&deployment.scope.region, target, &request).await.map(drop)
}

/// Asks Secrets Manager for the rotation of a secret, as it stands before any step.
pub async fn begin(sandbox: &Sandbox, secret: &str, token: &str) -> Result<Rotation> {
    let function = sandbox.deployment().scope.arn("lambda", &format!("function:{MINT}"));
    let asked = json!({ "SecretId": secret, "ClientRequestToken": token, "RotationLambdaARN": function });
    sandbox.secrets_manager("RotateSecret", asked).await?;
    let mut begun = sandbox.emulator().rotations().await?;
    ensure!(begun.len() == 1, "one rotation begins at a time: {begun:?}");
    begun.pop().context("no rotation")
}

/// Has a user's secret rotated, as far as it comes.
pub async fn rotate(sandbox: &Sandbox, user: &Enrolled) -> Result<Rotated> {
    let function = sandbox.deployment().scope.arn("lambda", &format!("function:{MINT}"));
    let asked = json!({ "SecretId": user.secret, "ClientRequestToken": user.token, "RotationLambdaARN": function });
    sandbox.secrets_manager("RotateSecret", asked).await?;
    let mut ended = sandbox.run_rotations().await?;
    ensure!(ended.len() == 1, "one rotation is run at a time: {ended:?}");
    ended.pop().context("no rotation")
}

/// Why a step was not done.
pub fn fault(invocation: &Invocation) -> Result<String> {
    match &invocation.result {
        Ended::Failed(error) => Ok(error.message.clone()),
        ended => bail!("the step did not fail: {ended:?}"),
    }
}

/// What the ledger says of a mint: its step, `asked` or an object with one member.
pub async fn step(sandbox: &Sandbox, user: &Enrolled) -> Result<Value> {
    let item = ledger_item(sandbox, &format!("MINT#{}", user.token), "STEP").await?;
    let body = item.as_ref().and_then(|item| item.get("body")).and_then(Value::as_str).context("no mint")?;
    let mint: Value = serde_json::from_str(body)?;
    Ok(mint.get("step").cloned().unwrap_or_default())
}

/// Ids of a user's access keys.
pub async fn keys(sandbox: &Sandbox, user: &Enrolled) -> Result<Vec<String>> {
    let truth = sandbox.truth().await?;
    let users = truth.get("users").and_then(Value::as_array).into_iter().flatten();
    let found = users.filter(|found| found.get("name").and_then(Value::as_str) == Some(&user.name));
    let keys = found.filter_map(|found| found.get("keys").and_then(Value::as_array)).flatten();
    Ok(keys.filter_map(|key| key.get("id").and_then(Value::as_str)).map(str::to_owned).collect())
}

/// Id of the key that a version of the user's secret holds; `None`: the version holds nothing, or no key.
pub async fn held(sandbox: &Sandbox, user: &Enrolled, version: &str) -> Result<Option<String>> {
    let asked = json!({ "SecretId": user.secret, "VersionId": version });
    let Ok(answer) = sandbox.secrets_manager("GetSecretValue", asked).await else { return Ok(None) };
    let value = answer.get("SecretString").and_then(Value::as_str).unwrap_or_default();
    let value: Value = serde_json::from_str(value).unwrap_or_default();
    Ok(value.get("AccessKeyId").and_then(Value::as_str).map(str::to_owned))
}

/// One new key stands beside the old one, it is what the secret holds, and the ledger says so.
pub async fn assert_delivered(sandbox: &Sandbox, user: &Enrolled, story: &str) -> Result<()> {
    let keys = keys(sandbox, user).await?;
    let new: Vec<_> = keys.iter().filter(|key| **key != user.old).collect();
    ensure!(keys.len() == 2 && new.len() == 1, "{story}: the keys of `{}` are {keys:?}", user.name);
    let held = held(sandbox, user, &user.token).await?;
    ensure!(held.as_ref() == new.first().copied(), "{story}: the secret holds {held:?}, the user has {keys:?}");
    let labels = sandbox.secret_labels(&user.secret).await?;
    let is_current = |(version, labels): &(String, Vec<String>)| {
        *version == user.token && labels.iter().any(|label| label == "AWSCURRENT")
    };
    ensure!(labels.iter().any(is_current), "{story}: {labels:?}");
    let step = step(sandbox, user).await?;
    let delivered = step.pointer("/delivered/key").and_then(Value::as_str);
    ensure!(delivered == held.as_deref(), "{story}: the ledger says {step}");
    Ok(())
}

/// The active keys besides the old one whose secrets nobody holds.
pub async fn unheld(sandbox: &Sandbox, user: &Enrolled) -> Result<Vec<String>> {
    let (keys, held) = (keys(sandbox, user).await?, held(sandbox, user, &user.token).await?);
    Ok(keys.into_iter().filter(|key| *key != user.old && Some(key) != held.as_ref()).collect())
}
