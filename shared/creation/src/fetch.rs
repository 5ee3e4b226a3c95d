//! Who fetched a secret's value, and when, as `CloudTrail`'s event history shows it. `EventBridge` is not told of reads.

use std::time::Duration;

use credwarden_credential::creation::Principal;
use credwarden_credential::id::Arn;
use credwarden_inventory::read::ReadError;
use credwarden_trail::lookup::{By, LookedUp, ReadTrail};
use credwarden_trail::paced::{Newest, newest};
use jiff::Timestamp;
use serde_json::Value;
use tracing::warn;

use crate::{UnknownShape, optional, principal, shape, text};

/// The call that fetches a secret's value.
pub const GET_SECRET_VALUE: &str = "GetSecretValue";

/// How many pages of 50 events are read at most. An account that fetches more secrets than that between two looks shows
/// the fetch to a later look, or its owner says that it was.
const PAGES: usize = 40;

/// A secret's value was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// What the call named the secret by: its ARN, its name, or a part of its ARN.
    pub secret: String,
    /// The version that was asked for by its id, if one was.
    pub version: Option<String>,
    /// The version that was asked for by its label, if one was; `AWSCURRENT` is what is fetched where none is named.
    pub stage: Option<String>,
    /// Who fetched it.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a, F> {
    /// Whether a text names the secret.
    pub names: F,
    /// The role or the user that has to fetch it.
    pub retriever: &'a Arn,
    /// The version that has to be fetched, by its id.
    pub version: &'a str,
    /// Only what was fetched after this counts.
    pub since: Timestamp,
}

/// Reads the text `CloudTrailEvent` of `LookupEvents`; `None`: nothing was fetched by it.
///
/// # Errors
/// The text is no JSON, or the event of a shape never seen.
pub fn of_lookup(record: &str) -> Result<Option<Fetch>, UnknownShape> {
    let record: Value =
        serde_json::from_str(record).map_err(|error| shape(&Value::Null, format!("no JSON: {error}")))?;
    read(&record).map_err(|what| shape(&record, what))
}

fn read(record: &Value) -> Result<Option<Fetch>, String> {
    let is_fetch = text(record, "/eventSource")? == "secretsmanager.amazonaws.com"
        && text(record, "/eventName")? == GET_SECRET_VALUE;
    let has_failed = optional(record, "/errorCode")?.is_some() || optional(record, "/errorMessage")?.is_some();
    if !is_fetch || has_failed {
        return Ok(None);
    }
    let owned = |place| optional(record, place).map(|text| text.map(str::to_owned));
    let at = text(record, "/eventTime")?;
    Ok(Some(Fetch {
        secret: text(record, "/requestParameters/secretId")?.to_owned(),
        version: owned("/requestParameters/versionId")?,
        stage: owned("/requestParameters/versionStage")?,
        by: principal::creator(record)?.principal,
        at: at.parse().map_err(|error| format!("`eventTime` is `{at}`: {error}"))?,
    }))
}

impl<F: Fn(&str) -> bool> Sought<'_, F> {
    fn is_met_by(&self, fetch: &Fetch) -> bool {
        let by = match &fetch.by {
            Principal::Role(arn) | Principal::User { arn, .. } => arn == self.retriever,
            Principal::Root(_) | Principal::Service(_) | Principal::Other(_) => false,
        };
        let is_version = match (&fetch.version, &fetch.stage) {
            (Some(version), _) => version == self.version,
            (None, Some(stage)) => stage == "AWSCURRENT",
            (None, None) => true,
        };
        by && is_version && (self.names)(&fetch.secret) && fetch.at > self.since
    }
}

/// The last fetch that is as sought, of those that the history shows by `now`; `None`: it shows none, as far as it was
/// read in at most `time_left`.
///
/// # Errors
/// The history could not be read.
pub async fn last_fetch<T: ReadTrail, F: Fn(&str) -> bool>(
    trail: &T,
    sought: &Sought<'_, F>,
    now: Timestamp,
    time_left: Duration,
) -> Result<Option<Timestamp>, ReadError> {
    if sought.since > now {
        return Ok(None);
    }
    let by = By::Event(GET_SECRET_VALUE.to_owned());
    let Newest { events, is_all } = newest(trail, &by, sought.since, now, PAGES, time_left).await?;
    let fetch = events.iter().filter_map(seen).find(|fetch| sought.is_met_by(fetch));
    if fetch.is_none() && !is_all {
        warn!("more secrets were fetched since {} than could be read; one fetch may not have been seen", sought.since);
    }
    Ok(fetch.map(|fetch| fetch.at))
}

/// What an event tells. One that cannot be read proves nothing.
fn seen(event: &LookedUp) -> Option<Fetch> {
    of_lookup(&event.text).unwrap_or_else(|error| {
        warn!(event.id = %event.id, "{error}");
        None
    })
}

#[cfg(test)]
mod tests {
    use credwarden_inventory::read::{Marker, Page};
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;

    const NAME: &str = "credwarden/alice";
    const ROLE: &str = "arn:aws:iam::123456789012:role/shop";

    fn at(hour: i64) -> Timestamp {
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        noon + SignedDuration::from_hours(hour)
    }

    /// The retriever fetches the current value an hour after noon.
    fn fetched() -> Value {
        json!({
            "eventSource": "secretsmanager.amazonaws.com", "eventName": "GetSecretValue", "eventID": "e-1",
            "eventTime": at(1).to_string(),
            "userIdentity": { "type": "AssumedRole", "principalId": "AROAEXAMPLE:i-1",
                "arn": "arn:aws:sts::123456789012:assumed-role/shop/i-1",
                "sessionContext": { "sessionIssuer": { "type": "Role", "arn": ROLE } } },
            "requestParameters": { "secretId": NAME }, "responseElements": null,
        })
    }

    fn with(place: &str, value: Value) -> Value {
        let mut record = fetched();
        let (object, field) = place.rsplit_once('/').unwrap();
        record.pointer_mut(object).unwrap()[field] = value;
        record
    }

    /// A history of these records.
    struct Trail(Vec<Value>);

    impl ReadTrail for Trail {
        async fn lookup_events(
            &self,
            by: &By,
            from: Timestamp,
            to: Timestamp,
            _marker: Option<Marker>,
        ) -> Result<Page<LookedUp>, ReadError> {
            assert_eq!((by, from, to), (&By::Event(GET_SECRET_VALUE.to_owned()), at(0), at(24)));
            let event = |record: &Value| LookedUp { id: "e".to_owned(), at: at(1), text: record.to_string() };
            Ok(Page { items: self.0.iter().map(event).collect(), next: None })
        }
    }

    async fn last(records: Vec<Value>) -> Option<Timestamp> {
        let retriever = ROLE.parse().unwrap();
        let sought = Sought { names: |id: &str| id == NAME, retriever: &retriever, version: "v-2", since: at(0) };
        last_fetch(&Trail(records), &sought, at(24), Duration::from_mins(1)).await.unwrap()
    }

    async fn shows(record: Value) -> bool {
        last(vec![record]).await.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_by_the_retriever_of_the_current_value_counts_however_it_asks() {
        for record in [
            fetched(),
            with("/requestParameters/versionId", json!("v-2")),
            with("/requestParameters/versionStage", json!("AWSCURRENT")),
        ] {
            assert!(shows(record.clone()).await, "{record}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_of_something_else_or_by_somebody_else_or_before_counts_for_nothing() {
        for record in [
            with("/requestParameters/secretId", json!("credwarden/bob")),
            with("/requestParameters/versionId", json!("v-1")),
            with("/requestParameters/versionStage", json!("AWSPREVIOUS")),
            with("/userIdentity/sessionContext/sessionIssuer/arn", json!("arn:aws:iam::123456789012:role/other")),
            with("/eventTime", json!(at(0).to_string())),
            with("/errorCode", json!("AccessDenied")),
            with("/eventName", json!("DescribeSecret")),
            with("/eventSource", json!("ssm.amazonaws.com")),
            with("/requestParameters/secretId", json!(7)),
            json!("no record"),
        ] {
            assert!(!shows(record.clone()).await, "{record}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_many_events_the_newest_that_counts_is_told() {
        let earlier = with("/eventTime", json!(at(1).to_string()));
        let later = with("/eventTime", json!(at(3).to_string()));
        let other = with("/requestParameters/secretId", json!("credwarden/bob"));
        assert_eq!(last(vec![other.clone(), later, earlier]).await, Some(at(3)));
        assert_eq!(last(vec![other]).await, None);
    }
}
