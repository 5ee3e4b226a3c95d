//! Members of AWS's JSON protocol.

use jiff::Timestamp;
use serde_json::Value;

/// An object without the members that are null: AWS leaves out what is not there.
pub(crate) fn present(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    object
}

/// A time as the protocol writes it: seconds since 1970, with a fraction.
pub(crate) fn seconds(at: Timestamp) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any date are far below 2^53")]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    seconds.into()
}

/// A time as the protocol reads it.
pub(crate) fn timestamp(value: &Value) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of any date are far below 2^53")]
    let milliseconds = (value.as_f64()? * 1000.0).round() as i64;
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_the_same_after_writing_and_reading() {
        let at: Timestamp = "2026-11-24T12:00:00.125Z".parse().unwrap();
        assert_eq!(timestamp(&seconds(at)), Some(at));
        assert_eq!(timestamp(&json!("soon")), None);
    }

    #[test]
    fn what_is_null_is_left_out() {
        assert_eq!(present(json!({ "a": null, "b": { "c": null } })), json!({ "b": { "c": null } }));
    }
}
