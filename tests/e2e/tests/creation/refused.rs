//! What the recorder cannot read, and what it may not do.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::rule::{DAY, all_is_well, failure};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{RECORDER, RULE, look_back, olivia, quick, recorded, started};

/// What nobody has ever seen: a key that is created for several users at once.
fn unheard_of(at: &str) -> Value {
    json!({
        "eventVersion": "1.12", "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey", "eventTime": at,
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "eventID": "00000000-0000-4000-8009-000000000001",
        "userIdentity": { "type": "AWSService", "invokedBy": "bulk.amazonaws.com" },
        "requestParameters": { "userNames": ["alice", "bob"] }, "responseElements": { "accessKeys": ["hush"] },
    })
}

#[tokio::test]
async fn an_event_of_a_shape_never_seen_is_tried_again_and_then_kept_where_it_is_seen() -> Result<()> {
    let sandbox = started(quick()).await?;
    let now = sandbox.now();
    sandbox.cloudtrail().record_event(now, unheard_of(&now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
    sandbox.act(&olivia(), "CreateAccessKey", &[("UserName", "bob")]).await?;
    let ended = sandbox.deliver_events().await?;
    ensure!(ended.len() == 2, "{ended:?}");
    let error = ended.iter().find_map(|invocation| failure(invocation).ok()).context("one fails")?;
    assert_eq!(error.kind, "EventNotRecorded");
    assert_eq!(
        error.message,
        "failed to read event `00000000-0000-4000-8009-000000000001` of `CreateAccessKey`: neither request, answer nor \
         caller names the user; CloudTrail shows it by its id for 90 days"
    );
    assert_eq!(recorded(&sandbox).await?.len(), 1, "it hides no other");

    for minutes in [1, 2] {
        ensure!(sandbox.failed_events().is_empty(), "it is to be tried again");
        sandbox.advance(SignedDuration::from_mins(minutes)).await?;
        let again = sandbox.deliver_events().await?;
        ensure!(again.len() == 1 && failure(&again[0]).is_ok(), "{again:?}");
    }
    let kept = sandbox.failed_events();
    ensure!(kept.len() == 1, "{kept:?}");
    assert_eq!(kept[0].queue_arn, "arn:aws:sqs:us-east-1:123456789012:credwarden-record-creation-failed");
    assert_eq!(kept[0].event["detail"]["eventID"], "00000000-0000-4000-8009-000000000001");
    sandbox.advance(DAY).await?;
    assert!(sandbox.deliver_events().await?.is_empty());
    assert!(sandbox.logs().iter().all(|line| !line.text.contains("hush")), "events are not logged");

    // The look-up of the past meets it, too, and knows that it does not know.
    look_back(&sandbox).await?;
    let ledger = sandbox.ledger().await?;
    let backfill = ledger.iter().find(|item| item["sk"] == "BACKFILL").context("it has looked back")?;
    let backfill: Value = serde_json::from_str(backfill["body"].as_str().unwrap_or_default())?;
    let unreadable = &backfill["CreateAccessKey"]["coverage"]["unreadable"];
    assert_eq!(unreadable[0]["event"], "00000000-0000-4000-8009-000000000001", "{backfill}");
    assert_eq!(backfill["CreateLoginProfile"]["coverage"]["unreadable"], Value::Null);
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn the_recorder_may_record_start_its_own_rules_document_and_nothing_else() -> Result<()> {
    let sandbox = started(quick()).await?;
    let function = sandbox.deployment().functions.get(RECORDER).context("it is deployed")?;
    let role = sandbox.deployment().roles.get(&function.role_arn).context("it has a role")?;
    let grants = sandbox.access().grants();
    let granted: BTreeSet<_> =
        grants.iter().filter(|grant| grant.role == role.name).map(|grant| grant.action.as_str()).collect();
    let expected = [
        "dynamodb:PutItem",
        "iam:GetUser",
        "iam:PassRole",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
        "ssm:GetParameter",
        "ssm:StartAutomationExecution",
    ];
    assert_eq!(granted, BTreeSet::from(expected));
    let documents: BTreeSet<_> = role
        .policies
        .iter()
        .filter_map(|(_, document)| document["Statement"].as_array())
        .flatten()
        .filter_map(|statement| statement["Resource"].as_array())
        .flatten()
        .filter_map(|resource| resource.as_str()?.split_once(":document/"))
        .map(|(_, document)| document)
        .collect();
    assert_eq!(documents, BTreeSet::from([RULE]), "it starts the document of its own rule only");
    Ok(())
}
