//! What is rehearsed is what is then done, and a rehearsal leaves account and ledger as they were.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::KeyStatus;
use credwarden_credential::usage::Uses;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_ledger::notice::Notice;
use credwarden_ledger::request::Document;
use credwarden_policy::exception::{Change, Exception, Hold};
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{Effect, RuleName};
use credwarden_remedy::answer::Status;
use credwarden_remedy::rehearsal::{On, Planned, Stage, documents, purses, rehearse};
use credwarden_remedy::run::Settings;
use credwarden_remedy::usage::Usage;
use jiff::{SignedDuration, Timestamp};

use self::world::gate::{Gate, GatedSsm};
use self::world::vault::GatedSecrets;
use self::world::{AGE, CONFIG, REMEDY, ROTATION, RULE, UNDO, World, alice, compromise, noon, policy_with};

async fn rehearsed(world: &World, document: Document, name: &str, credential: Option<&CredentialId>) -> Vec<Planned> {
    let parameters = GatedSsm { gate: Gate::open(), parameters: world.parameters.clone(), executions: Arc::default() };
    let secrets = GatedSecrets { gate: Gate::open(), vault: world.vault.clone() };
    let settings = Settings {
        prefix: "credwarden".to_owned(),
        policy_parameter: "/credwarden/policy".to_owned(),
        kill_switch_parameter: "/credwarden/kill-switch".to_owned(),
        own_roles: BTreeSet::new(),
    };
    let stage = Stage {
        parameters: &parameters,
        reader: &world.iam,
        table: &world.table,
        secrets: &secrets,
        settings: &settings,
        remedies: &[REMEDY, ROTATION],
        usage: &Usage::Known(Uses::NotRead),
    };
    let on = On { id: world.id(name), name: name.parse().unwrap() };
    rehearse(&stage, document, &on, credential, world.now.get()).await.unwrap()
}

async fn untold(world: &World) -> Vec<Notice> {
    let untold = world.ledger().untold(Timestamp::MAX).await.unwrap();
    untold.into_iter().map(|item| item.unwrap().notice).collect()
}

/// Rehearses a document, then does what it does, and compares; gives what was rehearsed.
async fn held_against_the_act(
    world: &World,
    document: Document,
    name: &str,
    credential: Option<&CredentialId>,
) -> Vec<Planned> {
    let (items, written, told) = (world.table.items(), world.writes(), untold(world).await);
    let planned = rehearsed(world, document, name, credential).await;
    assert_eq!(world.table.items(), items, "a rehearsal writes nothing into the ledger");
    assert_eq!(world.writes(), written, "nor to IAM");

    let execution = world.execution(document, &world.id(name), credential, CONFIG);
    let answer = world.invoke(&execution, &Gate::open()).await.unwrap();
    let done: Vec<_> = answer.each.iter().map(|each| (Some(each.credential.clone()), each.status)).collect();
    let said: Vec<_> = planned.iter().map(|planned| (planned.credential.clone(), planned.status)).collect();
    match (done.as_slice(), answer.status) {
        ([], Status::NothingToDo) => assert_eq!(said, []),
        ([], status) => assert_eq!(said, [(None, status)]),
        _ => assert_eq!(said, done, "{}", answer.reason),
    }
    let changes =
        planned.iter().filter_map(|planned| Some((planned.credential.as_ref()?.to_string(), planned.becomes?)));
    let made = world.writes().split_off(written.len()).into_iter().map(|(key, status)| (key, Effect::Status(status)));
    assert_eq!(changes.collect::<Vec<_>>(), made.collect::<Vec<_>>(), "{planned:?}");
    let mut will_be_told: Vec<_> = planned.iter().flat_map(|planned| &planned.told).cloned().collect();
    let mut newly: Vec<_> = untold(world).await.into_iter().filter(|notice| !told.contains(notice)).collect();
    // Who asks is all that a rehearsal cannot know.
    for notice in will_be_told.iter_mut().chain(&mut newly) {
        notice.requester = None;
    }
    will_be_told.sort_by_key(Notice::id);
    newly.sort_by_key(Notice::id);
    assert_eq!(will_be_told, newly);
    planned
}

/// The only step of a user's document of the rule on ages.
async fn step(world: &World) -> Planned {
    let mut planned = held_against_the_act(world, AGE, "alice", None).await;
    assert_eq!(planned.len(), 1, "{planned:?}");
    planned.remove(0)
}

#[tokio::test(start_paused = true)]
async fn what_would_be_changed_is_and_what_is_settled_is_no_more() {
    let world = World::new(alice()).await;
    let planned = step(&world).await;
    assert_eq!((planned.status, planned.becomes), (Status::Done, Some(Effect::Status(KeyStatus::Inactive))));
    assert!(planned.reason.contains("limit 90 days passed 2026-11-14"), "{}", planned.reason);
    assert_eq!(planned.undo_until, Some(noon() + age_days(30)));
    assert_eq!(held_against_the_act(&world, AGE, "alice", None).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_use_is_left() {
    let world = World::new(Estate::new(noon()).user("alice").key(age_days(100)).used(age_days(1), "s3")).await;
    let planned = step(&world).await;
    assert_eq!((planned.status, planned.becomes, planned.told.len()), (Status::Held, None, 1));
    world.pass_time(SignedDuration::from_hours(24));
    assert_eq!(step(&world).await.told, [], "it was told yesterday");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_or_excepted_is_left() {
    let world = World::new(alice()).await;
    let (user, key) = (world.id("alice"), world.key("alice", 0));
    let hold = Hold {
        credential: key,
        until: noon() + age_days(3),
        reason: "the audit wants it so".to_owned(),
        by: "bob".to_owned(),
    };
    world.ledger().change_hold(&user, None, &hold).await.unwrap();
    let planned = step(&world).await;
    assert!(planned.status == Status::Held && planned.reason.contains("bob holds it"), "{planned:?}");

    world.pass_time(SignedDuration::from_hours(4 * 24));
    let exception = Exception {
        id: "EX-1".to_owned(),
        user,
        rule: RULE,
        credential: None,
        until: noon() + age_days(30),
        owner: "alice@example.com".to_owned(),
        justification: "it cannot be replaced before".to_owned(),
        approver: "arn:aws:iam::123456789012:role/security".to_owned(),
    };
    world.change_exception(Change::Grant, &exception).await;
    assert_eq!(step(&world).await.status, Status::Excepted);
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_only_observes_or_warns_of_is_left() {
    for (mode, status) in [("observe", Status::Observed), ("warn", Status::Warned)] {
        let world = World::new(alice()).await;
        world.set_policy(&policy_with(&[("\"enforce\"", &format!("\"{mode}\""))]));
        assert_eq!(step(&world).await.status, status);
    }
    let edited = World::just_installed(alice());
    assert_eq!(step(&edited).await.status, Status::Observed, "nothing was reported a day ago");
}

#[tokio::test(start_paused = true)]
async fn what_the_budget_does_not_pay_waits() {
    let mut estate = alice();
    for number in 0..3 {
        estate = estate.user(&format!("other-{number}")).key(age_days(100)).used(age_days(30), "s3");
    }
    let world = World::new(estate).await;
    let policy = Policy::parse(&policy_with(&[])).unwrap();
    let left = async || purses(&world.ledger(), RULE, &policy, world.now.get()).await.unwrap();
    assert_eq!((left().await.limit, left().await.spent), (Some(3), 0));
    for number in 0..3 {
        world.remediate(&format!("other-{number}")).await;
    }
    assert_eq!(left().await.spent, 3);
    let planned = step(&world).await;
    assert_eq!((planned.status, planned.becomes, planned.told.len()), (Status::OverBudget, None, 1));
}

#[tokio::test(start_paused = true)]
async fn a_kill_switch_leaves_everything() {
    let world = World::new(alice()).await;
    world.set_kill_switch("stop");
    let planned = step(&world).await;
    assert_eq!((planned.status, planned.credential), (Status::Held, None));
}

#[tokio::test(start_paused = true)]
async fn a_rotation_is_rehearsed_step_by_step_to_its_end() {
    let world = World::rotating(alice(), "").await;
    let begun = step(&world).await;
    assert_eq!((begun.status, begun.told.len()), (Status::Rotating, 1));
    assert_eq!(begun.deadline, world.rotation("alice", &world.key("alice", 0)).await.map(|rotation| rotation.deadline));
    world.pass_time(SignedDuration::from_hours(2));
    let new = world.create_key("alice");
    world.pass_time(SignedDuration::from_hours(1));
    world.use_key(&new);
    let mut changed = Vec::new();
    for day in 0..5 {
        let planned = step(&world).await;
        if planned.becomes.is_some() {
            changed.push(day);
            break;
        }
        let old = world.key("alice", 0);
        world.ask(world::ACKNOWLEDGE, "alice", Some(&old)).await;
        world.pass_time(SignedDuration::from_hours(25));
    }
    assert_eq!(changed.len(), 1, "the old key goes in the end");
}

#[tokio::test(start_paused = true)]
async fn a_compromise_would_have_its_sessions_refused() {
    let (world, credential) = compromise::stolen(CredentialKind::AccessKey).await;
    let document = Document::Rule(RuleName::UnauthorizedKeyCreation);
    let planned = held_against_the_act(&world, document, "robot", None).await;
    let [only] = planned.as_slice() else { panic!("{planned:?}") };
    assert_eq!(
        (only.credential.as_ref(), only.becomes),
        (Some(&credential), Some(Effect::Status(KeyStatus::Inactive)))
    );
    assert!(only.refuses_sessions);
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_died_is_rehearsed_too() {
    let world = World::new(alice()).await;
    world.remediate("alice").await;
    let key = world.key("alice", 0);
    let execution = world.execution(UNDO, &world.id("alice"), Some(&key), CONFIG);
    assert!(world.invoke(&execution, &Gate::failing("iam:UpdateAccessKey")).await.is_err());
    world.pass_time(SignedDuration::from_hours(1));
    let record = world.ledger().record(&world.id("alice")).await.unwrap();
    assert!(documents(&record).contains(&(UNDO, Some(key.clone()))), "{record:?}");
    let planned = held_against_the_act(&world, UNDO, "alice", Some(&key)).await;
    assert_eq!(
        planned.iter().map(|planned| planned.becomes).collect::<Vec<_>>(),
        [Some(Effect::Status(KeyStatus::Active))]
    );
}
