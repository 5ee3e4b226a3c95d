use std::{error::Error, future::Future};

use jiff::Timestamp;

use crate::{Annotation, Compliance, ConfigurationItem, Resource, ResultToken};

/// The most evaluations that one `PutEvaluations` takes (service model).
pub const MAX_BATCH: usize = 100;

/// The calls to AWS Config that a custom rule needs.
///
/// Implemented for `aws_sdk_config::Client`, which needs `config:PutEvaluations`; for a schedule, on the rule's ARN,
/// `config:GetComplianceDetailsByConfigRule`; and for changes `config:GetResourceConfigHistory`. Implement it to try a
/// rule out without AWS, with [`evaluate`](crate::evaluate).
pub trait ConfigService {
    /// Reports evaluations, at most [`MAX_BATCH`]; none at all is a report too, that the invocation is over.
    ///
    /// Gives back the resources whose evaluations AWS Config says it failed to take (`FailedEvaluations`).
    fn put_evaluations(&self, report: PutEvaluations<'_>) -> impl Future<Output = Result<Vec<Resource>, ServiceError>>;

    /// One page of the results, compliant and non-compliant, that AWS Config has stored for a rule.
    fn compliance_details(
        &self,
        config_rule_name: &str,
        next_token: Option<String>,
    ) -> impl Future<Output = Result<CompliancePage, ServiceError>>;

    /// The newest item of a resource's history that was captured no later than `latest`; nothing if there is none.
    ///
    /// Asked for when a change did not fit into its event. A service that keeps no history may leave this out; such a
    /// change then fails.
    fn configuration_item(
        &self,
        resource: &Resource,
        latest: Timestamp,
    ) -> impl Future<Output = Result<Option<ConfigurationItem>, ServiceError>> {
        let _ = latest;
        std::future::ready(Err(format!("this service keeps no history of {resource}").into()))
    }
}

/// Why a call to AWS Config failed, after the client's own retries.
pub type ServiceError = Box<dyn Error + Send + Sync>;

/// What one `PutEvaluations` says.
#[derive(Debug, Clone, Copy)]
pub struct PutEvaluations<'a> {
    /// The token of the invocation. If it [`is_test`](ResultToken::is_test), nothing may be stored.
    pub result_token: &'a ResultToken,
    /// When AWS Config sent the event or, for a change, when it recorded the change; it keeps the result with the latest
    /// ordering timestamp.
    pub ordering_timestamp: Timestamp,
    /// What to report.
    pub evaluations: &'a [Evaluation],
}

/// What AWS Config is told of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// Of what.
    pub resource: Resource,
    /// The answer.
    pub compliance: Compliance,
    /// What is said beside it; left out of the call when empty.
    pub annotation: Annotation,
}

/// One page of stored results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompliancePage {
    /// The results, each with its resource.
    pub results: Vec<(Resource, StoredResult)>,
    /// What the next page is asked for with; nothing on the last page.
    pub next_token: Option<String>,
}

/// What AWS Config has stored of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResult {
    /// The answer.
    pub compliance: Compliance,
    /// The annotation, empty when there is none.
    pub annotation: String,
    /// When the result was last reported; nothing if AWS Config does not say.
    pub reported_at: Option<Timestamp>,
}
