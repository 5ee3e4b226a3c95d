//! The rule `access-key-age`, watched from outside.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use credwarden_estate::estate::Estate;
use credwarden_estate::seed::Seed;
use credwarden_sandbox::config::Compliance;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::functions::{Ended, FunctionError, Invocation};
use credwarden_sandbox::hazards::Hazards;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The Config rule, and the function that judges for it.
pub const RULE: &str = "credwarden-access-key-age";

/// When every test begins, so that what people read stays the same.
pub const FIRST_DAY: Timestamp = Timestamp::constant(1_795_507_200, 0);

/// Twenty-four hours.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An hour.
pub const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The automatic profile on the first day. Credential reports are made without delay, so that days pass quickly.
pub fn options() -> Options {
    let options = Options::at(FIRST_DAY);
    Options { hazards: Hazards { report_polls: 0, ..options.hazards }, ..options }
}

/// A deployment in an account that is this estate.
pub async fn deployed(options: Options, estate: &Estate) -> Result<Sandbox> {
    let sandbox = Sandbox::start(options).await?;
    seed(&sandbox, estate).await?;
    Ok(sandbox)
}

/// Makes the account this estate.
pub async fn seed(sandbox: &Sandbox, estate: &Estate) -> Result<()> {
    sandbox.seed(&serde_json::to_value(Seed::from(estate))?).await
}

/// A function's time limit that leaves the reading of the account about four seconds: a minute for reporting and nearly one
/// for calls under way are taken off a long one, a quarter and that minute off this.
pub const SHORT: Duration = Duration::from_secs(79);

/// Somebody has a credential report made, so that no run waits for one in the next four hours.
pub async fn make_report(sandbox: &Sandbox) -> Result<()> {
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        sandbox.iam(action, &[]).await?;
    }
    Ok(())
}

/// Makes lists of keys so slow that six users take this long.
pub fn slow_down(sandbox: &Sandbox, each: Duration) {
    let wait = Act::Barrier { callers: u64::MAX, patience: each };
    sandbox.faults().arm(Matching::action("iam:ListAccessKeys"), wait);
}

/// AWS Config evaluates the rule now; the function's report on it.
pub async fn evaluate(sandbox: &Sandbox) -> Result<Value> {
    report(&once(sandbox).await?)
}

/// AWS Config evaluates the rule now, and the function must fail: its error.
pub async fn evaluate_in_vain(sandbox: &Sandbox) -> Result<FunctionError> {
    failure(&once(sandbox).await?)
}

async fn once(sandbox: &Sandbox) -> Result<Invocation> {
    let mut invocations = sandbox.evaluate(RULE).await?;
    ensure!(invocations.len() == 1, "the event came {} times", invocations.len());
    invocations.pop().context("no invocation")
}

/// The answer of an invocation that must not have failed.
pub fn report(invocation: &Invocation) -> Result<Value> {
    match &invocation.result {
        Ended::Answered(report) => Ok(report.clone()),
        ended => bail!("{ended:?}\n{}", invocation.logs.join("\n")),
    }
}

/// The error of an invocation that must have failed.
pub fn failure(invocation: &Invocation) -> Result<FunctionError> {
    match &invocation.result {
        Ended::Failed(error) => Ok(error.clone()),
        ended => bail!("the function did not fail: {ended:?}"),
    }
}

/// The access key ids of a user of the estate, in the order in which they were built.
pub fn keys(estate: &Estate, user: &str) -> Vec<String> {
    let keys = estate.find(user).into_iter().flat_map(|user| &user.keys);
    keys.map(|owned| owned.key.id.to_string()).collect()
}

/// Somebody sets the status of a user's first key, past Credwarden.
pub async fn switch_key(sandbox: &Sandbox, estate: &Estate, user: &str, status: &str) -> Result<()> {
    let keys = keys(estate, user);
    let key = keys.first().with_context(|| format!("`{user}` has no key"))?;
    let parameters = [("UserName", user), ("AccessKeyId", key), ("Status", status)];
    sandbox.iam("UpdateAccessKey", &parameters).await.map(drop)
}

/// Somebody deletes a user with its keys, past Credwarden.
pub async fn delete_user(sandbox: &Sandbox, estate: &Estate, user: &str) -> Result<()> {
    for key in keys(estate, user) {
        sandbox.iam("DeleteAccessKey", &[("UserName", user), ("AccessKeyId", &key)]).await?;
    }
    sandbox.iam("DeleteUser", &[("UserName", user)]).await.map(drop)
}

/// What AWS Config shows of each user.
pub fn verdicts(sandbox: &Sandbox) -> BTreeMap<String, Compliance> {
    sandbox.compliance(RULE).into_iter().map(|row| (row.user, row.compliance)).collect()
}

/// Expected verdicts, written shortly.
pub fn expected(pairs: &[(&str, Compliance)]) -> BTreeMap<String, Compliance> {
    pairs.iter().map(|(user, compliance)| ((*user).to_owned(), *compliance)).collect()
}

/// One evaluation that the function handed over, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Name of the user, or its id where nobody knows it.
    pub user: String,
    /// What was said.
    pub compliance: String,
    /// Beside it; empty where there was none.
    pub annotation: String,
    /// Whether AWS Config was told to store nothing.
    pub is_test: bool,
}

/// The evaluations that the function handed over since so many calls.
pub fn sent_since(sandbox: &Sandbox, calls: usize) -> Vec<Sent> {
    let mut sent = Vec::new();
    for recorded in sandbox.calls().into_iter().skip(calls) {
        let parameters = &recorded.call.parameters;
        if recorded.call.action != "config:PutEvaluations" {
            continue;
        }
        let is_test = parameters.get("TestMode").and_then(Value::as_bool).unwrap_or(false);
        let evaluations = parameters.get("Evaluations").and_then(Value::as_array).into_iter().flatten();
        for evaluation in evaluations {
            let text = |name: &str| evaluation.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let id = text("ComplianceResourceId");
            sent.push(Sent {
                user: sandbox.user_name(&id).unwrap_or(id),
                compliance: text("ComplianceType"),
                annotation: text("Annotation"),
                is_test,
            });
        }
    }
    sent
}

/// How many calls there were of an action since so many calls.
pub fn count_since(sandbox: &Sandbox, calls: usize, action: &str) -> usize {
    sandbox.calls().iter().skip(calls).filter(|recorded| recorded.call.action == action).count()
}

/// The item of the ledger with this key.
pub async fn ledger_item(sandbox: &Sandbox, pk: &str, sk: &str) -> Result<Option<Value>> {
    let is = |item: &Value, name: &str, key: &str| item.get(name).and_then(Value::as_str) == Some(key);
    let items = sandbox.ledger().await?;
    Ok(items.into_iter().find(|item| is(item, "pk", pk) && is(item, "sk", sk)))
}

/// How far the rule's passes came, as the ledger keeps it.
pub async fn passes(sandbox: &Sandbox) -> Result<Value> {
    let item = ledger_item(sandbox, "RULE#access-key-age", "PASS").await?;
    let body = item.as_ref().and_then(|item| item.get("body")).and_then(Value::as_str);
    Ok(body.map(serde_json::from_str).transpose()?.unwrap_or(Value::Null))
}

/// No request broke AWS's models, no role lacked a grant, and no secret is anywhere.
pub async fn all_is_well(sandbox: &Sandbox) -> Result<()> {
    let violations = sandbox.violations().await?;
    ensure!(violations.is_empty(), "AWS's models refuse: {violations:?}");
    let refusals = sandbox.access().refusals();
    ensure!(refusals.is_empty(), "calls that roles do not allow: {refusals:?}");
    no_secret_is_anywhere(sandbox).await
}

/// No secret that was ever handed out or set stands in what the functions wrote, answered and sent, nor in what programs
/// wrote.
pub async fn no_secret_is_anywhere(sandbox: &Sandbox) -> Result<()> {
    let leaks = sandbox.leaks().await?;
    ensure!(leaks.is_empty(), "secrets stand where they must not: {leaks:?}");
    ensure!(sandbox.secrets() > 0, "whoever calls AWS has a secret");
    Ok(())
}
