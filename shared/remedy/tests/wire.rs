//! What is read from AWS's answers, and what is sent.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use aws_sdk_config::operation::batch_get_resource_config::BatchGetResourceConfigOutput;
use aws_sdk_config::types::BaseConfigurationItem;
use aws_sdk_iam::error::ErrorMetadata;
use aws_sdk_iam::operation::delete_login_profile::{DeleteLoginProfileError, DeleteLoginProfileOutput};
use aws_sdk_iam::operation::update_access_key::{UpdateAccessKeyError, UpdateAccessKeyOutput};
use aws_sdk_iam::types::StatusType;
use aws_sdk_iam::types::error::NoSuchEntityException;
use aws_sdk_ssm::operation::get_automation_execution::GetAutomationExecutionOutput;
use aws_sdk_ssm::types::{AutomationExecution, AutomationExecutionStatus, StepExecution};
use aws_smithy_mocks::{mock, mock_client};
use credwarden_credential::id::{UserId, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::KeyStatus;
use credwarden_remedy::resource::{Config, ReadConfig};
use credwarden_remedy::ssm::{ExecutionStatus, ReadSsm, Ssm};
use credwarden_remedy::write::{IamWriter, WriteError, WriteIam};

fn approval(status: AutomationExecutionStatus, decision: &str) -> StepExecution {
    StepExecution::builder()
        .action("aws:approve")
        .step_status(status)
        .outputs("ApproverDecisions", vec![decision.to_owned()])
        .build()
}

async fn execution(status: AutomationExecutionStatus, steps: Vec<StepExecution>) -> credwarden_remedy::ssm::Execution {
    let rule = mock!(aws_sdk_ssm::Client::get_automation_execution)
        .match_requests(|request| request.automation_execution_id() == Some("e"))
        .then_output(move || {
            let execution = AutomationExecution::builder()
                .automation_execution_id("e")
                .document_name("credwarden-access-key-age")
                .automation_execution_status(status.clone())
                .executed_by("arn:aws:sts::123456789012:assumed-role/security/bob")
                .parameters("ResourceId", vec!["AIDACKCEVSQ6C2EXAMPLE".to_owned()])
                .set_step_executions(Some(steps.clone()));
            GetAutomationExecutionOutput::builder().automation_execution(execution.build()).build()
        });
    Ssm::new(mock_client!(aws_sdk_ssm, [&rule])).automation_execution("e").await.unwrap()
}

fn writer(client: aws_sdk_iam::Client) -> IamWriter {
    IamWriter::new(client, "arn:aws:iam::123456789012:policy/credwarden-refuse-sessions".parse().unwrap())
}

#[tokio::test]
async fn an_execution_is_read_with_who_executed_it() {
    let execution = execution(AutomationExecutionStatus::Inprogress, Vec::new()).await;
    assert_eq!(execution.document_name, "credwarden-access-key-age");
    assert_eq!(execution.status, ExecutionStatus::UnderWay);
    assert_eq!(execution.executed_by.as_deref(), Some("arn:aws:sts::123456789012:assumed-role/security/bob"));
    assert_eq!(execution.parameters["ResourceId"], ["AIDACKCEVSQ6C2EXAMPLE"]);
}

#[tokio::test]
async fn an_execution_that_is_over_is_not_under_way() {
    for status in [
        AutomationExecutionStatus::Success,
        AutomationExecutionStatus::Failed,
        AutomationExecutionStatus::Cancelled,
        AutomationExecutionStatus::Timedout,
    ] {
        let read = execution(status.clone(), Vec::new()).await;
        assert_eq!(read.status, ExecutionStatus::Other(status.as_str().to_owned()));
    }
}

#[tokio::test]
async fn only_approvals_of_a_step_that_succeeded_count() {
    let decisions = r#"[{"approver": "arn:a", "decision": "Approve"}, {"approver": "arn:b", "decision": "Reject"}]"#;
    let steps = vec![
        approval(AutomationExecutionStatus::Success, decisions),
        approval(AutomationExecutionStatus::Rejected, r#"{"approver": "arn:c", "decision": "Approve"}"#),
        approval(AutomationExecutionStatus::Success, "[{approver=arn:d, decision=Approve}]"),
    ];
    assert_eq!(execution(AutomationExecutionStatus::Inprogress, steps).await.approvers, ["arn:a"]);
}

#[tokio::test]
async fn a_user_is_asked_for_by_id_and_only_its_own_name_is_taken() {
    let id: UserId = "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap();
    for (answered, expected) in [("AIDACKCEVSQ6C2EXAMPLE", Some("alice")), ("AIDACKCEVSQ6C2OTHERXX", None)] {
        let rule = mock!(aws_sdk_config::Client::batch_get_resource_config)
            .match_requests(|request| {
                let key = &request.resource_keys()[0];
                key.resource_type().as_str() == "AWS::IAM::User" && key.resource_id() == "AIDACKCEVSQ6C2EXAMPLE"
            })
            .then_output(move || {
                let item = BaseConfigurationItem::builder().resource_id(answered).resource_name("alice").build();
                BatchGetResourceConfigOutput::builder().base_configuration_items(item).build()
            });
        let name = Config::new(mock_client!(aws_sdk_config, [&rule])).user_name(&id).await.unwrap();
        assert_eq!(name.as_ref().map(UserName::as_str), expected);
    }
}

#[tokio::test]
async fn a_key_is_updated_by_the_name_of_its_user() {
    let rule = mock!(aws_sdk_iam::Client::update_access_key)
        .match_requests(|request| {
            request.user_name() == Some("alice")
                && request.access_key_id() == Some("AKIAIOSFODNN7EXAMPLE")
                && request.status() == Some(&StatusType::Inactive)
        })
        .then_output(|| UpdateAccessKeyOutput::builder().build());
    let writer = writer(mock_client!(aws_sdk_iam, [&rule]));
    let (user, key): (UserName, CredentialId) = ("alice".parse().unwrap(), "AKIAIOSFODNN7EXAMPLE".parse().unwrap());
    writer.set_status(&user, &key, KeyStatus::Inactive).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn a_key_that_is_gone_is_told_from_a_failure() {
    let gone = mock!(aws_sdk_iam::Client::update_access_key).then_error(|| {
        let meta = ErrorMetadata::builder().code("NoSuchEntity").build();
        UpdateAccessKeyError::NoSuchEntityException(NoSuchEntityException::builder().meta(meta).build())
    });
    let denied = mock!(aws_sdk_iam::Client::update_access_key).then_error(|| {
        UpdateAccessKeyError::generic(ErrorMetadata::builder().code("AccessDenied").message("no").build())
    });
    let (user, key): (UserName, CredentialId) = ("alice".parse().unwrap(), "AKIAIOSFODNN7EXAMPLE".parse().unwrap());
    let error = writer(mock_client!(aws_sdk_iam, [&gone])).set_status(&user, &key, KeyStatus::Active).await;
    assert!(matches!(error, Err(WriteError::NoSuchEntity { .. })), "{error:?}");
    let error = writer(mock_client!(aws_sdk_iam, [&denied])).set_status(&user, &key, KeyStatus::Active).await;
    let text = error.unwrap_err().to_string();
    assert!(
        text.starts_with("failed to update access key AKIAIOSFODNN7EXAMPLE of `alice`: ")
            && text.contains("AccessDenied"),
        "{text}"
    );
}

#[tokio::test]
async fn a_password_is_deleted_by_the_name_of_its_user_and_what_iam_says_is_told_apart() {
    let user: UserName = "alice".parse().unwrap();
    let rule = mock!(aws_sdk_iam::Client::delete_login_profile)
        .match_requests(|request| request.user_name() == Some("alice"))
        .then_output(|| DeleteLoginProfileOutput::builder().build());
    writer(mock_client!(aws_sdk_iam, [&rule])).delete_password(&user).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
    let failed = async |code: &'static str| {
        let rule = mock!(aws_sdk_iam::Client::delete_login_profile)
            .then_error(move || DeleteLoginProfileError::generic(ErrorMetadata::builder().code(code).build()));
        writer(mock_client!(aws_sdk_iam, [&rule])).delete_password(&user).await.unwrap_err()
    };
    assert!(matches!(failed("NoSuchEntity").await, WriteError::NoSuchEntity { .. }));
    assert!(matches!(failed("EntityTemporarilyUnmodifiable").await, WriteError::NotYet { .. }));
    assert!(matches!(failed("AccessDenied").await, WriteError::Failed { .. }));
}
