//! `credwarden exception`: shows what the ledger holds, and asks by starting the deployment's document, never past it.

use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_ledger::exception::ExceptionAct;
use credwarden_policy::exception::{Change, Exception};
use jiff::Timestamp;

use crate::arguments::{self, Ask, AskForMore};
use crate::deployment::{self, lines, open, told};
use crate::failure::Failure;

/// Does what was asked, and tells it.
///
/// # Errors
/// The ledger could not be read, or the document not be started.
pub async fn run(request: &arguments::Exception, now: Timestamp) -> Result<String, Failure> {
    match request {
        arguments::Exception::List(ledger) => {
            let exceptions = told(open(ledger).await.exceptions(now).await)?.0;
            Ok(lines(exceptions.iter().map(|exception| line(exception, now)), "no exception holds"))
        }
        arguments::Exception::Show { user, ledger } => show(user, ledger, now).await,
        arguments::Exception::Grant(more) => ask_for_more(Change::Grant, more).await,
        arguments::Exception::Extend(more) => ask_for_more(Change::Extend, more).await,
        arguments::Exception::Revoke(ask) => start(Change::Revoke, ask, &[]).await,
    }
}

async fn show(user: &UserId, ledger: &arguments::Ledger, now: Timestamp) -> Result<String, Failure> {
    let ledger = open(ledger).await;
    let exceptions = told(ledger.record(user).await)?.exceptions.0;
    let acts = told(ledger.exception_acts(user).await)?;
    let mut text = lines(exceptions.iter().map(|exception| line(exception, now)), "no exception is known");
    text.push_str(&lines(acts.iter().map(act_line), ""));
    Ok(text)
}

/// One exception: which, of whom, until when, and who stands for it.
fn line(exception: &Exception, now: Timestamp) -> String {
    let Exception { id, user, rule, credential, until, owner, justification, approver } = exception;
    let of = credential.as_ref().map_or("all credentials", CredentialId::as_str);
    let state = if now <= *until { "until" } else { "ended" };
    format!("{id}  {rule}  {user}  {of}  {state} {until}  owner {owner}  approved by {approver}  {justification}")
}

/// One change: when, what, and by whom.
fn act_line(act: &ExceptionAct) -> String {
    let ExceptionAct { change, execution, requester, approver, justification, at, before, after, .. } = act;
    let id = after.as_ref().or(before.as_ref()).map(|exception| exception.id.as_str()).unwrap_or_default();
    let approved = approver.as_ref().map(|approver| format!(", approved by {approver}")).unwrap_or_default();
    format!("{at}  {change}  {id}  asked by {requester}{approved}  execution {execution}  {justification}")
}

async fn ask_for_more(change: Change, AskForMore { ask, until, owner }: &AskForMore) -> Result<String, Failure> {
    let owner = owner.as_deref().map(|owner| ("Owner", owner));
    let more: Vec<_> = [("Until", until.as_str())].into_iter().chain(owner).collect();
    start(change, ask, &more).await
}

/// Starts the document, which does the rest once it is approved.
async fn start(change: Change, ask: &Ask, more: &[(&str, &str)]) -> Result<String, Failure> {
    let Ask { user, rule, credential, justification, automation_role, ledger } = ask;
    let always = [
        ("Operation", change.as_str()),
        ("ResourceId", user.as_str()),
        ("Rule", rule.as_str()),
        ("CredentialId", credential.as_ref().map_or("all", CredentialId::as_str)),
        ("Justification", justification.as_str()),
    ];
    let next = match change {
        Change::Grant | Change::Extend => "it waits until an approver of the policy approves it",
        Change::Revoke => "it needs no approval",
    };
    deployment::ask(ledger, automation_role, &[&always, more].concat(), next).await
}
