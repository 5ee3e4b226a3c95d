//! Each guard on its own: the world in which all pass, with one thing changed.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "what a test prepares may fail it")]

use std::sync::Arc;

use credwarden_credential::creation::{Creation, CreationAct, Creator, Principal, Provenance};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Gap, GapReason, KeyStatus, LastUse, User};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_ledger::budget::Purse;
use credwarden_ledger::record::UserRecord;
use credwarden_ledger::request::Document;
use credwarden_policy::document::DEFAULT;
use credwarden_policy::exception::{Exception, Exceptions, Hold};
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{Effect, Mode, QUARANTINE_AT_LEAST, RemedyName, RuleName};
use credwarden_remedy::answer::Status;
use credwarden_remedy::guard::{Cleared, Facts, Refusal, guard, switched_on};
use credwarden_remedy::kill_switch::KillSwitch;
use credwarden_remedy::plan::plan;
use credwarden_remedy::remedy::Judge;
use credwarden_remedy::verify::{Unverified, verify};
use jiff::Timestamp;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn enforcing(replacements: &[(&str, &str)]) -> Policy {
    let text = replacements.iter().fold(DEFAULT.replace("\"observe\"", "\"enforce\""), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    Policy::parse(&text).unwrap()
}

/// In which only the role `vending` may create.
fn vending_only(replacements: &[(&str, &str)]) -> Policy {
    let creation = (
        "\"budget\":",
        "\"creation\": { \"default\": { \"creators\": [\"arn:*:iam::*:role/vending\"] } }, \"budget\":",
    );
    let rule = ("\"unused-credentials\":", "\"unauthorized-key-creation\":");
    enforcing(&[&[creation, rule], replacements].concat())
}

/// What the guards look at.
struct Case {
    user: User,
    policy: Policy,
    record: UserRecord,
    reported: Result<Option<Policy>, String>,
    population: Result<Option<u32>, String>,
    is_paid: bool,
}

impl Case {
    /// Nothing forbids it.
    fn clear() -> Self {
        let estate = Estate::new(now()).user("alice").tag("owner", "carol").key(age_days(100)).used(age_days(8), "s3");
        Self {
            user: estate.snapshot().users.into_values().next().unwrap(),
            policy: enforcing(&[]),
            record: UserRecord::default(),
            reported: Ok(Some(enforcing(&[]))),
            population: Ok(Some(60)),
            is_paid: false,
        }
    }

    /// Of a key that somebody created who may not, in an account at which nobody has looked yet.
    fn compromised() -> Self {
        let mut case = Self::clear();
        set_last_use(&mut case, LastUse::NotRead);
        let mut provenance = Provenance::since(now() - age_days(300));
        provenance.creations.insert(Creation {
            event: "e-1".to_owned(),
            act: CreationAct::CreateAccessKey,
            credential: case.credential(),
            user: case.user.name.clone(),
            user_id: None,
            creator: Creator {
                principal: Principal::Role("arn:aws:iam::123456789012:role/developer".parse().unwrap()),
                session: None,
                source_identity: None,
                invoked_by: None,
            },
            source: "203.0.113.9".to_owned(),
            mfa: None,
            at: now() - age_days(100),
            region: "us-east-1".to_owned(),
        });
        case.user.provenance = Some(Arc::new(provenance));
        Self { policy: vending_only(&[]), reported: Ok(None), population: Ok(None), ..case }
    }

    /// What is said of it by the rule on creators.
    fn verdict_on_creator(&self) -> Result<(Purse, u32), Refusal> {
        self.verdict_of(RuleName::UnauthorizedKeyCreation, unauthorized_key_creation::judge)
    }

    fn credential(&self) -> CredentialId {
        CredentialId::AccessKey(keys(&self.user)[0].id.clone())
    }

    fn verdict(&self) -> Result<u32, Refusal> {
        self.verdict_of(RuleName::AccessKeyAge, access_key_age::judge).map(|(_, budget)| budget)
    }

    /// What is said of what another rule finds, and from which purse it would be paid.
    fn verdict_of(&self, rule: RuleName, judge: Judge) -> Result<(Purse, u32), Refusal> {
        let verified = verify(judge, &self.user, &self.credential(), &self.policy, now()).unwrap();
        let facts = Facts {
            rule,
            judge,
            remedy: RemedyName::DeactivateCredential,
            policy: &self.policy,
            record: &self.record,
            reported: self.reported.as_ref().map(Option::as_ref).map_err(String::as_str),
            population: self.population.as_ref().map(|count| *count).map_err(String::as_str),
            is_paid: self.is_paid,
        };
        guard(verified, &facts, now()).map(|cleared| (cleared.purse(), cleared.budget()))
    }
}

fn keys(user: &User) -> &[credwarden_credential::snapshot::AccessKey] {
    match &user.access_keys {
        credwarden_credential::snapshot::AccessKeys::Live(keys) => keys,
        other => panic!("{other:?}"),
    }
}

fn set_last_use(case: &mut Case, last_use: LastUse) {
    if let credwarden_credential::snapshot::AccessKeys::Live(keys) = &mut case.user.access_keys {
        keys[0].last_use = last_use;
    }
}

/// The clear case with one change is refused so, and ends with this status.
fn refused(change: impl FnOnce(&mut Case), expected: impl FnOnce(&Refusal) -> bool, status: Status) {
    let mut case = Case::clear();
    change(&mut case);
    let refusal = case.verdict().unwrap_err();
    assert!(expected(&refusal), "{refusal:?}");
    assert_eq!(refusal.status(), status, "{refusal}");
}

#[test]
fn what_nothing_forbids_is_cleared_with_the_days_budget() {
    assert_eq!(Case::clear().verdict(), Ok(3), "5 % of 60 users");
}

#[test]
fn kill_switch() {
    let (rule, undo) = (Document::Rule(RuleName::AccessKeyAge), Document::Undo(RemedyName::DeactivateCredential));
    assert_eq!(switched_on(KillSwitch::Run, rule), Ok(()));
    assert_eq!(switched_on(KillSwitch::UndoOnly, undo), Ok(()));
    for (switch, document) in [(KillSwitch::Stop, rule), (KillSwitch::Stop, undo), (KillSwitch::UndoOnly, rule)] {
        let refusal = switched_on(switch, document).unwrap_err();
        assert_eq!((refusal.clone(), refusal.status()), (Refusal::KillSwitch(switch), Status::Held));
    }
}

#[test]
fn mode() {
    let mode = |mode: &str| enforcing(&[("\"enforce\"", &format!("\"{mode}\""))]);
    refused(
        |case| case.policy = mode("observe"),
        |refusal| matches!(refusal, Refusal::Mode(Mode::Observe, owner) if owner == "carol"),
        Status::Observed,
    );
    refused(
        |case| case.policy = mode("warn"),
        |refusal| matches!(refusal, Refusal::Mode(Mode::Warn, owner) if owner == "carol"),
        Status::Warned,
    );
}

#[test]
fn no_remedy_for_the_class() {
    let only_humans = enforcing(&[(
        "\"default\": { \"remedy\": \"deactivate-credential\"",
        "\"human\": { \"remedy\": \"deactivate-credential\"",
    )]);
    refused(|case| case.policy = only_humans, |refusal| *refusal == Refusal::NoRemedy, Status::NothingToDo);
}

#[test]
fn protected() {
    let protecting = enforcing(&[("\"protected\": []", "\"protected\": [\"arn:*:iam::*:user/alice\"]")]);
    refused(|case| case.policy = protecting, |refusal| matches!(refusal, Refusal::Protected(_)), Status::Held);
}

#[test]
fn excepted() {
    refused(
        |case| {
            case.record.exceptions = Exceptions(vec![Exception {
                id: "EX-1".to_owned(),
                user: case.user.id.clone(),
                rule: RuleName::AccessKeyAge,
                credential: Some(case.credential()),
                until: now(),
                owner: "carol".to_owned(),
                justification: "migration".to_owned(),
                approver: "bob".to_owned(),
            }]);
        },
        |refusal| matches!(refusal, Refusal::Excepted { id, .. } if id == "EX-1"),
        Status::Excepted,
    );
}

#[test]
fn hold() {
    refused(
        |case| {
            let (reason, by) = ("on leave".to_owned(), "bob".to_owned());
            case.record.holds = vec![Hold { credential: case.credential(), until: now(), reason, by }];
        },
        |refusal| matches!(refusal, Refusal::Hold { .. }),
        Status::Held,
    );
}

#[test]
fn a_policy_edited_lately() {
    refused(|case| case.reported = Ok(None), |refusal| *refusal == Refusal::NotReported, Status::Observed);
    refused(
        |case| case.reported = Ok(Some(enforcing(&[("\"maxAgeDays\": 90", "\"maxAgeDays\": 100")]))),
        |refusal| *refusal == Refusal::NotReportedLongEnough,
        Status::Observed,
    );
    refused(
        |case| case.reported = Err("no answer".to_owned()),
        |refusal| matches!(refusal, Refusal::ReportedUnreadable(_)),
        Status::Held,
    );
}

#[test]
fn in_use() {
    let used = |days| LastUse::At { at: now() - age_days(days), service: "s3".to_owned(), region: "-".to_owned() };
    refused(
        |case| set_last_use(case, used(7)),
        |refusal| matches!(refusal, Refusal::InUse { owner, .. } if owner == "carol"),
        Status::Held,
    );
    refused(
        |case| {
            case.user.tags.clear();
            set_last_use(case, used(0));
        },
        |refusal| matches!(refusal, Refusal::InUse { owner, .. } if owner == "alice"),
        Status::Held,
    );
    let gap = Gap::new(GapReason::Throttled, "get the last use");
    for unknown in [LastUse::NotRead, LastUse::Unread(gap)] {
        refused(
            |case| set_last_use(case, unknown),
            |refusal| matches!(refusal, Refusal::LastUseUnknown(_)),
            Status::Held,
        );
    }
    let mut never = Case::clear();
    set_last_use(&mut never, LastUse::Never);
    assert!(never.verdict().is_ok());
}

/// Twelve o'clock on a Tuesday is in none.
const WEEKEND: (&str, &str) = ("\"budget\":", "\"windows\": [{ \"days\": [\"saturday\"] }], \"budget\":");

#[test]
fn outside_the_maintenance_windows() {
    refused(
        |case| case.policy = enforcing(&[WEEKEND]),
        |refusal| matches!(refusal, Refusal::OutsideWindow { opens } if opens.to_string() == "2026-11-28T00:00:00Z"),
        Status::Waiting,
    );
    let paid = Case { is_paid: true, policy: enforcing(&[WEEKEND]), ..Case::clear() };
    assert!(paid.verdict().unwrap_err().is_passing(), "what was begun goes on when the next opens");
    let compromised = Case { policy: vending_only(&[WEEKEND]), ..Case::compromised() };
    assert!(compromised.verdict_on_creator().is_ok(), "a compromise waits for none");
}

#[test]
fn budget() {
    refused(|case| case.population = Ok(None), |refusal| *refusal == Refusal::NoPopulation, Status::Held);
    refused(
        |case| case.population = Err("no answer".to_owned()),
        |refusal| matches!(refusal, Refusal::PopulationUnreadable(_)),
        Status::Held,
    );
    refused(
        |case| case.policy = enforcing(&[("\"perDay\": 10", "\"perDay\": 0")]),
        |refusal| *refusal == Refusal::NoBudget,
        Status::OverBudget,
    );
    let paid = Case { is_paid: true, population: Ok(None), ..Case::clear() };
    assert!(paid.verdict().is_ok(), "what is paid for is not paid again");
}

#[test]
fn a_compromise_waits_for_no_pass_and_is_paid_from_a_purse_of_its_own() {
    let cleared = Ok((Purse::Quarantine, QUARANTINE_AT_LEAST));
    assert_eq!(Case::compromised().verdict_on_creator(), cleared);
    let edited = Case { reported: Ok(Some(enforcing(&[]))), population: Ok(Some(60)), ..Case::compromised() };
    assert_eq!(edited.verdict_on_creator(), cleared, "yesterday's policy named no creator");
}

#[test]
fn a_compromise_is_held_by_every_other_guard() {
    let refused = |change: fn(&mut Case), status: Status| {
        let mut case = Case::compromised();
        change(&mut case);
        let refusal = case.verdict_on_creator().unwrap_err();
        assert_eq!(refusal.status(), status, "{refusal}");
    };
    refused(|case| case.policy = vending_only(&[("\"enforce\"", "\"observe\"")]), Status::Observed);
    let protecting = ("\"protected\": []", "\"protected\": [\"arn:*:iam::*:user/alice\"]");
    assert!(matches!(
        Case { policy: vending_only(&[protecting]), ..Case::compromised() }.verdict_on_creator(),
        Err(Refusal::Protected(_))
    ));
    refused(
        |case| {
            let (reason, by) = ("on leave".to_owned(), "bob".to_owned());
            case.record.holds = vec![Hold { credential: case.credential(), until: now(), reason, by }];
        },
        Status::Held,
    );
    refused(|case| case.population = Err("no answer".to_owned()), Status::Held);
    refused(|case| case.policy = vending_only(&[("\"perDay\": 10", "\"perDay\": 0")]), Status::OverBudget);
}

#[test]
fn the_first_refusal_in_order_is_the_one_that_is_said() {
    let mut case = Case::clear();
    case.population = Ok(None);
    set_last_use(&mut case, LastUse::NotRead);
    case.reported = Ok(None);
    assert_eq!(case.verdict(), Err(Refusal::NotReported));
    let (reason, by) = ("on leave".to_owned(), "bob".to_owned());
    case.record.holds = vec![Hold { credential: case.credential(), until: now(), reason, by }];
    assert!(matches!(case.verdict(), Err(Refusal::Hold { .. })));
    case.policy =
        enforcing(&[("\"enforce\"", "\"observe\""), ("\"protected\": []", "\"protected\": [\"arn:*:iam::*:user/*\"]")]);
    assert!(matches!(case.verdict(), Err(Refusal::Mode(..))));
}

#[test]
fn only_the_very_credential_that_breaks_the_policy_is_verified() {
    let estate = Estate::new(now()).user("bob").key(age_days(100)).key(age_days(10));
    let user = estate.snapshot().users.into_values().next().unwrap();
    let ids = |age: i64| {
        let key = keys(&user).iter().find(|key| key.created == now() - age_days(age)).unwrap();
        CredentialId::AccessKey(key.id.clone())
    };
    let judge = access_key_age::judge;
    let verified = verify(judge, &user, &ids(100), &enforcing(&[]), now()).unwrap();
    assert_eq!(verified.credential(), ids(100));
    let young = verify(judge, &user, &ids(10), &enforcing(&[]), now());
    assert!(matches!(young, Err(Unverified::Settled(_))), "{young:?}");
    let gone = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    assert!(matches!(verify(judge, &user, &gone, &enforcing(&[]), now()), Err(Unverified::Settled(_))));
}

#[test]
fn a_plan_says_what_it_will_do() {
    let case = Case::clear();
    let judge = access_key_age::judge;
    let verified = verify(judge, &case.user, &case.credential(), &case.policy, now()).unwrap();
    let facts = Facts {
        rule: RuleName::AccessKeyAge,
        judge,
        remedy: RemedyName::DeactivateCredential,
        policy: &case.policy,
        record: &case.record,
        reported: Ok(Some(&case.policy)),
        population: Ok(Some(60)),
        is_paid: false,
    };
    let cleared: Cleared<'_> = guard(verified, &facts, now()).unwrap();
    let plan = plan(&cleared, |_| Some(Effect::Status(KeyStatus::Inactive))).unwrap();
    assert_eq!(plan.to_string(), format!("make access key {} of `alice` inactive", case.credential()));
}
