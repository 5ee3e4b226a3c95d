//! What the measured functions call of AWS Config: evaluations are kept, counted, and read back page by page.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::Call;

/// The most results that a page has (service model of `GetComplianceDetailsByConfigRule`).
const LARGEST_PAGE: usize = 100;

/// Stored results.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// By rule, then by resource id.
    results: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Config {
    /// Answers a call, or `None` where nothing measured makes it.
    pub(crate) fn answer(&mut self, call: &Call) -> Option<Value> {
        match call.action.as_str() {
            "config:PutEvaluations" => Some(self.put(call)),
            "config:GetComplianceDetailsByConfigRule" => Some(self.details(call)),
            _ => None,
        }
    }

    /// How many results of a rule are stored, of one compliance type or of any.
    pub(crate) fn stored(&self, rule: &str, compliance: Option<&str>) -> usize {
        let of_rule = self.results.get(rule).into_iter().flat_map(BTreeMap::values);
        of_rule.filter(|result| compliance.is_none_or(|wanted| text(result, "ComplianceType") == wanted)).count()
    }

    /// The name of the rule is its token.
    fn put(&mut self, call: &Call) -> Value {
        let results = self.results.entry(call.text("ResultToken").unwrap_or_default().to_owned()).or_default();
        for evaluation in call.list("Evaluations") {
            let id = text(evaluation, "ComplianceResourceId").to_owned();
            if text(evaluation, "ComplianceType") == "NOT_APPLICABLE" {
                results.remove(&id);
            } else {
                results.insert(id, evaluation.clone());
            }
        }
        json!({ "FailedEvaluations": [] })
    }

    fn details(&self, call: &Call) -> Value {
        let rule = call.text("ConfigRuleName").unwrap_or_default();
        let begin = call.text("NextToken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let limit = call.number("Limit").unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
        let results = self.results.get(rule).into_iter().flat_map(BTreeMap::values);
        let mut rest = results.skip(begin);
        let page: Vec<_> = rest.by_ref().take(limit).map(|result| stored(rule, result)).collect();
        match rest.next() {
            Some(_) => json!({ "EvaluationResults": page, "NextToken": (begin + limit).to_string() }),
            None => json!({ "EvaluationResults": page }),
        }
    }
}

/// How many evaluations are billed in a call of `PutEvaluations`: all but `NOT_APPLICABLE`.
pub(crate) fn billed(call: &Call) -> u64 {
    let evaluations = call.list("Evaluations").iter();
    evaluations.map(|evaluation| u64::from(text(evaluation, "ComplianceType") != "NOT_APPLICABLE")).sum()
}

fn stored(rule: &str, evaluation: &Value) -> Value {
    let mut result = json!({
        "EvaluationResultIdentifier": {
            "EvaluationResultQualifier": {
                "ConfigRuleName": rule,
                "ResourceType": text(evaluation, "ComplianceResourceType"),
                "ResourceId": text(evaluation, "ComplianceResourceId"),
            },
            "OrderingTimestamp": evaluation.get("OrderingTimestamp"),
        },
        "ComplianceType": text(evaluation, "ComplianceType"),
        "ResultRecordedTime": evaluation.get("OrderingTimestamp"),
    });
    if let (Some(annotation), Some(members)) = (evaluation.get("Annotation"), result.as_object_mut()) {
        members.insert("Annotation".to_owned(), annotation.clone());
    }
    result
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Parameters;

    fn call(operation: &str, parameters: Value) -> Call {
        Call { action: format!("config:{operation}"), parameters: Parameters::Json(parameters) }
    }

    fn put(results: &[(&str, &str)]) -> Call {
        let evaluations: Vec<_> = results
            .iter()
            .map(|(id, compliance)| json!({ "ComplianceResourceId": id, "ComplianceType": compliance }))
            .collect();
        call("PutEvaluations", json!({ "ResultToken": "rule", "Evaluations": evaluations }))
    }

    #[test]
    fn what_is_not_applicable_takes_a_result_back_and_is_not_billed() {
        let mut config = Config::default();
        let first = put(&[("AIDA1", "COMPLIANT"), ("AIDA2", "NON_COMPLIANT")]);
        let second = put(&[("AIDA1", "NOT_APPLICABLE"), ("AIDA3", "NON_COMPLIANT")]);
        assert_eq!((billed(&first), billed(&second)), (2, 1));
        config.answer(&first);
        config.answer(&second);
        assert_eq!((config.stored("rule", None), config.stored("rule", Some("NON_COMPLIANT"))), (2, 2));
        assert_eq!(config.stored("another", None), 0);
    }

    #[test]
    fn results_are_read_back_page_by_page_to_their_end() {
        let mut config = Config::default();
        let ids: Vec<_> = (0..250).map(|number| format!("AIDA{number:03}")).collect();
        config.answer(&put(&ids.iter().map(|id| (id.as_str(), "COMPLIANT")).collect::<Vec<_>>()));
        let (mut seen, mut pages, mut token) = (0, 0, Value::Null);
        loop {
            let parameters = json!({ "ConfigRuleName": "rule", "Limit": 100, "NextToken": token });
            let page = config.answer(&call("GetComplianceDetailsByConfigRule", parameters)).unwrap();
            seen += page["EvaluationResults"].as_array().unwrap().len();
            pages += 1;
            token = page["NextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!((seen, pages), (250, 3));
    }
}
