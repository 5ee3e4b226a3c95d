//! `CloudTrail`'s event history, read by `LookupEvents`.

use std::fmt;

use aws_config::SdkConfig;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use credwarden_credential::id::AccessKeyId;
use credwarden_inventory::calls::read_error;
use credwarden_inventory::read::{Failure, Marker, Page, ReadError};
use jiff::Timestamp;

/// Events of a page: the most that `CloudTrail` gives.
const MAX_RESULTS: i32 = 50;

/// Which events are looked up. `CloudTrail` takes one attribute at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Those of one name, such as `CreateAccessKey`.
    Event(String),
    /// Those of requests that were signed with one access key.
    AccessKey(AccessKeyId),
}

impl fmt::Display for By {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(name) => write!(formatter, "`{name}`"),
            Self::AccessKey(id) => write!(formatter, "of access key {id}"),
        }
    }
}

/// Reads `CloudTrail`'s event history of one region: management events, what only reads among them, no data events. That of
/// IAM is in one region only: `us-east-1`, or its like of the partition.
pub trait ReadTrail: Send + Sync {
    /// The events of one attribute, whether or not the call succeeded, which happened at `from`, at `to` or between: the
    /// newest first, of the last 90 days, 50 a page. It returns after all retries.
    fn lookup_events(
        &self,
        by: &By,
        from: Timestamp,
        to: Timestamp,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<LookedUp>, ReadError>> + Send;
}

/// An event of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// The event's id.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// The record, JSON; empty where there is none.
    pub text: String,
}

/// [`ReadTrail`] by `cloudtrail:LookupEvents`.
#[derive(Clone, Debug)]
pub struct CloudTrail(Client);

impl CloudTrail {
    /// Reads with a client of this configuration.
    pub fn of(config: &SdkConfig) -> Self {
        Self::new(Client::new(config))
    }

    /// Reads with the given client.
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

impl ReadTrail for CloudTrail {
    async fn lookup_events(
        &self,
        by: &By,
        from: Timestamp,
        to: Timestamp,
        marker: Option<Marker>,
    ) -> Result<Page<LookedUp>, ReadError> {
        let doing = format!("look up the events {by} of {from} to {to}");
        let (key, value) = match by {
            By::Event(name) => (LookupAttributeKey::EventName, name.as_str()),
            By::AccessKey(id) => (LookupAttributeKey::AccessKeyId, id.as_str()),
        };
        let attribute = LookupAttribute::builder()
            .attribute_key(key)
            .attribute_value(value)
            .build()
            .map_err(|error| ReadError::caused(Failure::Failed, &doing, error))?;
        let output = self
            .0
            .lookup_events()
            .lookup_attributes(attribute)
            .start_time(DateTime::from_secs(from.as_second()))
            .end_time(DateTime::from_secs(to.as_second()))
            .max_results(MAX_RESULTS)
            .set_next_token(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(&doing, error))?;
        let items = output.events.unwrap_or_default().into_iter().map(|event| {
            let at = event.event_time.and_then(|at| Timestamp::from_second(at.secs()).ok());
            // Without them it can be neither placed in time nor named where its record cannot be read.
            let (Some(id), Some(at)) = (event.event_id, at) else {
                return Err(ReadError::new(Failure::Implausible, &doing));
            };
            Ok(LookedUp { id, at, text: event.cloud_trail_event.unwrap_or_default() })
        });
        let items = items.collect::<Result<_, _>>()?;
        Ok(Page { items, next: output.next_token.filter(|token| !token.is_empty()).map(Marker) })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudtrail::operation::lookup_events::LookupEventsOutput;
    use aws_sdk_cloudtrail::types::Event;
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    async fn ask(rule: &Rule) -> Result<Page<LookedUp>, ReadError> {
        ask_by(By::Event("UploadSSHPublicKey".to_owned()), rule).await
    }

    async fn ask_by(by: By, rule: &Rule) -> Result<Page<LookedUp>, ReadError> {
        let trail = CloudTrail::new(mock_client!(aws_sdk_cloudtrail, RuleMode::Sequential, &[rule]));
        trail.lookup_events(&by, at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"), Some(Marker("t".into()))).await
    }

    #[tokio::test]
    async fn events_are_asked_for_by_name_within_their_time_in_the_largest_pages() {
        let rule = mock!(Client::lookup_events)
            .match_requests(|request| {
                let [attribute] = request.lookup_attributes() else { return false };
                let time = |time: Option<&DateTime>| time.map(DateTime::secs);
                attribute.attribute_key() == &LookupAttributeKey::EventName
                    && attribute.attribute_value() == "UploadSSHPublicKey"
                    && time(request.start_time()) == Some(1_767_225_600)
                    && time(request.end_time()) == Some(1_767_312_000)
                    && request.max_results() == Some(50)
                    && request.next_token() == Some("t")
            })
            .then_output(|| {
                let event = Event::builder().event_id("e").event_time(DateTime::from_secs(1_767_312_000));
                let event = event.cloud_trail_event("{}").build();
                LookupEventsOutput::builder().events(event).next_token("u").build()
            });
        let event = LookedUp { id: "e".to_owned(), at: at("2026-01-02T00:00:00Z"), text: "{}".to_owned() };
        assert_eq!(ask(&rule).await.unwrap(), Page { items: vec![event], next: Some(Marker("u".to_owned())) });
    }

    #[tokio::test]
    async fn events_are_asked_for_by_access_key() {
        let rule = mock!(Client::lookup_events)
            .match_requests(|request| {
                let [attribute] = request.lookup_attributes() else { return false };
                attribute.attribute_key() == &LookupAttributeKey::AccessKeyId
                    && attribute.attribute_value() == "AKIAIOSFODNN7EXAMPLE"
            })
            .then_output(|| LookupEventsOutput::builder().build());
        let by = By::AccessKey("AKIAIOSFODNN7EXAMPLE".parse().unwrap());
        assert_eq!(ask_by(by, &rule).await.unwrap(), Page { items: vec![], next: None });
    }

    #[tokio::test]
    async fn an_event_without_id_or_time_makes_no_sense() {
        let rule = mock!(Client::lookup_events)
            .then_output(|| LookupEventsOutput::builder().events(Event::builder().event_id("e").build()).build());
        assert_eq!(ask(&rule).await.unwrap_err().failure, Failure::Implausible);
    }

    #[tokio::test]
    async fn a_refusal_is_said_to_be_one() {
        let body = r#"{"__type":"AccessDeniedException","Message":"no"}"#;
        let rule = mock!(Client::lookup_events).sequence().http_status(400, Some(body.to_owned())).build();
        assert_eq!(
            ask(&rule).await.unwrap_err().to_string(),
            "failed to look up the events `UploadSSHPublicKey` of 2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z: \
             access denied; the function's role must allow the call"
        );
    }
}
