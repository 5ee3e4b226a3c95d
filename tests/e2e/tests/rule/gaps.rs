//! What cannot be known of one user.

use anyhow::{Context as _, Result};
use credwarden_e2e::rule::{
    DAY, FIRST_DAY, HOUR, RULE, all_is_well, delete_user, deployed, evaluate, expected, options, passes, switch_key,
    verdicts,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance::{Compliant, NonCompliant};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::Sandbox;
use serde_json::json;

const THROTTLED: [&str; 2] = ["throttled-after-a-result", "throttled-from-the-beginning"];

fn spoil(sandbox: &Sandbox, user: &str, act: Act) {
    sandbox.faults().arm(Matching::action("iam:ListAccessKeys").user(user).always(), act);
}

#[tokio::test]
async fn one_throttled_user_hides_only_itself() -> Result<()> {
    let estate = Estate::new(FIRST_DAY)
        .user("throttled-after-a-result")
        .key(age_days(100))
        .user("throttled-from-the-beginning")
        .key(age_days(100))
        .user("becomes-compliant")
        .key(age_days(100))
        .user("leaves")
        .key(age_days(100))
        .user("stays")
        .key(age_days(100))
        .user("young")
        .created(age_days(3))
        .key(age_days(3));
    let sandbox = deployed(options(), &estate).await?;
    spoil(&sandbox, "throttled-from-the-beginning", Act::Throttle);
    let report = evaluate(&sandbox).await?;
    assert_eq!((&report["unknown"], &report["complete"]), (&json!(1), &json!(true)));
    let mut verdicts_known = expected(&[
        ("throttled-after-a-result", NonCompliant),
        ("becomes-compliant", NonCompliant),
        ("leaves", NonCompliant),
        ("stays", NonCompliant),
        ("young", Compliant),
    ]);
    assert_eq!(verdicts(&sandbox), verdicts_known);

    // What could not be read may have become anything; what was known of it stands, to the letter.
    let known = sandbox.compliance_of(RULE, "throttled-after-a-result").context("there was a result")?;
    for user in ["throttled-after-a-result", "becomes-compliant"] {
        switch_key(&sandbox, &estate, user, "Inactive").await?;
    }
    delete_user(&sandbox, &estate, "leaves").await?;
    sandbox.advance(DAY).await?;
    for act in [Act::Throttle, Act::Deny] {
        sandbox.faults().clear();
        for user in THROTTLED {
            spoil(&sandbox, user, act);
        }
        let report = evaluate(&sandbox).await?;
        assert_eq!((&report["unknown"], &report["complete"]), (&json!(2), &json!(true)), "{act:?}");
        verdicts_known.remove("leaves");
        verdicts_known.insert("becomes-compliant".to_owned(), Compliant);
        assert_eq!(verdicts(&sandbox), verdicts_known, "{act:?}");
        assert_eq!(sandbox.compliance_of(RULE, "throttled-after-a-result").as_ref(), Some(&known), "{act:?}");
        assert_eq!(passes(&sandbox).await?["complete"]["gaps"], json!(2), "{act:?}");
    }

    sandbox.faults().clear();
    evaluate(&sandbox).await?;
    verdicts_known.insert("throttled-after-a-result".to_owned(), Compliant);
    verdicts_known.insert("throttled-from-the-beginning".to_owned(), NonCompliant);
    assert_eq!(verdicts(&sandbox), verdicts_known);
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn a_user_who_cannot_be_read_for_a_week_is_reported_for_that() -> Result<()> {
    let estate = Estate::new(FIRST_DAY).user("unreadable").key(age_days(40)).user("young").key(age_days(3));
    let sandbox = deployed(options(), &estate).await?;
    for day in 0..7 {
        spoil(&sandbox, "unreadable", Act::Deny);
        evaluate(&sandbox).await?;
        assert_eq!(verdicts(&sandbox), expected(&[("young", Compliant)]), "day {day}");
        sandbox.faults().clear();
        sandbox.advance(DAY).await?;
    }
    sandbox.advance(HOUR).await?;
    spoil(&sandbox, "unreadable", Act::Deny);
    evaluate(&sandbox).await?;
    let row = sandbox.compliance_of(RULE, "unreadable").context("it is reported")?;
    assert_eq!(row.compliance, NonCompliant);
    assert!(row.annotation.starts_with("not verifiable since 2026-11-24"), "{}", row.annotation);

    sandbox.faults().clear();
    evaluate(&sandbox).await?;
    assert_eq!(verdicts(&sandbox), expected(&[("unreadable", Compliant), ("young", Compliant)]));
    all_is_well(&sandbox).await
}
