//! What the tags of a user show.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use credwarden_policy::exception::{Exception, Exceptions};
use credwarden_policy::remedy::RuleName;
use jiff::{SignedDuration, Timestamp};
use tag_exception::tags::{TagChanges, Tags, changes};

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn exception(rule: RuleName, credential: Option<&str>, until: Timestamp) -> Exception {
    Exception {
        id: "EX-0123456789ab".to_owned(),
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
        rule,
        credential: credential.map(|id| id.parse().unwrap()),
        until,
        owner: "erin".to_owned(),
        justification: "The secret reason.".to_owned(),
        approver: "arn:aws:iam::123456789012:user/carol".to_owned(),
    }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn tags_follow_the_ledger_and_leave_all_others_alone() {
    let key = "AKIAIOSFODNN7EXAMPLE";
    let exceptions = Exceptions(vec![
        exception(RuleName::AccessKeyAge, Some(key), now()),
        exception(RuleName::UnusedCredentials, None, now() + SignedDuration::from_hours(24)),
        exception(RuleName::UnauthorizedKeyCreation, None, now() - SignedDuration::from_secs(1)),
    ]);
    let have = tags(&[
        ("owner", "erin"),
        ("credwarden:exception/unauthorized-key-creation", "EX-0123456789ab until 2026-11-24"),
        ("credwarden:exception/unused-credentials", "EX-forged until 2030-01-01"),
    ]);
    let left = changes(&have, &exceptions, now());
    let one = format!("credwarden:exception/access-key-age/{key}");
    let wanted = tags(&[
        (&one, "EX-0123456789ab until 2026-11-24"),
        ("credwarden:exception/unused-credentials", "EX-0123456789ab until 2026-11-25"),
    ]);
    assert_eq!(left.on, wanted);
    assert_eq!(left.off, ["credwarden:exception/unauthorized-key-creation"]);

    // Once they are written there is nothing left to do.
    let mut have = have;
    have.retain(|key, _| !left.off.contains(key));
    have.extend(left.on);
    assert_eq!(changes(&have, &exceptions, now()), TagChanges::default());
}

#[test]
fn a_tag_is_one_that_iam_takes_and_tells_no_reason() {
    let longest = "A".repeat(64);
    for rule in RuleName::ALL {
        for credential in [None, Some("console-password"), Some("AKIAIOSFODNN7EXAMPLE"), Some(longest.as_str())] {
            let (key, value) = exception(*rule, credential, now()).tag();
            let is_allowed =
                |text: &str| text.chars().all(|sign| sign.is_ascii_alphanumeric() || " _.:/=+-@".contains(sign));
            assert!(key.len() <= 128 && value.len() <= 256, "{key}");
            assert!(is_allowed(&key) && is_allowed(&value) && !value.contains("secret"), "{key} {value}");
        }
    }
}
