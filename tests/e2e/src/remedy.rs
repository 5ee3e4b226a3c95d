//! Small worlds in which remedies act, and questions about what they did.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use credwarden_estate::estate::{Estate, EstateUser, age_days};
use credwarden_estate::seed::Seed;
use credwarden_sandbox::automation::{Execution, Status};
use credwarden_sandbox::hazards::Hazards;
use credwarden_sandbox::proxy::{Outcome, Recorded};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::rule::all_is_well;

/// The rule, its function, and the document that answers its findings.
pub const RULE: &str = "credwarden-access-key-age";

/// The remedy's function.
pub const REMEDY: &str = "credwarden-deactivate-credential";

/// The document that undoes the remedy.
pub const UNDO: &str = "credwarden-undo-deactivate-credential";

/// The schedule's function.
pub const SCHEDULE: &str = "credwarden-advance-work";

/// The document by which an owner says that nothing needs an old key any more.
pub const ACKNOWLEDGE_ROTATION: &str = "credwarden-acknowledge-rotation";

/// The document by which a person has a key rotated.
pub const FORCE_ROTATION: &str = "credwarden-force-rotation";

/// The document that undoes a rotation.
pub const UNDO_ROTATION: &str = "credwarden-undo-rotate-key";

/// How many users hold an active key when the first complete pass counts them: as many acts a day as a budget of 100 %
/// allows.
pub const POPULATION: u32 = 100;

/// When remedies may act at the earliest after the first complete pass.
const REPORTED_FOR: SignedDuration = SignedDuration::from_hours(25);

/// The time that every world's ages are counted at.
pub fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A deployment in which all is ready to act on `estate` at its time: the policy was reported a day ago by a complete
/// pass over a larger account, there is budget for everybody, and AWS Config is silent.
pub async fn ready(options: Options, estate: &Estate) -> Result<Sandbox> {
    ready_with(options, estate, |_| ()).await
}

/// The same, with changes to the policy.
pub async fn ready_with(options: Options, estate: &Estate, change: impl FnOnce(&mut Value)) -> Result<Sandbox> {
    let before = estate.now.checked_sub(REPORTED_FOR)?;
    // How a report is waited for is the rule's affair; here it would only take seconds.
    let hazards = Hazards { report_polls: 0, ..options.hazards };
    let sandbox = Sandbox::start(Options { now: before, hazards, ..options }).await?;
    sandbox.silence_config(true);
    let mut policy = sandbox.deployed_policy()?;
    merge(&mut policy, json!({ "budget": { "perDay": POPULATION, "percentPerDay": 100 } }));
    change(&mut policy);
    sandbox.set_policy(&policy.to_string()).await?;
    let crowd = (0..POPULATION)
        .fold(Estate::new(before), |estate, number| estate.user(&format!("earlier-{number}")).key(age_days(3)));
    seed(&sandbox, &crowd).await?;
    sandbox.evaluate(RULE).await?;
    ensure!(sandbox.compliance(RULE).len() == crowd.users.len(), "the first pass must have reported everybody");
    // What AWS Config would start for the larger account is nobody's business here.
    sandbox.config().take_remediations(sandbox.now());
    seed(&sandbox, estate).await?;
    sandbox.set_time(estate.now).await?;
    Ok(sandbox)
}

/// Replaces the account's users by those of `estate`.
pub async fn seed(sandbox: &Sandbox, estate: &Estate) -> Result<()> {
    sandbox.seed(&serde_json::to_value(Seed::from(estate))?).await
}

/// Overwrites members of a JSON object, deeply.
pub fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (name, value) in change {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, change) => *into = change,
    }
}

/// The id of a user of `estate`.
pub fn id(estate: &Estate, user: &str) -> Result<String> {
    Ok(found(estate, user)?.id().to_string())
}

/// The id of the first key of a user of `estate`.
pub fn key(estate: &Estate, user: &str) -> Result<String> {
    let keys = &found(estate, user)?.keys;
    Ok(keys.first().with_context(|| format!("`{user}` has no key"))?.key.id.to_string())
}

fn found<'a>(estate: &'a Estate, user: &str) -> Result<&'a EstateUser> {
    estate.find(user).with_context(|| format!("there is no user `{user}`"))
}

/// Olivia executes the rule's document on a user, and it runs to its end.
pub async fn remedy(sandbox: &Sandbox, user_id: &str) -> Result<Ended> {
    let execution = start(sandbox, user_id)?;
    run(sandbox, &execution).await
}

/// Olivia executes the rule's document on a user; it waits to be run.
pub fn start(sandbox: &Sandbox, user_id: &str) -> Result<String> {
    let id = sandbox.start_document(RULE, &[("ResourceId", user_id)], "olivia")?;
    // Only what a test runs itself is run.
    sandbox.automation().next().context("the execution does not wait")?;
    Ok(id)
}

/// Olivia undoes what was done to a key, and that runs to its end.
pub async fn undo(sandbox: &Sandbox, user_id: &str, key_id: &str) -> Result<Ended> {
    execute(sandbox, UNDO, &[("ResourceId", user_id), ("CredentialId", key_id)]).await
}

/// Olivia executes a document with parameters, and it runs to its end.
pub async fn execute(sandbox: &Sandbox, document: &str, parameters: &[(&str, &str)]) -> Result<Ended> {
    let execution = sandbox.start_document(document, parameters, "olivia")?;
    sandbox.automation().next().context("the execution does not wait")?;
    run(sandbox, &execution).await
}

/// Runs one execution to its end.
pub async fn run(sandbox: &Sandbox, execution: &str) -> Result<Ended> {
    let execution = sandbox.automation().run(execution, sandbox, || sandbox.now()).await?;
    Ok(Ended::of(&execution))
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The remedy's status, or the automation's where it failed.
    pub status: String,
    /// What the remedy says, or what failed.
    pub reason: String,
    /// The keys that were changed.
    pub changed: Vec<String>,
    /// Whether the answer tells how to undo it.
    pub is_undoable: bool,
}

impl Ended {
    /// Reads an execution's end.
    pub fn of(execution: &Execution) -> Self {
        let answer = execution.remedy_answer().unwrap_or_default();
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let changed = answer.get("actions").and_then(Value::as_array).into_iter().flatten();
        // Whatever the remedy answers, only an execution that succeeded ended so.
        let status = text("status").filter(|_| execution.status == Status::Success);
        Self {
            status: status.unwrap_or_else(|| execution.status.word().to_owned()),
            reason: text("reason").or_else(|| execution.failure.clone()).unwrap_or_default(),
            changed: changed.filter_map(|one| one.get("credential")?.as_str().map(str::to_owned)).collect(),
            is_undoable: answer.get("undo").is_some_and(Value::is_object),
        }
    }
}

/// How executions on one user ended, oldest first.
pub fn ended_on(executions: &[Execution], user_id: &str) -> Vec<Ended> {
    let is_mine = |execution: &&Execution| {
        execution.parameters.get("ResourceId").is_some_and(|values| values.iter().any(|value| value == user_id))
    };
    executions.iter().filter(is_mine).map(Ended::of).collect()
}

/// The values of a metric that a function wrote into its log, oldest first.
pub fn metric(sandbox: &Sandbox, function: &str, name: &str) -> Vec<u64> {
    let lines = sandbox.logs().into_iter().filter(|line| line.function == function);
    let metrics = lines.filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
    metrics.filter(|line| line.get("_aws").is_some()).filter_map(|line| line.get(name)?.as_u64()).collect()
}

/// Lets everybody else go on until something has happened.
pub async fn until(has_happened: impl Fn() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    while !has_happened() {
        look.tick().await;
    }
}

/// Hour after hour the schedule fires and what it starts runs, until the ledger holds no open work.
pub async fn settle_by_schedule(sandbox: &Sandbox) -> Result<Vec<Ended>> {
    let mut ended = Vec::new();
    for _ in 0..MOST_HOURS {
        sandbox.advance(SignedDuration::from_mins(61)).await?;
        sandbox.fire_schedules().await?;
        ended.extend(sandbox.run_automations().await?.iter().map(Ended::of));
        if Ledger::of(sandbox).await?.open().is_empty() {
            return Ok(ended);
        }
    }
    bail!("after {MOST_HOURS} hours there is still open work: {:?}", Ledger::of(sandbox).await?.open())
}

const MOST_HOURS: usize = 6;

/// A change of a key-like credential that reached IAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// Its number among all calls.
    pub number: u64,
    /// Sandbox time.
    pub at: Timestamp,
    /// Name of its user.
    pub user: String,
    /// Its id.
    pub key: String,
    /// `Active` or `Inactive`.
    pub to: String,
}

/// The changes of key-like credentials that IAM made, in order.
pub fn key_changes(sandbox: &Sandbox) -> Vec<KeyChange> {
    sandbox.calls().iter().filter(|recorded| was_executed(recorded)).filter_map(key_change).collect()
}

fn key_change(recorded: &Recorded) -> Option<KeyChange> {
    let call = &recorded.call;
    let text = |name: &str| call.parameters.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = match call.action.as_str() {
        "iam:UpdateAccessKey" => "AccessKeyId",
        "iam:UpdateSSHPublicKey" => "SSHPublicKeyId",
        "iam:UpdateServiceSpecificCredential" => "ServiceSpecificCredentialId",
        "iam:UpdateSigningCertificate" => "CertificateId",
        _ => return None,
    };
    Some(KeyChange { number: call.number, at: call.at, user: text("UserName"), key: text(id), to: text("Status") })
}

fn was_executed(recorded: &Recorded) -> bool {
    match &recorded.outcome {
        Outcome::Answered { status, .. } => *status < 300,
        Outcome::Spoiled { executed, .. } => executed.is_some_and(|status| status < 300),
        Outcome::Pending | Outcome::Denied(_) => false,
    }
}

/// The changes of keys before which no intent to make them was written down.
pub fn unrecorded_changes(sandbox: &Sandbox) -> Vec<KeyChange> {
    let mut intended: BTreeSet<String> = BTreeSet::new();
    let mut unrecorded = Vec::new();
    for recorded in sandbox.calls().iter().filter(|recorded| was_executed(recorded)) {
        if recorded.call.action == "dynamodb:TransactWriteItems" {
            let items = recorded.call.parameters.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
            let keys = items.filter_map(|item| item.pointer("/Put/Item/sk/S")?.as_str().map(str::to_owned));
            intended.extend(keys);
        }
        if let Some(change) = key_change(recorded) {
            let undo = if change.to == "Active" { "undo-" } else { "" };
            let written = |remedy| intended.contains(&format!("WORK#{undo}{remedy}#{}", change.key));
            if !["deactivate-credential", "rotate-key"].into_iter().any(written) {
                unrecorded.push(change);
            }
        }
    }
    unrecorded
}

/// The ledger as it was at one moment.
#[derive(Clone, Debug)]
pub struct Ledger(Vec<Value>);

impl Ledger {
    /// Reads all of it.
    pub async fn of(sandbox: &Sandbox) -> Result<Self> {
        Ok(Self(sandbox.ledger().await?))
    }

    /// How much of a purse was spent, all days together: `act`, `quarantine` or `undo`.
    pub fn spent(&self, purse: &str) -> i64 {
        let purses = self.0.iter().filter(|item| text(item, "pk").starts_with("BUDGET#") && text(item, "sk") == purse);
        purses.filter_map(|item| item.get("spent").and_then(Value::as_i64)).sum()
    }

    /// The items on one user.
    pub fn record(&self, user_id: &str) -> Vec<&Value> {
        let partition = format!("USER#{user_id}");
        self.0.iter().filter(|item| text(item, "pk") == partition).collect()
    }

    /// What is said of an act on a key: `deactivate-credential` or `undo-deactivate-credential`.
    pub fn work(&self, user_id: &str, act: &str, key_id: &str) -> Option<Value> {
        let wanted = format!("WORK#{act}#{key_id}");
        let item = self.record(user_id).into_iter().find(|item| text(item, "sk") == wanted)?;
        serde_json::from_str(text(item, "body")).ok()
    }

    /// The items with work to do, whether or not the schedule can find them.
    pub fn open(&self) -> Vec<&Value> {
        self.0.iter().filter(|item| text(item, "open") == "work" || text(item, "state") == "open").collect()
    }
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// How much of a purse was spent, all days together: `act`, `quarantine` or `undo`.
pub async fn spent(sandbox: &Sandbox, purse: &str) -> Result<i64> {
    Ok(Ledger::of(sandbox).await?.spent(purse))
}

/// Sort keys of the ledger's items on one user.
pub async fn record(sandbox: &Sandbox, user_id: &str) -> Result<Vec<String>> {
    let ledger = Ledger::of(sandbox).await?;
    Ok(ledger.record(user_id).into_iter().map(|item| text(item, "sk").to_owned()).collect())
}

/// What the ledger says of an act on a key: `deactivate-credential` or `undo-deactivate-credential`.
pub async fn work(sandbox: &Sandbox, user_id: &str, act: &str, key_id: &str) -> Result<Option<Value>> {
    Ok(Ledger::of(sandbox).await?.work(user_id, act, key_id))
}

/// All is well, and whatever was changed is recorded.
pub async fn assert_sound(sandbox: &Sandbox) -> Result<()> {
    all_is_well(sandbox).await?;
    let unrecorded = unrecorded_changes(sandbox);
    ensure!(unrecorded.is_empty(), "changes without a record in the ledger: {unrecorded:?}");
    Ok(())
}
