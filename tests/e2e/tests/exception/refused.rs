//! What is not granted, and why.

use credwarden_e2e::exception::{Ask, CAROL, EXCEPTIONS, approve, ask, ask_and_approve, entries, go_on, tags};
use credwarden_e2e::remedy::{Ended, assert_sound, id, noon, ready, run};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::automation::Status;
use credwarden_sandbox::functions::Ended as Answer;
use credwarden_sandbox::sandbox::Options;
use jiff::SignedDuration;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_is_refused_with_the_reason_and_leaves_nothing() {
    let estate = Estate::new(noon()).user("vendor").key(age_days(120));
    let (user_id, key_id) = (id(&estate, "vendor").unwrap(), estate.users[0].keys[0].key.id.to_string());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let good = Ask::grant(&user_id, &key_id, "2026-12-14");
    let dave = "arn:aws:sts::123456789012:assumed-role/credential-approver/dave";
    let gone = "AIDAGONEGONEGONEGONE";
    for (ask, reason) in [
        (Ask { by: CAROL, ..good.clone() }, "somebody else must approve it"),
        (Ask { by: dave, ..good.clone() }, "or may be who does; somebody else must approve it"),
        (Ask { owner: "carol@example.com", ..good.clone() }, "would answer for it; somebody else must approve it"),
        (Ask { owner: CAROL, ..good.clone() }, "would answer for it; somebody else must approve it"),
        (Ask { owner: "Olivia@example.com", ..good.clone() }, "somebody else must be one of the two"),
        (Ask { owner: "none", ..good.clone() }, "no owner is named"),
        (Ask { justification: "none", ..good.clone() }, "no reason is given"),
        (Ask { until: "none", ..good.clone() }, "no end is given"),
        (Ask { until: "2026-11-23", ..good.clone() }, "it would have ended on 2026-11-23"),
        (
            Ask { until: "2027-02-23", ..good.clone() },
            "the policy lets an exception hold for 90 days, until 2027-02-22",
        ),
        (Ask { until: "2026-13-40", ..good.clone() }, "neither a date nor a time"),
        (Ask { credential: "AKIA5", ..good.clone() }, ""),
        (Ask { credential: "AAAAAAAAAAAAAAAA", ..good.clone() }, "parameter `CredentialId`"),
        (Ask { user_id: gone, ..good.clone() }, "was deleted"),
        (good.clone().operation("extend"), "there is no exception that holds"),
    ] {
        // What the document's own patterns refuse is not even started.
        if reason.is_empty() {
            assert!(ask_and_approve(&sandbox, &ask).await.is_err(), "{ask:?}");
            continue;
        }
        let ended = ask_and_approve(&sandbox, &ask).await.unwrap();
        assert_eq!(ended.status, "refused", "{ask:?}: {ended:?}");
        assert!(ended.reason.contains(reason), "{reason}: {ended:?}");
    }
    // Everything that is wrong is said at once.
    let all_wrong = Ask { owner: "none", until: "2020-01-01", justification: "none", by: CAROL, ..good.clone() };
    let ended = ask_and_approve(&sandbox, &all_wrong).await.unwrap();
    for reason in ["no owner is named", "no reason is given", "it would have ended", "somebody else must approve it"] {
        assert!(ended.reason.contains(reason), "{ended:?}");
    }
    assert!(entries(&sandbox, &user_id).await.unwrap().is_empty());
    assert!(tags(&sandbox, "vendor").await.unwrap().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_granted_without_an_approval_that_counts_now() {
    let estate = Estate::new(noon()).user("vendor").key(age_days(120));
    let (user_id, key_id) = (id(&estate, "vendor").unwrap(), estate.users[0].keys[0].key.id.to_string());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let good = Ask::grant(&user_id, &key_id, "2026-12-14");

    // Who is not listed cannot approve, whoever is can reject.
    let waiting = ask(&sandbox, &good).await.unwrap();
    assert!(sandbox.decide(&waiting.id, "mallory", true).is_err());
    sandbox.decide(&waiting.id, CAROL, false).unwrap();
    assert_eq!(go_on(&sandbox, &waiting.id).await.unwrap().status, Status::Failed);

    // The function started past the approval finds none; one that is over is none of its business.
    let waiting = ask(&sandbox, &good).await.unwrap();
    let early = sandbox.invoke(EXCEPTIONS, &json!({ "ExecutionId": waiting.id, "Approver": CAROL })).await.unwrap();
    let Answer::Answered(early) = early.result else { panic!("{early:?}") };
    assert_eq!(early["status"], "refused", "{early}");
    assert!(early["reason"].as_str().unwrap().contains("nobody has approved it"), "{early}");
    sandbox.advance(SignedDuration::from_hours(8 * 24)).await.unwrap();
    assert_eq!(run(&sandbox, &waiting.id).await.unwrap().status, "TimedOut");
    let late = sandbox.invoke(EXCEPTIONS, &json!({ "ExecutionId": waiting.id })).await.unwrap();
    assert!(matches!(late.result, Answer::Failed(_)), "{late:?}");

    // An approval counts by the policy of when it is used.
    let waiting = ask(&sandbox, &good).await.unwrap();
    let mut policy = sandbox.deployed_policy().unwrap();
    policy["approvers"] = json!(["arn:*:iam::*:role/another"]);
    sandbox.set_policy(&policy.to_string()).await.unwrap();
    let ended = approve(&sandbox, &waiting).await.unwrap();
    assert!(ended.status == "refused" && ended.reason.contains("does not name"), "{ended:?}");

    // The kill switch stops it, and so does a policy that cannot be read.
    sandbox.set_policy(&sandbox.deployed_policy().unwrap().to_string()).await.unwrap();
    sandbox.set_kill_switch("stop").await.unwrap();
    assert_eq!(ask_and_approve(&sandbox, &good).await.unwrap().status, "held");
    sandbox.set_kill_switch("run").await.unwrap();
    sandbox.set_policy("{}").await.unwrap();
    assert_eq!(ask_and_approve(&sandbox, &good).await.unwrap().status, "held");
    assert!(entries(&sandbox, &user_id).await.unwrap().is_empty());

    // A shorter longest time holds from then on.
    let mut policy = sandbox.deployed_policy().unwrap();
    policy["longestExceptionDays"] = json!(7);
    sandbox.set_policy(&policy.to_string()).await.unwrap();
    assert_eq!(ask_and_approve(&sandbox, &good).await.unwrap().status, "refused");
    let week = Ask { until: "2026-12-08", ..good.clone() };
    assert_eq!(ask_and_approve(&sandbox, &week).await.unwrap().status, "done");
    let again = ask_and_approve(&sandbox, &week).await.unwrap();
    assert!(again.status == "refused" && again.reason.contains("holds until 2026-12-08; extend"), "{again:?}");
    let shorter = ask_and_approve(&sandbox, &Ask { until: "2026-12-07", ..week.operation("extend") }).await.unwrap();
    assert!(shorter.status == "refused" && shorter.reason.contains("already"), "{shorter:?}");
    let revoked = Ended::of(&ask(&sandbox, &good.operation("revoke")).await.unwrap());
    assert_eq!(revoked.status, "done");
    assert_sound(&sandbox).await.unwrap();
}
