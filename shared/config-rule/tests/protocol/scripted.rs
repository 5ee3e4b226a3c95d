//! A rule that finds out what it is told to, and the events that it is invoked with.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use credwarden_config_rule::{
    Annotation, ConfigService, Coverage, EvaluationError, Invocation, Judgement, NoParameters, Pass, Report, Resource,
    Rule, evaluate,
};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) const USER: &str = "AWS::IAM::User";

/// Gives back its pass, and writes down what it is handed back.
pub(crate) struct Scripted {
    pub(crate) pass: Result<Pass<&'static str>, &'static str>,
    pub(crate) invoked: RefCell<Vec<Invocation<NoParameters>>>,
    pub(crate) remembered: RefCell<Vec<&'static str>>,
    pub(crate) forgets: bool,
}

impl Scripted {
    pub(crate) fn complete(judgements: impl IntoIterator<Item = (Resource, Judgement)>) -> Self {
        Self::new(judgements, Coverage::Complete)
    }

    pub(crate) fn partial(judgements: impl IntoIterator<Item = (Resource, Judgement)>) -> Self {
        Self::new(judgements, Coverage::Partial)
    }

    pub(crate) fn failing(error: &'static str) -> Self {
        Self { pass: Err(error), ..Self::complete([]) }
    }

    fn new(judgements: impl IntoIterator<Item = (Resource, Judgement)>, coverage: Coverage) -> Self {
        let judgements: BTreeMap<_, _> = judgements.into_iter().collect();
        let progress = "the cursor";
        Self {
            pass: Ok(Pass { judgements, coverage, progress, remarks: Vec::new() }),
            invoked: RefCell::default(),
            remembered: RefCell::default(),
            forgets: false,
        }
    }
}

impl Rule for Scripted {
    type Parameters = NoParameters;
    type Progress = &'static str;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    async fn evaluate(&self, invocation: &Invocation<NoParameters>) -> Result<Pass<&'static str>, Self::Error> {
        self.invoked.borrow_mut().push(invocation.clone());
        self.pass.clone().map_err(Into::into)
    }

    async fn reported(&self, _: &Invocation<NoParameters>, pass: &Pass<&'static str>) -> Result<(), Self::Error> {
        if self.forgets {
            return Err("the table is gone".into());
        }
        self.remembered.borrow_mut().push(pass.progress);
        Ok(())
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-09-21T14:13:20Z".parse().unwrap()
}

pub(crate) fn user(id: impl Into<String>) -> Resource {
    Resource::new(USER, id).unwrap()
}

pub(crate) fn users(count: usize) -> Vec<Resource> {
    (0..count).map(|number| user(format!("AIDA{number:04}"))).collect()
}

pub(crate) fn compliant(annotation: &str) -> Judgement {
    Judgement::compliant(Annotation::from_entries([annotation]))
}

pub(crate) fn non_compliant(annotation: &str) -> Judgement {
    Judgement::non_compliant(Annotation::from_entries([annotation]))
}

/// An event as AWS documents it for a scheduled rule.
pub(crate) fn scheduled() -> Value {
    json!({
        "version": "1.0",
        "invokingEvent": r#"{"awsAccountId":"123456789012","notificationCreationTime":"2026-09-21T14:00:00.373Z","messageType":"ScheduledNotification","recordVersion":"1.0"}"#,
        "ruleParameters": "{}",
        "resultToken": "a-token-that-nobody-may-see",
        "eventLeftScope": false,
        "executionRoleArn": "arn:aws:iam::123456789012:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
        "configRuleArn": "arn:aws:config:us-east-1:123456789012:config-rule/config-rule-0123456",
        "configRuleName": "periodic-rule",
        "configRuleId": "config-rule-0123456",
        "accountId": "123456789012"
    })
}

pub(crate) async fn invoke(rule: &Scripted, service: &impl ConfigService) -> Result<Report, EvaluationError> {
    invoke_with(rule, service, &scheduled()).await
}

pub(crate) async fn invoke_with(
    rule: &Scripted,
    service: &impl ConfigService,
    event: &Value,
) -> Result<Report, EvaluationError> {
    evaluate(rule, service, event, now(), Duration::from_secs(200)).await
}

/// An error with everything that led to it, as the function's answer has it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause))).unwrap_or_default();
    format!("{error}{cause}")
}
