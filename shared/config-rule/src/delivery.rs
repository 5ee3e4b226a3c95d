use std::{collections::BTreeSet, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use thiserror::Error;

use crate::{ConfigService, Evaluation, PutEvaluations, Resource, ServiceError, service::MAX_BATCH};

/// How often evaluations that AWS Config failed to take are sent again.
const RETRIES: usize = 4;

/// How long to wait before the first of these; each next time about twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// How many resources an error names. A line of a log has its limits.
const NAMED: usize = 50;

/// Evaluations that AWS Config did not accept, though they were sent again.
#[derive(Debug, Error)]
#[error("AWS Config did not accept {} of {sent} evaluations: {}", resources.len(), named(resources))]
pub struct NotAccepted {
    /// Of what AWS Config has no or an earlier result now.
    pub resources: BTreeSet<Resource>,
    /// How many evaluations there were to send.
    pub sent: usize,
    /// Why the first call failed that failed as a whole; nothing if AWS Config only named them as failed.
    pub source: Option<ServiceError>,
}

fn named(resources: &BTreeSet<Resource>) -> String {
    if resources.is_empty() {
        return "there was nothing to report, but not even that was accepted".to_owned();
    }
    let text = resources.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match resources.len().saturating_sub(NAMED) {
        0 => text,
        more => format!("{text}, +{more} more"),
    }
}

/// Sends the evaluations in batches, and again those that AWS Config says it failed to take.
///
/// A batch that fails as a whole, after the client's own retries, does not keep the others from being sent.
/// Nothing to send is sent too: otherwise AWS Config would show the rule as "Evaluating…".
pub(crate) async fn deliver<S: ConfigService>(service: &S, all: PutEvaluations<'_>) -> Result<(), NotAccepted> {
    let mut error = NotAccepted { resources: BTreeSet::new(), sent: all.evaluations.len(), source: None };
    let mut delays =
        ExponentialBuilder::new().with_jitter().with_min_delay(FIRST_DELAY).with_max_times(RETRIES).build();
    let mut to_send = all.evaluations.to_vec();
    loop {
        let mut failed = BTreeSet::new();
        for evaluations in batches(&to_send) {
            match service.put_evaluations(PutEvaluations { evaluations, ..all }).await {
                Ok(resources) => failed.extend(resources),
                Err(source) => {
                    error.resources.extend(evaluations.iter().map(|evaluation| evaluation.resource.clone()));
                    error.source.get_or_insert(source);
                }
            }
        }
        to_send.retain(|evaluation| failed.remove(&evaluation.resource));
        // What was not sent cannot be sent again, but is not passed over either.
        error.resources.extend(failed);
        let Some(delay) = (if to_send.is_empty() { None } else { delays.next() }) else { break };
        tokio::time::sleep(delay).await;
    }
    error.resources.extend(to_send.into_iter().map(|evaluation| evaluation.resource));
    if error.resources.is_empty() && error.source.is_none() { Ok(()) } else { Err(error) }
}

/// Batches of at most [`MAX_BATCH`], but always one, if need be an empty one.
fn batches(evaluations: &[Evaluation]) -> impl Iterator<Item = &[Evaluation]> {
    let empty = evaluations.is_empty().then_some(evaluations);
    empty.into_iter().chain(evaluations.chunks(MAX_BATCH))
}
