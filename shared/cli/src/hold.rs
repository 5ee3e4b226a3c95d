//! `credwarden hold`: shows what the ledger holds, and asks by starting the deployment's document, never past it.

use credwarden_policy::exception::{Hold, HoldChange};
use jiff::Timestamp;

use crate::arguments::{self, Held};
use crate::deployment::{self, lines, open, told};
use crate::failure::Failure;

/// Does what was asked, and tells it.
///
/// # Errors
/// The ledger could not be read, or the document not be started.
pub async fn run(request: &arguments::Hold, now: Timestamp) -> Result<String, Failure> {
    match request {
        arguments::Hold::Show { user, ledger } => {
            let holds = told(open(ledger).await.record(user).await)?.holds;
            Ok(lines(holds.iter().map(|hold| line(hold, now)), "nothing is held"))
        }
        arguments::Hold::Set { of, until } => ask(HoldChange::Hold, of, &[("Until", until)]).await,
        arguments::Hold::Release(of) => ask(HoldChange::Release, of, &[]).await,
    }
}

/// One hold: of which credential, until when, and who wants it.
fn line(hold: &Hold, now: Timestamp) -> String {
    let Hold { credential, until, reason, by } = hold;
    let state = if hold.holds(now) { "until" } else { "ended" };
    format!("{credential}  {state} {until}  by {by}  {reason}")
}

async fn ask(change: HoldChange, of: &Held, more: &[(&str, &str)]) -> Result<String, Failure> {
    let Held { user, credential, justification, automation_role, ledger } = of;
    let always = [
        ("Operation", change.as_str()),
        ("ResourceId", user.as_str()),
        ("CredentialId", credential.as_str()),
        ("Justification", justification.as_str()),
    ];
    deployment::ask(ledger, automation_role, &[&always, more].concat(), "it needs no approval").await
}
