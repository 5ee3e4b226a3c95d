//! What goes over the wire to DynamoDB, and what its errors mean.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::error::{
    ConditionalCheckFailedException, TransactionCanceledException, TransactionConflictException,
};
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, PutRequest, WriteRequest};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_ledger::table::{Action, Clause, Condition, Item, Key, Query, Table, TableError, Value, Write};

fn key() -> Key {
    Key::new("USER#AIDAX", "LEASE")
}

fn put() -> Write {
    let attributes = [("body".to_owned(), Value::from("{}")), ("due".to_owned(), Value::from(7))].into();
    Write { key: key(), condition: Condition::absent(), action: Action::Put(attributes) }
}

fn spend() -> Write {
    let condition = Condition::all(vec![Clause::Absent("spent")]).or(vec![Clause::Below("spent", 3)]);
    let kept = [("expires_at".to_owned(), Value::from(9))].into();
    Write { key: Key::new("BUDGET#2026-11-24", "act"), condition, action: Action::Add("spent", 1, kept) }
}

fn check() -> Write {
    let condition = Condition::all(vec![Clause::Is("holder", "run".into()), Clause::Is("fence", 4.into())]);
    Write { key: key(), condition, action: Action::Check }
}

/// What a transaction comes to that AWS cancels with these codes.
async fn cancelled(codes: &'static [&'static str]) -> TableError {
    let rule = mock!(Client::transact_write_items).then_error(|| {
        let reasons = codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect();
        let cancelled = TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build();
        TransactWriteItemsError::TransactionCanceledException(cancelled)
    });
    let table = DynamoTable::with_client(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    table.transact(&[check(), spend(), put()]).await.unwrap_err()
}

#[tokio::test]
async fn a_cancelled_transaction_says_which_conditions_did_not_hold() {
    assert!(matches!(
        cancelled(&["None", "ConditionalCheckFailed", "None"]).await,
        TableError::Refused(places) if places == [1]
    ));
    assert!(matches!(
        cancelled(&["ConditionalCheckFailed", "None", "ConditionalCheckFailed"]).await,
        TableError::Refused(places) if places == [0, 2]
    ));
}

#[tokio::test]
async fn a_transaction_that_met_another_writer_or_a_throttle_may_be_tried_again() {
    for codes in [
        &["None", "TransactionConflict", "None"],
        &["ConditionalCheckFailed", "TransactionConflict", "None"],
        &["ThrottlingError", "None", "None"],
        &["None", "ProvisionedThroughputExceeded", "None"],
    ] {
        assert!(matches!(cancelled(codes).await, TableError::Conflict), "{codes:?}");
    }
}

#[tokio::test]
async fn a_transaction_that_was_cancelled_otherwise_has_failed() {
    let error = cancelled(&["None", "ValidationError", "None"]).await;
    assert!(
        matches!(&error, TableError::Failed(source) if source.to_string().contains("ValidationError")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_transaction_names_every_attribute_and_keeps_its_order() {
    let rule = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let [check, spend, put] = request.transact_items() else { panic!("three writes") };
            let check = check.condition_check().unwrap();
            assert_eq!(check.condition_expression(), "(#holder = :v0 AND #fence = :v1)");
            assert_eq!(check.expression_attribute_names().unwrap()["#holder"], "holder");
            assert_eq!(check.expression_attribute_values().unwrap()[":v1"], AttributeValue::N("4".to_owned()));
            let spend = spend.update().unwrap();
            assert_eq!(spend.condition_expression(), Some("(attribute_not_exists(#spent)) OR (#spent < :v0)"));
            assert_eq!(spend.update_expression(), "ADD #spent :v1 SET #expires_at = :v2");
            let put = put.put().unwrap();
            assert_eq!(put.condition_expression(), Some("(attribute_not_exists(#pk))"));
            assert_eq!(put.expression_attribute_values(), None, "AWS refuses an empty map");
            assert_eq!(put.item()["pk"], AttributeValue::S("USER#AIDAX".to_owned()));
            assert_eq!(put.item()["due"], AttributeValue::N("7".to_owned()));
            put.table_name() == "ledger"
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let table = DynamoTable::with_client(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    table.transact(&[check(), spend(), put()]).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn the_errors_of_a_single_write_mean_the_same() {
    type Check = fn(&TableError) -> bool;
    let cases: [(fn() -> PutItemError, Check); 3] = [
        (
            || {
                let meta = ErrorMetadata::builder().code("ConditionalCheckFailedException").build();
                let error = ConditionalCheckFailedException::builder().meta(meta).build();
                PutItemError::ConditionalCheckFailedException(error)
            },
            |error| matches!(error, TableError::Refused(places) if places == &[0]),
        ),
        (
            || {
                let meta = ErrorMetadata::builder().code("TransactionConflictException").build();
                PutItemError::TransactionConflictException(TransactionConflictException::builder().meta(meta).build())
            },
            |error| matches!(error, TableError::Conflict),
        ),
        (
            || PutItemError::generic(ErrorMetadata::builder().code("AccessDeniedException").message("no").build()),
            |error| matches!(error, TableError::Failed(source) if source.to_string() == "AccessDeniedException: no"),
        ),
    ];
    for (error, is_right) in cases {
        let rule = mock!(Client::put_item).then_error(error);
        let table = DynamoTable::with_client(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
        let error = table.write(&put()).await.unwrap_err();
        assert!(is_right(&error), "{error:?}");
    }
}

#[tokio::test]
async fn an_item_is_read_consistently() {
    let rule = mock!(Client::get_item)
        .match_requests(|request| request.consistent_read() == Some(true) && request.table_name() == Some("ledger"))
        .then_output(|| GetItemOutput::builder().set_item(Some(item("LEASE"))).build());
    let table = DynamoTable::with_client(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    let attributes = [("fence".to_owned(), Value::Number(4))].into();
    assert_eq!(table.get(&key()).await.unwrap(), Some(Item { key: key(), attributes }));
}

#[tokio::test]
async fn a_query_is_read_to_its_last_page() {
    let first = mock!(Client::query)
        .match_requests(|request| {
            request.exclusive_start_key().is_none()
                && request.consistent_read() == Some(true)
                && request.key_condition_expression() == Some("#pk = :v0 AND begins_with(#sk, :v1)")
        })
        .then_output(|| {
            QueryOutput::builder().items(item("WORK#1")).set_last_evaluated_key(Some(item("WORK#1"))).build()
        });
    let second = mock!(Client::query)
        .match_requests(|request| request.exclusive_start_key().is_some())
        .then_output(|| QueryOutput::builder().items(item("WORK#2")).build());
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, [&first, &second]);
    let query = Query::Prefix { pk: "USER#AIDAX".to_owned(), prefix: "WORK#".to_owned() };
    let items = DynamoTable::with_client(client, "ledger").query(&query).await.unwrap();
    assert_eq!(items.iter().map(|item| item.key.sk.as_str()).collect::<Vec<_>>(), ["WORK#1", "WORK#2"]);
}

#[tokio::test]
async fn the_index_is_not_asked_for_consistency_which_aws_refuses() {
    let rule = mock!(Client::query)
        .match_requests(|request| {
            request.index_name() == Some("open-by-due")
                && request.consistent_read().is_none()
                && request.key_condition_expression() == Some("#open = :v0 AND #due BETWEEN :v1 AND :v2")
        })
        .then_output(|| QueryOutput::builder().build());
    let table = DynamoTable::with_client(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    assert_eq!(table.query(&Query::Due { open: "work", from: 0, to: 9 }).await.unwrap(), []);
}

#[tokio::test]
async fn the_last_of_a_range_is_one_item_from_its_end() {
    let rule = mock!(Client::query)
        .match_requests(|request| {
            request.scan_index_forward() == Some(false)
                && request.limit() == Some(1)
                && request.key_condition_expression() == Some("#pk = :v0 AND #sk BETWEEN :v1 AND :v2")
        })
        .then_output(|| QueryOutput::builder().items(item("R#2")).set_last_evaluated_key(Some(item("R#2"))).build());
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, [&rule]);
    let query = Query::Last { pk: "USER#AIDAX".to_owned(), from: "R#".to_owned(), to: "R#~".to_owned() };
    let items = DynamoTable::with_client(client, "ledger").query(&query).await.unwrap();
    assert_eq!(items.len(), 1, "and no further page is read");
}

/// So many items, and how DynamoDB takes them.
async fn put_many(count: usize, rules: &[&aws_smithy_mocks::Rule]) -> Result<(), TableError> {
    let item = |number| Item { key: Key::new("OBSERVATION#access-key", format!("{number}")), attributes: [].into() };
    let items: Vec<_> = (0..count).map(item).collect();
    let table = DynamoTable::with_client(mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, rules), "ledger");
    table.put_many(&items).await
}

fn batch_size(request: &BatchWriteItemInput) -> usize {
    let puts = &request.request_items().unwrap()["ledger"];
    assert!(puts.iter().all(|put| put.put_request().unwrap().item()["pk"].is_s() && put.delete_request().is_none()));
    puts.len()
}

#[tokio::test]
async fn many_items_are_put_25_a_call() {
    let full = mock!(Client::batch_write_item)
        .match_requests(|request| batch_size(request) == 25)
        .sequence()
        .output(|| BatchWriteItemOutput::builder().build())
        .repeatedly()
        .build();
    let rest = mock!(Client::batch_write_item)
        .match_requests(|request| batch_size(request) == 3)
        .then_output(|| BatchWriteItemOutput::builder().build());
    put_many(53, &[&full, &rest]).await.unwrap();
    assert_eq!((full.num_calls(), rest.num_calls()), (2, 1));
    put_many(0, &[]).await.unwrap();
}

fn unprocessed(count: usize) -> BatchWriteItemOutput {
    let put = PutRequest::builder().item("pk", AttributeValue::S("OBSERVATION#access-key".to_owned())).build().unwrap();
    let left = vec![WriteRequest::builder().put_request(put).build(); count];
    BatchWriteItemOutput::builder().unprocessed_items("ledger", left).build()
}

#[tokio::test(start_paused = true)]
async fn what_a_throttled_table_leaves_unprocessed_is_put_again_and_only_that() {
    let whole = mock!(Client::batch_write_item)
        .match_requests(|request| batch_size(request) == 25)
        .then_output(|| unprocessed(7));
    let left = mock!(Client::batch_write_item)
        .match_requests(|request| batch_size(request) == 7)
        .then_output(|| BatchWriteItemOutput::builder().build());
    put_many(25, &[&whole, &left]).await.unwrap();
    assert_eq!((whole.num_calls(), left.num_calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_table_that_goes_on_leaving_items_is_not_asked_for_ever() {
    let rule = mock!(Client::batch_write_item).sequence().output(|| unprocessed(1)).repeatedly().build();
    let error = put_many(1, &[&rule]).await.unwrap_err();
    assert!(matches!(&error, TableError::Failed(source) if source.to_string().contains("throttled")), "{error:?}");
    assert_eq!(rule.num_calls(), 9);
}

fn item(sk: &str) -> std::collections::HashMap<String, AttributeValue> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    [("pk", text("USER#AIDAX")), ("sk", text(sk)), ("fence", AttributeValue::N("4".to_owned()))]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
