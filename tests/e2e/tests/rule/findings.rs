//! What is found, however it looks in the credential report.

use anyhow::Result;
use credwarden_e2e::rule::{
    DAY, FIRST_DAY, HOUR, RULE, all_is_well, count_since, delete_user, deployed, evaluate, expected, keys, options,
    switch_key, verdicts,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance::{Compliant, NonCompliant};
use credwarden_sandbox::faults::{Act, Matching};

#[tokio::test]
async fn a_toggled_old_key_is_found() -> Result<()> {
    let estate = Estate::new(FIRST_DAY)
        .user("toggled-before-the-report")
        .key(age_days(200))
        .toggled(age_days(7))
        .user("toggled-after-the-report")
        .key(age_days(200))
        .user("off-when-the-report-was-made")
        .key(age_days(200))
        .inactive_since(age_days(20))
        .user("young")
        .key(age_days(3));
    let sandbox = deployed(options(), &estate).await?;
    evaluate(&sandbox).await?;
    let first = [
        ("toggled-before-the-report", NonCompliant),
        ("toggled-after-the-report", NonCompliant),
        ("off-when-the-report-was-made", Compliant),
        ("young", Compliant),
    ];
    assert_eq!(verdicts(&sandbox), expected(&first));

    switch_key(&sandbox, &estate, "toggled-after-the-report", "Inactive").await?;
    sandbox.advance(HOUR).await?;
    switch_key(&sandbox, &estate, "toggled-after-the-report", "Active").await?;
    switch_key(&sandbox, &estate, "off-when-the-report-was-made", "Active").await?;
    evaluate(&sandbox).await?;
    let mut second = expected(&first);
    second.insert("off-when-the-report-was-made".to_owned(), NonCompliant);
    assert_eq!(verdicts(&sandbox), second);
    assert_eq!(count_since(&sandbox, 0, "iam:GenerateCredentialReport"), 1, "the report is that of before");

    // The next report shows all of them changed today.
    sandbox.advance(DAY).await?;
    evaluate(&sandbox).await?;
    assert_eq!(verdicts(&sandbox), second);
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn a_new_user_under_an_old_name_is_judged_by_its_own_keys() -> Result<()> {
    let estate = Estate::new(FIRST_DAY).user("bob").user("carol").key(age_days(120));
    let sandbox = deployed(options(), &estate).await?;
    evaluate(&sandbox).await?;
    assert_eq!(verdicts(&sandbox), expected(&[("carol", NonCompliant)]));
    let of_old_carol = sandbox.compliance(RULE).pop().map(|row| row.resource_id);

    // The report still shows a `bob` without keys and a `carol` with an old one.
    for user in ["bob", "carol"] {
        delete_user(&sandbox, &estate, user).await?;
        sandbox.iam("CreateUser", &[("UserName", user)]).await?;
        sandbox.iam("CreateAccessKey", &[("UserName", user)]).await?;
    }
    evaluate(&sandbox).await?;
    assert_eq!(verdicts(&sandbox), expected(&[("bob", Compliant), ("carol", Compliant)]));
    assert!(sandbox.compliance(RULE).iter().all(|row| Some(&row.resource_id) != of_old_carol.as_ref()));
    assert_eq!(count_since(&sandbox, 0, "iam:GenerateCredentialReport"), 1, "the report is that of before");
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn only_active_keys_count_and_only_strictly_after_the_limit() -> Result<()> {
    let estate = Estate::new(FIRST_DAY)
        .user("old-and-inactive")
        .key(age_days(200))
        .inactive_since(age_days(1))
        .user("an-hour-to-go")
        .key(age_days(90) - HOUR)
        .user("reached-an-hour-ago")
        .key(age_days(90) + HOUR)
        .user("tag-asks-for-less")
        .tag("credwarden:max-age-days", "30")
        .key(age_days(31))
        .user("tag-asks-for-more")
        .tag("credwarden:max-age-days", "400")
        .key(age_days(91))
        .user("no-keys");
    let sandbox = deployed(options(), &estate).await?;
    // Last use is nobody's business here: that it cannot be read changes nothing.
    sandbox.faults().arm(Matching::action("iam:GetAccessKeyLastUsed").always(), Act::Deny);
    evaluate(&sandbox).await?;
    let mut today = expected(&[
        ("old-and-inactive", Compliant),
        ("an-hour-to-go", Compliant),
        ("reached-an-hour-ago", NonCompliant),
        ("tag-asks-for-less", NonCompliant),
        ("tag-asks-for-more", NonCompliant),
    ]);
    assert_eq!(verdicts(&sandbox), today);
    let row = sandbox.compliance_of(RULE, "an-hour-to-go");
    let annotation = row.map(|row| row.annotation).unwrap_or_default();
    let key = keys(&estate, "an-hour-to-go").concat();
    assert_eq!(annotation, format!("{key} must be replaced by 2026-11-24"));

    sandbox.advance(HOUR).await?;
    evaluate(&sandbox).await?;
    today.insert("an-hour-to-go".to_owned(), NonCompliant);
    assert_eq!(verdicts(&sandbox), today);
    all_is_well(&sandbox).await
}
