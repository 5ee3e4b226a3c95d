//! Which calls were signed with an access key.

use std::time::Duration;

use credwarden_credential::id::AccessKeyId;
use credwarden_credential::usage::{Use, Uses};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::lookup::{By, LookedUp, ReadTrail};
use crate::paced::newest;

/// How far the history reaches back ("the last 90 days", `CloudTrail` User Guide, "Viewing events with event history").
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How many pages are read: what uses a key shows in the newest events, and a busy key has millions.
const PAGES: usize = 2;

/// How long that may take.
const READ_FOR: Duration = Duration::from_secs(10);

/// The longest text that is taken out of an event. `CloudTrail` cuts a user agent at 1 KB.
const LONGEST_TEXT: usize = 1024;

/// The newest calls that were signed with `key` in the region of `trail`. That they cannot be read is no error: it is said.
pub async fn uses_of<T: ReadTrail>(trail: &T, key: &AccessKeyId, now: Timestamp) -> Uses {
    let from = now.checked_sub(HISTORY).unwrap_or(Timestamp::MIN);
    match newest(trail, &By::AccessKey(key.clone()), from, now, PAGES, READ_FOR).await {
        Ok(found) => Uses::Read(found.events.iter().filter_map(read).collect()),
        Err(error) => Uses::Unread(error.to_string()),
    }
}

/// What an event tells of its caller; `None`: nothing that can be read.
fn read(event: &LookedUp) -> Option<Use> {
    let record: Value = serde_json::from_str(&event.text).ok().filter(Value::is_object)?;
    let text = |name: &str| {
        let text = record.get(name).and_then(Value::as_str).unwrap_or_default();
        text.chars().take(LONGEST_TEXT).collect::<String>()
    };
    let source = text("eventSource");
    Some(Use {
        at: event.at,
        service: source.split('.').next().unwrap_or_default().to_owned(),
        region: text("awsRegion"),
        source: text("sourceIPAddress"),
        through_vpc: record.get("vpcEndpointId").is_some_and(Value::is_string),
        agent: text("userAgent"),
    })
}

#[cfg(test)]
mod tests {
    use credwarden_inventory::read::{Failure, Marker, Page, ReadError};
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A history of these texts, or one that does not answer.
    struct Trail(Option<Vec<String>>);

    impl ReadTrail for Trail {
        async fn lookup_events(
            &self,
            by: &By,
            from: Timestamp,
            to: Timestamp,
            _marker: Option<Marker>,
        ) -> Result<Page<LookedUp>, ReadError> {
            assert_eq!(by.to_string(), "of access key AKIAIOSFODNN7EXAMPLE");
            assert_eq!((from, to), (at("2026-01-01T00:00:00Z"), at("2026-04-01T00:00:00Z")));
            let Some(texts) = &self.0 else { return Err(ReadError::new(Failure::Denied, "look up the events")) };
            let events = texts.iter().map(|text| LookedUp { id: "e".to_owned(), at: to, text: text.clone() });
            Ok(Page { items: events.collect(), next: None })
        }
    }

    async fn uses(trail: &Trail) -> Uses {
        uses_of(trail, &"AKIAIOSFODNN7EXAMPLE".parse().unwrap(), at("2026-04-01T00:00:00Z")).await
    }

    #[tokio::test(start_paused = true)]
    async fn each_event_tells_service_region_source_and_program_and_one_that_cannot_be_read_tells_nothing() {
        let event = json!({
            "eventSource": "s3.amazonaws.com", "awsRegion": "eu-central-1", "sourceIPAddress": "198.51.100.7",
            "userAgent": "[Boto3/1.34.0]", "vpcEndpointId": "vpce-1",
        });
        let texts = [event.to_string(), String::new(), "[]".to_owned()];
        let Uses::Read(read) = uses(&Trail(Some(texts.into()))).await else { panic!("it answers") };
        let told = Use {
            at: at("2026-04-01T00:00:00Z"),
            service: "s3".to_owned(),
            region: "eu-central-1".to_owned(),
            source: "198.51.100.7".to_owned(),
            through_vpc: true,
            agent: "[Boto3/1.34.0]".to_owned(),
        };
        assert_eq!(read, [told]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_history_that_does_not_answer_says_why() {
        let Uses::Unread(why) = uses(&Trail(None)).await else { panic!("it does not answer") };
        assert!(why.contains("access denied"), "{why}");
    }
}
