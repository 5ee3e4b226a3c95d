//! The schedule's metrics, in CloudWatch's embedded metric format: a line of the log that CloudWatch reads.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// The namespace of all metrics of the deployment.
pub const NAMESPACE: &str = "Credwarden";

/// The function's name, the only dimension.
pub const FUNCTION: &str = "advance-work";

/// What one round of the schedule met and did. Every field is a metric of the unit `Count` and of the same name in
/// Pascal case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Counts {
    /// Items that were due.
    pub due: usize,
    /// Documents that were started.
    pub started: usize,
    /// Unfinished passes that were told to go on.
    pub passes_continued: usize,
    /// Runs that ended without giving their lease back and had not said why.
    pub runs_died: usize,
    /// Users that AWS Config leaves out of remediation: an alarm looks at it.
    pub remediation_exceptions: usize,
    /// Those of them that AWS Config had written itself and that were cleared.
    pub remediation_exceptions_cleared: usize,
    /// Messages that were sent to owners.
    pub digests: usize,
    /// Events that were sent.
    pub events: usize,
    /// Exceptions whose end was announced.
    pub exceptions_announced: usize,
    /// Exceptions that have ended and whose rules were told to evaluate.
    pub exceptions_ended: usize,
    /// What went wrong.
    pub faults: usize,
}

impl Counts {
    /// The line of the log.
    pub fn line(&self, now: Timestamp) -> Value {
        let mut line = serde_json::to_value(self).unwrap_or_default();
        let Some(fields) = line.as_object_mut() else { return line };
        let metrics: Vec<_> = fields.keys().map(|name| json!({"Name": name, "Unit": "Count"})).collect();
        fields.insert("Function".to_owned(), FUNCTION.into());
        let metrics = json!({"Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": metrics});
        fields.insert("_aws".to_owned(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [metrics]}));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_a_metric_of_the_function() {
        let counts = Counts { remediation_exceptions: 2, ..Counts::default() };
        let line = counts.line(Timestamp::from_second(1_790_000_000).unwrap());
        assert_eq!(line["Function"], "advance-work");
        assert_eq!(line["RemediationExceptions"], 2);
        assert_eq!(line["_aws"]["Timestamp"], 1_790_000_000_000_i64);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Namespace"], "Credwarden");
        assert_eq!(metrics["Dimensions"], json!([["Function"]]));
        for metric in metrics["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric}");
        }
        assert_eq!(metrics["Metrics"].as_array().unwrap().len(), 11);
    }
}
