//! A deployment, looked at in its ledger and asked by its documents.

use std::fmt::Write as _;

use anyhow::Context as _;
use aws_sdk_ssm::error::DisplayErrorContext;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::remedy::RemedyName;

use crate::arguments;
use crate::failure::Failure;
use crate::input::account::sdk_config;

/// The ledger of the deployment.
pub(crate) async fn open(ledger: &arguments::Ledger) -> Ledger<DynamoTable> {
    Ledger::new(DynamoTable::new(&sdk_config(&ledger.account).await, table_name(ledger)))
}

/// The table of the deployment's ledger, or the table's ARN.
pub(crate) fn table_name(arguments::Ledger { prefix, account }: &arguments::Ledger) -> String {
    account.ledger_table.clone().unwrap_or_else(|| format!("{prefix}-ledger"))
}

/// What the ledger says, or why it says nothing and what to do.
pub(crate) fn told<V>(answer: Result<V, LedgerError>) -> Result<V, Failure> {
    let hint = "hint: `credwarden permissions --ledger-table NAME` prints the policy that the caller needs; `--region` names \
                the deployment's region";
    answer.context(hint).context("failed to read the ledger").map_err(Failure::Account)
}

/// One line each, or `none`.
pub(crate) fn lines(lines: impl Iterator<Item = String>, none: &str) -> String {
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    if text.is_empty() && !none.is_empty() { format!("{none}\n") } else { text }
}

/// Starts the document for exceptions and holds, which does the rest; then comes `next`.
pub(crate) async fn ask(
    ledger: &arguments::Ledger,
    automation_role: &str,
    parameters: &[(&str, &str)],
    next: &str,
) -> Result<String, Failure> {
    let document = format!("{}-{}", ledger.prefix, RemedyName::TagException);
    start(ledger, automation_role, &document, parameters, next).await
}

/// Starts a document of the deployment, which does the rest; then comes `next`.
pub(crate) async fn start(
    ledger: &arguments::Ledger,
    automation_role: &str,
    document: &str,
    parameters: &[(&str, &str)],
    next: &str,
) -> Result<String, Failure> {
    let client = aws_sdk_ssm::Client::new(&sdk_config(&ledger.account).await);
    let mut call = client.start_automation_execution().document_name(document);
    for (name, value) in [("AutomationAssumeRole", automation_role)].iter().chain(parameters) {
        call = call.parameters(*name, vec![(*value).to_owned()]);
    }
    let answer = call.send().await.map_err(|error| {
        let hint = "hint: `credwarden permissions --automation-role ARN` prints the policy that the caller needs; `--region` \
                    names the deployment's region";
        let error = anyhow::anyhow!("{}", DisplayErrorContext(&error)).context(hint);
        Failure::Account(error.context(format!("failed to start document `{document}`")))
    })?;
    let execution = answer.automation_execution_id().unwrap_or_default();
    Ok(format!("execution {execution} of `{document}` is started: {next}\n"))
}
