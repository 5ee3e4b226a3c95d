//! SNS and `EventBridge`'s `PutEvents`, played: what functions publish is kept, and nobody is subscribed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::call::{Answer, Call, Player};
use crate::template::Deployment;

/// A message as SNS would deliver it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic.
    pub topic_arn: String,
    /// The subject, where there is one.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// The message attribute `owner`, by which subscriptions filter.
    pub owner: Option<String>,
    /// The message attribute `audience`, likewise.
    pub audience: Option<String>,
}

/// An event as the default bus took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who sends it.
    pub source: String,
    /// What it is.
    pub detail_type: String,
    /// What it tells.
    pub detail: Value,
}

/// What functions have published.
#[derive(Debug)]
pub struct Published {
    topics: BTreeSet<String>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    messages: Vec<Message>,
    events: Vec<Event>,
    /// How many entries of `PutEvents` fail from now on.
    failing: usize,
}

impl Published {
    /// Knows the deployment's topics.
    pub fn new(deployment: &Deployment) -> Self {
        Self { topics: deployment.topics.clone(), kept: Mutex::default() }
    }

    /// The messages so far, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.kept().messages.clone()
    }

    /// The events so far, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.kept().events.clone()
    }

    /// The bus fails the next entries, one by one, in answers that are else successful.
    pub fn fail_events(&self, count: usize) {
        self.kept().failing = count;
    }

    /// `Publish`, with the limits of its documentation: a subject of at most 100 characters of ASCII without line breaks
    /// or control characters that begins with a letter, number or punctuation mark, a message of at most 256 KB, and
    /// no attribute without a value.
    fn publish(&self, parameters: &Value) -> Answer {
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).map(str::to_owned);
        let invalid = |what: &str| Answer::query_error(400, "InvalidParameter", &format!("Invalid parameter: {what}"));
        let Some(topic_arn) = text("TopicArn").filter(|arn| self.topics.contains(arn)) else {
            return Answer::query_error(404, "NotFound", "Topic does not exist");
        };
        let (subject, message) = (text("Subject"), text("Message").unwrap_or_default());
        let is_plain = |subject: &String| {
            let is_line = subject.chars().all(|character| character.is_ascii() && !character.is_ascii_control());
            is_line && subject.len() <= 100 && subject.starts_with(|first: char| first.is_ascii_graphic())
        };
        if !subject.as_ref().is_none_or(is_plain) {
            return invalid("Subject");
        }
        let given = parameters.get("MessageAttributes").and_then(Value::as_object).into_iter().flatten();
        let mut attributes = BTreeMap::new();
        for (name, attribute) in given {
            let value = attribute.get("StringValue").and_then(Value::as_str).filter(|value| !value.is_empty());
            let is_text = attribute.get("DataType").and_then(Value::as_str) == Some("String");
            let Some(value) = value.filter(|_| is_text) else { return invalid("MessageAttributes") };
            attributes.insert(name.clone(), value.to_owned());
        }
        let of_attributes = attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len());
        let size = message.len() + of_attributes.sum::<usize>();
        if message.is_empty() || size > 256 * 1024 {
            return invalid("Message");
        }
        let (owner, audience) = (attributes.remove("owner"), attributes.remove("audience"));
        let mut kept = self.kept();
        kept.messages.push(Message { topic_arn, subject, text: message, owner, audience });
        let id = kept.messages.len();
        Answer::xml(&format!(
            "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
             <MessageId>00000000-0000-4000-8000-{id:012}</MessageId></PublishResult><ResponseMetadata>\
             <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></PublishResponse>"
        ))
    }

    /// `PutEvents`: 1 to 10 entries, whose details are JSON objects, on the default bus; each is answered for itself.
    fn put_events(&self, parameters: &Value) -> Answer {
        let entries = parameters.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if !(1..=10).contains(&entries.len()) {
            return Answer::json_error(400, "ValidationException", "Member must have length between 1 and 10");
        }
        let mut kept = self.kept();
        let results: Vec<_> = entries
            .iter()
            .map(|entry| {
                if kept.failing > 0 {
                    kept.failing -= 1;
                    return json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "The bus is not available" });
                }
                let Some(event) = event(entry) else {
                    return json!({ "ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed." });
                };
                kept.events.push(event);
                json!({ "EventId": format!("00000000-0000-4000-9000-{:012}", kept.events.len()) })
            })
            .collect();
        let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
        Answer::json(&json!({ "FailedEntryCount": failed, "Entries": results }))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry as it is delivered; `aws.` begins the sources of AWS only.
fn event(entry: &Value) -> Option<Event> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let source = text("Source").filter(|source| !source.starts_with("aws."))?;
    let detail: Value = serde_json::from_str(text("Detail")?).ok()?;
    let detail_type = text("DetailType").filter(|_| detail.is_object())?;
    Some(Event { source: source.to_owned(), detail_type: detail_type.to_owned(), detail })
}

impl Player for Published {
    fn play(&self, call: &Call) -> Option<Answer> {
        match call.action.as_str() {
            "sns:Publish" => Some(self.publish(&call.parameters)),
            "events:PutEvents" => Some(self.put_events(&call.parameters)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::template::Scope;

    const TOPIC: &str = "arn:aws:sns:us-east-1:1:notices";

    fn published() -> Published {
        let scope = Scope { account: "1".to_owned(), region: "us-east-1".to_owned(), stack: "s".to_owned() };
        let topic = json!({ "Type": "AWS::SNS::Topic", "Properties": { "TopicName": "notices" } });
        Published::new(&Deployment::parse(&json!({ "Resources": { "Topic": topic } }), scope).unwrap())
    }

    fn status(published: &Published, action: &str, parameters: Value) -> u16 {
        let (caller, service) = ("f".to_owned(), action.split(':').next().unwrap().to_owned());
        let call =
            Call { number: 1, at: Timestamp::UNIX_EPOCH, caller, service, action: action.to_owned(), parameters };
        published.play(&call).unwrap().status
    }

    #[test]
    fn a_message_is_kept_if_sns_takes_it() {
        let published = published();
        let owner = json!({ "owner": { "DataType": "String", "StringValue": "alice" } });
        let message = |subject: &str, text: &str| json!({ "TopicArn": TOPIC, "Subject": subject, "Message": text, "MessageAttributes": owner });
        assert_eq!(status(&published, "sns:Publish", message("Hello", "text")), 200);
        let (long, large) = ("x".repeat(101), "x".repeat(256 * 1024));
        for (subject, text) in [("a\nb", "t"), (" a", "t"), ("é", "t"), (&long, "t"), ("a", ""), ("a", &large)] {
            assert_eq!(status(&published, "sns:Publish", message(subject, text)), 400, "{subject:.20}");
        }
        let mut other = message("Hello", "text");
        other["TopicArn"] = "arn:aws:sns:us-east-1:1:other".into();
        assert_eq!(status(&published, "sns:Publish", other), 404);
        let mut nobody = message("Hello", "text");
        nobody["MessageAttributes"]["owner"]["StringValue"] = "".into();
        assert_eq!(status(&published, "sns:Publish", nobody), 400);
        let kept = published.messages();
        assert_eq!(kept.len(), 1);
        assert_eq!((kept[0].owner.as_deref(), kept[0].subject.as_deref()), (Some("alice"), Some("Hello")));
    }

    #[test]
    fn each_event_is_taken_or_refused_for_itself() {
        let published = published();
        let entry = |source: &str, detail: &str| json!({ "Source": source, "DetailType": "d", "Detail": detail });
        let entries =
            json!({ "Entries": [entry("credwarden", "{}"), entry("aws.iam", "{}"), entry("credwarden", "no")] });
        assert_eq!(status(&published, "events:PutEvents", entries), 200);
        assert_eq!(published.events().len(), 1);
        let eleven = vec![entry("credwarden", "{}"); 11];
        assert_eq!(status(&published, "events:PutEvents", json!({ "Entries": eleven })), 400);
        published.fail_events(1);
        let one = json!({ "Entries": [entry("credwarden", "{}")] });
        assert_eq!(status(&published, "events:PutEvents", one.clone()), 200);
        assert_eq!(published.events().len(), 1);
        status(&published, "events:PutEvents", one);
        assert_eq!(published.events().len(), 2);
    }
}
