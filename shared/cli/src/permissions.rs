//! `credwarden permissions`: what reading an account needs.

use std::iter;

use credwarden_ledger::request::Document;
use credwarden_ledger::table::INDEX;
use credwarden_policy::remedy::RemedyName;
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

/// What `plan` calls besides: remedies read one user with all that chooses its class, and look up what uses a key where they
/// advise its owner.
pub const PLAN_ACTIONS: [&str; 7] = [
    "cloudtrail:LookupEvents",
    "iam:ListAttachedGroupPolicies",
    "iam:ListAttachedUserPolicies",
    "iam:ListGroupsForUser",
    "iam:ListUsers",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetResourcePolicy",
];

/// The policy to attach to whoever reads, with statements of their own for what this table tells: exceptions, who created
/// credentials, and, with the deployment's policy and kill switch, what its remedies would do.
///
/// With the role of a deployment's documents, three more: for asking for exceptions and holds, for asking for remedies and their
/// undoing, each by the documents of that name in any region, and that the role is passed to them and to nothing else.
pub fn policy(ledger_table: Option<&str>, automation_role: Option<&str>) -> Value {
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
            json!({ "Sid": "CredwardenPlans", "Effect": "Allow", "Action": PLAN_ACTIONS, "Resource": "*" }),
            json!({
                "Sid": "CredwardenReadsParameters", "Effect": "Allow", "Action": ["ssm:GetParameter"],
                "Resource": PARAMETERS.map(|parameter| format!("arn:aws:ssm:*:*:parameter/*/{parameter}")),
            }),
        ]
    });
    let of_documents = automation_role.map(|role| {
        let asks = |sid: &str, documents: &[String]| {
            let named = documents.iter().flat_map(|document| {
                [format!("document/*-{document}"), format!("automation-definition/*-{document}:*")]
            });
            let resources = named.chain(["automation-execution/*".to_owned()]);
            json!({
                "Sid": sid, "Effect": "Allow", "Action": ["ssm:StartAutomationExecution"],
                "Resource": resources.map(|resource| format!("arn:aws:ssm:*:*:{resource}")).collect::<Vec<_>>(),
            })
        };
        [
            asks("CredwardenAsksForExceptions", &[RemedyName::TagException.to_string()]),
            asks("CredwardenAsksForWork", &Document::all().map(|document| document.to_string()).collect::<Vec<_>>()),
            json!({
                "Sid": "CredwardenPassesItsRole", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": role,
                "Condition": { "StringEquals": { "iam:PassedToService": "ssm.amazonaws.com" } },
            }),
        ]
    });
    let optional = of_ledger.into_iter().flatten().chain(of_documents.into_iter().flatten());
    let statements: Vec<Value> = iter::once(account).chain(optional).chain([analyzers]).collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// How the names of a deployment's parameters end.
const PARAMETERS: [&str; 2] = ["policy", "kill-switch"];

/// A table of that name in any region; an ARN stands as it is.
fn arn(table: &str) -> String {
    if table.starts_with("arn:") { table.to_owned() } else { format!("arn:aws:dynamodb:*:*:table/{table}") }
}
