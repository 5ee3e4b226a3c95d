use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use tracing::{info, warn};

use crate::{
    Compliance, ConfigService, Coverage, EventError, Invocation, Judgement, NotAccepted, Pass, PutEvaluations, Rule,
    ServiceError, StoredResults,
    comparison::{everything_judged, what_to_send},
    delivery::deliver,
    event::{Event, Notification},
};

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
    /// Whether a pass was completed.
    pub complete: bool,
    /// AWS Config stored nothing of this.
    pub test_mode: bool,
}

/// Why an invocation failed. The function then ends in an error, by which AWS Lambda invokes it again.
#[derive(Debug, Error)]
pub enum EvaluationError {
    /// The event was refused; nothing was evaluated.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The rule failed as a whole; nothing was reported.
    #[error("failed to evaluate rule `{config_rule_name}`")]
    Rule {
        /// The name of the Config rule.
        config_rule_name: String,
        /// What the rule says.
        source: ServiceError,
    },
    /// The stored results could not be read. What was judged was reported all the same, all of it.
    #[error(
        "failed to read the stored results of rule `{config_rule_name}`, \
         so that unchanged ones were reported again and nothing was cleaned up"
    )]
    StoredResults {
        /// The name of the Config rule.
        config_rule_name: String,
        /// Why the call failed.
        source: ServiceError,
    },
    /// AWS Config did not accept everything.
    #[error("failed to report on rule `{config_rule_name}`")]
    NotAccepted {
        /// The name of the Config rule.
        config_rule_name: String,
        /// What was not accepted.
        source: NotAccepted,
    },
    /// Everything was reported, but the rule failed to remember it ([`Rule::reported`]).
    #[error("failed to remember what was reported on rule `{config_rule_name}`")]
    Reported {
        /// The name of the Config rule.
        config_rule_name: String,
        /// What the rule says.
        source: ServiceError,
    },
}

impl EvaluationError {
    /// The Config rule that was to be evaluated; nothing if the event does not name it.
    pub fn config_rule_name(&self) -> Option<&str> {
        match self {
            Self::Event(error) => error.config_rule_name(),
            Self::Rule { config_rule_name, .. }
            | Self::StoredResults { config_rule_name, .. }
            | Self::NotAccepted { config_rule_name, .. }
            | Self::Reported { config_rule_name, .. } => Some(config_rule_name),
        }
    }
}

/// Evaluates a rule for one event of AWS Config: everything that [`run`](crate::run) does, but for AWS Lambda.
///
/// `now` is the time and `time_left` how long after it the rule may take.
pub async fn evaluate<R: Rule, S: ConfigService>(
    rule: &R,
    service: &S,
    event: &Value,
    now: Timestamp,
    time_left: Duration,
) -> Result<Report, EvaluationError> {
    let event: Event<R::Parameters> = Event::parse(event)?;
    let ordering_timestamp = match &event.notification {
        Notification::Scheduled { created_at } => *created_at,
        Notification::Unknown { message_type } => return Err(event.refuse_message_type(message_type).into()),
    };
    let Event { config_rule, account_id, result_token, parameters, notification: _ } = event;
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
    }
}
