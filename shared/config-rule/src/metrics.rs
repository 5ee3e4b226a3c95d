//! The metrics that [`run`](crate::run) writes, one line for each invocation. Every unit is Count; names are stable.

use jiff::Timestamp;
use serde::Serialize;

use crate::{EvaluationError, Report};

/// How many evaluations were sent to AWS Config.
pub const EVALUATIONS_SENT: &str = "EvaluationsSent";
/// How many of them took a result back, which is not billed.
pub const RESULTS_TAKEN_BACK: &str = "ResultsTakenBack";
/// How many resources were judged non-compliant.
pub const NON_COMPLIANT: &str = "NonCompliant";
/// Of how many resources nothing could be said.
pub const UNKNOWN: &str = "Unknown";
/// 1 when a pass was completed and all of it accepted, else 0. Alarm on its sum over somewhat more than the rule's
/// period being less than 1, missing data breaching.
pub const COMPLETE_PASSES: &str = "CompletePasses";
/// The metrics' only dimension: the name of the Config rule.
pub const RULE_DIMENSION: &str = "Rule";

/// One invocation's line of metrics in CloudWatch's embedded metric format: a line of the log that CloudWatch turns
/// into metrics by itself (CloudWatch user guide, "Specification: Embedded metric format"). Every unit is Count.
#[derive(Debug, Serialize)]
pub(crate) struct MetricLine<'a> {
    #[serde(rename = "_aws")]
    aws: Metadata<'a>,
    #[serde(rename = "Rule")]
    rule: &'a str,
    #[serde(flatten)]
    counts: Option<Counts>,
    #[serde(rename = "CompletePasses")]
    complete_passes: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counts {
    evaluations_sent: usize,
    results_taken_back: usize,
    non_compliant: usize,
    unknown: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    /// Milliseconds since 1970.
    timestamp: i64,
    cloud_watch_metrics: [Directive<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: [[&'static str; 1]; 1],
    metrics: Vec<Metric>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl<'a> MetricLine<'a> {
    /// The line of an invocation; none in test mode, in which nothing happens, and none for an event that names no rule.
    pub(crate) fn of(outcome: &'a Result<Report, EvaluationError>, namespace: &'a str, now: Timestamp) -> Option<Self> {
        let (rule, counts, complete_passes) = match outcome {
            Ok(report) if report.test_mode => return None,
            Ok(report) => (&*report.config_rule_name, Some(Counts::of(report)), usize::from(report.complete)),
            Err(error) => (error.config_rule_name()?, None, 0),
        };
        let names: &[&str] = match counts {
            Some(_) => &[EVALUATIONS_SENT, RESULTS_TAKEN_BACK, NON_COMPLIANT, UNKNOWN, COMPLETE_PASSES],
            None => &[COMPLETE_PASSES],
        };
        let metrics = names.iter().map(|name| Metric { name, unit: "Count" }).collect();
        let directive = Directive { namespace, dimensions: [[RULE_DIMENSION]], metrics };
        let aws = Metadata { timestamp: now.as_millisecond(), cloud_watch_metrics: [directive] };
        Some(Self { aws, rule, counts, complete_passes })
    }
}

impl Counts {
    fn of(report: &Report) -> Self {
        let Report {
            config_rule_name: _,
            sent,
            taken_back,
            non_compliant,
            unknown,
            complete: _,
            test_mode: _,
            remarks: _,
        } = report;
        Self {
            evaluations_sent: *sent,
            results_taken_back: *taken_back,
            non_compliant: *non_compliant,
            unknown: *unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServiceError;

    fn report() -> Report {
        Report {
            config_rule_name: "credwarden-access-key-age".into(),
            sent: 7,
            taken_back: 2,
            non_compliant: 3,
            unknown: 1,
            complete: true,
            test_mode: false,
            remarks: Vec::new(),
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap()
    }

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let outcome = Ok(report());
        insta::assert_json_snapshot!(MetricLine::of(&outcome, "Credwarden", now()), @r#"
        {
          "_aws": {
            "Timestamp": 1790000000000,
            "CloudWatchMetrics": [
              {
                "Namespace": "Credwarden",
                "Dimensions": [
                  [
                    "Rule"
                  ]
                ],
                "Metrics": [
                  {
                    "Name": "EvaluationsSent",
                    "Unit": "Count"
                  },
                  {
                    "Name": "ResultsTakenBack",
                    "Unit": "Count"
                  },
                  {
                    "Name": "NonCompliant",
                    "Unit": "Count"
                  },
                  {
                    "Name": "Unknown",
                    "Unit": "Count"
                  },
                  {
                    "Name": "CompletePasses",
                    "Unit": "Count"
                  }
                ]
              }
            ]
          },
          "Rule": "credwarden-access-key-age",
          "EvaluationsSent": 7,
          "ResultsTakenBack": 2,
          "NonCompliant": 3,
          "Unknown": 1,
          "CompletePasses": 1
        }
        "#);
    }

    #[test]
    fn a_failed_invocation_completes_no_pass_and_counts_nothing_else() {
        let source = ServiceError::from("unreadable");
        let outcome = Err(EvaluationError::Rule { config_rule_name: "credwarden-access-key-age".into(), source });
        insta::assert_json_snapshot!(MetricLine::of(&outcome, "Credwarden", now()), @r#"
        {
          "_aws": {
            "Timestamp": 1790000000000,
            "CloudWatchMetrics": [
              {
                "Namespace": "Credwarden",
                "Dimensions": [
                  [
                    "Rule"
                  ]
                ],
                "Metrics": [
                  {
                    "Name": "CompletePasses",
                    "Unit": "Count"
                  }
                ]
              }
            ]
          },
          "Rule": "credwarden-access-key-age",
          "CompletePasses": 0
        }
        "#);
    }

    #[test]
    fn a_partial_pass_is_no_complete_one() {
        let outcome = Ok(Report { complete: false, ..report() });
        assert_eq!(MetricLine::of(&outcome, "Credwarden", now()).unwrap().complete_passes, 0);
    }

    #[test]
    fn test_mode_has_no_metrics() {
        let outcome = Ok(Report { test_mode: true, ..report() });
        assert!(MetricLine::of(&outcome, "Credwarden", now()).is_none());
    }

    #[test]
    fn every_metric_that_a_line_declares_is_in_it() {
        let outcome = Ok(report());
        let line = serde_json::to_value(MetricLine::of(&outcome, "Credwarden", now())).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        let metrics = directive["Metrics"].as_array().unwrap().iter().map(|metric| &metric["Name"]);
        for name in metrics.chain(directive["Dimensions"][0].as_array().unwrap()) {
            assert!(line.get(name.as_str().unwrap()).is_some(), "{name}");
        }
    }
}
