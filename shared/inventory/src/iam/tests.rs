//! The real client against answers as they come over the wire.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_iam::Client;
use aws_sdk_iam::config::retry::RetryPartition;
use aws_sdk_iam::operation::generate_credential_report::GenerateCredentialReportOutput;
use aws_sdk_iam::operation::list_access_keys::ListAccessKeysOutput;
use aws_sdk_iam::operation::list_users::ListUsersOutput;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{AccessKeyMetadata as SdkAccessKey, ReportStateType, StatusType};
use aws_smithy_async::time::TimeSource;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use credwarden_credential::snapshot::KeyStatus;
use tokio::time::Instant;

use super::*;
use crate::calls::{MAX_ATTEMPTS, OPERATION_TIMEOUT, retries, timeouts};

fn alice() -> UserName {
    "alice".parse().unwrap()
}

/// A client as in production, but for the answers, the clock, and a limiter of its own.
fn iam(rules: &[&Rule]) -> Iam {
    static PARTITIONS: AtomicUsize = AtomicUsize::new(0);
    let partition = RetryPartition::new(format!("test-{}", PARTITIONS.fetch_add(1, Ordering::Relaxed)));
    let clock = PausableClock(Instant::now());
    Iam::new(mock_client!(aws_sdk_iam, RuleMode::Sequential, rules, |config| {
        config
            .retry_config(retries())
            .timeout_config(timeouts())
            .time_source(clock.clone())
            .retry_partition(partition.clone())
    }))
}

/// The limiter's clock stands still and moves on together with the sleeping.
#[derive(Clone, Debug)]
struct PausableClock(Instant);

impl TimeSource for PausableClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000) + self.0.elapsed()
    }
}

/// An error as IAM's query protocol writes it.
fn error(code: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>No reason.</Message></Error><RequestId>4d2d</RequestId></ErrorResponse>"
    )
}

fn answer(action: &str, result: &str) -> String {
    format!(
        "<{action}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><{action}Result>{result}\
         </{action}Result><ResponseMetadata><RequestId>4d2d</RequestId></ResponseMetadata></{action}Response>"
    )
}

const ONE_KEY: &str = "<AccessKeyMetadata><member><UserName>alice</UserName>\
     <AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status>\
     <CreateDate>2026-01-02T03:04:05Z</CreateDate></member></AccessKeyMetadata><IsTruncated>false</IsTruncated>";

#[tokio::test]
async fn denied_is_said_to_be_denied_and_not_tried_again() {
    let rule = mock!(Client::list_access_keys).sequence().http_status(403, Some(error("AccessDenied"))).build();
    let error = iam(&[&rule]).list_access_keys(&alice(), None).await.unwrap_err();
    assert_eq!(error.failure, Failure::Denied);
    assert_eq!(
        error.to_string(),
        "failed to list access keys of `alice`: access denied; the function's role must allow the call"
    );
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn throttled_twice_and_then_answered_is_an_answer() {
    let rule = mock!(Client::list_access_keys)
        .match_requests(|request| request.user_name() == Some("alice") && request.marker() == Some("there"))
        .sequence()
        .http_status(400, Some(error("Throttling")))
        .times(2)
        .http_status(200, Some(answer("ListAccessKeys", ONE_KEY)))
        .build();
    let page = iam(&[&rule]).list_access_keys(&alice(), Some(Marker("there".to_owned()))).await.unwrap();
    let key = AccessKeyMetadata {
        id: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
        status: KeyStatus::Active,
        created: "2026-01-02T03:04:05Z".parse().unwrap(),
    };
    assert_eq!(page, Page { items: vec![key], next: None });
    assert_eq!(rule.num_calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn throttled_for_ever_ends_after_the_attempts_allowed() {
    let rule =
        mock!(Client::list_access_keys).sequence().http_status(400, Some(error("Throttling"))).repeatedly().build();
    let began = Instant::now();
    let error = iam(&[&rule]).list_access_keys(&alice(), None).await.unwrap_err();
    assert_eq!(error.failure, Failure::Throttled);
    assert_eq!(rule.num_calls(), usize::try_from(MAX_ATTEMPTS).unwrap());
    assert!(began.elapsed() <= OPERATION_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_failing_service_is_tried_again_and_then_said_to_have_failed() {
    let rule = mock!(Client::get_user).sequence().http_status(500, Some(error("ServiceFailure"))).repeatedly().build();
    let error = iam(&[&rule]).get_user(&alice()).await.unwrap_err();
    assert_eq!(error.failure, Failure::Failed);
    assert!(rule.num_calls() > 1);
}

#[tokio::test]
async fn no_such_user_and_no_password_are_told_apart_from_failures() {
    let no_user = mock!(Client::get_user).sequence().http_status(404, Some(error("NoSuchEntity"))).build();
    let no_password = mock!(Client::get_login_profile).sequence().http_status(404, Some(error("NoSuchEntity"))).build();
    let denied = mock!(Client::get_login_profile).sequence().http_status(403, Some(error("AccessDenied"))).build();
    let iam = iam(&[&no_user, &no_password, &denied]);
    assert_eq!(iam.get_user(&alice()).await.unwrap_err().failure, Failure::NoSuchEntity);
    assert_eq!(iam.get_login_profile(&alice()).await.unwrap(), None);
    assert_eq!(iam.get_login_profile(&alice()).await.unwrap_err().failure, Failure::Denied);
}

#[tokio::test]
async fn the_report_and_all_that_iam_says_instead_of_it() {
    let code =
        |status, code| mock!(Client::get_credential_report).sequence().http_status(status, Some(error(code))).build();
    let report = "<Content>dXNlcixhcm4=</Content><ReportFormat>text/csv</ReportFormat>\
         <GeneratedTime>2026-11-24T08:00:00Z</GeneratedTime>";
    let rules = [
        code(410, "ReportNotPresent"),
        code(410, "ReportExpired"),
        code(404, "ReportInProgress"),
        code(403, "AccessDenied"),
        mock!(Client::get_credential_report)
            .sequence()
            .http_status(200, Some(answer("GetCredentialReport", report)))
            .build(),
    ];
    let iam = iam(&rules.each_ref());
    assert_eq!(iam.get_credential_report().await.unwrap(), ReportAnswer::NotPresent);
    assert_eq!(iam.get_credential_report().await.unwrap(), ReportAnswer::Expired);
    assert_eq!(iam.get_credential_report().await.unwrap(), ReportAnswer::InProgress);
    assert_eq!(iam.get_credential_report().await.unwrap_err().failure, Failure::Denied);
    assert_eq!(
        iam.get_credential_report().await.unwrap(),
        ReportAnswer::Made { content: b"user,arn".to_vec(), made: "2026-11-24T08:00:00Z".parse().unwrap() }
    );
}

#[tokio::test]
async fn the_state_of_a_report_in_the_making() {
    let state = |state: ReportStateType| {
        mock!(Client::generate_credential_report)
            .then_output(move || GenerateCredentialReportOutput::builder().state(state.clone()).build())
    };
    let rules = ["STARTED", "INPROGRESS", "COMPLETE", "SOMETHING"].map(|name| state(ReportStateType::from(name)));
    let iam = iam(&rules.each_ref());
    assert_eq!(iam.generate_credential_report().await.unwrap(), ReportState::Started);
    assert_eq!(iam.generate_credential_report().await.unwrap(), ReportState::InProgress);
    assert_eq!(iam.generate_credential_report().await.unwrap(), ReportState::Complete);
    assert_eq!(iam.generate_credential_report().await.unwrap_err().failure, Failure::Implausible);
}

#[tokio::test]
async fn users_and_groups_come_with_all_that_chooses_a_class() {
    let page = "<UserDetailList><member><Path>/people/</Path><UserName>alice</UserName>\
         <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Arn>arn:aws:iam::123456789012:user/people/alice</Arn>\
         <CreateDate>2019-12-05T17:23:09Z</CreateDate><GroupList><member>admins</member></GroupList>\
         <AttachedManagedPolicies><member><PolicyName>ReadOnlyAccess</PolicyName>\
         <PolicyArn>arn:aws:iam::aws:policy/ReadOnlyAccess</PolicyArn></member></AttachedManagedPolicies>\
         <Tags><member><Key>owner</Key><Value>Zoë</Value></member></Tags></member></UserDetailList>\
         <GroupDetailList><member><Path>/</Path><GroupName>admins</GroupName>\
         <AttachedManagedPolicies><member><PolicyName>AdministratorAccess</PolicyName>\
         <PolicyArn>arn:aws:iam::aws:policy/AdministratorAccess</PolicyArn></member></AttachedManagedPolicies>\
         </member></GroupDetailList><IsTruncated>true</IsTruncated><Marker>next</Marker>";
    let rule = mock!(Client::get_account_authorization_details)
        .match_requests(|request| {
            request.filter() == [EntityType::User, EntityType::Group] && request.max_items() == Some(1000)
        })
        .sequence()
        .http_status(200, Some(answer("GetAccountAuthorizationDetails", page)))
        .build();
    let page = iam(&[&rule]).get_account_authorization_details(None).await.unwrap();
    let [AuthorizationDetail::User(user), AuthorizationDetail::Group(group)] = &page.items[..] else {
        panic!("a user and a group, not {:?}", page.items);
    };
    assert_eq!((user.record.id.as_str(), user.record.path.as_str()), ("AIDACKCEVSQ6C2EXAMPLE", "/people/"));
    assert_eq!(user.record.tags["owner"], "Zoë");
    assert!(user.groups.contains(&group.name));
    assert!(user.attached_policies.contains(&"arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap()));
    assert!(group.attached_policies.contains(&"arn:aws:iam::aws:policy/AdministratorAccess".parse().unwrap()));
    assert_eq!(page.next, Some(Marker("next".to_owned())));
}

#[tokio::test]
async fn a_key_without_a_date_of_use_was_never_used() {
    let used = "<UserName>alice</UserName><AccessKeyLastUsed><Region>us-east-1</Region><ServiceName>s3</ServiceName>\
         <LastUsedDate>2026-11-24T11:00:00Z</LastUsedDate></AccessKeyLastUsed>";
    let never = "<UserName>alice</UserName><AccessKeyLastUsed><Region>N/A</Region><ServiceName>N/A</ServiceName>\
         </AccessKeyLastUsed>";
    let rules = [used, never].map(|result| {
        mock!(Client::get_access_key_last_used)
            .sequence()
            .http_status(200, Some(answer("GetAccessKeyLastUsed", result)))
            .build()
    });
    let iam = iam(&rules.each_ref());
    let key = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    assert_eq!(
        iam.get_access_key_last_used(&key).await.unwrap(),
        LastUse::At {
            at: "2026-11-24T11:00:00Z".parse().unwrap(),
            service: "s3".to_owned(),
            region: "us-east-1".to_owned()
        }
    );
    assert_eq!(iam.get_access_key_last_used(&key).await.unwrap(), LastUse::Never);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_refused() {
    let key = |status: &str, id: &str| {
        let key = SdkAccessKey::builder()
            .access_key_id(id)
            .status(StatusType::from(status))
            .create_date(DateTime::from_secs(1_700_000_000))
            .build();
        ListAccessKeysOutput::builder().access_key_metadata(key).build().unwrap()
    };
    let truncated = || ListUsersOutput::builder().set_users(Some(Vec::new())).is_truncated(true).build().unwrap();
    let outputs = [key("Expired", "AKIAIOSFODNN7EXAMPLE"), key("Active", "ASIAIOSFODNN7EXAMPLE")];
    for output in outputs {
        let rule = mock!(Client::list_access_keys).then_output(move || output.clone());
        let error = iam(&[&rule]).list_access_keys(&alice(), None).await.unwrap_err();
        assert_eq!(error.failure, Failure::Implausible);
    }
    let rule = mock!(Client::list_users).then_output(truncated);
    let error = iam(&[&rule]).list_users(None).await.unwrap_err();
    assert_eq!(error.failure, Failure::Implausible, "a list said to go on, but not where");
}
