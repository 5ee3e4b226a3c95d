//! What AWS and people write: where every input begins.

/// Credential reports.
pub const REPORTS: &[&str] = &[
    include_str!("../../../shared/cli/tests/cases/credential-report.csv"),
    include_str!("../corpus/report-of-few.csv"),
];

/// Records of CloudTrail, one of each call that makes a credential usable.
pub const EVENTS: &[&str] = &[
    include_str!("../corpus/events/create-access-key.json"),
    include_str!("../corpus/events/create-login-profile.json"),
    include_str!("../corpus/events/create-service-specific-credential.json"),
    include_str!("../corpus/events/update-access-key.json"),
    include_str!("../corpus/events/upload-signing-certificate.json"),
    include_str!("../corpus/events/upload-ssh-public-key.json"),
];

/// Policies.
pub const POLICIES: &[&str] = &[
    include_str!("../../../shared/cli/tests/cases/policy.json"),
    include_str!("../../../shared/cli/tests/cases/policy-with-mistakes.json"),
    include_str!("../corpus/policy.json"),
];

/// Words that have a meaning to one of the parsers, or to somebody who reads carelessly.
pub const WORDS: &[&str] = &[
    "",
    "0",
    "-1",
    "1",
    "4294967296",
    "1e999",
    "true",
    "FALSE",
    "True",
    "null",
    "N/A",
    "no_information",
    "not_supported",
    "<root_account>",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00+00:00",
    "9999-12-31T23:59:60Z",
    "-009999-01-01T00:00:00Z",
    "Jul 30, 2024 9:53:13 PM",
    "\"",
    "\"\"",
    ",",
    "\n",
    "\r\n",
    "\u{feff}",
    "\u{0}",
    "\u{202e}",
    "é",
    "𝕏",
    "{",
    "}",
    "[",
    "]",
    "{}",
    "[]",
    "*",
    "?",
    "arn:aws:iam::123456789012:user/",
    "arn:aws:iam::*:*",
    "AKIAIOSFODNN7EXAMPLE",
    "AIDAEXAMPLE0000DANA00",
    "iam.amazonaws.com",
    "CreateAccessKey",
    "UpdateAccessKey",
    "Root",
    "AssumedRole",
    "Active",
    "Inactive",
    "human",
    "service-account",
    "privileged",
    "access-key",
    "console-password",
    "a-name-as-long-as-iam-allows-which-is-sixty-four-characters-long+1",
];
