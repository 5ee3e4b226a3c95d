//! Who makes credentials usable, from CloudTrail's event to the ledger, with the functions' own binaries.

mod at_once;
mod kinds;
mod recorded;
mod refused;
mod verdicts;

use anyhow::{Context as _, Result};
use credwarden_e2e::rule::{FIRST_DAY, deployed, options, report};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use serde_json::Value;

/// The rule that judges by what is recorded.
const RULE: &str = "credwarden-unauthorized-key-creation";

/// The function that records.
const RECORDER: &str = "credwarden-record-creation";

/// An account with an administrator and somebody who holds a key.
async fn started(options: Options) -> Result<Sandbox> {
    let estate =
        Estate::new(FIRST_DAY).user("olivia").password(age_days(300)).user("alice").key(age_days(30)).user("bob");
    deployed(options, &estate).await
}

fn olivia() -> Person {
    Person::user("olivia").with_mfa().from("198.51.100.7")
}

/// What the ledger holds of creations, in the order of credentials and events.
async fn recorded(sandbox: &Sandbox) -> Result<Vec<Value>> {
    let items = sandbox.ledger().await?;
    let items = items.iter().filter(|item| item["pk"] == "PROVENANCE");
    items.map(|item| serde_json::from_str(item["body"].as_str().context("a body")?).context("a creation")).collect()
}

/// The rule evaluates, and so looks up the past first.
async fn look_back(sandbox: &Sandbox) -> Result<()> {
    for invocation in sandbox.evaluate(RULE).await? {
        report(&invocation)?;
    }
    Ok(())
}

/// Without delay of credential reports.
fn quick() -> Options {
    options()
}
