//! `credwarden permissions`: what reading an account needs.

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

/// The policy to attach to whoever reads.
pub fn policy() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "CredwardenReads", "Effect": "Allow", "Action": ACTIONS, "Resource": "*" }],
    })
}
