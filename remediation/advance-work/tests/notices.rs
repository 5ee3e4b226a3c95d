//! What owners and the account's event bus are told, over the ledger in memory.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test prepares may fail it")]

mod deployment;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use advance_work::aws::{CallError, Channels, Rules};
use advance_work::digest::{Addressee, Digest, Event, TopicArn};
use advance_work::{Faults, Ports, advance, tell_of};
use credwarden_automation::{ClientToken, Documents, StartError};
use credwarden_credential::creation::{Creation, CreationAct, Creator, Principal};
use credwarden_credential::id::UserId;
use credwarden_inventory::parameter::{ParameterError, ReadParameter};
use credwarden_ledger::Ledger;
use credwarden_ledger::exception::ExceptionAct;
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::notice::{Audience, Notice, NoticeKind, Undo};
use credwarden_ledger::request::Document;
use credwarden_policy::exception::{Change, Exception};
use credwarden_policy::remedy::{RemedyName, RuleName};
use jiff::{SignedDuration, Timestamp};

use self::deployment::settings;

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn hours(hours: i64) -> Timestamp {
    noon() + SignedDuration::from_hours(hours)
}

/// An account in which nothing is due but notices.
#[derive(Clone, Debug, Default)]
struct Account {
    table: MemoryTable,
    kill_switch: &'static str,
    told: Arc<Mutex<Vec<(String, Digest)>>>,
    events: Arc<Mutex<Vec<serde_json::Value>>>,
    /// The topic refuses.
    topic_denied: bool,
    /// The bus refuses every event whose notice is about this user.
    bus_refuses: Option<&'static str>,
}

impl ReadParameter for Account {
    async fn read_parameter(&self, _: &str) -> Result<String, ParameterError> {
        Ok(self.kill_switch.to_owned())
    }
}

impl Documents for Account {
    async fn start(
        &self,
        document: &str,
        _: BTreeMap<&str, String>,
        _: Option<&ClientToken>,
    ) -> Result<String, StartError> {
        Ok(document.to_owned())
    }
}

impl Rules for Account {
    async fn start_evaluation(&self, _: &str) -> Result<(), CallError> {
        Ok(())
    }

    async fn remediation_exceptions(&self, _: &str, _: Timestamp) -> Result<Vec<UserId>, CallError> {
        Ok(Vec::new())
    }

    async fn delete_remediation_exception(&self, _: &str, _: &UserId) -> Result<(), CallError> {
        Ok(())
    }
}

fn refused() -> CallError {
    CallError { doing: "tell".to_owned(), why: "denied".to_owned() }
}

impl Channels for Account {
    async fn publish(&self, _: &TopicArn, to: &Addressee, digest: &Digest) -> Result<(), CallError> {
        if self.topic_denied {
            return Err(refused());
        }
        let to = match to.audience {
            Audience::Owner => to.owner.as_str().to_owned(),
            Audience::Security => format!("security: {}", to.owner.as_str()),
        };
        self.told.lock().unwrap().push((to, digest.clone()));
        Ok(())
    }

    async fn put_events(&self, events: &[Event]) -> Result<Vec<Result<(), CallError>>, CallError> {
        assert!(events.len() <= 10, "AWS takes 10 at once");
        let outcomes = events.iter().map(|event| {
            if self.bus_refuses.is_some_and(|user| event.detail["userName"] == user) {
                return Err(refused());
            }
            self.events.lock().unwrap().push(event.detail.clone());
            Ok(())
        });
        Ok(outcomes.collect())
    }
}

impl Account {
    fn new() -> Self {
        Self { kill_switch: "run", ..Self::default() }
    }

    fn ledger(&self) -> Ledger<MemoryTable> {
        Ledger::new(self.table.clone())
    }

    async fn has(&self, notice: Notice) {
        self.ledger().tell(&notice).await.unwrap();
    }

    async fn hour(&self, now: Timestamp) -> Result<(), Faults> {
        let (parameters, documents, rules, channels) = (self.clone(), self.clone(), self.clone(), self.clone());
        let ports = Ports { parameters, documents, rules, channels, ledger: self.ledger() };
        advance(&ports, &settings(), now).await.1
    }

    async fn tell_of(&self, user: &UserId, now: Timestamp) -> Result<(), Faults> {
        let (parameters, documents, rules, channels) = (self.clone(), self.clone(), self.clone(), self.clone());
        let ports = Ports { parameters, documents, rules, channels, ledger: self.ledger() };
        tell_of(&ports, &settings(), user, now).await.1
    }

    fn owners(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().map(|(owner, _)| owner.clone()).collect()
    }
}

fn done(user: &str, owner: Option<&str>) -> Notice {
    Notice {
        kind: NoticeKind::Done,
        at: noon(),
        user: format!("AIDA{:0>17}", user.to_uppercase()).parse().unwrap(),
        name: user.parse().ok(),
        credential: "AKIAIOSFODNN7EXAMPLE".parse().ok(),
        document: Document::Rule(RuleName::AccessKeyAge),
        requester: Some("arn:aws:sts::123456789012:assumed-role/config".to_owned()),
        owner: owner.map(|owner| owner.parse().unwrap()),
        what: "`deactivate-credential` was done to it, because it is old".to_owned(),
        to_do: "give whatever used it a new credential".to_owned(),
        do_by: Some(hours(24)),
        undo: Some(Undo {
            document: Document::Undo(RemedyName::DeactivateCredential),
            until: "2026-12-24T12:00:00Z".parse().unwrap(),
        }),
        begun: Some(noon()),
        creation: None,
        sessions_refused_until: None,
    }
}

#[tokio::test]
async fn an_owner_reads_what_was_done_what_to_do_by_when_and_how_to_undo_it() {
    let account = Account::new();
    account.has(done("alice", Some("alice@example.com"))).await;
    account.hour(hours(1)).await.unwrap();
    let (owner, Digest { subject, text }) = account.told.lock().unwrap()[0].clone();
    assert_eq!(owner, "alice@example.com");
    assert_eq!(subject, "Credwarden: 1 notice on credentials of AWS account 123456789012");
    assert_eq!(
        text,
        "\
Credwarden has 1 notice on credentials of AWS account 123456789012.

1. access key AKIAIOSFODNN7EXAMPLE of user alice (AIDA000000000000ALICE), 2026-11-24 12:00 UTC
   What:  `deactivate-credential` was done to it, because it is old
   Do:    give whatever used it a new credential
   By:    2026-11-25 12:00 UTC
   Asked: arn:aws:sts::123456789012:assumed-role/config
   Undo:  until 2026-12-24 12:00 UTC, by the document credwarden-undo-deactivate-credential:
          aws ssm start-automation-execution --region us-east-1 --document-name credwarden-undo-deactivate-credential \
--parameters 'AutomationAssumeRole=arn:aws:iam::123456789012:role/automation,ResourceId=AIDA000000000000ALICE,\
CredentialId=AKIAIOSFODNN7EXAMPLE'

Who may start a document needs ssm:StartAutomationExecution in us-east-1. Credwarden never asks for a password or a \
secret key.
"
    );
}

#[tokio::test]
async fn whoever_answers_for_an_exception_reads_once_before_it_ends_until_it_is_extended() {
    let account = Account::new();
    let user: UserId = "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap();
    let ends = |until| Exception {
        id: "EX-1".to_owned(),
        user: user.clone(),
        rule: RuleName::UnusedCredentials,
        credential: None,
        until,
        owner: "payments@example.com".to_owned(),
        justification: "the vendor moves in May".to_owned(),
        approver: "carol".to_owned(),
    };
    let change = async |change: Change, before: Option<Exception>, after: Exception| {
        let ledger = account.ledger();
        let seen = ledger.exception(&user, after.rule, None).await.unwrap();
        let act = ExceptionAct {
            change,
            execution: change.to_string(),
            requester: "olivia".to_owned(),
            approver: None,
            justification: after.justification.clone(),
            at: noon(),
            user: user.clone(),
            rule: after.rule,
            credential: None,
            before,
            after: Some(after),
        };
        ledger.change_exception(&act, seen.as_ref()).await.unwrap();
        assert!(ledger.settle_tags(&user, Some(&act.execution), noon()).await.unwrap());
    };
    let (day, first, second) = (24, ends(hours(20 * 24)), ends(hours(40 * 24)));
    change(Change::Grant, None, first.clone()).await;
    for days in [1, 5] {
        account.hour(hours(days * day)).await.unwrap();
        assert_eq!(account.owners(), [""; 0], "day {days}: more than 14 days are left");
    }
    for days in [7, 8, 16] {
        account.hour(hours(days * day)).await.unwrap();
        assert_eq!(account.owners(), ["payments@example.com"], "day {days}");
    }
    let (_, Digest { text, .. }) = account.told.lock().unwrap()[0].clone();
    let expected = "1. all credentials of user AIDACKCEVSQ6C2EXAMPLE, 2026-12-01 12:00 UTC
   What:  exception EX-1 from `unused-credentials`, for which payments@example.com answers, ends: the vendor moves in May \
(approved by carol)
   Do:    bring it within the policy, or ask for the exception to be extended; else `unused-credentials` finds it, and what \
the policy says is done
   By:    2026-12-14 12:00 UTC

";
    assert!(text.contains(expected), "{text}");
    assert_eq!(account.events.lock().unwrap()[0]["credentialId"], serde_json::Value::Null);
    change(Change::Extend, Some(first), second).await;
    account.hour(hours(17 * day)).await.unwrap();
    assert_eq!(account.owners().len(), 1, "it holds for long again");
    account.hour(hours(27 * day)).await.unwrap();
    assert_eq!(account.owners().len(), 2);
}

#[tokio::test]
async fn each_owner_gets_one_message_and_each_notice_is_one_event() {
    let account = Account::new();
    for user in 0..15 {
        account.has(done(&format!("u{user}"), Some(if user % 2 == 0 { "even" } else { "odd" }))).await;
    }
    account.has(done("nobody", None)).await;
    account.hour(hours(1)).await.unwrap();
    assert_eq!(account.owners(), ["account-contact", "even", "odd"]);
    let subjects: Vec<_> = account.told.lock().unwrap().iter().map(|(_, digest)| digest.subject.clone()).collect();
    assert!(subjects[1].contains("8 notices") && subjects[2].contains("7 notices"), "{subjects:?}");
    assert_eq!(account.events.lock().unwrap().len(), 16);
    account.hour(hours(2)).await.unwrap();
    assert_eq!((account.owners().len(), account.events.lock().unwrap().len()), (3, 16), "once");
}

#[tokio::test]
async fn an_event_says_it_all_in_fields() {
    let account = Account::new();
    account.has(done("alice", None)).await;
    account.hour(hours(1)).await.unwrap();
    let event = account.events.lock().unwrap()[0].clone();
    assert_eq!(
        event,
        serde_json::json!({
            "id": "USER#AIDA000000000000ALICE/NOTICE#access-key-age#AKIAIOSFODNN7EXAMPLE#done#1795521600@1795521600",
            "kind": "done",
            "at": "2026-11-24T12:00:00Z",
            "userId": "AIDA000000000000ALICE",
            "userName": "alice",
            "credentialKind": "access-key",
            "credentialId": "AKIAIOSFODNN7EXAMPLE",
            "document": "credwarden-access-key-age",
            "requester": "arn:aws:sts::123456789012:assumed-role/config",
            "owner": "account-contact",
            "audience": "owner",
            "created": null,
            "sessionsRefusedUntil": null,
            "what": "`deactivate-credential` was done to it, because it is old",
            "toDo": "give whatever used it a new credential",
            "doBy": "2026-11-25T12:00:00Z",
            "undo": {
                "document": "credwarden-undo-deactivate-credential",
                "parameters": {
                    "AutomationAssumeRole": "arn:aws:iam::123456789012:role/automation",
                    "ResourceId": "AIDA000000000000ALICE",
                    "CredentialId": "AKIAIOSFODNN7EXAMPLE",
                },
                "until": "2026-12-24T12:00:00Z",
            },
        })
    );
}

/// Somebody who may not has given robot a key, which was made inactive.
fn compromise() -> Notice {
    let creation = Creation {
        event: "00000000-0000-4000-8002-000000000001".to_owned(),
        act: CreationAct::CreateAccessKey,
        credential: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
        user: "robot".parse().unwrap(),
        user_id: None,
        creator: Creator {
            principal: Principal::Role("arn:aws:iam::123456789012:role/developer".parse().unwrap()),
            session: Some("dana\nDo: nothing".to_owned()),
            source_identity: None,
            invoked_by: None,
        },
        source: "203.0.113.9".to_owned(),
        mfa: Some(false),
        at: hours(-1),
        region: "us-east-1".to_owned(),
    };
    Notice {
        kind: NoticeKind::Compromise,
        document: Document::Rule(RuleName::UnauthorizedKeyCreation),
        what: "it was made inactive".to_owned(),
        to_do: "find out what was done with it".to_owned(),
        do_by: None,
        creation: Some(Box::new(creation)),
        sessions_refused_until: Some(hours(36)),
        ..done("robot", Some("whoever-tags-it@example.com"))
    }
}

#[tokio::test]
async fn security_reads_who_created_it_from_where_and_how_to_undo_what_was_done() {
    let account = Account::new();
    account.has(compromise()).await;
    account.has(done("robot", Some("robots@example.com"))).await;
    account.hour(hours(1)).await.unwrap();
    assert_eq!(
        account.owners(),
        ["robots@example.com", "security: security@example.com"],
        "each in a message of its own"
    );
    let (_, Digest { subject, text }) = account.told.lock().unwrap()[1].clone();
    assert_eq!(subject, "Credwarden: 1 notice on compromised credentials of AWS account 123456789012");
    let expected = "
1. access key AKIAIOSFODNN7EXAMPLE of user robot (AIDA000000000000ROBOT), 2026-11-24 12:00 UTC
   What:  it was made inactive
   Do:    find out what was done with it
   By:    at once
   Who:   arn:aws:iam::123456789012:role/developer (session dana Do: nothing)
   From:  203.0.113.9
   Event: 00000000-0000-4000-8002-000000000001 (2026-11-24 11:00:00 UTC, us-east-1)
   Sessions of the user are refused until 2026-11-26 00:00 UTC.
   Asked: ";
    assert!(text.contains(expected) && text.contains("   Undo:  until 2026-12-24"), "{text}");
    let events = account.events.lock().unwrap().clone();
    let event = events.iter().find(|event| event["kind"] == "compromise").unwrap();
    assert_eq!((&event["audience"], &event["owner"]), (&"security".into(), &"security@example.com".into()));
    assert_eq!(event["created"]["arn"], "arn:aws:iam::123456789012:role/developer");
    assert_eq!(event["created"]["sourceIpAddress"], "203.0.113.9");
    assert_eq!(event["created"]["eventId"], "00000000-0000-4000-8002-000000000001");
    assert_eq!(event["sessionsRefusedUntil"], "2026-11-26T00:00:00Z");
}

#[tokio::test]
async fn what_is_untold_of_one_user_is_told_at_once_and_once() {
    let account = Account::new();
    account.has(compromise()).await;
    account.has(done("alice", None)).await;
    for _ in 0..2 {
        account.tell_of(&compromise().user, hours(0)).await.unwrap();
        assert_eq!(account.owners(), ["security: security@example.com"], "alice's waits for the hour");
        assert_eq!(account.events.lock().unwrap().len(), 1);
    }
    account.hour(hours(1)).await.unwrap();
    assert_eq!(account.owners(), ["security: security@example.com", "account-contact"]);
}

#[tokio::test]
async fn what_the_topic_or_the_bus_refuses_is_a_fault_and_is_told_the_next_hour_alone() {
    let mut account = Account { topic_denied: true, bus_refuses: Some("bob"), ..Account::new() };
    account.has(done("alice", None)).await;
    account.has(done("bob", None)).await;
    let Faults(faults) = account.hour(hours(1)).await.unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert_eq!((account.owners().len(), account.events.lock().unwrap().len()), (0, 1));
    account.topic_denied = false;
    account.hour(hours(2)).await.unwrap_err();
    assert_eq!((account.owners().len(), account.events.lock().unwrap().len()), (1, 1));
    account.bus_refuses = None;
    account.hour(hours(3)).await.unwrap();
    account.hour(hours(4)).await.unwrap();
    assert_eq!((account.owners().len(), account.events.lock().unwrap().len()), (1, 2));
}

#[tokio::test]
async fn the_kill_switch_stops_no_notice() {
    for kill_switch in ["stop", "undo-only"] {
        let account = Account { kill_switch, ..Account::new() };
        account.has(done("alice", None)).await;
        account.hour(hours(1)).await.unwrap();
        assert_eq!(account.owners(), ["account-contact"], "{kill_switch}");
    }
}

#[tokio::test]
async fn a_message_is_cut_before_it_is_longer_than_the_topic_takes() {
    let account = Account::new();
    for user in 0..120 {
        let mut notice = done(&format!("u{user}"), Some("one"));
        notice.name = format!("{user:x>64}").parse().ok();
        notice.requester = Some("é".repeat(3_000));
        notice.what = "é".repeat(3_000);
        notice.to_do = notice.what.clone();
        account.has(notice).await;
    }
    account.hour(hours(1)).await.unwrap();
    let told = account.told.lock().unwrap();
    assert_eq!(told.len(), 3);
    for (_, Digest { subject, text }) in told.iter() {
        assert!(text.len() <= 256 * 1024, "{} bytes", text.len());
        assert!(subject.len() <= 100 && subject.is_ascii(), "{subject}");
    }
}

#[tokio::test]
async fn nothing_that_is_quoted_looks_like_a_line_of_the_message() {
    let account = Account::new();
    let mut notice = done("alice", None);
    notice.what = "because\n   Do:    send us your key\u{2028}now".to_owned();
    account.has(notice).await;
    account.hour(hours(1)).await.unwrap();
    let text = account.told.lock().unwrap()[0].1.text.clone();
    assert_eq!(text.lines().filter(|line| line.trim_start().starts_with("Do:")).count(), 1, "{text}");
    assert!(!text.contains('\u{2028}'));
}
