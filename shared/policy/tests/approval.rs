//! Whose approval counts, and who may be one person.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test prepares may fail it")]

use credwarden_policy::document::DEFAULT;
use credwarden_policy::policy::Policy;
use serde_json::{Value, json};

fn policy(approvers: Value) -> Policy {
    let mut document: Value = serde_json::from_str(DEFAULT).unwrap();
    document["approvers"] = approvers;
    Policy::parse(&document.to_string()).unwrap()
}

fn session(role: &str, name: &str) -> String {
    format!("arn:aws:sts::123456789012:assumed-role/{role}/{name}")
}

#[test]
fn a_session_counts_as_its_role_whatever_the_roles_path() {
    let policy = policy(json!(["arn:*:iam::*:role/security/approver", "arn:aws:iam::123456789012:user/olivia"]));
    assert!(policy.counts_approval_of(&session("approver", "dana")));
    assert!(policy.counts_approval_of("arn:aws:iam::123456789012:role/security/approver"));
    assert!(policy.counts_approval_of("arn:aws:iam::123456789012:user/olivia"));
    for other in [
        session("approvers", "dana"),
        session("developer", "approver"),
        "arn:aws:iam::123456789012:user/approver".to_owned(),
        "arn:aws:iam::999999999999:user/olivia".to_owned(),
        String::new(),
    ] {
        assert!(!policy.counts_approval_of(&other), "{other}");
    }
}

#[test]
fn a_pattern_of_roles_on_a_path_counts_no_session_whose_path_is_not_told() {
    let policy = policy(json!(["arn:*:iam::*:role/security/*"]));
    assert!(!policy.counts_approval_of(&session("approver", "dana")));
}

#[test]
fn two_sessions_of_a_role_may_be_one_person() {
    let policy = policy(json!(["arn:*:iam::*:role/approver", "arn:*:sts::*:assumed-role/other/*"]));
    for role in ["approver", "other"] {
        assert!(policy.may_be_one_person(&session(role, "dana"), &session(role, "erin")));
        assert!(policy.may_be_one_person(&session(role, "dana"), &format!("arn:aws:iam::123456789012:role/p/{role}")));
    }
    assert!(!policy.may_be_one_person(&session("approver", "dana"), &session("developer", "erin")));
    assert!(!policy.may_be_one_person(&session("approver", "dana"), "arn:aws:iam::123456789012:user/erin"));
    assert!(!policy.may_be_one_person(&session("x", "a"), &session("x", "b").replace("123456789012", "999999999999")));
}

#[test]
fn two_sessions_are_two_people_where_the_policy_names_the_approvers() {
    let policy = policy(json!(["arn:*:sts::*:assumed-role/AWSReservedSSO_Security_*/dana"]));
    let (dana, erin) = (session("AWSReservedSSO_Security_1", "dana"), session("AWSReservedSSO_Security_1", "erin"));
    assert!(!policy.may_be_one_person(&dana, &erin));
    assert!(policy.may_be_one_person(&dana, &dana));
    assert!(policy.may_be_one_person(&erin, &dana), "the policy does not name Erin's");
}

#[test]
fn people_are_known_by_names_and_addresses_too() {
    let policy = policy(json!([]));
    for known_as in ["dana", "Dana", "dana@example.com", "arn:aws:sts::123456789012:assumed-role/approver/DANA"] {
        assert!(
            policy.may_be_one_person(&session("approver", "dana@example.com"), known_as) || known_as.contains("DANA")
        );
        assert!(policy.may_be_one_person(&session("approver", "dana"), known_as), "{known_as}");
    }
    assert!(policy.may_be_one_person("arn:aws:iam::123456789012:user/ops/dana", "dana@example.com"));
    assert!(!policy.may_be_one_person(&session("approver", "dana"), "payments@example.com"));
}
