//! What tests begin with: a time, policies, and a user.

use credwarden_estate::estate::{Estate, age_days};
use credwarden_policy::document::DEFAULT;
use jiff::Timestamp;

pub fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// The default policy, enforcing, with whatever else is replaced.
pub fn policy_with(replacements: &[(&str, &str)]) -> String {
    let mut policy = DEFAULT.replace("\"observe\"", "\"enforce\"");
    for (from, to) in replacements {
        assert!(policy.contains(from), "the default policy has no {from}");
        policy = policy.replace(from, to);
    }
    policy
}

/// The policy by which the age of access keys is answered by their rotation.
pub fn rotating_policy(more: &str) -> String {
    let entry = |remedy: &str| format!(r#""access-key-age": {{ "default": {{ "remedy": "{remedy}""#);
    let rotated = format!("{}{more}", entry("rotate-key"));
    policy_with(&[(&entry("deactivate-credential"), &rotated)])
}

/// Alice, with one key of 100 days that nobody uses.
pub fn alice() -> Estate {
    Estate::new(noon()).user("alice").tag("owner", "alice@example.com").key(age_days(100)).used(age_days(30), "s3")
}
