//! moto, with what it differs in from AWS mended.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use credwarden_sandbox::{
    clock::Clock,
    emulator::{Emulator, installation_folder},
    hazards::Hazards,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{BEGIN, folder, seed};

const OLD_KEY: &str = "AKIAALICE00000000002";

pub(crate) async fn seeded() -> (Emulator, Clock) {
    let clock = Clock::start(Timestamp::from_second(BEGIN).unwrap(), &folder()).unwrap();
    let emulator = Emulator::start(&installation_folder(), &clock).await.unwrap();
    emulator.seed(&seed()).await.unwrap();
    emulator.set_hazards(&Hazards::none()).await.unwrap();
    (emulator, clock)
}

/// The text of the first element of this name.
pub(crate) fn text<'a>(xml: &'a str, element: &str) -> &'a str {
    xml.split_once(&format!("<{element}>")).and_then(|(_, rest)| rest.split_once("</")).map_or("", |(text, _)| text)
}

pub(crate) async fn report(emulator: &Emulator) -> (String, String) {
    while text(&emulator.iam("GenerateCredentialReport", &[]).await.unwrap(), "State") != "COMPLETE" {}
    let answer = emulator.iam("GetCredentialReport", &[]).await.unwrap();
    let content = BASE64_STANDARD.decode(text(&answer, "Content")).unwrap();
    (text(&answer, "GeneratedTime").to_owned(), String::from_utf8(content).unwrap())
}

async fn alices_keys(emulator: &Emulator) -> Value {
    let truth = emulator.truth().await.unwrap();
    truth["users"].as_array().unwrap().iter().find(|user| user["name"] == "alice").unwrap()["keys"].clone()
}

#[tokio::test]
async fn what_is_seeded_is_read_back_with_ids_dates_and_tags() {
    let (emulator, _) = seeded().await;
    let user = emulator.iam("GetUser", &[("UserName", "alice")]).await.unwrap();
    assert_eq!(text(&user, "UserId"), "AIDAALICE000000000001");
    assert_eq!(text(&user, "Arn"), "arn:aws:iam::123456789012:user/people/alice");
    assert_eq!(text(&user, "Value"), "alice@example.com");
    let keys = emulator.iam("ListAccessKeys", &[("UserName", "alice")]).await.unwrap();
    assert_eq!(text(&keys, "AccessKeyId"), OLD_KEY);
    assert!(text(&keys, "CreateDate").starts_with("2026-03-05T14:13:20"), "{keys}");
    let last = emulator.iam("GetAccessKeyLastUsed", &[("AccessKeyId", OLD_KEY)]).await.unwrap();
    assert_eq!((text(&last, "ServiceName"), text(&last, "Region")), ("s3", "eu-west-1"));
    let profile = emulator.iam("GetLoginProfile", &[("UserName", "alice")]).await.unwrap();
    assert!(text(&profile, "CreateDate").starts_with("2025-11-25T14:13:20"), "{profile}");
    let attached = emulator.iam("ListAttachedGroupPolicies", &[("GroupName", "admins")]).await.unwrap();
    assert_eq!(text(&attached, "PolicyName"), "AdministratorAccess");
}

#[tokio::test]
async fn lists_come_in_pages_of_a_hundred_or_of_max_items() {
    let (emulator, _) = seeded().await;
    let first = emulator.iam("ListUsers", &[]).await.unwrap();
    assert_eq!((first.matches("<UserId>").count(), text(&first, "IsTruncated")), (100, "true"));
    let marker = text(&first, "Marker");
    let second = emulator.iam("ListUsers", &[("Marker", marker)]).await.unwrap();
    assert_eq!((second.matches("<UserId>").count(), text(&second, "IsTruncated")), (21, "false"));

    let filter = [("Filter.member.1", "User"), ("Filter.member.2", "Group"), ("MaxItems", "121")];
    let users = emulator.iam("GetAccountAuthorizationDetails", &filter).await.unwrap();
    assert_eq!((users.matches("<UserId>").count(), users.matches("<GroupId>").count()), (121, 0));
    let rest = [&filter[..], &[("Marker", text(&users, "Marker"))]].concat();
    let groups = emulator.iam("GetAccountAuthorizationDetails", &rest).await.unwrap();
    assert_eq!((groups.matches("<UserId>").count(), groups.matches("<GroupId>").count()), (0, 1));
    assert_eq!(text(&groups, "IsTruncated"), "false");

    let error = emulator.iam("ListUsers", &[("Marker", "elsewhere")]).await.unwrap_err();
    assert!(format!("{error:#}").contains("Invalid Marker"), "{error:#}");
}

#[tokio::test]
async fn a_report_has_root_first_and_a_toggled_key_looks_new() {
    let (emulator, clock) = seeded().await;
    for status in ["Inactive", "Active"] {
        let toggle = [("UserName", "alice"), ("AccessKeyId", OLD_KEY), ("Status", status)];
        emulator.iam("UpdateAccessKey", &toggle).await.unwrap();
    }
    let today = clock.now().strftime("%Y-%m-%d").to_string();
    let (_, report) = report(&emulator).await;
    let mut rows = report.lines();
    assert_eq!(rows.next().unwrap().split(',').count(), 22);
    assert!(rows.next().unwrap().starts_with("<root_account>,arn:aws:iam::123456789012:root,"));
    let alice: Vec<&str> = rows.next().unwrap().split(',').collect();
    assert_eq!(
        alice[..8],
        [
            "alice",
            "arn:aws:iam::123456789012:user/people/alice",
            "2025-08-17T14:13:20+00:00",
            "true",
            "no_information",
            "2025-11-25T14:13:20+00:00",
            "N/A",
            "false",
        ]
    );
    // Slots are not in order of creation, and an inactive key keeps its date.
    assert_eq!(alice[8..13], ["false", "2026-06-13T14:13:20+00:00", "N/A", "N/A", "N/A"]);
    assert_eq!(alice[13], "true");
    assert!(alice[14].starts_with(&today), "toggled today, not {}", alice[14]);
    assert_eq!(alice[15..], ["2026-09-18T14:13:20+00:00", "eu-west-1", "s3", "false", "N/A", "false", "N/A"]);
    assert!(!report.ends_with('\n'));
}

#[tokio::test]
async fn a_report_is_absent_then_in_progress_then_the_same_for_four_hours_then_expired() {
    let (emulator, clock) = seeded().await;
    emulator.set_hazards(&Hazards::default()).await.unwrap();
    let error = |error: anyhow::Error| format!("{error:#}");
    assert!(error(emulator.iam("GetCredentialReport", &[]).await.unwrap_err()).contains("ReportNotPresent"));
    assert_eq!(text(&emulator.iam("GenerateCredentialReport", &[]).await.unwrap(), "State"), "STARTED");
    assert!(error(emulator.iam("GetCredentialReport", &[]).await.unwrap_err()).contains("ReportInProgress"));
    let first = report(&emulator).await;

    emulator.iam("CreateUser", &[("UserName", "new")]).await.unwrap();
    clock.advance(SignedDuration::from_hours(3)).unwrap();
    emulator.follow(&clock).await.unwrap();
    assert_eq!(report(&emulator).await, first);

    clock.advance(SignedDuration::from_hours(2)).unwrap();
    emulator.follow(&clock).await.unwrap();
    assert!(error(emulator.iam("GetCredentialReport", &[]).await.unwrap_err()).contains("ReportExpired"));
    let second = report(&emulator).await;
    assert!(second.0 > first.0 && second.1.contains("\nnew,"), "{}", second.0);
}

#[tokio::test]
async fn a_use_shows_after_its_lag_and_reading_is_no_use() {
    let (emulator, clock) = seeded().await;
    let lag = Duration::from_hours(4);
    emulator.set_hazards(&Hazards { last_use_lag: lag, ..Hazards::none() }).await.unwrap();
    emulator.use_key(OLD_KEY, "ec2", "us-east-1").await.unwrap();
    let used = || async { emulator.iam("GetAccessKeyLastUsed", &[("AccessKeyId", OLD_KEY)]).await.unwrap() };
    assert_eq!(text(&used().await, "ServiceName"), "s3");
    assert_eq!(alices_keys(&emulator).await[1]["last_used"]["service"], "ec2");
    clock.advance(SignedDuration::from_hours(5)).unwrap();
    emulator.follow(&clock).await.unwrap();
    assert_eq!(text(&used().await, "ServiceName"), "ec2");
    let unused = emulator.iam("GetAccessKeyLastUsed", &[("AccessKeyId", "AKIAALICE00000000001")]).await.unwrap();
    assert_eq!((text(&unused, "ServiceName"), unused.contains("LastUsedDate")), ("N/A", false));
}

#[tokio::test]
async fn a_stale_list_shows_what_was_before_a_write() {
    let (emulator, clock) = seeded().await;
    emulator.set_hazards(&Hazards { stale_lists: Duration::from_mins(1), ..Hazards::none() }).await.unwrap();
    let write = [("UserName", "alice"), ("AccessKeyId", OLD_KEY), ("Status", "Inactive")];
    emulator.iam("UpdateAccessKey", &write).await.unwrap();
    let list = || async { emulator.iam("ListAccessKeys", &[("UserName", "alice")]).await.unwrap() };
    assert_eq!(text(&list().await, "Status"), "Active");
    assert_eq!(alices_keys(&emulator).await[1]["status"], "Inactive");
    clock.advance(SignedDuration::from_mins(2)).unwrap();
    emulator.follow(&clock).await.unwrap();
    assert_eq!(text(&list().await, "Status"), "Inactive");
}

#[tokio::test]
async fn what_awss_own_model_refuses_is_refused_and_told() {
    let (emulator, _) = seeded().await;
    let long = "x".repeat(300);
    for (action, parameters) in [
        ("UpdateAccessKey", vec![("UserName", "alice"), ("AccessKeyId", OLD_KEY), ("Status", "Off")]),
        ("UpdateAccessKey", vec![("UserName", "alice"), ("Status", "Active")]),
        ("ListAccessKeys", vec![("UserName", "a b")]),
        ("ListAccessKeys", vec![("UserName", "alice"), ("Colour", "green")]),
        ("ListUsers", vec![("MaxItems", "many")]),
        ("ListUsers", vec![("MaxItems", "1001")]),
        ("GetUser", vec![("UserName", &long)]),
    ] {
        let error = emulator.iam(action, &parameters).await.unwrap_err();
        assert!(format!("{error:#}").contains("ValidationError"), "{action} {parameters:?}: {error:#}");
    }
    let get = json!({ "Name": 5 });
    let error = emulator.json("eu-west-1", "AmazonSSM.GetParameter", &get).await.unwrap_err();
    assert!(format!("{error:#}").contains("ValidationException"), "{error:#}");
    let violations = emulator.violations().await.unwrap();
    assert_eq!(violations.len(), 8);
    assert_eq!(violations[0].action, "iam:UpdateAccessKey");
    assert!(violations[0].problems[0].contains("`Off`"), "{violations:?}");
    emulator.reset().await.unwrap();
    assert_eq!(emulator.violations().await.unwrap(), []);
    assert_eq!(emulator.truth().await.unwrap()["users"], json!([]));
}

#[tokio::test]
async fn a_created_user_has_an_id_of_awss_form_and_is_not_deleted_with_its_keys() {
    let (emulator, _) = seeded().await;
    let user = emulator.iam("CreateUser", &[("UserName", "bob")]).await.unwrap();
    let id = text(&user, "UserId");
    assert!(
        id.starts_with("AIDA") && id.len() == 21 && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    );
    let key = emulator.iam("CreateAccessKey", &[("UserName", "bob")]).await.unwrap();
    let error = emulator.iam("DeleteUser", &[("UserName", "bob")]).await.unwrap_err();
    assert!(format!("{error:#}").contains("DeleteConflict"), "{error:#}");
    let delete = [("UserName", "bob"), ("AccessKeyId", text(&key, "AccessKeyId"))];
    emulator.iam("DeleteAccessKey", &delete).await.unwrap();
    emulator.iam("DeleteUser", &[("UserName", "bob")]).await.unwrap();
}

#[tokio::test]
async fn of_transactions_at_once_exactly_as_many_succeed_as_their_condition_allows() {
    let (emulator, _) = seeded().await;
    let table = json!({
        "TableName": "ledger", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" }],
        "AttributeDefinitions": [
            { "AttributeName": "pk", "AttributeType": "S" }, { "AttributeName": "sk", "AttributeType": "S" },
        ],
    });
    emulator.json("eu-west-1", "DynamoDB_20120810.CreateTable", &table).await.unwrap();
    // Each spends one of a budget of three, and leaves a work item of its own.
    let run = |number: i32| {
        let transaction = json!({ "TransactItems": [
            { "Put": { "TableName": "ledger", "Item": { "pk": { "S": format!("work-{number}") }, "sk": { "S": "WORK" } },
                       "ConditionExpression": "attribute_not_exists(pk)" } },
            { "Update": { "TableName": "ledger", "Key": { "pk": { "S": "budget" }, "sk": { "S": "act" } },
                          "UpdateExpression": "ADD spent :one",
                          "ConditionExpression": "attribute_not_exists(spent) OR spent < :most",
                          "ExpressionAttributeValues": { ":one": { "N": "1" }, ":most": { "N": "3" } } } },
        ] });
        let emulator = &emulator;
        async move { emulator.json("eu-west-1", "DynamoDB_20120810.TransactWriteItems", &transaction).await }
    };
    let results = futures(&run).await;
    let failures: Vec<String> = results.iter().filter_map(|r| r.as_ref().err()).map(|e| format!("{e:#}")).collect();
    assert_eq!(failures.len(), 5);
    assert!(failures.iter().all(|failure| failure.contains("ConditionalCheckFailed")), "{failures:?}");
    let items = emulator.json("eu-west-1", "DynamoDB_20120810.Scan", &json!({ "TableName": "ledger" })).await.unwrap();
    assert_eq!(items["Count"], 4, "three work items and the budget: {items}");
}

/// Eight at once.
async fn futures<F: Future<Output = anyhow::Result<Value>>>(run: &impl Fn(i32) -> F) -> [anyhow::Result<Value>; 8] {
    tokio::join!(run(0), run(1), run(2), run(3), run(4), run(5), run(6), run(7)).into()
}
