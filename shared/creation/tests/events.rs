//! Events as AWS delivers them, and events of no shape at all.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

use credwarden_creation::{Event, Other, UnknownShape, of_event_bridge, of_lookup, of_record};
use credwarden_credential::creation::{Creation, CreationAct, Principal};
use credwarden_credential::kind::CredentialId;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A record of `CreateAccessKey` with the fields of a real one (event version 1.09).
fn record() -> Value {
    json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAEXAMPLE0000DANA00", "arn": "arn:aws:iam::123456789012:user/dana",
            "accountId": "123456789012", "accessKeyId": "AKIAEXAMPLE0000000001", "userName": "dana"
        },
        "eventTime": "2024-07-30T21:53:13Z", "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey",
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2.17",
        "requestParameters": { "userName": "alice" },
        "responseElements": { "accessKey": {
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "status": "Active", "userName": "alice",
            "createDate": "Jul 30, 2024 9:53:13 PM"
        } },
        "eventID": "11111111-2222-3333-4444-555555555555", "readOnly": false, "eventType": "AwsApiCall"
    })
}

/// The record with the values at some places replaced, or put there.
fn with(changes: &[(&str, &str, Value)]) -> Value {
    let mut record = record();
    for (object, field, value) in changes {
        let object = record.pointer_mut(object).unwrap().as_object_mut().unwrap();
        object.insert((*field).to_owned(), value.clone());
    }
    record
}

fn creation(record: &Value) -> Creation {
    match of_record(record).unwrap() {
        Event::Creation(creation) => *creation,
        Event::Other(other) => panic!("{other:?}"),
    }
}

fn error(record: &Value) -> UnknownShape {
    of_record(record).unwrap_err()
}

fn session() -> Value {
    json!({
        "type": "AssumedRole", "principalId": "AROAEXAMPLE:dana@example.com",
        "arn": "arn:aws:sts::123456789012:assumed-role/admin/dana@example.com", "accountId": "123456789012",
        "sessionContext": {
            "sessionIssuer": { "type": "Role", "principalId": "AROAEXAMPLE", "arn": "arn:aws:iam::123456789012:role/sso/admin",
                "accountId": "123456789012", "userName": "admin" },
            "sourceIdentity": "dana@example.com",
            "attributes": { "creationDate": "2024-07-30T21:00:00Z", "mfaAuthenticated": "true" }
        }
    })
}

#[test]
fn a_key_that_a_user_created_for_another_is_read_whole() {
    let read = creation(&record());
    assert_eq!((read.act, read.credential.as_str()), (CreationAct::CreateAccessKey, "AKIAIOSFODNN7EXAMPLE"));
    assert_eq!((read.user.as_str(), read.user_id), ("alice", None));
    assert_eq!(read.creator.principal.as_str(), "arn:aws:iam::123456789012:user/dana");
    assert_eq!((read.source.as_str(), read.mfa), ("198.51.100.7", Some(false)));
    assert_eq!(read.at.to_string(), "2024-07-30T21:53:13Z", "the event's time, never the date for people");
}

#[test]
fn both_ways_of_an_event_are_the_same_event() {
    let bridged = json!({ "version": "0", "source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "detail": record() });
    assert_eq!(of_event_bridge(&bridged), of_record(&record()));
    assert_eq!(of_lookup(&record().to_string()), of_record(&record()));
}

#[test]
fn a_session_counts_as_its_role_and_keeps_its_name_source_identity_and_mfa() {
    let read = creation(&with(&[("", "userIdentity", session())]));
    assert_eq!(read.creator.principal, Principal::Role("arn:aws:iam::123456789012:role/sso/admin".parse().unwrap()));
    assert_eq!(read.creator.session.as_deref(), Some("dana@example.com"));
    assert_eq!(read.creator.source_identity.as_deref(), Some("dana@example.com"));
    assert_eq!(read.mfa, Some(true));
}

#[test]
fn a_user_that_acts_on_itself_has_no_request_and_is_known_by_its_id() {
    let mut own =
        with(&[("", "requestParameters", Value::Null), ("/responseElements/accessKey", "userName", json!("dana"))]);
    let read = creation(&own);
    assert_eq!((read.user.as_str(), read.user_id.unwrap().as_str()), ("dana", "AIDAEXAMPLE0000DANA00"));
    own.pointer_mut("/responseElements/accessKey").unwrap().as_object_mut().unwrap().remove("userName");
    assert_eq!(creation(&own).user.as_str(), "dana");
}

#[test]
fn root_is_a_creator_for_others_and_holds_its_own_keys_itself() {
    let root = json!({ "type": "Root", "principalId": "123456789012", "arn": "arn:aws:iam::123456789012:root", "accountId": "123456789012" });
    let read = creation(&with(&[("", "userIdentity", root.clone())]));
    assert!(matches!(read.creator.principal, Principal::Root(_)));
    let own = with(&[("", "userIdentity", root), ("", "requestParameters", Value::Null)]);
    assert_eq!(of_record(&own), Ok(Event::Other(Other::OfRoot)));
}

#[test]
fn every_act_is_read_where_its_event_tells_the_credential() {
    let check = |name: &str, response: Value, id: &str| {
        let event = with(&[("", "eventName", json!(name)), ("", "responseElements", response)]);
        assert_eq!(creation(&event).credential.as_str(), id, "{name}");
    };
    check(
        "CreateLoginProfile",
        json!({ "loginProfile": { "userName": "alice", "passwordResetRequired": true } }),
        "console-password",
    );
    check(
        "CreateServiceSpecificCredential",
        json!({ "serviceSpecificCredential": { "serviceName": "bedrock.amazonaws.com", "serviceSpecificCredentialId": "ACCAEXAMPLE123EXAMPLE" } }),
        "ACCAEXAMPLE123EXAMPLE",
    );
    check(
        "UploadSSHPublicKey",
        json!({ "sSHPublicKey": { "sSHPublicKeyId": "APKAEXAMPLE123EXAMPLE" } }),
        "APKAEXAMPLE123EXAMPLE",
    );
    check(
        "UploadSigningCertificate",
        json!({ "certificate": { "certificateId": "TA7SMP42TDN5Z26OBPJE7EXAMPLE" } }),
        "TA7SMP42TDN5Z26OBPJE7EXAMPLE",
    );
}

#[test]
fn what_is_made_active_again_is_a_reactivation_and_what_is_made_inactive_is_not() {
    for (call, name, id) in [
        ("UpdateAccessKey", "accessKeyId", "AKIAIOSFODNN7EXAMPLE"),
        ("UpdateServiceSpecificCredential", "serviceSpecificCredentialId", "ACCAEXAMPLE123EXAMPLE"),
        ("UpdateSSHPublicKey", "sSHPublicKeyId", "APKAEXAMPLE123EXAMPLE"),
        ("UpdateSigningCertificate", "certificateId", "TA7SMP42TDN5Z26OBPJE7EXAMPLE"),
    ] {
        let update = |status: &str| {
            with(&[
                ("", "eventName", json!(call)),
                ("", "responseElements", Value::Null),
                ("", "requestParameters", json!({ "userName": "alice", name: id, "status": status })),
            ])
        };
        let read = creation(&update("Active"));
        assert!(read.act.is_reactivation(), "{call}");
        assert_eq!((read.credential.as_str(), read.user.as_str()), (id, "alice"), "{call}");
        assert_eq!(of_record(&update("Inactive")), Ok(Event::Other(Other::Deactivation)), "{call}");
    }
}

#[test]
fn failed_calls_and_other_calls_make_no_credential_usable() {
    let denied = with(&[("", "errorCode", json!("AccessDenied")), ("", "responseElements", Value::Null)]);
    assert_eq!(of_record(&denied), Ok(Event::Other(Other::Failed)));
    assert_eq!(of_record(&with(&[("", "eventName", json!("DeleteAccessKey"))])), Ok(Event::Other(Other::Call)));
    assert_eq!(of_record(&with(&[("", "eventSource", json!("sts.amazonaws.com"))])), Ok(Event::Other(Other::Call)));
}

#[test]
fn a_shape_never_seen_is_an_error_that_names_event_and_place() {
    let odd = error(&with(&[("", "responseElements", Value::Null)]));
    assert_eq!(
        odd.to_string(),
        "failed to read event `11111111-2222-3333-4444-555555555555` of `CreateAccessKey`: \
         `responseElements.accessKey.accessKeyId` is missing; CloudTrail shows it by its id for 90 days"
    );
    for (object, field, value) in [
        ("", "eventTime", json!("Jul 30, 2024 9:53:13 PM")),
        ("", "eventID", Value::Null),
        ("", "userIdentity", json!("dana")),
        ("/userIdentity", "type", json!(7)),
        ("/requestParameters", "userName", json!("no name!")),
        ("/responseElements/accessKey", "accessKeyId", json!("ASIAIOSFODNN7EXAMPLE")),
        ("/responseElements/accessKey", "accessKeyId", json!("ACCAEXAMPLE123EXAMPLE")),
        ("", "sourceIPAddress", json!(["198.51.100.7"])),
        ("", "sourceIPAddress", json!("x".repeat(2049))),
    ] {
        assert!(of_record(&with(&[(object, field, value.clone())])).is_err(), "{object}/{field}: {value}");
    }
    assert!(of_lookup("{").is_err() && of_lookup(&"[".repeat(100_000)).is_err());
    assert!(of_event_bridge(&json!({})).is_err());
}

#[test]
fn the_ids_of_the_record_are_ids() {
    assert!("AKIAIOSFODNN7EXAMPLE".parse::<CredentialId>().is_ok());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("IAMUser")),
        Just(json!("AssumedRole")),
        Just(json!("AKIAIOSFODNN7EXAMPLE")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("type|arn|userName|principalId|sessionContext|accessKey|status", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_parser_panic(value in any_json(), text in ".{0,40}") {
        let _ = (of_record(&value), of_event_bridge(&value), of_lookup(&text));
    }

    #[test]
    fn a_record_with_anything_in_one_place_is_read_or_refused_and_its_credential_is_never_another(
        field in prop::sample::select(vec!["userIdentity", "requestParameters", "responseElements", "eventTime",
            "eventName", "eventSource", "errorCode", "sourceIPAddress", "awsRegion", "eventID"]),
        value in any_json(),
    ) {
        if let Ok(Event::Creation(creation)) = of_record(&with(&[("", field, value)])) {
            prop_assert_eq!(creation.event.is_empty(), false);
            prop_assert!(creation.credential.kind() == creation.act.kind());
        }
    }
}
