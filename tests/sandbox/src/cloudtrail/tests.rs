use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CloudTrail, Lags};
use crate::call::{Call, Player};
use crate::directory::{Directory, User};
use crate::person::Person;
use crate::template::{Deployment, Scope};
use crate::tricks::{Trick, Tricks};

const KEY: &str = "AKIAALICE00000000001";

fn now() -> Timestamp {
    "2026-07-30T21:53:13Z".parse().unwrap()
}

fn trail_in(region: &str, tricks: Tricks) -> CloudTrail {
    let trust = json!({ "Statement": [
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "lambda.amazonaws.com" } },
    ] });
    let template = json!({ "Resources": {
        "Role": { "Type": "AWS::IAM::Role", "Properties": { "RoleName": "r", "AssumeRolePolicyDocument": trust } },
        "F": { "Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "f", "Code": {}, "Handler": "bootstrap", "Runtime": "provided.al2023",
            "Role": { "Fn::GetAtt": ["Role", "Arn"] },
        } },
    } });
    let scope = Scope { account: "123456789012".to_owned(), region: region.to_owned(), stack: "Stack".to_owned() };
    let directory = Directory::default();
    let (name, id, path) = ("alice".to_owned(), "AIDAALICE".to_owned(), "/people/".to_owned());
    directory.replace(vec![User { name, id, path, keys: vec![KEY.to_owned()] }], [].into());
    CloudTrail::new(&Deployment::parse(&template, scope).unwrap(), directory, tricks)
}

fn trail() -> CloudTrail {
    trail_in("us-east-1", Tricks::default())
}

fn call(caller: &str, action: &str, parameters: Value, at: Timestamp) -> Call {
    let service = action.split(':').next().unwrap().to_owned();
    Call { number: 1, at, caller: caller.to_owned(), service, action: action.to_owned(), parameters }
}

fn created(user: &str) -> String {
    format!(
        "<CreateAccessKeyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateAccessKeyResult><AccessKey>\
         <UserName>{user}</UserName><AccessKeyId>{KEY}</AccessKeyId><Status>Active</Status>\
         <SecretAccessKey>not-to-be-seen</SecretAccessKey><CreateDate>2026-07-30T21:53:13Z</CreateDate></AccessKey>\
         </CreateAccessKeyResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></CreateAccessKeyResponse>"
    )
}

fn record(trail: &CloudTrail, who: &Person, parameters: &Value) -> Value {
    trail.record(who, now(), "CreateAccessKey", parameters, 200, &created("alice"));
    trail.events().pop().unwrap()
}

fn lookup(trail: &CloudTrail, parameters: Value, at: Timestamp) -> Value {
    let answer = trail.play(&call("f", "cloudtrail:LookupEvents", parameters, at)).unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}

fn named(name: &str) -> Value {
    json!({ "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": name }] })
}

#[test]
fn a_created_key_is_told_as_recorded_from_aws_and_its_secret_is_not() {
    let event = record(&trail(), &Person::user("alice"), &json!({ "UserName": "alice" }));
    assert_eq!(
        event["userIdentity"],
        json!({ "type": "IAMUser", "principalId": "AIDAALICE", "arn": "arn:aws:iam::123456789012:user/people/alice",
                "accountId": "123456789012", "accessKeyId": KEY, "userName": "alice" })
    );
    assert_eq!(event["requestParameters"], json!({ "userName": "alice" }));
    let key =
        json!({ "accessKeyId": KEY, "createDate": "Jul 30, 2026 9:53:13 PM", "status": "Active", "userName": "alice" });
    assert_eq!(event["responseElements"], json!({ "accessKey": key }));
    assert_eq!((&event["eventTime"], &event["awsRegion"]), (&json!("2026-07-30T21:53:13Z"), &json!("us-east-1")));
    assert!(event.get("errorCode").is_none());
}

#[test]
fn who_acts_on_itself_has_null_request_parameters() {
    assert_eq!(record(&trail(), &Person::user("alice"), &json!({}))["requestParameters"], Value::Null);
    let root = record(&trail(), &Person::root().with_mfa(), &json!({}));
    let who = &root["userIdentity"];
    assert_eq!((&who["type"], &who["arn"]), (&json!("Root"), &json!("arn:aws:iam::123456789012:root")));
    assert_eq!(who["sessionContext"]["attributes"]["mfaAuthenticated"], "true");
    assert!(who.get("userName").is_none());
}

#[test]
fn a_role_is_told_with_its_issuer_session_name_and_source_identity() {
    let role = "arn:aws:iam::123456789012:role/deployers/ci";
    let person = Person::role(role, "run-17").source_identity("olivia").with_mfa().from("198.51.100.7");
    let event = record(&trail(), &person, &json!({ "UserName": "alice" }));
    let who = &event["userIdentity"];
    assert_eq!(who["type"], "AssumedRole");
    assert_eq!(who["arn"], "arn:aws:sts::123456789012:assumed-role/ci/run-17");
    let context = &who["sessionContext"];
    assert_eq!((&context["sessionIssuer"]["arn"], &context["sessionIssuer"]["userName"]), (&json!(role), &json!("ci")));
    assert_eq!(who["principalId"], format!("{}:run-17", context["sessionIssuer"]["principalId"].as_str().unwrap()));
    assert_eq!((&context["sourceIdentity"], &event["sourceIPAddress"]), (&json!("olivia"), &json!("198.51.100.7")));
    assert_eq!(context["attributes"]["mfaAuthenticated"], "true");
}

#[test]
fn a_function_acts_in_its_role_and_reads_are_not_recorded() {
    let trail = trail();
    let update = json!({ "UserName": "alice", "AccessKeyId": KEY, "Status": "Inactive" });
    trail.saw(&call("f", "iam:UpdateAccessKey", update, now()), 200, b"<UpdateAccessKeyResponse/>");
    trail.saw(&call("f", "iam:ListAccessKeys", json!({}), now()), 200, b"");
    trail.saw(&call("f", "dynamodb:PutItem", json!({}), now()), 200, b"");
    let events = trail.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["userIdentity"]["arn"], "arn:aws:sts::123456789012:assumed-role/r/f");
    let request = json!({ "userName": "alice", "accessKeyId": KEY, "status": "Inactive" });
    assert_eq!((&events[0]["requestParameters"], &events[0]["responseElements"]), (&request, &Value::Null));
}

#[test]
fn a_failure_has_a_code_and_no_answer() {
    let trail = trail();
    let body =
        "<ErrorResponse><Error><Code>LimitExceeded</Code><Message>Two &lt;keys&gt;</Message></Error></ErrorResponse>";
    trail.record(&Person::user("alice"), now(), "CreateAccessKey", &json!({}), 409, body);
    let event = trail.events().pop().unwrap();
    assert_eq!((&event["errorCode"], &event["errorMessage"]), (&json!("LimitExceededException"), &json!("Two <keys>")));
    assert_eq!(event["responseElements"], Value::Null);
}

#[test]
fn every_creation_of_the_past_names_its_credential_as_aws_does() {
    let trail = trail();
    let olivia = Person::user("olivia");
    for (action, pointer) in [
        ("CreateAccessKey", "/responseElements/accessKey/accessKeyId"),
        ("CreateServiceSpecificCredential", "/responseElements/serviceSpecificCredential/serviceSpecificCredentialId"),
        ("UploadSSHPublicKey", "/responseElements/sSHPublicKey/sSHPublicKeyId"),
        ("UploadSigningCertificate", "/responseElements/certificate/certificateId"),
        ("UpdateAccessKey", "/requestParameters/accessKeyId"),
        ("UpdateServiceSpecificCredential", "/requestParameters/serviceSpecificCredentialId"),
        ("UpdateSSHPublicKey", "/requestParameters/sSHPublicKeyId"),
        ("UpdateSigningCertificate", "/requestParameters/certificateId"),
    ] {
        trail.record_past(&olivia, now(), action, "alice", "ID").unwrap();
        let event = trail.events().pop().unwrap();
        assert_eq!((event.pointer(pointer), &event["eventName"]), (Some(&json!("ID")), &json!(action)), "{event}");
        assert_eq!(event["requestParameters"]["userName"], "alice");
    }
    trail.record_past(&olivia, now(), "CreateLoginProfile", "alice", "").unwrap();
    let profile =
        json!({ "userName": "alice", "createDate": "Jul 30, 2026 9:53:13 PM", "passwordResetRequired": true });
    assert_eq!(trail.events().pop().unwrap()["responseElements"]["loginProfile"], profile);
    assert!(trail.record_past(&olivia, now(), "DeleteUser", "alice", "").is_err());
    assert!(trail.take_deliveries(now()).is_empty(), "the past is not delivered");
}

#[test]
fn events_are_looked_up_by_name_latest_first_fifty_a_page() {
    let trail = trail();
    for minute in 0..120 {
        let at = now() - SignedDuration::from_mins(minute);
        trail.record_past(&Person::root(), at, "CreateAccessKey", "alice", &format!("AKIA{minute}")).unwrap();
    }
    trail.record_past(&Person::root(), now(), "CreateLoginProfile", "alice", "").unwrap();
    let mut pages = Vec::new();
    let mut asked = named("CreateAccessKey");
    loop {
        let page = lookup(&trail, asked.clone(), now());
        pages.push(page["Events"].as_array().unwrap().clone());
        let Some(token) = page.get("NextToken") else { break };
        asked["NextToken"] = token.clone();
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    assert!(pages[0][0]["CloudTrailEvent"].as_str().unwrap().contains("\"AKIA0\""));
    assert_eq!((&pages[0][0]["Username"], &pages[0][0]["ReadOnly"]), (&json!("root"), &json!("false")));
    let mut other = named("CreateLoginProfile");
    other["NextToken"] = asked["NextToken"].clone();
    assert_eq!(lookup(&trail, other, now())["__type"], "InvalidNextTokenException");
}

#[test]
fn events_are_looked_up_within_a_time_and_ninety_days() {
    let trail = trail();
    for days in [0, 10, 89, 91] {
        let at = now() - SignedDuration::from_hours(24 * days);
        trail.record_past(&Person::root(), at, "CreateAccessKey", "alice", "AKIA").unwrap();
    }
    let seconds = |days: i64| (now() - SignedDuration::from_hours(24 * days)).as_second();
    let count = |parameters: Value| lookup(&trail, parameters, now())["Events"].as_array().unwrap().len();
    assert_eq!(count(json!({})), 3);
    assert_eq!(count(json!({ "StartTime": seconds(200) })), 3);
    assert_eq!(count(json!({ "StartTime": seconds(10), "EndTime": seconds(10) })), 1, "both ends are within");
    let wrong = lookup(&trail, json!({ "StartTime": seconds(1), "EndTime": seconds(2) }), now());
    assert_eq!(wrong["__type"], "InvalidTimeRangeException");
    let two = json!({ "LookupAttributes": [
        { "AttributeKey": "EventName", "AttributeValue": "a" }, { "AttributeKey": "EventName", "AttributeValue": "b" },
    ] });
    assert_eq!(lookup(&trail, two, now())["__type"], "InvalidLookupAttributesException");
}

#[test]
fn the_third_look_up_within_a_second_is_throttled_where_that_is_played() {
    let trail = trail_in("us-east-1", [Trick::LookupThrottled].into());
    let at = |milliseconds| now() + SignedDuration::from_millis(milliseconds);
    let kind = |milliseconds| lookup(&trail, json!({}), at(milliseconds)).get("__type").cloned();
    assert_eq!([kind(0), kind(100)], [None, None]);
    assert_eq!([kind(900), kind(1_000)], [Some(json!("ThrottlingException")), None]);
}

#[test]
fn events_come_late_twice_unordered_or_never() {
    let tricks = [Trick::DuplicateTrailEvent, Trick::UnorderedTrailEvents].into();
    let trail = trail_in("us-east-1", tricks);
    let (history, delivery) = (SignedDuration::from_mins(15), SignedDuration::from_mins(5));
    trail.set_lags(Lags { history, delivery: Some(delivery) });
    for user in ["first", "second"] {
        trail.record(&Person::root(), now(), "CreateAccessKey", &json!({ "UserName": user }), 200, &created(user));
    }
    let seen = |at| lookup(&trail, json!({}), at)["Events"].as_array().unwrap().len();
    assert_eq!((seen(now() + delivery), seen(now() + history)), (0, 2));
    assert!(trail.take_deliveries(now()).is_empty());
    let names: Vec<_> = trail
        .take_deliveries(now() + delivery)
        .iter()
        .map(|event| event["requestParameters"]["userName"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["second", "second", "first", "first"]);

    trail.set_lags(Lags { history, delivery: None });
    record(&trail, &Person::root(), &json!({}));
    assert!(trail.take_deliveries(now() + history).is_empty());
    assert_eq!(seen(now() + history), 3);
}

#[test]
fn iams_events_are_in_the_history_of_one_region_only() {
    let trail = trail_in("eu-west-1", Tricks::default());
    record(&trail, &Person::root(), &json!({}));
    assert_eq!(lookup(&trail, json!({}), now())["Events"], json!([]));
}

#[test]
fn who_fetches_a_secret_is_in_the_history_and_told_to_nobody() {
    let trail = trail();
    let parameters = json!({ "SecretId": "credwarden/db", "VersionStage": "AWSCURRENT" });
    let fetch = call("f", "secretsmanager:GetSecretValue", parameters.clone(), now());
    trail.saw(&fetch, 200, br#"{"SecretString":"not-to-be-seen"}"#);
    assert!(trail.take_deliveries(now()).is_empty(), "EventBridge omits what only reads");
    let named = json!({ "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": "GetSecretValue" }] });
    let found = lookup(&trail, named, now());
    let event: Value = serde_json::from_str(found["Events"][0]["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(event["requestParameters"], json!({ "secretId": "credwarden/db", "versionStage": "AWSCURRENT" }));
    assert_eq!(event["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"], "r");
    assert!(event["errorCode"].is_null() && !event.to_string().contains("not-to-be-seen"), "{event}");

    let alice = Person::user("alice");
    trail.record_fetch(&alice, now(), &parameters, 400, r#"{"__type":"AccessDeniedException"}"#);
    let refused = trail.events().pop().unwrap();
    assert_eq!((refused["errorCode"].as_str(), &refused["requestParameters"]), (Some("AccessDenied"), &Value::Null));
}
