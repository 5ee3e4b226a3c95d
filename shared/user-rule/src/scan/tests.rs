//! A rule over a whole account, invocation by invocation.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use access_key_age::RULE;
use credwarden_config_rule::{
    Compliance, CompliancePage, ConfigService, Evaluation, PutEvaluations, ServiceError, StoredResult,
};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::KeyStatus;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_estate::fake::{Action, FakeIam};
use credwarden_estate::fault::Failing;
use credwarden_inventory::live::LastUses;
use credwarden_inventory::parameter::ParameterError;
use credwarden_inventory::read::Failure;
use credwarden_ledger::memory::MemoryTable;
use credwarden_policy::document::DEFAULT;
use serde_json::json;

use super::*;
use crate::provenance::NotNeeded;

const AGE: Definition = Definition {
    name: RULE,
    last_uses: LastUses::NotRead,
    kinds: access_key_age::kinds,
    undecided: access_key_age::undecided,
    unknown_for: access_key_age::unknown_for,
    judge: access_key_age::judge,
};

/// Long enough for any pass.
const AMPLE: Duration = Duration::from_secs(230);

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

struct Text(Option<String>);

impl ReadParameter for Text {
    async fn read_parameter(&self, name: &str) -> Result<String, ParameterError> {
        self.0.clone().ok_or_else(|| ParameterError { name: name.to_owned(), why: "AccessDenied".to_owned() })
    }
}

/// AWS Config, as far as it keeps results.
#[derive(Default)]
struct Config {
    stored: RefCell<BTreeMap<Resource, StoredResult>>,
    sent: RefCell<Vec<Evaluation>>,
}

impl ConfigService for Config {
    async fn put_evaluations(&self, report: PutEvaluations<'_>) -> Result<Vec<Resource>, ServiceError> {
        for evaluation in report.evaluations {
            self.sent.borrow_mut().push(evaluation.clone());
            let stored = StoredResult {
                compliance: evaluation.compliance,
                annotation: evaluation.annotation.as_str().to_owned(),
                reported_at: Some(report.ordering_timestamp),
            };
            if evaluation.compliance == Compliance::NotApplicable {
                self.stored.borrow_mut().remove(&evaluation.resource);
            } else {
                self.stored.borrow_mut().insert(evaluation.resource.clone(), stored);
            }
        }
        Ok(Vec::new())
    }

    async fn compliance_details(&self, _: &str, _: Option<String>) -> Result<CompliancePage, ServiceError> {
        let results = self.stored.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(CompliancePage { results, next_token: None })
    }
}

struct World {
    config: Config,
    table: MemoryTable,
    policy: Option<String>,
}

impl World {
    fn new() -> Self {
        Self { config: Config::default(), table: MemoryTable::default(), policy: Some(DEFAULT.to_owned()) }
    }

    fn ledger(&self) -> Ledger<MemoryTable> {
        Ledger::new(self.table.clone())
    }

    /// One invocation.
    async fn run<R: ReadIam>(&self, iam: R, now: Timestamp, time_left: Duration) -> Result<bool, String> {
        let scan = Scan {
            rule: AGE,
            iam,
            parameters: Text(self.policy.clone()),
            policy_parameter: "/credwarden/policy".to_owned(),
            ledger: self.ledger(),
            provenance: NotNeeded,
            evidence: NotNeeded,
        };
        let event = json!({
            "version": "1.0", "accountId": "123456789012", "resultToken": "token", "eventLeftScope": false,
            "executionRoleArn": "arn:aws:iam::123456789012:role/config", "configRuleName": "credwarden-access-key-age",
            "configRuleArn": "arn:aws:config:us-east-1:123456789012:config-rule/config-rule-1",
            "configRuleId": "config-rule-1", "ruleParameters": "{}",
            "invokingEvent": json!({
                "messageType": "ScheduledNotification", "awsAccountId": "123456789012", "recordVersion": "1.0",
                "notificationCreationTime": now.to_string(),
            }).to_string(),
        });
        let outcome = credwarden_config_rule::evaluate(&scan, &self.config, &event, now, time_left).await;
        outcome.map(|report| report.complete).map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    }

    fn results(&self) -> Vec<(String, Compliance)> {
        let stored = self.config.stored.borrow();
        stored.iter().map(|(resource, result)| (resource.id().to_owned(), result.compliance)).collect()
    }

    async fn passes(&self) -> Passes {
        self.ledger().passes(RULE).await.unwrap()
    }
}

fn old_and_young(users: u32) -> Estate {
    (0..users).fold(Estate::new(now()), |estate, number| {
        estate.user(&format!("user-{number:03}")).key(age_days(if number % 2 == 0 { 100 } else { 10 }))
    })
}

#[tokio::test]
async fn a_complete_pass_is_remembered_with_population_and_policy() {
    let world = World::new();
    assert_eq!(world.run(FakeIam::new(old_and_young(4)), now(), AMPLE).await, Ok(true));
    let complete = world.passes().await.complete.unwrap();
    assert_eq!((complete.population, complete.gaps), (4, 0));
    let reported = world.ledger().newest_reported_before(RULE, now()).await.unwrap().unwrap();
    assert_eq!(reported.id(), complete.policy);
    let non_compliant = world.results().iter().filter(|(_, result)| *result == Compliance::NonCompliant).count();
    assert_eq!((world.results().len(), non_compliant), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_runs_out_of_time_goes_on_and_cleans_up_only_at_its_end() {
    let world = World::new();
    let estate = old_and_young(40);
    let with_leaver = estate.clone().user("leaver").key(age_days(100));
    assert_eq!(world.run(FakeIam::new(with_leaver), now(), AMPLE).await, Ok(true));
    assert_eq!(world.results().len(), 41);

    let slow = || Failing::new(FakeIam::new(estate.clone())).slow(Action::ListAccessKeys, Duration::from_secs(5));
    let short = Duration::from_secs(45);
    let mut invocations = 1;
    while world.run(slow(), now(), short).await == Ok(false) {
        assert!(world.passes().await.under_way.is_some());
        assert_eq!(world.results().len(), 41, "nothing is cleaned up before the end");
        invocations += 1;
    }
    assert!(invocations > 2, "{invocations}");
    assert_eq!(world.passes().await.under_way, None);
    assert_eq!(world.results().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_was_left_for_a_day_begins_anew() {
    let world = World::new();
    let run = async |later: SignedDuration| {
        let estate = old_and_young(40).after(later);
        let now = estate.now;
        let slow = Failing::new(FakeIam::new(estate)).slow(Action::ListAccessKeys, Duration::from_secs(5));
        assert_eq!(world.run(slow, now, Duration::from_secs(45)).await, Ok(false));
        world.passes().await.under_way.unwrap().started
    };
    let begun = run(SignedDuration::ZERO).await;
    assert_eq!(run(age_days(1) - SignedDuration::from_secs(1)).await, begun);
    assert_eq!(
        run(age_days(1) + SignedDuration::from_secs(1)).await,
        begun + age_days(1) + SignedDuration::from_secs(1)
    );
}

#[tokio::test(start_paused = true)]
async fn another_policy_begins_another_pass() {
    let mut world = World::new();
    let slow = || Failing::new(FakeIam::new(old_and_young(40))).slow(Action::ListAccessKeys, Duration::from_secs(5));
    let short = Duration::from_secs(45);
    assert_eq!(world.run(slow(), now(), short).await, Ok(false));
    world.policy = Some(DEFAULT.replace("\"maxAgeDays\": 90", "\"maxAgeDays\": 365"));
    let later = now() + SignedDuration::from_mins(30);
    assert_eq!(world.run(slow(), later, short).await, Ok(false));
    assert_eq!(world.passes().await.under_way.unwrap().started, later);
}

#[tokio::test]
async fn the_second_day_reads_who_changed_and_who_breaks_the_policy() {
    let world = World::new();
    let first = FakeIam::new(old_and_young(40).user("with-ssh-key").ssh_public_key(age_days(10)));
    assert_eq!(world.run(first.clone(), now(), AMPLE).await, Ok(true));
    assert_eq!(
        (first.calls_of(Action::ListAccessKeys).len(), first.calls_of(Action::ListSshPublicKeys).len()),
        (40, 41)
    );

    let day = age_days(1);
    let mut estate = first.estate().after(day);
    let changed = estate.find("user-001").unwrap().keys[0].key.id.clone();
    assert!(estate.set_status(&CredentialId::AccessKey(changed), KeyStatus::Inactive));
    let second = FakeIam::new(estate.without("user-003"));
    assert_eq!(world.run(second.clone(), now() + day, AMPLE).await, Ok(true));
    let mut read = second.calls_of(Action::ListAccessKeys);
    read.sort();
    let old = (0..40).step_by(2).map(|number| format!("user-{number:03}"));
    // Of whom Config has a result and the report no active key, an undo may be younger than the report: it is looked at once.
    let mut expected: Vec<_> = old.clone().chain(["user-001".to_owned(), "with-ssh-key".to_owned()]).collect();
    expected.sort();
    assert_eq!(read, expected);
    assert_eq!(second.calls_of(Action::ListSshPublicKeys), Vec::<String>::new());
    assert_eq!(world.results().iter().filter(|(_, result)| *result == Compliance::NonCompliant).count(), 20);
    let gone = first.estate().find("user-003").unwrap().id().clone();
    let seen = world.ledger().observations(CredentialKind::AccessKey).await.unwrap();
    assert!(!seen.contains_key(&gone), "who is gone is forgotten");

    let third = FakeIam::new(second.estate().after(day));
    assert_eq!(world.run(third.clone(), now() + day + day, AMPLE).await, Ok(true));
    let mut read = third.calls_of(Action::ListAccessKeys);
    read.sort();
    // An inactive key may have become active again since the report; who holds none cannot have activated one.
    let mut expected: Vec<_> = old.chain(["user-001".to_owned()]).collect();
    expected.sort();
    assert_eq!(read, expected);
}

#[tokio::test(start_paused = true)]
async fn one_throttled_user_hides_only_itself_and_is_reported_after_seven_days() {
    let world = World::new();
    let throttled =
        |estate| Failing::new(FakeIam::new(estate)).fail(Action::ListAccessKeys, "user-000", Failure::Throttled);
    assert_eq!(world.run(throttled(old_and_young(4)), now(), AMPLE).await, Ok(true));
    assert_eq!(world.results().len(), 3);
    let later = old_and_young(4).after(age_days(7) + SignedDuration::from_secs(1));
    assert_eq!(world.run(throttled(later.clone()), later.now, AMPLE).await, Ok(true));
    let annotations: Vec<String> =
        world.config.stored.borrow().values().map(|result| result.annotation.clone()).collect();
    assert!(annotations.iter().any(|text| text.starts_with("not verifiable since 2026-09-21")), "{annotations:?}");
    assert_eq!(world.run(FakeIam::new(later.clone()), later.now, AMPLE).await, Ok(true));
    assert!(world.ledger().gaps(RULE).await.unwrap().0.is_empty(), "a user that is read again is no gap");
}

#[tokio::test]
async fn a_policy_that_cannot_be_used_fails_loudly_and_reports_nothing() {
    for (policy, said) in [
        (None, "AccessDenied"),
        (Some("limits: 90".to_owned()), "the policy is refused"),
        (Some(" ".repeat(8193)), "8193 bytes"),
    ] {
        let mut world = World::new();
        world.policy = policy;
        let error = world.run(FakeIam::new(old_and_young(4)), now(), AMPLE).await.unwrap_err();
        assert!(error.contains("access-key-age") && error.contains(said), "{error}");
        assert!(world.config.sent.borrow().is_empty());
    }
}

#[tokio::test]
async fn an_unchanged_account_sends_only_what_is_not_compliant() {
    let world = World::new();
    world.run(FakeIam::new(old_and_young(4)), now(), AMPLE).await.unwrap();
    world.config.sent.borrow_mut().clear();
    world.run(FakeIam::new(old_and_young(4)), now(), AMPLE).await.unwrap();
    let sent = world.config.sent.borrow();
    assert_eq!(sent.iter().filter(|evaluation| evaluation.compliance == Compliance::NonCompliant).count(), 2);
    assert_eq!(sent.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_delivered_twice_at_once_is_no_failure() {
    let world = World::new();
    let slow = || Failing::new(FakeIam::new(old_and_young(4))).slow(Action::ListAccessKeys, Duration::from_secs(1));
    let later = now() + SignedDuration::from_secs(1);
    let both = tokio::join!(world.run(slow(), now(), AMPLE), world.run(slow(), later, AMPLE));
    assert_eq!(both, (Ok(true), Ok(true)));
    assert!(world.passes().await.complete.is_some());
}
