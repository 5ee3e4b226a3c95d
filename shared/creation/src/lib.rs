//! Reads `CloudTrail`'s events of IAM: who created or re-activated which credential.
//!
//! The same event comes by two ways: as the `detail` of an event of `EventBridge`, when it happens, and as the text
//! `CloudTrailEvent` of `LookupEvents`, for 90 days. Both are read here, once. An event of a shape never seen is an error
//! of that event alone; one that makes no credential usable says why it does not. Dates inside of answers are written
//! for people in the United States (`Jul 30, 2024 9:53:13 PM`) and are never read: `eventTime` counts.
//!
//! [`backfill`](backfill::backfill) asks for the past, through [`ReadTrail`](credwarden_trail::lookup::ReadTrail).

pub mod backfill;
pub mod fetch;

mod principal;

use credwarden_credential::creation::{Creation, CreationAct};
use credwarden_credential::id::{UserId, UserName};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use jiff::Timestamp;
use serde_json::Value;

/// The longest text that is taken out of an event; IAM's own are shorter.
const LONGEST_TEXT: usize = 2048;

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A credential of a user was made usable.
    Creation(Box<Creation>),
    /// None was.
    Other(Other),
}

/// Why an event makes no user's credential usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// It is not IAM's, or of another call.
    Call,
    /// The call failed.
    Failed,
    /// The credential's status became another than `Active`.
    Deactivation,
    /// The credential is the root user's own, which no IAM user holds.
    OfRoot,
}

/// An event that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read event `{event}` of `{call}`: {what}; CloudTrail shows it by its id for 90 days")]
pub struct UnknownShape {
    /// The event's id, where it has one.
    pub event: String,
    /// What was called, where it says so.
    pub call: String,
    /// What is not as it should be.
    pub what: String,
}

/// Reads an event of `EventBridge`: the record of `CloudTrail` is its `detail`.
///
/// # Errors
/// The event is of a shape never seen.
pub fn of_event_bridge(event: &Value) -> Result<Event, UnknownShape> {
    match event.get("detail") {
        Some(record) => of_record(record),
        None => Err(shape(event, "it has no `detail`")),
    }
}

/// Reads the text `CloudTrailEvent` of `LookupEvents`.
///
/// # Errors
/// The text is no JSON, or the event of a shape never seen.
pub fn of_lookup(text: &str) -> Result<Event, UnknownShape> {
    let record: Value = serde_json::from_str(text).map_err(|error| shape(&Value::Null, format!("no JSON: {error}")))?;
    of_record(&record)
}

/// Reads a record of `CloudTrail`.
///
/// # Errors
/// The event is of a shape never seen.
pub fn of_record(record: &Value) -> Result<Event, UnknownShape> {
    read(record).map_err(|what| shape(record, what))
}

fn read(record: &Value) -> Result<Event, String> {
    if text(record, "/eventSource")? != "iam.amazonaws.com" {
        return Ok(Event::Other(Other::Call));
    }
    let Ok(act) = text(record, "/eventName")?.parse::<CreationAct>() else {
        return Ok(Event::Other(Other::Call));
    };
    if optional(record, "/errorCode")?.is_some() || optional(record, "/errorMessage")?.is_some() {
        return Ok(Event::Other(Other::Failed));
    }
    if act.is_reactivation() && text(record, "/requestParameters/status")? != "Active" {
        return Ok(Event::Other(Other::Deactivation));
    }
    let Some((user, user_id)) = holder(record, act)? else {
        return Ok(Event::Other(Other::OfRoot));
    };
    let at = text(record, "/eventTime")?;
    Ok(Event::Creation(Box::new(Creation {
        event: text(record, "/eventID")?.to_owned(),
        act,
        credential: credential(record, act)?,
        user,
        user_id,
        creator: principal::creator(record)?,
        source: text(record, "/sourceIPAddress")?.to_owned(),
        mfa: principal::mfa(record)?,
        at: at.parse::<Timestamp>().map_err(|error| format!("`eventTime` is `{at}`: {error}"))?,
        region: text(record, "/awsRegion")?.to_owned(),
    })))
}

/// What a call was given. A change of status answers nothing.
const ASKED: &str = "/requestParameters";

/// Where the event of a call tells of the credential, and under which name its id.
fn answer(act: CreationAct) -> (&'static str, &'static str) {
    match act {
        CreationAct::CreateAccessKey => ("/responseElements/accessKey", "accessKeyId"),
        CreationAct::CreateLoginProfile => ("/responseElements/loginProfile", ""),
        CreationAct::CreateServiceSpecificCredential => {
            ("/responseElements/serviceSpecificCredential", "serviceSpecificCredentialId")
        }
        // CloudTrail begins names with a small letter, whatever follows: `SSHPublicKey` is `sSHPublicKey`.
        CreationAct::UploadSshPublicKey => ("/responseElements/sSHPublicKey", "sSHPublicKeyId"),
        CreationAct::UploadSigningCertificate => ("/responseElements/certificate", "certificateId"),
        CreationAct::UpdateAccessKey => (ASKED, "accessKeyId"),
        CreationAct::UpdateServiceSpecificCredential => (ASKED, "serviceSpecificCredentialId"),
        CreationAct::UpdateSshPublicKey => (ASKED, "sSHPublicKeyId"),
        CreationAct::UpdateSigningCertificate => (ASKED, "certificateId"),
    }
}

fn credential(record: &Value, act: CreationAct) -> Result<CredentialId, String> {
    let (place, name) = answer(act);
    if act.kind() == CredentialKind::ConsolePassword {
        return Ok(CredentialId::ConsolePassword);
    }
    let place = format!("{place}/{name}");
    let id: CredentialId = text(record, &place)?.parse().map_err(|error| format!("`{}`: {error}", named(&place)))?;
    if id.kind() == act.kind() { Ok(id) } else { Err(format!("`{}` is the id of another kind, {id}", named(&place))) }
}

/// The user that holds the credential; `None`: the root user does. A call without a name is about the caller itself.
fn holder(record: &Value, act: CreationAct) -> Result<Option<(UserName, Option<UserId>)>, String> {
    let own_name = optional(record, "/userIdentity/userName")?;
    let asked = optional(record, "/requestParameters/userName")?;
    let caller = text(record, "/userIdentity/type")?;
    if caller == "Root" && asked.is_none() {
        return Ok(None);
    }
    let answered = optional(record, &format!("{}/userName", answer(act).0))?;
    let own_name = own_name.filter(|_| caller == "IAMUser");
    let Some(name) = asked.or(answered).or(own_name) else {
        return Err("neither request, answer nor caller names the user".to_owned());
    };
    let user = name.parse().map_err(|error| format!("`userName`: {error}"))?;
    let id = if own_name == Some(name) { Some(principal::user_id(record)?) } else { None };
    Ok(Some((user, id)))
}

/// The text at a place; absent and `null` are the same.
fn optional<'a>(record: &'a Value, place: &str) -> Result<Option<&'a str>, String> {
    match record.pointer(place) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= LONGEST_TEXT => Ok(Some(text)),
        Some(Value::String(_)) => Err(format!("`{}` is longer than {LONGEST_TEXT} bytes", named(place))),
        Some(_) => Err(format!("`{}` is no text", named(place))),
    }
}

fn text<'a>(record: &'a Value, place: &str) -> Result<&'a str, String> {
    optional(record, place)?.filter(|text| !text.is_empty()).ok_or_else(|| format!("`{}` is missing", named(place)))
}

/// A place as people write it: `userIdentity.type`.
fn named(place: &str) -> String {
    place.trim_start_matches('/').replace('/', ".")
}

fn shape(record: &Value, what: impl Into<String>) -> UnknownShape {
    let short =
        |name| -> String { record.get(name).and_then(Value::as_str).unwrap_or("unknown").chars().take(80).collect() };
    UnknownShape { event: short("eventID"), call: short("eventName"), what: what.into() }
}
