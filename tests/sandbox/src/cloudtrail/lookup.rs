//! `LookupEvents`: 90 days of events, latest first, 50 a page, 2 requests a second.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CloudTrail, IAM_REGION, Recorded};
use crate::call::{Answer, Call};
use crate::shape::{present, seconds, timestamp};
use crate::tricks::Trick;

/// An error by AWS's code, with its message.
type Refused = (&'static str, String);

pub(super) fn answer(trail: &CloudTrail, call: &Call) -> Answer {
    if trail.tricks.plays(Trick::LookupThrottled) && too_fast(trail, call.at) {
        return Answer::json_error(400, "ThrottlingException", "Rate exceeded");
    }
    page(trail, call).map_or_else(|(code, message)| Answer::json_error(400, code, &message), |page| Answer::json(&page))
}

/// Whether this would be more requests in one second than AWS answers. What is refused counts for nothing.
fn too_fast(trail: &CloudTrail, now: Timestamp) -> bool {
    let mut state = trail.state();
    state.lookups.retain(|at| now.duration_since(*at) < SignedDuration::from_secs(1));
    if state.lookups.len() >= PER_SECOND {
        return true;
    }
    state.lookups.push(now);
    false
}

fn page(trail: &CloudTrail, call: &Call) -> Result<Value, Refused> {
    let parameters = &call.parameters;
    let time = |name: &str| parameters.get(name).filter(|value| !value.is_null()).and_then(timestamp);
    let oldest = call.at.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
    let start = time("StartTime").unwrap_or(oldest);
    let end = time("EndTime").unwrap_or(call.at);
    if start > end {
        return Err(("InvalidTimeRangeException", "The start time is after the end time.".to_owned()));
    }
    let attribute = attribute(parameters)?;
    let most = parameters.get("MaxResults").and_then(Value::as_u64).unwrap_or(PAGE);
    let most = usize::try_from(most.min(PAGE)).unwrap_or_default();
    // What AWS documents: a token goes with the same parameters, all of them.
    let question = json!([parameters.get("LookupAttributes"), parameters.get("StartTime"), parameters.get("EndTime")]);
    let place = place(parameters, &question)?;
    let mut found: Vec<Recorded> = trail.state().history.clone();
    found.retain(|recorded| {
        trail.scope.region == IAM_REGION
            && recorded.visible_from <= call.at
            && recorded.at >= start.max(oldest)
            && recorded.at <= end
            && attribute.as_ref().is_none_or(|(key, value)| attribute_of(recorded, key).as_deref() == Some(value))
    });
    found.sort_by_key(|recorded| std::cmp::Reverse(recorded.at));
    let next = place.saturating_add(most);
    let token = (found.len() > next).then(|| format!("{next}:{question}"));
    let events: Vec<_> = found.iter().skip(place).take(most).map(listed).collect();
    Ok(present(json!({ "Events": events, "NextToken": token })))
}

fn place(parameters: &Value, question: &Value) -> Result<usize, Refused> {
    let Some(token) = parameters.get("NextToken").and_then(Value::as_str) else { return Ok(0) };
    let question = question.to_string();
    let place = token.split_once(':').filter(|(_, asked)| *asked == question);
    let place = place.and_then(|(place, _)| place.parse().ok());
    place.ok_or_else(|| ("InvalidNextTokenException", "The token is not of this question.".to_owned()))
}

/// "Currently the list can contain only one item."
fn attribute(parameters: &Value) -> Result<Option<(String, String)>, Refused> {
    let refused = |message: String| Err(("InvalidLookupAttributesException", message));
    let given = parameters.get("LookupAttributes").and_then(Value::as_array);
    let one = match given.map(Vec::as_slice) {
        None | Some([]) => return Ok(None),
        Some([one]) => one,
        Some(_) => return refused("You can specify one lookup attribute.".to_owned()),
    };
    let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (key, value) = (text("AttributeKey"), text("AttributeValue"));
    if PLAYED_KEYS.contains(&key.as_str()) {
        return Ok(Some((key, value)));
    }
    refused(format!("attribute `{key}` is not played by the sandbox"))
}

fn attribute_of(recorded: &Recorded, key: &str) -> Option<String> {
    let event = &recorded.event;
    let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
    match key {
        "EventId" => text("eventID"),
        "EventName" => text("eventName"),
        "EventSource" => text("eventSource"),
        "ReadOnly" => event.get("readOnly").and_then(Value::as_bool).map(|read| read.to_string()),
        "Username" => recorded.listed_name.clone(),
        "AccessKeyId" => {
            event.get("userIdentity").and_then(|who| who.get("accessKeyId")).and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    }
}

/// One event as it is listed: some of its members, and the whole of it as text.
fn listed(recorded: &Recorded) -> Value {
    let attribute = |key: &str| attribute_of(recorded, key);
    present(json!({
        "EventId": attribute("EventId"),
        "EventName": attribute("EventName"),
        "ReadOnly": attribute("ReadOnly"),
        "AccessKeyId": attribute("AccessKeyId"),
        "EventTime": seconds(recorded.at),
        "EventSource": attribute("EventSource"),
        "Username": attribute("Username"),
        "Resources": [],
        "CloudTrailEvent": recorded.event.to_string(),
    }))
}

/// "Lookup requests are limited to two per second, per account, per region."
const PER_SECOND: usize = 2;

/// Events a page, at most.
const PAGE: u64 = 50;

/// How far back the event history reaches.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The attributes that can be looked up here.
const PLAYED_KEYS: [&str; 6] = ["AccessKeyId", "EventId", "EventName", "EventSource", "ReadOnly", "Username"];
