//! What is read of an analyzer, and what is said where it cannot be read.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use credwarden_credential::age::Days;
use credwarden_credential::id::UserName;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Listing, Reported, ReportedCredential, Snapshot, User};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_estate::fake::{Action, FakeIam};
use credwarden_inventory::read::{Failure, Marker, Page, ReadError};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::unused_access::Window;
use credwarden_policy::verdict::Verdict;
use credwarden_unused_access::analyzer::{Analyzer, Finding, ReadAnalyzer};
use credwarden_unused_access::{Beside, beside};
use jiff::{SignedDuration, Timestamp};

const PLENTY: Duration = Duration::from_secs(30);

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// What an analyzer of 90 days finds: by id, the user's name, the credential, and whether it was archived.
#[derive(Default)]
struct Fake {
    exists: bool,
    findings: BTreeMap<String, (String, CredentialId, bool)>,
    denied: Option<&'static str>,
    calls: Mutex<Vec<&'static str>>,
}

impl Fake {
    /// It finds these keys, one of each user.
    fn finding(estate: &Estate, users: &[&str]) -> Self {
        let finding = |name: &&str| {
            let key = &estate.find(name).unwrap().keys.first().unwrap().key.id;
            (format!("finding-{name}"), ((*name).to_owned(), CredentialId::AccessKey(key.clone()), false))
        };
        Self { exists: true, findings: users.iter().map(finding).collect(), ..Self::default() }
    }

    fn call(&self, action: &'static str) -> Result<(), ReadError> {
        self.calls.lock().unwrap().push(action);
        if self.denied == Some(action) { Err(ReadError::new(Failure::Denied, action)) } else { Ok(()) }
    }

    fn calls(&self, action: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| **call == action).count()
    }
}

impl ReadAnalyzer for Fake {
    async fn list_analyzers(&self, _marker: Option<Marker>) -> Result<Page<Option<Analyzer>>, ReadError> {
        self.call("ListAnalyzers")?;
        let arn = "arn:aws:access-analyzer:us-east-1:123456789012:analyzer/unused".to_owned();
        let analyzer = Analyzer { of_organization: false, arn, name: "unused".to_owned() };
        Ok(Page { items: vec![None, self.exists.then_some(analyzer)], next: None })
    }

    async fn get_analyzer(&self, _analyzer: &Analyzer) -> Result<Window, ReadError> {
        self.call("GetAnalyzer")?;
        Ok(Window { age: Days(90), created: now() - SignedDuration::from_hours(24 * 200), leaves_some_out: false })
    }

    async fn list_findings(&self, _analyzer: &Analyzer, marker: Option<Marker>) -> Result<Page<Finding>, ReadError> {
        self.call("ListFindingsV2")?;
        // A page each.
        let place: usize = marker.map_or(0, |marker| marker.0.parse().unwrap());
        let one = self.findings.iter().nth(place).map(|(id, (name, credential, is_archived))| Finding {
            id: id.clone(),
            user: format!("arn:aws:iam::123456789012:user/{name}"),
            kind: credential.kind(),
            is_archived: *is_archived,
        });
        let next = (place + 1 < self.findings.len()).then(|| Marker((place + 1).to_string()));
        Ok(Page { items: one.into_iter().collect(), next })
    }

    async fn get_finding(
        &self,
        _analyzer: &Analyzer,
        finding: &Finding,
    ) -> Result<(CredentialId, Option<Timestamp>), ReadError> {
        self.call("GetFindingV2")?;
        let found = self.findings.iter().find(|(id, _)| **id == finding.id);
        found
            .map(|(_, (_, credential, _))| (credential.clone(), None))
            .ok_or_else(|| ReadError::new(Failure::Failed, "get a finding"))
    }
}

async fn read(fake: &Fake, iam: &FakeIam, snapshot: &Snapshot) -> Beside {
    let policy = Policy::default();
    let judge = |user: &User| unused_credentials::judge(user, &policy, &Exceptions::default(), now());
    let verdicts: Vec<(&User, Verdict)> = snapshot.users.values().map(|user| (user, judge(user))).collect();
    let judged: Vec<_> = verdicts.iter().map(|(user, verdict)| (*user, verdict)).collect();
    beside(fake, iam, &judged, now(), PLENTY).await
}

async fn read_estate(fake: &Fake, estate: &Estate) -> Beside {
    read(fake, &FakeIam::new(estate.clone()), &estate.snapshot()).await
}

fn said(beside: &Beside) -> Vec<String> {
    beside.opinions.values().flatten().map(ToString::to_string).collect()
}

/// One key that nobody uses, one in daily use, one that was used between.
fn estate() -> Estate {
    Estate::new(now())
        .user("idle")
        .key(age_days(300))
        .used(age_days(200), "s3")
        .user("busy")
        .key(age_days(300))
        .used(SignedDuration::from_hours(5), "s3")
        .user("between")
        .key(age_days(300))
        .used(age_days(10), "s3")
}

#[tokio::test]
async fn where_there_is_no_analyzer_one_call_is_made_and_nothing_said() {
    let fake = Fake::default();
    assert_eq!(read_estate(&fake, &estate()).await, Beside::default());
    assert_eq!(*fake.calls.lock().unwrap(), ["ListAnalyzers"]);
}

#[tokio::test]
async fn only_what_the_rule_names_or_a_use_speaks_against_is_read_one_by_one() {
    let fake = Fake::finding(&estate(), &["between", "busy", "idle"]);
    let beside = read_estate(&fake, &estate()).await;
    let said = said(&beside);
    assert!(said.iter().any(|text| text.contains("agrees")) && said.len() == 2, "{said:?}");
    assert!(said.iter().any(|text| text.ends_with("but IAM shows a use on 2026-11-14")), "{said:?}");
    assert_eq!((fake.calls("ListFindingsV2"), fake.calls("GetFindingV2")), (3, 2), "of `busy` nothing is asked");
    assert_eq!(beside.unread, [""; 0]);
}

#[tokio::test]
async fn an_analyzer_that_must_know_and_does_not_is_contradicted_without_another_call() {
    let fake = Fake::finding(&estate(), &["busy"]);
    let told = said(&read_estate(&fake, &estate()).await);
    assert!(told.len() == 1 && told.iter().all(|text| text.ends_with("not found unused for 90 days")), "{told:?}");
    assert_eq!(fake.calls("GetFindingV2"), 0);
}

#[tokio::test]
async fn an_archived_finding_is_neither_agreement_nor_contradiction() {
    let mut fake = Fake::finding(&estate(), &["idle", "between"]);
    fake.findings.values_mut().for_each(|(_, _, is_archived)| *is_archived = true);
    assert_eq!(read_estate(&fake, &estate()).await, Beside::default());
    assert_eq!(fake.calls("GetFindingV2"), 0);
}

#[tokio::test]
async fn a_key_of_which_only_the_report_tells_is_asked_for_its_last_use() {
    let estate = estate();
    let mut snapshot = estate.snapshot();
    for user in snapshot.users.values_mut().filter(|user| user.name == "between".parse::<UserName>().unwrap()) {
        let used = ReportedCredential { slot: 1, changed: None, last_used: Some(now() - age_days(10)) };
        user.access_keys = Listing::Reported(Reported { active: vec![used], inactive: 0, report_made: now() });
    }
    let (fake, iam) = (Fake::finding(&estate, &["between", "idle"]), FakeIam::new(estate.clone()));
    let told = said(&read(&fake, &iam, &snapshot).await);
    assert!(told.iter().any(|text| text.ends_with("but IAM shows a use on 2026-11-14")), "{told:?}");
    assert_eq!(iam.calls_of(Action::GetAccessKeyLastUsed).len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_and_contradicts_nothing() {
    for denied in ["ListAnalyzers", "GetAnalyzer", "ListFindingsV2", "GetFindingV2"] {
        let fake = Fake { denied: Some(denied), ..Fake::finding(&estate(), &["between", "idle"]) };
        let beside = read_estate(&fake, &estate()).await;
        assert_eq!((beside.opinions.len(), beside.unread.len()), (0, 1), "{denied}");
        assert!(beside.unread.iter().all(|text| text.contains("access denied")), "{:?}", beside.unread);
        assert_eq!(fake.calls(denied), 1, "a denied call is not made again");
    }
}

#[tokio::test]
async fn an_account_in_which_nothing_is_used_is_not_read_without_end() {
    let names: Vec<String> = (0..210).map(|number| format!("user-{number:03}")).collect();
    let idle = |estate: Estate, name: &String| estate.user(name).key(age_days(300)).used(age_days(200), "s3");
    let estate = names.iter().fold(Estate::new(now()), idle);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fake = Fake::finding(&estate, &names);
    let beside = read_estate(&fake, &estate).await;
    assert_eq!((beside.opinions.len(), fake.calls("GetFindingV2"), beside.unread.len()), (200, 200, 1));
    assert!(said(&beside).iter().all(|text| text.contains("agrees")), "what was not read contradicts nothing");
}
