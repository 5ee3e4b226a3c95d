//! `CloudTrail`'s event history, answered from memory: who created the credentials of the last 90 days.

use std::collections::BTreeMap;

use credwarden_credential::creation::CreationAct;
use credwarden_credential::kind::CredentialKind;
use credwarden_estate::estate::{Estate, EstateKey, EstateUser};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::Call;

/// The role that creates every credential of the accounts here.
pub(crate) const CREATOR: &str = "arn:aws:iam::123456789012:role/provisioning";

/// How long an event is in the history (`CloudTrail` API Reference, `LookupEvents`).
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The most events that a page has (ibidem).
const LARGEST_PAGE: usize = 50;

/// The history of an account.
#[derive(Debug)]
pub(crate) struct Trail {
    /// By name of the call, the newest first.
    named: BTreeMap<&'static str, Vec<Event>>,
    /// By id of what was created.
    about: BTreeMap<String, Event>,
}

/// One event as `LookupEvents` lists it.
#[derive(Clone, Debug)]
struct Event {
    at: Timestamp,
    listed: Value,
}

impl Trail {
    /// The creation of every credential that is young enough for the history.
    pub(crate) fn new(estate: &Estate) -> Self {
        let mut trail = Self { named: BTreeMap::new(), about: BTreeMap::new() };
        for user in &estate.users {
            for (act, id, at) in created(user) {
                if estate.now.duration_since(at) > KEPT {
                    continue;
                }
                let event = Event { at, listed: listed(user, act, &id, at) };
                trail.named.entry(act.as_str()).or_default().push(event.clone());
                trail.about.insert(id, event);
            }
        }
        for events in trail.named.values_mut() {
            events.sort_by_key(|event| std::cmp::Reverse(event.at));
        }
        trail
    }

    /// Answers a call, or `None` where nothing measured makes it.
    pub(crate) fn answer(&self, call: &Call) -> Option<Value> {
        let [attribute] = call.list("LookupAttributes") else { return None };
        let text = |name: &str| attribute.get(name).and_then(Value::as_str);
        let value = text("AttributeValue")?;
        let found = match text("AttributeKey")? {
            "EventName" => self.named.get(value).map(Vec::as_slice).unwrap_or_default(),
            "ResourceName" => self.about.get(value).map(std::slice::from_ref).unwrap_or_default(),
            _ => return None,
        };
        let within = |event: &&Event| {
            let second = event.at.as_second();
            call.seconds("StartTime").is_none_or(|start| start <= second)
                && call.seconds("EndTime").is_none_or(|end| second <= end)
        };
        let begin = call.text("NextToken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let limit = call.number("MaxResults").unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
        let mut rest = found.iter().filter(within).skip(begin);
        let page: Vec<_> = rest.by_ref().take(limit).map(|event| &event.listed).collect();
        Some(match rest.next() {
            Some(_) => json!({ "Events": page, "NextToken": (begin + limit).to_string() }),
            None => json!({ "Events": page }),
        })
    }
}

/// Each credential of a user: by what call it was created, its id, and when.
fn created(user: &EstateUser) -> Vec<(CreationAct, String, Timestamp)> {
    let key = |owned: &EstateKey| (CreationAct::CreateAccessKey, owned.key.id.to_string(), owned.key.created);
    let mut created: Vec<_> = user.keys.iter().map(key).collect();
    for credential in user.of(CredentialKind::ConsolePassword) {
        created.push((CreationAct::CreateLoginProfile, user.name().to_string(), credential.created));
    }
    for credential in user.of(CredentialKind::SshPublicKey) {
        created.push((CreationAct::UploadSshPublicKey, credential.id.to_string(), credential.created));
    }
    created
}

fn listed(user: &EstateUser, act: CreationAct, id: &str, at: Timestamp) -> Value {
    let name = user.name().as_str();
    let date = at.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string();
    let (asked, answered) = match act {
        CreationAct::CreateAccessKey => (
            json!({ "userName": name }),
            json!({ "accessKey": { "userName": name, "accessKeyId": id, "status": "Active", "createDate": date } }),
        ),
        CreationAct::CreateLoginProfile => (
            json!({ "userName": name, "passwordResetRequired": true }),
            json!({ "loginProfile": { "userName": name, "createDate": date, "passwordResetRequired": true } }),
        ),
        _ => (
            json!({ "userName": name, "sSHPublicKeyBody": "ssh-rsa AAAA" }),
            json!({ "sSHPublicKey": { "userName": name, "sSHPublicKeyId": id, "status": "Active", "uploadDate": date } }),
        ),
    };
    let event_id = format!("{act}-{id}");
    let event = json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEEXAMPLEEX:provisioning",
            "arn": "arn:aws:sts::123456789012:assumed-role/provisioning/provisioning",
            "accountId": "123456789012",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLEEXAMPLEEX",
                    "arn": CREATOR,
                    "accountId": "123456789012",
                    "userName": "provisioning",
                },
                "attributes": { "creationDate": at.to_string(), "mfaAuthenticated": "false" },
            },
        },
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "eventSource": "iam.amazonaws.com",
        "eventName": act.as_str(),
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "terraform",
        "requestParameters": asked,
        "responseElements": answered,
        "requestID": event_id,
        "eventID": event_id,
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
    });
    json!({
        "EventId": event_id,
        "EventName": act.as_str(),
        "EventTime": at.as_second(),
        "EventSource": "iam.amazonaws.com",
        "Username": "provisioning",
        "Resources": [{ "ResourceName": id }],
        "CloudTrailEvent": event.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::account;
    use crate::call::Parameters;

    const NOW: &str = "2026-11-24T12:00:00Z";

    fn look_up(trail: &Trail, parameters: Value) -> Value {
        let call = Call { action: "cloudtrail:LookupEvents".to_owned(), parameters: Parameters::Json(parameters) };
        trail.answer(&call).unwrap()
    }

    #[test]
    fn events_of_a_name_come_newest_first_in_pages_within_their_time() {
        let trail = Trail::new(&account::steady(100, NOW.parse().unwrap()));
        let (mut seen, mut times, mut token) = (BTreeSet::new(), Vec::new(), Value::Null);
        loop {
            let attribute = json!([{ "AttributeKey": "EventName", "AttributeValue": "CreateAccessKey" }]);
            let page = look_up(&trail, json!({ "LookupAttributes": attribute, "NextToken": token }));
            for event in page["Events"].as_array().unwrap() {
                seen.insert(event["EventId"].as_str().unwrap().to_owned());
                times.push(event["EventTime"].as_i64().unwrap());
            }
            token = page["NextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!((seen.len(), times.len()), (trail.named["CreateAccessKey"].len(), seen.len()));
        assert!(times.is_sorted_by(|one, next| one >= next) && times.len() > LARGEST_PAGE);
    }

    #[test]
    fn the_key_that_is_older_than_the_history_has_no_event() {
        let estate = account::steady(100, NOW.parse().unwrap());
        let trail = Trail::new(&estate);
        for user in &estate.users {
            for owned in &user.keys {
                let attribute = json!([{ "AttributeKey": "ResourceName", "AttributeValue": owned.key.id.to_string() }]);
                let events = look_up(&trail, json!({ "LookupAttributes": attribute }))["Events"].clone();
                let is_old = estate.now.duration_since(owned.key.created) > KEPT;
                assert_eq!(events.as_array().unwrap().len(), usize::from(!is_old), "{}", owned.key.id);
            }
        }
    }
}
