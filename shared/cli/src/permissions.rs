//! `credwarden permissions`: what reading an account needs.

use std::iter;

use credwarden_ledger::table::INDEX;
use serde_json::{Value, json};

/// The actions of IAM that reading calls. None of them can be narrowed to fewer users than are judged, and some
/// take no resource at all (AWS Service Authorization Reference, "Actions defined by AWS Identity and Access Management").
pub const ACTIONS: [&str; 10] = [
    "iam:GenerateCredentialReport",
    "iam:GetAccessKeyLastUsed",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetCredentialReport",
    "iam:GetLoginProfile",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "iam:ListServiceSpecificCredentials",
    "iam:ListSSHPublicKeys",
    "iam:ListSigningCertificates",
];

/// The actions of IAM Access Analyzer, without which a scan says the same but for what an analyzer says beside. The latter
/// two allow `GetFindingV2` and `ListFindingsV2`.
pub const ANALYZER_ACTIONS: [&str; 4] = [
    "access-analyzer:GetAnalyzer",
    "access-analyzer:ListAnalyzers",
    "access-analyzer:GetFinding",
    "access-analyzer:ListFindings",
];

/// The policy to attach to whoever reads, with statements of their own for what this table tells: exceptions, and who created
/// credentials.
pub fn policy(ledger_table: Option<&str>) -> Value {
    let account = json!({ "Sid": "CredwardenReads", "Effect": "Allow", "Action": ACTIONS, "Resource": "*" });
    let analyzers = json!({
        "Sid": "CredwardenReadsAnalyzers", "Effect": "Allow", "Action": ANALYZER_ACTIONS, "Resource": "*",
    });
    let of_ledger = ledger_table.map(|table| {
        let table = arn(table);
        let index = format!("{table}/index/{INDEX}");
        [
            json!({
                "Sid": "CredwardenReadsExceptions", "Effect": "Allow", "Action": ["dynamodb:Query"], "Resource": index,
            }),
            json!({
                "Sid": "CredwardenReadsCreators", "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
                "Resource": table,
            }),
        ]
    });
    let statements: Vec<Value> =
        iter::once(account).chain(of_ledger.into_iter().flatten()).chain([analyzers]).collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// A table of that name in any region; an ARN stands as it is.
fn arn(table: &str) -> String {
    if table.starts_with("arn:") { table.to_owned() } else { format!("arn:aws:dynamodb:*:*:table/{table}") }
}
