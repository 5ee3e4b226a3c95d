//! The people of the half year, and what they do.

use anyhow::{Context, Result};
use credwarden_estate::estate::{Estate, age_days};
use jiff::SignedDuration;
use serde_json::Value;

use crate::person::Person;
use crate::sandbox::Sandbox;

/// Moves only after the deadline.
pub(super) const LATE: &str = "mover-late";
/// Never moves.
pub(super) const NEVER: &str = "mover-never";
/// Has a job that runs once in a quarter.
pub(super) const QUARTERLY: &str = "mover-quarterly";
/// May keep the key for a time, and moves then.
pub(super) const EXCEPTED: &str = "mover-excepted";
/// Its programs read their key from a secret.
pub(super) const ENROLLED: &str = "mover-enrolled";
/// Holds a console password that nobody uses; one of the company.
pub(super) const SLEEPER: &str = "contractor-yusuf";

pub(super) const ACKNOWLEDGE: &str = "credwarden-acknowledge-rotation";
pub(super) const APPROVE: &str = "credwarden-approve";

/// Whom the automatic profile's policy names as an approver.
const APPROVER: &str = "arn:aws:sts::123456789012:assumed-role/credential-approver/carol";

/// How long the exception holds, in days.
const EXCEPTED_FOR: i64 = 70;

/// Adds whose keys are rotated to a company; each has one key that breaks the policy or soon will.
pub(crate) fn with_owners(estate: Estate) -> Estate {
    let owners = [(LATE, 100), (NEVER, 110), (QUARTERLY, 95), (EXCEPTED, 130), (ENROLLED, 105)];
    owners.into_iter().fold(estate, |estate, (name, age)| {
        let owner = estate.user(name).tag("owner", &format!("{name}@example.com"));
        let owner = if name == ENROLLED { owner.path("/enrolled/") } else { owner };
        owner.key(age_days(age)).used(age_days(1), "s3")
    })
}

/// A user whose key is rotated.
pub(super) struct Owner {
    pub(super) name: &'static str,
    pub(super) id: String,
    pub(super) old: String,
    /// The key that its programs were moved to.
    pub(super) new: Option<String>,
}

impl Owner {
    /// The key that the owner's programs have.
    pub(super) fn used(&self) -> &str {
        self.new.as_deref().unwrap_or(&self.old)
    }
}

/// The five, as they are now.
pub(super) async fn owners(sandbox: &Sandbox) -> Result<Vec<Owner>> {
    let mut owners = Vec::new();
    for name in [LATE, NEVER, QUARTERLY, EXCEPTED, ENROLLED] {
        let old = keys(sandbox, name).await?.pop().with_context(|| format!("`{name}` has no key"))?;
        owners.push(Owner { name, id: id(sandbox, name).await?, old, new: None });
    }
    Ok(owners)
}

pub(super) fn owner<'a>(owners: &'a mut [Owner], name: &str) -> Result<&'a mut Owner> {
    owners.iter_mut().find(|owner| owner.name == name).with_context(|| format!("`{name}` is nobody of the story"))
}

/// A user's `AIDA…` id.
pub(super) async fn id(sandbox: &Sandbox, name: &str) -> Result<String> {
    let user = user(sandbox, name).await?;
    user.get("id").and_then(Value::as_str).map(str::to_owned).context("users have ids")
}

async fn keys(sandbox: &Sandbox, name: &str) -> Result<Vec<String>> {
    let user = user(sandbox, name).await?;
    let keys = user.get("keys").and_then(Value::as_array).into_iter().flatten();
    Ok(keys.filter_map(|key| key.get("id").and_then(Value::as_str)).map(str::to_owned).collect())
}

/// Whether a user has a console password.
pub(super) async fn has_password(sandbox: &Sandbox, name: &str) -> Result<bool> {
    Ok(user(sandbox, name).await?.get("password").is_some_and(|password| !password.is_null()))
}

async fn user(sandbox: &Sandbox, name: &str) -> Result<Value> {
    let truth = sandbox.truth().await?;
    let mut users = truth.get("users").and_then(Value::as_array).into_iter().flatten();
    let found = users.find(|user| user.get("name").and_then(Value::as_str) == Some(name));
    Ok(found.with_context(|| format!("there is no user `{name}`"))?.clone())
}

/// Olivia asks for an exception, and carol approves.
pub(super) async fn except(sandbox: &Sandbox, owner: &Owner) -> Result<()> {
    let until = sandbox.now().checked_add(SignedDuration::from_hours(24 * EXCEPTED_FOR))?;
    let parameters = [
        ("Operation", "grant"),
        ("ResourceId", owner.id.as_str()),
        ("Rule", "access-key-age"),
        ("CredentialId", owner.old.as_str()),
        ("Owner", "payments@example.com"),
        ("Justification", "The vendor's client cannot rotate before spring."),
        ("Until", &until.strftime("%Y-%m-%d").to_string()),
    ];
    approved(sandbox, "credwarden-tag-exception", &parameters).await
}

/// Olivia asks that a user's new keys come into a secret, and carol approves.
pub(super) async fn enrol(sandbox: &Sandbox, owner: &Owner) -> Result<()> {
    let secret = sandbox.create_secret(&secret(owner), "before the first key").await?;
    let parameters = [
        ("Operation", "enrol"),
        ("ResourceId", owner.id.as_str()),
        ("Secret", &secret),
        ("Retriever", &retriever(sandbox)),
        ("Owner", "shop@example.com"),
        ("Justification", "Its programs read their key there."),
    ];
    approved(sandbox, "credwarden-enrol-user", &parameters).await
}

/// Olivia asks that a console password may be deleted, and carol approves.
pub(super) async fn approve_deletion(sandbox: &Sandbox, name: &str) -> Result<()> {
    let id = id(sandbox, name).await?;
    approved(sandbox, APPROVE, &[("ResourceId", &id), ("CredentialId", "console-password")]).await
}

async fn approved(sandbox: &Sandbox, document: &str, parameters: &[(&str, &str)]) -> Result<()> {
    let execution = sandbox.start_document(document, parameters, "olivia")?;
    sandbox.run_automations().await?;
    sandbox.decide(&execution, APPROVER, true)?;
    sandbox.run_automations().await?;
    Ok(())
}

fn secret(owner: &Owner) -> String {
    format!("credwarden/{}", owner.name)
}

fn retriever(sandbox: &Sandbox) -> String {
    format!("arn:aws:iam::{}:role/shop", sandbox.deployment().scope.account)
}

/// The retriever fetches what is in the owner's secret: its programs have the new key from now on.
pub(super) async fn fetch(sandbox: &Sandbox, owner: &mut Owner) -> Result<()> {
    let value = sandbox.fetch_secret(&Person::role(&retriever(sandbox), "i-1"), &secret(owner)).await?;
    let value: Value = serde_json::from_str(&value).context("the secret holds no key yet")?;
    owner.new = value.get("AccessKeyId").and_then(Value::as_str).map(str::to_owned);
    owner.new.as_ref().context("the secret names no key").map(drop)
}

/// The owner has a new key created, and moves to it.
pub(super) async fn create_key(sandbox: &Sandbox, owner: &mut Owner) -> Result<()> {
    // The only creator whom the policy lets create keys by now.
    let account = &sandbox.deployment().scope.account;
    let vending = Person::role(&format!("arn:aws:iam::{account}:role/key-vending"), owner.name);
    sandbox.act(&vending, "CreateAccessKey", &[("UserName", owner.name)]).await?;
    owner.new = keys(sandbox, owner.name).await?.into_iter().find(|key| *key != owner.old);
    owner.new.as_ref().context("IAM made no key").map(drop)
}

/// The owner says that nothing needs the old key any more.
pub(super) fn acknowledge(sandbox: &Sandbox, owner: &Owner) -> Result<()> {
    let parameters = [("ResourceId", owner.id.as_str()), ("CredentialId", owner.old.as_str())];
    sandbox.start_document(ACKNOWLEDGE, &parameters, owner.name).map(drop)
}
