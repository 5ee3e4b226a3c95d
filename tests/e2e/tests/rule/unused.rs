//! The rule `unused-credentials`, in the sandbox.

use std::collections::BTreeMap;

use anyhow::Result;
use credwarden_e2e::rule::{FIRST_DAY, all_is_well, count_since, deployed, expected, options, report};
use credwarden_estate::estate::{Estate, age_days, age_hours};
use credwarden_sandbox::config::Compliance::{self, Compliant, NonCompliant};
use credwarden_sandbox::sandbox::Sandbox;

const UNUSED: &str = "credwarden-unused-credentials";

async fn evaluate(sandbox: &Sandbox) -> Result<BTreeMap<String, Compliance>> {
    for invocation in sandbox.evaluate(UNUSED).await? {
        report(&invocation)?;
    }
    Ok(sandbox.compliance(UNUSED).into_iter().map(|row| (row.user, row.compliance)).collect())
}

#[tokio::test]
async fn each_credential_is_judged_by_its_own_use() -> Result<()> {
    let estate = Estate::new(FIRST_DAY)
        .user("idle-key")
        .key(age_days(300))
        .used(age_days(50), "s3")
        .user("idle-key-of-a-busy-person")
        .password(age_days(300))
        .signed_in(age_hours(2))
        .key(age_days(300))
        .used(age_days(50), "s3")
        .user("used-key")
        .key(age_days(300))
        .used(age_days(3), "s3")
        .user("never-used-key")
        .key(age_days(20))
        .user("new-key")
        .key(age_days(10))
        .user("inactive-key")
        .key(age_days(300))
        .used(age_days(200), "s3")
        .inactive_since(age_days(100))
        .user("password-set-after-the-last-sign-in")
        .password(age_days(20))
        .signed_in(age_days(30))
        .user("password-of-last-week")
        .password(age_days(6))
        .signed_in(age_days(300))
        .user("without-credentials");
    let sandbox = deployed(options(), &estate).await?;
    let told = expected(&[
        ("idle-key", NonCompliant),
        ("idle-key-of-a-busy-person", NonCompliant),
        ("used-key", Compliant),
        ("never-used-key", NonCompliant),
        ("new-key", Compliant),
        ("inactive-key", Compliant),
        ("password-set-after-the-last-sign-in", NonCompliant),
        ("password-of-last-week", Compliant),
    ]);
    assert_eq!(evaluate(&sandbox).await?, told);
    assert_eq!(count_since(&sandbox, 0, "iam:GetAccessKeyLastUsed"), 4, "only of keys that the report does not clear");
    all_is_well(&sandbox).await
}
