//! What the ledger excuses is excused at the terminal, too, once the ledger is named.

use anyhow::{Context as _, Result};
use credwarden_e2e::rule::{FIRST_DAY, all_is_well};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance::Compliant;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::agreement::is_what_config_was_told;
use crate::world::{World, findings, said, text};

/// The deployment's ledger.
const LEDGER: &str = "credwarden-ledger";

/// A note that is there exactly where nobody read the exceptions.
const NOT_KNOWN: &str = "exceptions are not known";

#[tokio::test]
async fn a_scan_that_is_told_the_ledger_excepts_what_the_rule_excepts() -> Result<()> {
    let world = excepted().await?;
    let key = ("access-key-age".to_owned(), "excepted".to_owned());
    let stored = world.stored();
    let row = stored.get(&key).context("AWS Config has a result")?;
    assert_eq!(row.compliance, Compliant);
    assert!(row.annotation.contains("EXCEPTED EX-7"), "{}", row.annotation);

    let denied = world.run_by_policy(&["scan", "--ledger-table", LEDGER]).await?;
    assert_eq!((denied.status, denied.out.as_str()), (5, ""), "the statement is optional: {denied:?}");
    assert!(denied.err.contains("hint: `credwarden permissions --ledger-table credwarden-ledger`"), "{}", denied.err);
    let without = world.scan(&[]).await?;
    assert_eq!(said(&findings(&without))[&key].0, "NON_COMPLIANT");
    assert_eq!(without["limitations"].to_string().matches(NOT_KNOWN).count(), 1, "{without}");

    let permissions = world.run(&["permissions", "--ledger-table", LEDGER]).await?;
    world.confine(&serde_json::from_str(&permissions.out)?)?;
    let with = world.scan(&["--ledger-table", LEDGER, "--all"]).await?;
    for (key, said) in said(&findings(&with)) {
        is_what_config_was_told(&key, Some(&said), stored.get(&key));
    }
    assert!(!with["limitations"].to_string().contains(NOT_KNOWN), "{with}");
    assert_eq!(with["summary"]["excepted"], json!(1));
    let excused = findings(&with).into_iter().find(|finding| !finding["exception"].is_null());
    let excused = excused.context("one finding is excepted")?;
    assert_eq!(
        [text(&excused, "status"), text(&excused, "exception"), text(&excused, "exceptedUntil")],
        ["COMPLIANT", "EX-7", until().to_string().as_str()]
    );

    let table = world.run_by_policy(&["scan", "--ledger-table", LEDGER]).await?;
    let line = table.out.lines().find(|line| line.contains("EX-7")).context("it is shown without `--all`")?;
    assert!(line.trim_start().starts_with("EXCEPTED") && line.contains("excepted"), "{line}");
    assert!(table.out.contains(", 1 excepted, "), "{}", table.out);
    let explained = world.run_by_policy(&["explain", "excepted", "--ledger-table", LEDGER]).await?;
    assert!(explained.out.contains("EXCEPTED EX-7"), "{}", explained.out);
    let reads = world.sandbox.calls().into_iter().filter(|call| call.call.action.starts_with("dynamodb:"));
    let reads = reads.filter(|call| call.call.caller == "person:auditor").map(|call| call.call.action);
    assert!(reads.into_iter().all(|action| action == "dynamodb:Query"), "the ledger is only read");
    Ok(())
}

#[tokio::test]
async fn a_recorded_account_keeps_the_exceptions_that_held() -> Result<()> {
    let world = excepted().await?;
    let permissions = world.run(&["permissions", "--ledger-table", LEDGER]).await?;
    world.confine(&serde_json::from_str(&permissions.out)?)?;
    let recorded = world.run(&["snapshot", "--ledger-table", LEDGER]).await?;
    let file = world.sandbox.folder().join("account.json");
    std::fs::write(&file, &recorded.out)?;
    let file = file.to_str().context("the folder's name is no UTF-8")?;
    let live = world.scan(&["--ledger-table", LEDGER]).await?;
    let again = world.scan(&["--snapshot", file]).await?;
    assert_eq!(findings(&again), findings(&live));
    assert_eq!(again["summary"]["excepted"], json!(1));

    world.sandbox.advance(SignedDuration::from_hours(24 * 31)).await?;
    let later = until().checked_add(SignedDuration::from_secs(1))?.to_string();
    let expired = world.scan(&["--snapshot", file, "--as-of", &later]).await?;
    assert_eq!(expired["summary"]["excepted"], json!(0), "the exception ended a second before");
    all_is_well(&world.sandbox).await
}

/// When the exception ends: 30 days on.
fn until() -> Timestamp {
    FIRST_DAY.checked_add(SignedDuration::from_hours(24 * 30)).unwrap_or(Timestamp::MAX)
}

/// Two old keys in use, one of which may be old for 30 days.
async fn excepted() -> Result<World> {
    let estate = Estate::new(FIRST_DAY)
        .user("excepted")
        .key(age_days(200))
        .used(age_days(1), "s3")
        .user("not-excepted")
        .key(age_days(200))
        .used(age_days(1), "s3");
    let world = World::judged(&estate).await?;
    let user = estate.find("excepted").context("the user is in the estate")?.id().to_string();
    let body = json!({
        "id": "EX-7", "user": user, "rule": "access-key-age", "credential": null, "until": until(),
        "owner": "platform-team@example.com", "justification": "the vendor cannot rotate", "approver": "security@example.com",
    });
    let item = json!({
        "pk": { "S": format!("USER#{user}") },
        "sk": { "S": "EXCEPTION#access-key-age#*" },
        "body": { "S": body.to_string() },
        "open": { "S": "exception" },
        "due": { "N": until().as_second().to_string() },
    });
    put(&world, item).await?;
    world.evaluate().await?;
    Ok(world)
}

async fn put(world: &World, item: Value) -> Result<()> {
    let region = &world.sandbox.deployment().scope.region;
    let request = json!({ "TableName": LEDGER, "Item": item });
    world.sandbox.emulator().json(region, "DynamoDB_20120810.PutItem", &request).await.map(drop)
}
