//! What the deployment says to the schedule.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "what a test prepares may fail it")]

use advance_work::Settings;

/// The settings of a deployment named `credwarden`.
pub fn settings() -> Settings {
    Settings {
        prefix: "credwarden".to_owned(),
        kill_switch_parameter: "/credwarden/kill-switch".to_owned(),
        automation_role: "arn:aws:iam::123456789012:role/automation".to_owned(),
        notice_topic: "arn:aws:sns:us-east-1:123456789012:credwarden-notices".parse().unwrap(),
        account_contact: "account-contact".parse().unwrap(),
        security_contact: "security@example.com".parse().unwrap(),
    }
}
