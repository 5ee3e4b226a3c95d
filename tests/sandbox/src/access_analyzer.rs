//! IAM Access Analyzer, played: an unused access analyzer, where a test creates one.
//!
//! It looks at the account when it is created, and again when 24 hours have passed (IAM User Guide, "IAM Access Analyzer
//! findings"); in between, its findings stand, whatever is used. It finds what was not used for its `unusedAccessAge`
//! and existed all the time. Lists show neither its configuration nor a key's id (IAM Access Analyzer API Reference,
//! `AnalyzerSummary`, `FindingSummaryV2`). Whether it looks at inactive keys is not documented; here it does not.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Answer, Call, Player};
use crate::shape::present;
use crate::template::Scope;

/// Access Analyzer of one account in one region.
#[derive(Debug)]
pub struct AccessAnalyzer {
    scope: Scope,
    state: Mutex<Option<Analyzer>>,
}

/// The analyzer of unused access.
#[derive(Clone, Debug)]
struct Analyzer {
    age_days: i64,
    created: Timestamp,
    looked: Timestamp,
    findings: Vec<Finding>,
    /// Credentials that it finds whatever was used, and those that it never finds.
    insisted: BTreeSet<String>,
    overlooked: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Finding {
    id: String,
    user: String,
    /// A key's id; `None`: the password.
    key: Option<String>,
    last_accessed: Option<Timestamp>,
    is_archived: bool,
}

impl AccessAnalyzer {
    /// Nobody has created an analyzer.
    pub fn new(scope: Scope) -> Self {
        Self { scope, state: Mutex::default() }
    }

    /// Somebody creates an analyzer of this age.
    pub(crate) fn create(&self, age_days: i64, now: Timestamp) {
        let (findings, insisted, overlooked) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let looked = Timestamp::MIN;
        *self.state() = Some(Analyzer { age_days, created: now, looked, findings, insisted, overlooked });
    }

    /// From now on it finds this access key unused whenever it looks, whatever is so.
    pub fn insist(&self, key: &str) {
        if let Some(analyzer) = self.state().as_mut() {
            analyzer.insisted.insert(key.to_owned());
            analyzer.looked = Timestamp::MIN;
        }
    }

    /// From now on it does not find this access key whenever it looks, whatever is so.
    pub fn overlook(&self, key: &str) {
        if let Some(analyzer) = self.state().as_mut() {
            analyzer.overlooked.insert(key.to_owned());
            analyzer.looked = Timestamp::MIN;
        }
    }

    /// Somebody archives every finding of now.
    pub fn archive_all(&self) {
        if let Some(analyzer) = self.state().as_mut() {
            analyzer.findings.iter_mut().for_each(|finding| finding.is_archived = true);
        }
    }

    /// Whether it is to look at the account.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.state().as_ref().is_some_and(|analyzer| later(analyzer.looked, REFRESH) <= now)
    }

    /// It looks at users and their credentials as they truly are.
    pub(crate) fn look(&self, truth: &Value, now: Timestamp) {
        if let Some(analyzer) = self.state().as_mut() {
            let archived: BTreeSet<String> =
                analyzer.findings.iter().filter(|one| one.is_archived).map(|one| one.id.clone()).collect();
            let users = truth.get("users").and_then(Value::as_array).into_iter().flatten();
            analyzer.findings = users.flat_map(|user| analyzer.of_user(&self.scope, user, now)).collect();
            analyzer.findings.iter_mut().for_each(|finding| finding.is_archived = archived.contains(&finding.id));
            analyzer.looked = now;
        }
    }

    fn arn(&self) -> String {
        self.scope.arn("access-analyzer", &format!("analyzer/{NAME}"))
    }

    fn state(&self) -> MutexGuard<'_, Option<Analyzer>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, operation: &str, parameters: &Value) -> Result<Value, Refused> {
        let analyzer = self.state().clone();
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        let summary = |analyzer: &Analyzer| {
            json!({
                "arn": self.arn(), "name": NAME, "type": "ACCOUNT_UNUSED_ACCESS", "status": "ACTIVE",
                "createdAt": time(analyzer.created), "tags": {},
            })
        };
        match operation {
            "ListAnalyzers" => Ok(json!({ "analyzers": analyzer.iter().map(summary).collect::<Vec<_>>() })),
            "GetAnalyzer" => {
                let analyzer = analyzer.filter(|_| text("analyzerName") == NAME).ok_or(NOT_FOUND)?;
                let configuration = json!({ "unusedAccess": { "unusedAccessAge": analyzer.age_days } });
                Ok(json!({ "analyzer": with(summary(&analyzer), "configuration", configuration) }))
            }
            _ => {
                let analyzer = analyzer.filter(|_| text("analyzerArn") == self.arn()).ok_or(NOT_FOUND)?;
                if operation == "ListFindingsV2" {
                    return analyzer.list(&self.scope, parameters);
                }
                let finding = analyzer.findings.iter().find(|one| one.id == text("id")).ok_or(NOT_FOUND)?;
                let summary = analyzer.summary(finding, &self.scope);
                let accessed = finding.last_accessed.map(time);
                let details = match &finding.key {
                    Some(key) => json!({ "unusedIamUserAccessKeyDetails":
                        present(json!({ "accessKeyId": key, "lastAccessed": accessed })) }),
                    None => json!({ "unusedIamUserPasswordDetails": present(json!({ "lastAccessed": accessed })) }),
                };
                Ok(with(summary, "findingDetails", json!([details])))
            }
        }
    }
}

impl Player for AccessAnalyzer {
    fn play(&self, call: &Call) -> Option<Answer> {
        let operation = call.action.strip_prefix("access-analyzer:").filter(|name| PLAYED.contains(name))?;
        let answer = self.answer(operation, &call.parameters);
        Some(answer.map_or_else(
            |(status, code, message)| Answer::json_error(status, code, message),
            |answer| Answer::json(&answer),
        ))
    }
}

impl Analyzer {
    /// What it finds of one user.
    fn of_user(&self, scope: &Scope, user: &Value, now: Timestamp) -> Vec<Finding> {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let seconds = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_i64).and_then(|at| Timestamp::from_second(at).ok())
        };
        let (name, path) = (text(user, "name"), text(user, "path"));
        let arn = scope.iam_arn(&format!("user{path}{name}"));
        let age = SignedDuration::from_hours(self.age_days * 24);
        let is_old = |at: Option<Timestamp>| at.is_some_and(|at| later(at, age) <= now);
        let seen = |used: Option<Timestamp>| used.filter(|at| later(*at, SHOWN_AFTER) <= now);
        let mut findings = Vec::new();
        let keys = user.get("keys").and_then(Value::as_array).into_iter().flatten();
        for key in keys.filter(|key| text(key, "status") == "Active") {
            let (id, last_used) =
                (text(key, "id"), seen(key.get("last_used").and_then(|use_of| seconds(use_of, "at"))));
            let is_unused = is_old(seconds(key, "created")) && (last_used.is_none() || is_old(last_used));
            if (is_unused || self.insisted.contains(&id)) && !self.overlooked.contains(&id) {
                let (finding, user) = (format!("finding-{id}"), arn.clone());
                let last_accessed = last_used.filter(|_| is_unused);
                findings.push(Finding { id: finding, user, key: Some(id), last_accessed, is_archived: false });
            }
        }
        if let Some(password) = user.get("password").filter(|password| !password.is_null()) {
            let last_accessed = seen(seconds(password, "last_used"));
            if is_old(seconds(password, "created")) && (last_accessed.is_none() || is_old(last_accessed)) {
                let id = format!("finding-{}-password", text(user, "id"));
                findings.push(Finding { id, user: arn, key: None, last_accessed, is_archived: false });
            }
        }
        findings
    }

    /// A page of the findings that match the filter.
    fn list(&self, scope: &Scope, parameters: &Value) -> Result<Value, Refused> {
        let filter = parameters.get("filter").and_then(Value::as_object).cloned().unwrap_or_default();
        if filter.iter().any(|(key, criterion)| !FILTERS.contains(&key.as_str()) || criterion.get("eq").is_none()) {
            return Err((400, "ValidationException", "The filter is not played by the sandbox."));
        }
        let matches = |summary: &Value| {
            filter.iter().all(|(key, criterion)| {
                let any_of = criterion.get("eq").and_then(Value::as_array);
                any_of.is_some_and(|any_of| summary.get(key).is_some_and(|value| any_of.contains(value)))
            })
        };
        let all = self.findings.iter().map(|finding| self.summary(finding, scope)).filter(matches);
        let place = parameters.get("nextToken").and_then(Value::as_str).and_then(|place| place.parse().ok());
        let most = parameters.get("maxResults").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
        let (place, most) = (place.unwrap_or(0), most.unwrap_or(PAGE).min(PAGE));
        let mut page: Vec<Value> = all.skip(place).take(most + 1).collect();
        let next = (page.len() > most).then(|| (place + most).to_string());
        page.truncate(most);
        Ok(present(json!({ "findings": page, "nextToken": next })))
    }

    fn summary(&self, finding: &Finding, scope: &Scope) -> Value {
        let kind = if finding.key.is_some() { "UnusedIAMUserAccessKey" } else { "UnusedIAMUserPassword" };
        json!({
            "id": finding.id, "resource": finding.user, "resourceType": "AWS::IAM::User", "findingType": kind,
            "resourceOwnerAccount": scope.account, "status": if finding.is_archived { "ARCHIVED" } else { "ACTIVE" },
            "analyzedAt": time(self.looked), "createdAt": time(self.looked), "updatedAt": time(self.looked),
        })
    }
}

/// Status, AWS's code, and message.
type Refused = (u16, &'static str, &'static str);

const NOT_FOUND: Refused = (404, "ResourceNotFoundException", "The specified resource could not be found.");

/// An object with one member more.
fn with(mut object: Value, name: &str, member: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
    object
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A time as this API writes it (`date-time` of RFC 3339).
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The analyzer's name.
const NAME: &str = "unused-access";

/// How long its findings stand before it looks again.
const REFRESH: SignedDuration = SignedDuration::from_hours(24);

/// How long IAM may take to show a use.
const SHOWN_AFTER: SignedDuration = SignedDuration::from_hours(4);

/// Findings of a page, at most.
const PAGE: usize = 100;

/// What can be filtered by here.
const FILTERS: [&str; 3] = ["findingType", "resourceOwnerAccount", "status"];

/// What is answered here.
const PLAYED: [&str; 4] = ["GetAnalyzer", "GetFindingV2", "ListAnalyzers", "ListFindingsV2"];

#[cfg(test)]
mod tests {
    use super::*;

    fn analyzer() -> AccessAnalyzer {
        let scope =
            Scope { account: "123456789012".to_owned(), region: "us-east-1".to_owned(), stack: "Stack".to_owned() };
        AccessAnalyzer::new(scope)
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap()
    }

    fn days_ago(days: i64) -> i64 {
        now().as_second() - days * 24 * 3_600
    }

    fn truth() -> Value {
        let key = |id: &str, used: Value| json!({ "id": id, "status": "Active", "created": days_ago(300), "last_used": used });
        let keys = [
            key("idle", json!({ "at": days_ago(91) })),
            key("busy", json!({ "at": days_ago(2) })),
            key("never", Value::Null),
        ];
        json!({ "users": [{ "name": "alice", "id": "AIDA1", "path": "/", "keys": keys,
            "password": { "created": days_ago(89), "last_used": null } }] })
    }

    fn found(analyzer: &AccessAnalyzer) -> Vec<String> {
        let findings = analyzer.state().as_ref().map(|analyzer| analyzer.findings.clone()).unwrap_or_default();
        findings.into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn what_was_not_used_in_all_of_its_window_is_found() {
        let analyzer = analyzer();
        analyzer.create(90, now());
        analyzer.look(&truth(), now());
        assert_eq!(found(&analyzer), ["finding-idle", "finding-never"]);
    }

    #[test]
    fn it_looks_again_when_a_day_has_passed() {
        let analyzer = analyzer();
        assert!(!analyzer.is_due(now()), "there is none");
        analyzer.create(90, now());
        assert!(analyzer.is_due(now()));
        analyzer.look(&truth(), now());
        assert!(!analyzer.is_due(later(now(), SignedDuration::from_hours(23))));
        assert!(analyzer.is_due(later(now(), REFRESH)));
    }

    #[test]
    fn it_says_what_is_not_so_where_it_is_to() {
        let analyzer = analyzer();
        analyzer.create(90, now());
        analyzer.insist("busy");
        analyzer.overlook("idle");
        analyzer.look(&truth(), now());
        assert_eq!(found(&analyzer), ["finding-busy", "finding-never"]);
    }

    #[test]
    fn lists_tell_neither_a_window_nor_a_key() {
        let analyzer = analyzer();
        analyzer.create(90, now());
        analyzer.look(&truth(), now());
        let listed = analyzer.answer("ListAnalyzers", &Value::Null).unwrap();
        assert!(listed["analyzers"][0]["name"] == NAME && listed["analyzers"][0]["configuration"].is_null());
        let of =
            json!({ "analyzerArn": analyzer.arn(), "filter": { "status": { "eq": ["ACTIVE"] } }, "maxResults": 1 });
        let page = analyzer.answer("ListFindingsV2", &of).unwrap();
        assert!(page["findings"].as_array().unwrap().len() == 1 && page["nextToken"] == "1");
        assert!(!page.to_string().contains("accessKeyId"), "{page}");
    }
}
