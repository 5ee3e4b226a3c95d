use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    ChangeRule, Compliance, ConfigService, ConfigurationItem, Coverage, EvaluationError, ExecutionRole, Invocation,
    Judgement, Pass, PutEvaluations, Rule, ServiceError, StoredResults, Triggers,
    change::{NotApplicable, of_history},
    comparison::{everything_judged, what_to_send},
    delivery::deliver,
    event::{Change, Event, Message},
    organization::{execution_role, function_account},
};

/// The message types of AWS Config that trigger a rule by the schedule.
const PERIODIC: &str = "ScheduledNotification and ConfigurationSnapshotDeliveryCompleted";

/// The message types of AWS Config that trigger a rule by a change.
const CHANGE: &str = "ConfigurationItemChangeNotification and OversizedConfigurationItemChangeNotification";

/// The message types of AWS Config that trigger a rule by either.
const EVERY: &str = "ScheduledNotification, ConfigurationSnapshotDeliveryCompleted, \
                     ConfigurationItemChangeNotification and OversizedConfigurationItemChangeNotification";

/// What an invocation did: the function's answer, for whoever invokes it by hand. (AWS Config ignores it.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The name of the Config rule.
    pub config_rule_name: String,
    /// How many evaluations were sent, and accepted.
    pub sent: usize,
    /// How many of them took a result back (`NOT_APPLICABLE`, not billed).
    pub taken_back: usize,
    /// How many resources were judged non-compliant.
    pub non_compliant: usize,
    /// Of how many resources nothing could be said.
    pub unknown: usize,
    /// Whether a pass was completed; a change is none.
    pub complete: bool,
    /// AWS Config stored nothing of this.
    pub test_mode: bool,
    /// What else the rule has to say, nothing as a rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// Evaluates a rule for one event of AWS Config: everything that [`run`](crate::run) does, but for AWS Lambda.
///
/// `now` is the time and `time_left` how long after it the rule may take.
pub async fn evaluate<T: Triggers, S: ConfigService>(
    rule: &T,
    service: &S,
    event: &Value,
    now: Timestamp,
    time_left: Duration,
) -> Result<Report, EvaluationError> {
    answer(rule, service, Event::parse(event)?, now, time_left).await
}

/// Evaluates a rule for one event of any account of an organization: everything that
/// [`run_in_organization`](crate::run_in_organization) does, but for AWS Lambda.
///
/// `enter` gives the rule and the service with the credentials of the role that the event asks for, or with the
/// function's own. `function_arn` tells which account the function is in.
pub async fn evaluate_in_organization<T: Triggers, S: ConfigService>(
    enter: impl AsyncFnOnce(Option<&ExecutionRole>) -> Result<(T, S), ServiceError>,
    function_arn: &str,
    event: &Value,
    now: Timestamp,
    time_left: Duration,
) -> Result<Report, EvaluationError> {
    let mut event = Event::parse(event)?;
    let function = function_account(function_arn)
        .ok_or_else(|| event.refuse(format!("the function's own ARN `{function_arn}` names no account")))?;
    let to_assume = execution_role(&mut event, &function)?;
    let (rule, service) = enter(to_assume.as_ref()).await.map_err(|source| EvaluationError::Access {
        config_rule_name: event.config_rule.name.clone(),
        account_id: event.account_id.clone(),
        source,
    })?;
    answer(&rule, &service, event, now, time_left).await
}

/// Has the rule answer the event, if it is triggered by events of that kind.
async fn answer<T: Triggers, S: ConfigService>(
    rule: &T,
    service: &S,
    event: Event,
    now: Timestamp,
    time_left: Duration,
) -> Result<Report, EvaluationError> {
    // Boxed, or the compiler finds the futures of a rule's `main` nested too deeply.
    match (event.message, rule.scheduled(), rule.changed()) {
        (Message::Periodic, Some(rule), _) => Box::pin(evaluate_all(rule, service, event, now, time_left)).await,
        (Message::Change | Message::OversizedChange, _, Some(rule)) => {
            Box::pin(evaluate_change(rule, service, event, now, time_left)).await
        }
        (_, scheduled, changed) => {
            let answered = match (scheduled, changed) {
                (Some(_), None) => PERIODIC,
                (None, Some(_)) => CHANGE,
                _ => EVERY,
            };
            Err(event.refuse_message_type(answered).into())
        }
    }
}

/// Judges everything and reports what is new.
async fn evaluate_all<R: Rule, S: ConfigService>(
    rule: &R,
    service: &S,
    event: Event,
    now: Timestamp,
    time_left: Duration,
) -> Result<Report, EvaluationError> {
    let ordering_timestamp = event.creation_time()?;
    let parameters = event.read_parameters()?;
    let Event { config_rule, account_id, result_token, .. } = event;
    let test_mode = result_token.is_test();
    let stored = if test_mode { Ok(None) } else { stored_results(service, &config_rule.name).await.map(Some) };
    let reported = stored.iter().flatten().flat_map(StoredResults::keys).cloned().collect();
    let invocation = Invocation { config_rule, account_id, parameters, test_mode, reported, now, time_left };
    let name = || invocation.config_rule.name.clone();

    let pass = rule
        .evaluate(&invocation)
        .await
        .map_err(|error| EvaluationError::Rule { config_rule_name: name(), source: error.into() })?;

    let (evaluations, unread) = match stored {
        Ok(Some(stored)) => (what_to_send(&stored, &pass, now), None),
        Ok(None) => (everything_judged(&pass), None),
        Err(source) => (everything_judged(&pass), Some(source)),
    };
    let report = report(name(), &pass, &evaluations, test_mode);
    let delivered =
        deliver(service, PutEvaluations { result_token: &result_token, ordering_timestamp, evaluations: &evaluations });
    match (delivered.await, unread) {
        (Ok(()), None) => {}
        (Ok(()), Some(source)) => return Err(EvaluationError::StoredResults { config_rule_name: name(), source }),
        (Err(source), unread) => {
            if let Some(error) = unread {
                warn!(config_rule = name(), %error, "failed to read the stored results");
            }
            return Err(EvaluationError::NotAccepted { config_rule_name: name(), source });
        }
    }
    if !test_mode {
        rule.reported(&invocation, &pass)
            .await
            .map_err(|error| EvaluationError::Reported { config_rule_name: name(), source: error.into() })?;
    }
    let Report { sent, non_compliant, unknown, complete, .. } = &report;
    info!(config_rule = name(), sent, non_compliant, unknown, complete, "evaluated rule `{}`", name());
    Ok(report)
}

/// Judges the resource that has changed and reports on it alone.
///
/// The stored results are not read: one call for each change would cost more time than it saves evaluations.
async fn evaluate_change<C: ChangeRule, S: ConfigService>(
    rule: &C,
    service: &S,
    event: Event,
    now: Timestamp,
    time_left: Duration,
) -> Result<Report, EvaluationError> {
    let change = event.change()?;
    let parameters = event.read_parameters()?;
    let test_mode = event.result_token.is_test();
    let (config_rule, account_id) = (event.config_rule.clone(), event.account_id.clone());
    let reported = BTreeSet::new();
    let invocation = Invocation { config_rule, account_id, parameters, test_mode, reported, now, time_left };
    let name = || invocation.config_rule.name.clone();

    let judgement = if let Some(why) = NotApplicable::of(&change, C::RESOURCE_TYPES) {
        info!(config_rule = name(), "rule `{}` does not apply to {}: {why}", name(), change.resource);
        Judgement::not_applicable()
    } else {
        let item = changed_item(service, &event, &change).await?;
        // The history knows better than a summary.
        if item.status.is_applicable() {
            rule.judge(&item, &invocation)
                .await
                .map_err(|error| EvaluationError::Rule { config_rule_name: name(), source: error.into() })?
        } else {
            Judgement::not_applicable()
        }
    };

    let pass = Pass::partial([(change.resource, judgement)].into());
    let evaluations = everything_judged(&pass);
    let report = report(name(), &pass, &evaluations, test_mode);
    let ordering_timestamp = change.capture_time;
    let result_token = &event.result_token;
    deliver(service, PutEvaluations { result_token, ordering_timestamp, evaluations: &evaluations })
        .await
        .map_err(|source| EvaluationError::NotAccepted { config_rule_name: name(), source })?;
    let Report { sent, non_compliant, unknown, .. } = &report;
    info!(config_rule = name(), sent, non_compliant, unknown, "evaluated rule `{}` for a change", name());
    Ok(report)
}

/// What the resource has changed to: out of the event, or where it did not fit, out of the resource's history.
async fn changed_item<S: ConfigService>(
    service: &S,
    event: &Event,
    change: &Change,
) -> Result<ConfigurationItem, EvaluationError> {
    if event.message != Message::OversizedChange {
        return Ok(event.configuration_item()?);
    }
    let item = service.configuration_item(&change.resource, change.capture_time).await;
    item.and_then(|item| Ok(of_history(change, item)?)).map_err(|source| EvaluationError::History {
        config_rule_name: event.config_rule.name.clone(),
        resource: change.resource.clone(),
        source,
    })
}

async fn stored_results<S: ConfigService>(service: &S, config_rule_name: &str) -> Result<StoredResults, ServiceError> {
    let mut stored = StoredResults::new();
    let mut next_token = None;
    loop {
        let page = service.compliance_details(config_rule_name, next_token).await?;
        stored.extend(page.results);
        next_token = page.next_token;
        if next_token.is_none() {
            return Ok(stored);
        }
    }
}

fn report<P>(config_rule_name: String, pass: &Pass<P>, sent: &[crate::Evaluation], test_mode: bool) -> Report {
    let judgements = || pass.judgements.values();
    Report {
        config_rule_name,
        sent: sent.len(),
        taken_back: sent.iter().filter(|evaluation| evaluation.compliance == Compliance::NotApplicable).count(),
        non_compliant: judgements()
            .filter(|judgement| matches!(judgement, Judgement::Judged { compliance: Compliance::NonCompliant, .. }))
            .count(),
        unknown: judgements().filter(|judgement| matches!(judgement, Judgement::Unknown)).count(),
        complete: pass.coverage == Coverage::Complete,
        test_mode,
        remarks: pass.remarks.clone(),
    }
}
