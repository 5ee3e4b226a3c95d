//! SARIF 2.1.0 (OASIS), for code scanning and viewers.
//!
//! `NON_COMPLIANT` is a failure of level `error`; what is due is one of level `note`; `UNKNOWN` is of kind `open` and
//! `COMPLIANT` of kind `pass`, whose level is `none` (3.27.9, 3.27.10). What an exception covers is an `error` that is
//! suppressed (3.35). A user is no file: the location is its ARN, where the
//! source tells it.

use serde_json::{Value, json};

use crate::finding::{Finding, Scan, Status};

/// The page of the practice that all rules serve: SEC02-BP05, "Audit and rotate credentials periodically".
const HELP: &str = "https://docs.aws.amazon.com/wellarchitected/latest/framework/sec_identities_audit.html";

/// The schema that a document names.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A scan as one run.
pub fn document(scan: &Scan) -> Value {
    let rules: Vec<Value> = scan
        .rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.name.as_str(),
                "shortDescription": { "text": rule.finds },
                "helpUri": HELP,
                "defaultConfiguration": { "level": "error" },
                "properties": { "tags": tags(&rule.controls) },
            })
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "credwarden", "semanticVersion": scan.version, "rules": rules } },
            "invocations": [{ "executionSuccessful": true }],
            "columnKind": "unicodeCodePoints",
            "results": scan.findings.iter().map(|finding| result(scan, finding)).collect::<Vec<_>>(),
            "properties": {
                "asOf": scan.as_of,
                "source": scan.source,
                "policy": scan.policy,
                "limitations": scan.limitations,
                "summary": scan.summary,
            },
        }],
    })
}

fn tags(controls: &[String]) -> Vec<&str> {
    ["security", "credentials"].into_iter().chain(controls.iter().map(String::as_str)).collect()
}

fn result(scan: &Scan, finding: &Finding) -> Value {
    let (kind, level) = match finding.status {
        Status::NonCompliant => ("fail", "error"),
        Status::Unknown => ("open", "none"),
        Status::Compliant if finding.due_by.is_some() => ("fail", "note"),
        Status::Compliant if finding.exception.is_some() => ("fail", "error"),
        Status::Compliant => ("pass", "none"),
    };
    let name = finding.resource_name.as_str();
    let user = finding.resource_id.as_ref().map_or(name, |id| id.as_str());
    let uri = finding.resource_arn.as_ref().map_or_else(|| format!("urn:credwarden:user:{name}"), ToString::to_string);
    let suppressions: Vec<Value> =
        finding.exception.iter().map(|_| json!({ "kind": "external", "justification": finding.reason })).collect();
    json!({
        "ruleId": finding.rule.as_str(),
        "ruleIndex": scan.rules.iter().position(|rule| rule.name == finding.rule),
        "kind": kind,
        "level": level,
        "message": { "text": format!("{name}: {}", finding.reason) },
        "locations": [{
            "physicalLocation": { "artifactLocation": { "uri": uri }, "region": { "startLine": 1 } },
            "logicalLocations": [{ "name": name, "fullyQualifiedName": uri, "kind": "resource" }],
        }],
        "suppressions": suppressions,
        "partialFingerprints": { "credential/v1": format!("{}/{user}/{}", finding.rule, finding.credential()) },
        "properties": finding,
    })
}
