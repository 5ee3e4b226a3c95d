//! The adapter for the AWS SDK, against answers as AWS Config gives them.

use aws_sdk_config::{
    Client,
    config::{http::HttpResponse, retry::RetryConfig},
    operation::put_evaluations::PutEvaluationsOutput,
    types::{ComplianceType, Evaluation},
};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use credwarden_config_rule::EvaluationError;

use crate::scripted::{Scripted, chain, compliant, invoke, invoke_with, non_compliant, scheduled, user};

const NO_RESULTS: &str = r#"{"EvaluationResults":[]}"#;

fn answer(status: u16, body: &'static str) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), body.into())
}

fn three_attempts(config: aws_sdk_config::config::Builder) -> aws_sdk_config::config::Builder {
    config.retry_config(RetryConfig::standard().with_max_attempts(3))
}

fn sent(evaluation: &Evaluation) -> (&str, &str, &ComplianceType, Option<&str>) {
    (
        evaluation.compliance_resource_type(),
        evaluation.compliance_resource_id(),
        evaluation.compliance_type(),
        evaluation.annotation(),
    )
}

#[tokio::test]
async fn what_was_found_is_put_with_token_and_ordering_timestamp_and_no_empty_annotation() {
    let details = mock!(Client::get_compliance_details_by_config_rule).then_http_response(|| answer(200, NO_RESULTS));
    let put = mock!(Client::put_evaluations)
        .match_requests(|request| {
            let evaluations = request.evaluations();
            request.result_token() == Some("a-token-that-nobody-may-see")
                && request.test_mode().is_none()
                && evaluations.iter().map(sent).eq([
                    ("AWS::IAM::User", "AIDA2", &ComplianceType::NonCompliant, Some("why")),
                    ("AWS::IAM::User", "AIDA1", &ComplianceType::Compliant, None),
                ])
                && evaluations
                    .iter()
                    .all(|evaluation| evaluation.ordering_timestamp().to_millis().ok() == Some(1_789_999_200_373))
        })
        .then_http_response(|| answer(200, "{}"));
    let client = mock_client!(aws_sdk_config, RuleMode::MatchAny, [&details, &put]);
    let rule = Scripted::complete([(user("AIDA1"), compliant("")), (user("AIDA2"), non_compliant("why"))]);
    invoke(&rule, &client).await.unwrap();
    assert_eq!((details.num_calls(), put.num_calls()), (1, 1));
}

#[tokio::test]
async fn stored_results_are_asked_for_in_pages_of_100_and_read_by_type_id_compliance_and_annotation() {
    const FIRST: &str = r#"{"NextToken":"more","EvaluationResults":[
        {"EvaluationResultIdentifier":{"EvaluationResultQualifier":{"ConfigRuleName":"periodic-rule","ResourceType":"AWS::IAM::User","ResourceId":"AIDA1"},"OrderingTimestamp":1.7899992E9},
         "ComplianceType":"COMPLIANT","ResultRecordedTime":1.789999201E9,"ConfigRuleInvokedTime":1.7899992E9,"Annotation":"fine"},
        {"ComplianceType":"COMPLIANT"},
        {"EvaluationResultIdentifier":{"EvaluationResultQualifier":{"ResourceType":"AWS::IAM::User","ResourceId":"AIDA9"}},"ComplianceType":"INSUFFICIENT_DATA"}]}"#;
    const LAST: &str = r#"{"NextToken":"","EvaluationResults":[
        {"EvaluationResultIdentifier":{"EvaluationResultQualifier":{"ResourceType":"AWS::IAM::User","ResourceId":"GONE"}},"ComplianceType":"NON_COMPLIANT"}]}"#;
    let first = mock!(Client::get_compliance_details_by_config_rule)
        .match_requests(|request| {
            request.config_rule_name() == Some("periodic-rule")
                && request.compliance_types() == [ComplianceType::Compliant, ComplianceType::NonCompliant]
                && request.limit() == Some(100)
                && request.next_token().is_none()
        })
        .then_http_response(|| answer(200, FIRST));
    let last = mock!(Client::get_compliance_details_by_config_rule)
        .match_requests(|request| request.next_token() == Some("more") && request.limit() == Some(100))
        .then_http_response(|| answer(200, LAST));
    let put = mock!(Client::put_evaluations)
        .match_requests(|request| {
            request.evaluations().iter().map(sent).eq([(
                "AWS::IAM::User",
                "GONE",
                &ComplianceType::NotApplicable,
                None,
            )])
        })
        .then_http_response(|| answer(200, "{}"));
    let client = mock_client!(aws_sdk_config, RuleMode::MatchAny, [&first, &last, &put]);
    let report = invoke(&Scripted::complete([(user("AIDA1"), compliant("fine"))]), &client).await.unwrap();
    assert_eq!((first.num_calls(), last.num_calls(), put.num_calls()), (1, 1, 1));
    assert_eq!((report.sent, report.taken_back), (1, 1));
}

#[tokio::test]
async fn a_stored_result_is_as_old_as_the_later_of_its_times() {
    const RESULTS: &str = r#"{"EvaluationResults":[
        {"EvaluationResultIdentifier":{"EvaluationResultQualifier":{"ResourceType":"AWS::IAM::User","ResourceId":"AIDA1"},"OrderingTimestamp":1.78E9},
         "ComplianceType":"COMPLIANT","ResultRecordedTime":1.7899992E9},
        {"EvaluationResultIdentifier":{"EvaluationResultQualifier":{"ResourceType":"AWS::IAM::User","ResourceId":"AIDA2"},"OrderingTimestamp":1.7899992E9},
         "ComplianceType":"COMPLIANT","ResultRecordedTime":1.78E9},
        {"EvaluationResultIdentifier":{"EvaluationResultQualifier":{"ResourceType":"AWS::IAM::User","ResourceId":"AIDA3"},"OrderingTimestamp":1.78E9},
         "ComplianceType":"COMPLIANT","ResultRecordedTime":1.78E9}]}"#;
    let details = mock!(Client::get_compliance_details_by_config_rule).then_http_response(|| answer(200, RESULTS));
    let put = mock!(Client::put_evaluations)
        .match_requests(|request| request.evaluations().iter().map(Evaluation::compliance_resource_id).eq(["AIDA3"]))
        .then_http_response(|| answer(200, "{}"));
    let client = mock_client!(aws_sdk_config, RuleMode::MatchAny, [&details, &put]);
    let rule = Scripted::complete(["AIDA1", "AIDA2", "AIDA3"].map(|id| (user(id), compliant(""))));
    invoke(&rule, &client).await.unwrap();
    assert_eq!(put.num_calls(), 1);
}

#[tokio::test]
async fn in_test_mode_the_call_says_so_and_nothing_stored_is_read() {
    let put = mock!(Client::put_evaluations)
        .match_requests(|request| request.result_token() == Some("TESTMODE") && request.test_mode() == Some(true))
        .then_http_response(|| answer(200, "{}"));
    let client = mock_client!(aws_sdk_config, RuleMode::MatchAny, [&put]);
    let mut event = scheduled();
    event["resultToken"] = "TESTMODE".into();
    invoke_with(&Scripted::complete([(user("AIDA1"), compliant(""))]), &client, &event).await.unwrap();
    assert_eq!(put.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_made_again() {
    const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    let details = mock!(Client::get_compliance_details_by_config_rule)
        .sequence()
        .http_response(|| answer(400, THROTTLED))
        .http_response(|| answer(200, NO_RESULTS))
        .build();
    let put = mock!(Client::put_evaluations)
        .sequence()
        .http_response(|| answer(400, THROTTLED))
        .http_response(|| answer(503, ""))
        .output(|| PutEvaluationsOutput::builder().build())
        .build();
    let client = mock_client!(aws_sdk_config, RuleMode::MatchAny, [&details, &put], three_attempts);
    invoke(&Scripted::complete([(user("AIDA1"), compliant(""))]), &client).await.unwrap();
    assert_eq!((details.num_calls(), put.num_calls()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn failed_evaluations_of_the_answer_are_sent_again() {
    const FAILED: &str = r#"{"FailedEvaluations":[{"ComplianceResourceType":"AWS::IAM::User","ComplianceResourceId":"AIDA2","ComplianceType":"COMPLIANT","OrderingTimestamp":1.7899992E9}]}"#;
    let details = mock!(Client::get_compliance_details_by_config_rule).then_http_response(|| answer(200, NO_RESULTS));
    let both = mock!(Client::put_evaluations)
        .match_requests(|request| request.evaluations().len() == 2)
        .then_http_response(|| answer(200, FAILED));
    let again = mock!(Client::put_evaluations)
        .match_requests(|request| request.evaluations().iter().map(Evaluation::compliance_resource_id).eq(["AIDA2"]))
        .then_http_response(|| answer(200, "{}"));
    let client = mock_client!(aws_sdk_config, RuleMode::MatchAny, [&details, &both, &again]);
    let rule = Scripted::complete([(user("AIDA1"), compliant("")), (user("AIDA2"), compliant(""))]);
    invoke(&rule, &client).await.unwrap();
    assert_eq!((both.num_calls(), again.num_calls()), (1, 1));
}

#[tokio::test]
async fn what_aws_config_says_is_in_the_error_and_the_token_is_not() {
    let details = mock!(Client::get_compliance_details_by_config_rule).then_http_response(|| answer(200, NO_RESULTS));
    let put = mock!(Client::put_evaluations).then_http_response(|| {
        answer(400, r#"{"__type":"InvalidResultTokenException","message":"The specified ResultToken is invalid."}"#)
    });
    let client = mock_client!(aws_sdk_config, RuleMode::MatchAny, [&details, &put]);
    let error = invoke(&Scripted::complete([(user("AIDA1"), compliant(""))]), &client).await.unwrap_err();
    assert!(matches!(error, EvaluationError::NotAccepted { .. }));
    let text = format!("{} {error:?}", chain(&error));
    assert!(text.contains("InvalidResultTokenException") && text.contains("AWS::IAM::User AIDA1"), "{text}");
    assert!(!text.contains("nobody-may-see"), "{text}");
}
