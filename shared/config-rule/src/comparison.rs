use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{Annotation, Compliance, Coverage, Evaluation, Judgement, Pass, Resource, StoredResult};

/// How old the stored result of a compliant resource may become before an equal one is reported again.
///
/// Every evaluation that is reported is billed, unchanged ones too, so that unchanged ones are not; but a result that
/// nobody confirms for ever proves nothing.
pub const MAX_RESULT_AGE: Duration = Duration::from_hours(30 * 24);

/// What AWS Config has stored for a rule.
pub type StoredResults = BTreeMap<Resource, StoredResult>;

/// Compares what was found with what AWS Config has, and says what to report: non-compliant first, so that the worst
/// is told even if the rest fails.
///
/// - `NON_COMPLIANT` always: AWS Config's remediation starts from it.
/// - `COMPLIANT` if there was another result or another annotation, and again after [`MAX_RESULT_AGE`]. When, depends
///   on the resource, so that not everything is reported again on one day.
/// - `NOT_APPLICABLE` if there is a result to take back, and so, after a complete pass alone, for every stored result
///   whose resource the pass does not name.
pub fn what_to_send<P>(stored: &StoredResults, pass: &Pass<P>, now: Timestamp) -> Vec<Evaluation> {
    let mut evaluations = everything_judged(pass);
    evaluations.retain(|evaluation| match (evaluation.compliance, stored.get(&evaluation.resource)) {
        (Compliance::NonCompliant, _) | (Compliance::Compliant, None) => true,
        (Compliance::NotApplicable, result) => result.is_some(),
        (Compliance::Compliant, Some(result)) => {
            result.compliance != Compliance::Compliant
                || result.annotation != evaluation.annotation.as_str()
                || is_due_again(&evaluation.resource, result.reported_at, now)
        }
    });
    // INVARIANT (only a complete pass cleans up): after a part of one, a resource that is not named may well exist.
    match pass.coverage {
        Coverage::Partial => {}
        Coverage::Complete => evaluations.extend(gone(stored, pass)),
    }
    evaluations
}

/// Everything that the pass judged, non-compliant first: for test mode, and when the stored results are not known.
pub(crate) fn everything_judged<P>(pass: &Pass<P>) -> Vec<Evaluation> {
    let mut evaluations: Vec<Evaluation> = pass
        .judgements
        .iter()
        .filter_map(|(resource, judgement)| match judgement {
            Judgement::Judged { compliance, annotation } => {
                Some(Evaluation { resource: resource.clone(), compliance: *compliance, annotation: annotation.clone() })
            }
            Judgement::Unknown | Judgement::JudgedEarlier => None,
        })
        .collect();
    evaluations.sort_by_key(|evaluation| evaluation.compliance);
    evaluations
}

fn gone<P>(stored: &StoredResults, pass: &Pass<P>) -> impl Iterator<Item = Evaluation> {
    stored.keys().filter(|resource| !pass.judgements.contains_key(resource)).map(|resource| Evaluation {
        resource: resource.clone(),
        compliance: Compliance::NotApplicable,
        annotation: Annotation::none(),
    })
}

/// Time is cut into periods of [`MAX_RESULT_AGE`], for each resource at an instant of its own. A result of an earlier
/// period is due: exactly one report a period, and about equally many every day.
fn is_due_again(resource: &Resource, reported_at: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(reported_at) = reported_at else { return true };
    let period = i64::try_from(MAX_RESULT_AGE.as_secs()).unwrap_or(i64::MAX);
    let offset = i64::try_from(hash(resource) % MAX_RESULT_AGE.as_secs()).unwrap_or_default();
    let number = |time: Timestamp| time.as_second().saturating_sub(offset).div_euclid(period);
    number(reported_at) < number(now)
}

/// FNV-1a: unlike the standard library's, it stays the same from one version of Rust to the next.
fn hash(resource: &Resource) -> u64 {
    let bytes = resource.kind().bytes().chain([0]).chain(resource.id().bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
