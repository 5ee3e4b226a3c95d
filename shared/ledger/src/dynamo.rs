//! The table in Amazon DynamoDB: the only place with its client.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, PutRequest, TransactWriteItem, Update, WriteRequest,
};
use backon::{ExponentialBuilder, RetryableWithContext as _};

use crate::table::{
    Action, Attributes, Clause, Condition, DUE, INDEX, Item, Key, OPEN, Query, Table, TableError, Value, Write,
};

/// How many items `BatchWriteItem` takes in one call.
const BATCH: usize = 25;

/// How often it is asked again to take what it left unprocessed, as it does when the table is throttled.
const UNPROCESSED_RETRIES: usize = 8;

/// A table of Amazon DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoTable {
    client: Client,
    name: String,
}

impl DynamoTable {
    /// The table of this name. Retries are as `aws` says.
    pub fn new(aws: &SdkConfig, name: impl Into<String>) -> Self {
        Self::with_client(Client::new(aws), name)
    }

    /// The table of this name, by this client.
    pub fn with_client(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }
}

impl Table for DynamoTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key_attributes(key)));
        let answer = request.consistent_read(true).send().await.map_err(|error| failure(&error.into()))?;
        answer.item.map(read).transpose()
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, TableError> {
        let mut items = Vec::new();
        self.for_each(query, |item| items.push(item)).await?;
        Ok(items)
    }

    async fn for_each(&self, query: &Query, mut take: impl FnMut(Item)) -> Result<(), TableError> {
        let mut expression = Expression::default();
        let request = self.client.query().table_name(&self.name);
        let (request, all_pages) = match query {
            Query::Prefix { pk, prefix } => {
                let mut condition = expression.compare("pk", "=", &pk.as_str().into());
                if !prefix.is_empty() {
                    let (name, value) = (expression.name("sk"), expression.value(&prefix.as_str().into()));
                    condition = format!("{condition} AND begins_with({name}, {value})");
                }
                (request.consistent_read(true).key_condition_expression(condition), true)
            }
            Query::Last { pk, from, to } => {
                let partition = expression.compare("pk", "=", &pk.as_str().into());
                let range = expression.between("sk", &from.as_str().into(), &to.as_str().into());
                let request = request.key_condition_expression(format!("{partition} AND {range}"));
                (request.consistent_read(true).scan_index_forward(false).limit(1), false)
            }
            Query::Due { open, from, to } => {
                let partition = expression.compare(OPEN, "=", &(*open).into());
                let range = expression.between(DUE, &(*from).into(), &(*to).into());
                (request.index_name(INDEX).key_condition_expression(format!("{partition} AND {range}")), true)
            }
        };
        let Expression { names, values } = expression;
        let request = request.set_expression_attribute_names(Some(names)).set_expression_attribute_values(Some(values));
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(&error.into()))?;
            for item in page.items.unwrap_or_default() {
                take(read(item)?);
            }
            if !all_pages {
                break;
            }
        }
        Ok(())
    }

    async fn put_many(&self, items: &[Item]) -> Result<(), TableError> {
        for batch in items.chunks(BATCH) {
            let puts = batch.iter().map(|item| {
                let put = PutRequest::builder().set_item(Some(whole(&item.key, &item.attributes))).build();
                put.map(|put| WriteRequest::builder().put_request(put).build())
            });
            let puts = puts.collect::<Result<Vec<_>, _>>().map_err(|error| TableError::Failed(error.into()))?;
            let patience = ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(50))
                .with_max_delay(Duration::from_secs(5))
                .with_jitter()
                .with_max_times(UNPROCESSED_RETRIES);
            let (_, outcome) = (async |left| self.put_batch(left).await)
                .retry(patience)
                .context(puts)
                .when(|error| matches!(error, TableError::Conflict))
                .await;
            outcome.map_err(|error| match error {
                TableError::Conflict => TableError::Failed("the table is throttled and left items unprocessed".into()),
                other => other,
            })?;
        }
        Ok(())
    }

    async fn write(&self, write: &Write) -> Result<(), TableError> {
        let Write { key, condition, action } = write;
        let mut expression = Expression::default();
        let condition = expression.condition(condition);
        let outcome = match action {
            Action::Put(attributes) => {
                let request = self.client.put_item().table_name(&self.name).set_item(Some(whole(key, attributes)));
                let request = request.set_condition_expression(condition);
                let (names, values) = expression.finish();
                let request = request.set_expression_attribute_names(names).set_expression_attribute_values(values);
                request.send().await.err().map(|error| failure(&error.into()))
            }
            Action::Set(_) | Action::Add(..) => {
                let request = self.client.update_item().table_name(&self.name).set_key(Some(key_attributes(key)));
                let request = request.set_condition_expression(condition).update_expression(expression.update(action));
                let (names, values) = expression.finish();
                let request = request.set_expression_attribute_names(names).set_expression_attribute_values(values);
                request.send().await.err().map(|error| failure(&error.into()))
            }
            Action::Delete => {
                let request = self.client.delete_item().table_name(&self.name).set_key(Some(key_attributes(key)));
                let request = request.set_condition_expression(condition);
                let (names, values) = expression.finish();
                let request = request.set_expression_attribute_names(names).set_expression_attribute_values(values);
                request.send().await.err().map(|error| failure(&error.into()))
            }
            Action::Check => return self.transact(std::slice::from_ref(write)).await,
        };
        outcome.map_or(Ok(()), Err)
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), TableError> {
        let items = writes.iter().map(|write| self.transact_item(write)).collect::<Result<Vec<_>, _>>()?;
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(cancelled(&error).unwrap_or_else(|| failure(&error.into()))),
        }
    }
}

impl DynamoTable {
    /// Puts what DynamoDB takes of `puts`, and gives back the rest, which is a conflict where there is any.
    async fn put_batch(&self, puts: Vec<WriteRequest>) -> (Vec<WriteRequest>, Result<(), TableError>) {
        let request = self.client.batch_write_item().request_items(&self.name, puts.clone());
        match request.send().await {
            Ok(answer) => {
                let left: Vec<_> = answer.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
                let outcome = if left.is_empty() { Ok(()) } else { Err(TableError::Conflict) };
                (left, outcome)
            }
            Err(error) => (puts, Err(failure(&error.into()))),
        }
    }

    fn transact_item(&self, write: &Write) -> Result<TransactWriteItem, TableError> {
        let Write { key, condition, action } = write;
        let mut expression = Expression::default();
        let condition = expression.condition(condition);
        let item = TransactWriteItem::builder();
        match action {
            Action::Put(attributes) => {
                let put = Put::builder().table_name(&self.name).set_item(Some(whole(key, attributes)));
                let put = put.set_condition_expression(condition);
                let (names, values) = expression.finish();
                let put = put.set_expression_attribute_names(names).set_expression_attribute_values(values);
                put.build().map(|put| item.put(put).build())
            }
            Action::Set(_) | Action::Add(..) => {
                let update = Update::builder().table_name(&self.name).set_key(Some(key_attributes(key)));
                let update = update.set_condition_expression(condition).update_expression(expression.update(action));
                let (names, values) = expression.finish();
                let update = update.set_expression_attribute_names(names).set_expression_attribute_values(values);
                update.build().map(|update| item.update(update).build())
            }
            Action::Delete => {
                let delete = Delete::builder().table_name(&self.name).set_key(Some(key_attributes(key)));
                let delete = delete.set_condition_expression(condition);
                let (names, values) = expression.finish();
                let delete = delete.set_expression_attribute_names(names).set_expression_attribute_values(values);
                delete.build().map(|delete| item.delete(delete).build())
            }
            Action::Check => {
                let check = ConditionCheck::builder().table_name(&self.name).set_key(Some(key_attributes(key)));
                let check = check.set_condition_expression(condition);
                let (names, values) = expression.finish();
                let check = check.set_expression_attribute_names(names).set_expression_attribute_values(values);
                check.build().map(|check| item.condition_check(check).build())
            }
        }
        .map_err(|error| TableError::Failed(error.into()))
    }
}

/// Names and values as a call takes them.
type References = (Option<HashMap<String, String>>, Option<HashMap<String, AttributeValue>>);

/// Names and values that an expression refers to. Every name is referred to, for AWS reserves many.
#[derive(Default)]
struct Expression {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    fn name(&mut self, name: &str) -> String {
        let reference = format!("#{name}");
        self.names.insert(reference.clone(), name.to_owned());
        reference
    }

    fn value(&mut self, value: &Value) -> String {
        let reference = format!(":v{}", self.values.len());
        self.values.insert(reference.clone(), attribute_value(value));
        reference
    }

    fn compare(&mut self, name: &str, operator: &str, value: &Value) -> String {
        format!("{} {operator} {}", self.name(name), self.value(value))
    }

    fn between(&mut self, name: &str, from: &Value, to: &Value) -> String {
        format!("{} BETWEEN {} AND {}", self.name(name), self.value(from), self.value(to))
    }

    fn condition(&mut self, condition: &Condition) -> Option<String> {
        let alternatives: Vec<_> = condition
            .0
            .iter()
            .map(|all| {
                let clauses: Vec<_> = all
                    .iter()
                    .map(|clause| match clause {
                        Clause::Absent(name) => format!("attribute_not_exists({})", self.name(name)),
                        Clause::Is(name, value) => self.compare(name, "=", value),
                        Clause::Below(name, bound) => self.compare(name, "<", &(*bound).into()),
                    })
                    .collect();
                format!("({})", clauses.join(" AND "))
            })
            .collect();
        (!alternatives.is_empty()).then(|| alternatives.join(" OR "))
    }

    fn update(&mut self, action: &Action) -> String {
        let (add, set) = match action {
            Action::Set(set) => (None, Some(set)),
            Action::Add(name, by, set) => (Some((*name, *by)), Some(set)),
            Action::Put(_) | Action::Delete | Action::Check => (None, None),
        };
        let mut update = String::new();
        if let Some((name, by)) = add {
            update = format!("ADD {} {}", self.name(name), self.value(&by.into()));
        }
        let set: Vec<_> = set.into_iter().flatten().map(|(name, value)| self.compare(name, "=", value)).collect();
        if set.is_empty() { update } else { format!("{update} SET {}", set.join(", ")).trim_start().to_owned() }
    }

    /// AWS refuses empty maps.
    fn finish(self) -> References {
        let Self { names, values } = self;
        ((!names.is_empty()).then_some(names), (!values.is_empty()).then_some(values))
    }
}

fn key_attributes(key: &Key) -> HashMap<String, AttributeValue> {
    [("pk", &key.pk), ("sk", &key.sk)]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), AttributeValue::S(text.clone())))
        .collect()
}

fn whole(key: &Key, attributes: &Attributes) -> HashMap<String, AttributeValue> {
    let mut item = key_attributes(key);
    item.extend(attributes.iter().map(|(name, value)| (name.clone(), attribute_value(value))));
    item
}

fn attribute_value(value: &Value) -> AttributeValue {
    match value {
        Value::Text(text) => AttributeValue::S(text.clone()),
        Value::Number(number) => AttributeValue::N(number.to_string()),
    }
}

/// Attributes of other types are none of the ledger's.
fn read(attributes: HashMap<String, AttributeValue>) -> Result<Item, TableError> {
    let mut values: Attributes = attributes
        .into_iter()
        .filter_map(|(name, value)| match value {
            AttributeValue::S(text) => Some((name, Value::Text(text))),
            AttributeValue::N(number) => number.parse().ok().map(|number| (name, Value::Number(number))),
            _ => None,
        })
        .collect();
    match (values.remove("pk"), values.remove("sk")) {
        (Some(Value::Text(pk)), Some(Value::Text(sk))) => Ok(Item { key: Key { pk, sk }, attributes: values }),
        _ => Err(TableError::Failed("an item came without its key".into())),
    }
}

/// Why a transaction was cancelled: AWS gives a code for each of its writes, in their order
/// (`TransactWriteItems`, "`CancellationReasons`").
fn cancelled<R: std::fmt::Debug>(error: &SdkError<TransactWriteItemsError, R>) -> Option<TableError> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
    let refused: Vec<_> = codes
        .iter()
        .enumerate()
        .filter(|(_, code)| **code == "ConditionalCheckFailed")
        .map(|(place, _)| place)
        .collect();
    // A throttled or conflicting write hides what the conditions of the others would have said.
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    if codes.iter().any(|code| passing.contains(code)) {
        Some(TableError::Conflict)
    } else if refused.is_empty() {
        Some(TableError::Failed(format!("transaction cancelled: {}", codes.join(", ")).into()))
    } else {
        Some(TableError::Refused(refused))
    }
}

fn failure(error: &aws_sdk_dynamodb::Error) -> TableError {
    match error.code() {
        Some("ConditionalCheckFailedException") => TableError::Refused(vec![0]),
        Some("TransactionConflictException" | "TransactionInProgressException") => TableError::Conflict,
        _ => TableError::Failed(message(error).into()),
    }
}

/// Code and message of AWS, or what went wrong on the way.
fn message(error: &aws_sdk_dynamodb::Error) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => aws_sdk_dynamodb::error::DisplayErrorContext(error).to_string(),
    }
}
