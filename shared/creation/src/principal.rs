//! Who called.

use credwarden_credential::creation::{Creator, Principal};
use credwarden_credential::id::{Arn, UserId};
use serde_json::Value;

use crate::{optional, text};

pub(crate) fn creator(record: &Value) -> Result<Creator, String> {
    let r#type = text(record, "/userIdentity/type")?;
    let principal = match r#type {
        "Root" => Principal::Root(arn(record, "/userIdentity/arn")?),
        "IAMUser" => Principal::User { id: user_id(record)?, arn: arn(record, "/userIdentity/arn")? },
        "AssumedRole" => Principal::Role(arn(record, "/userIdentity/sessionContext/sessionIssuer/arn")?),
        "AWSService" => Principal::Service(text(record, "/userIdentity/invokedBy")?.to_owned()),
        _ => Principal::Other(other(record)?.to_owned()),
    };
    let session = match &principal {
        // `AROA…:session`
        Principal::Role(_) => {
            text(record, "/userIdentity/principalId")?.split_once(':').map(|(_, session)| session.to_owned())
        }
        _ => None,
    };
    let owned = |place| optional(record, place).map(|text| text.map(str::to_owned));
    Ok(Creator {
        principal,
        session,
        source_identity: owned("/userIdentity/sessionContext/sourceIdentity")?,
        invoked_by: owned("/userIdentity/invokedBy")?,
    })
}

/// A federated user, another account, an identity of Identity Center: whatever it is called by.
fn other(record: &Value) -> Result<&str, String> {
    for place in ["/userIdentity/arn", "/userIdentity/principalId", "/userIdentity/accountId"] {
        if let Some(text) = optional(record, place)? {
            return Ok(text);
        }
    }
    Err("`userIdentity` names nobody".to_owned())
}

/// The id of the IAM user that called.
pub(crate) fn user_id(record: &Value) -> Result<UserId, String> {
    let id = text(record, "/userIdentity/principalId")?;
    id.parse().map_err(|error| format!("`userIdentity.principalId`: {error}"))
}

/// Whether the session had a second factor. A long-term key has no session, and so never one.
pub(crate) fn mfa(record: &Value) -> Result<Option<bool>, String> {
    const PLACE: &str = "/userIdentity/sessionContext/attributes/mfaAuthenticated";
    match record.pointer(PLACE) {
        Some(Value::Bool(with)) => return Ok(Some(*with)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => return Ok(Some(true)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => return Ok(Some(false)),
        None | Some(Value::Null) => {}
        Some(_) => {
            return Err(
                "`userIdentity.sessionContext.attributes.mfaAuthenticated` is neither true nor false".to_owned()
            );
        }
    }
    let has_session = record.pointer("/userIdentity/sessionContext").is_some_and(|context| !context.is_null());
    let by_key = matches!(text(record, "/userIdentity/type")?, "IAMUser" | "Root");
    Ok((by_key && !has_session).then_some(false))
}

fn arn(record: &Value, place: &str) -> Result<Arn, String> {
    text(record, place)?.parse().map_err(|error| format!("`{}`: {error}", crate::named(place)))
}
