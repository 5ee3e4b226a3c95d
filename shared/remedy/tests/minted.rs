//! How the key of a user who is enrolled is replaced: what is asked for, what is deleted, and what is left to people.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

mod world;

use std::collections::BTreeSet;

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{KeyStatus, Status as CredentialStatus};
use credwarden_estate::estate::age_days;
use credwarden_ledger::notice::NoticeKind;
use credwarden_ledger::work::{Act, Outcome, Step};
use credwarden_policy::enrolment::PolicyDigest;
use credwarden_policy::mint::MintStep;
use credwarden_remedy::answer::Status;
use jiff::SignedDuration;

use self::world::gate::Gate;
use self::world::{AGE, CONFIG, FORCE, ROTATE_UNDO, World, alice, noon};

/// The day that an owner is told before.
async fn announced(world: &World) -> CredentialId {
    let old = world.key("alice", 0);
    assert_eq!(world.remediate("alice").await.status, Status::Rotating);
    assert!(world.vault.lock().unwrap().asked.is_empty(), "nothing is asked for on the day that it is told");
    world.days(1).await;
    world.hour().await;
    old
}

/// The key was minted; gives the old one and the new.
async fn minted(world: &World) -> (CredentialId, CredentialId) {
    let old = announced(world).await;
    let minted = world.mint().await;
    let [new] = minted.as_slice() else { panic!("{minted:?}") };
    world.hour().await;
    (old, new.clone())
}

#[tokio::test(start_paused = true)]
async fn a_key_is_asked_for_a_day_after_its_owner_was_told_and_the_old_one_goes_when_the_new_was_fetched_and_used() {
    let world = World::minting(alice()).await;
    let (old, new) = minted(&world).await;
    world.pass_time(SignedDuration::from_hours(2));
    world.fetch(&new);
    world.days(3).await;
    assert_eq!(world.writes(), [(old.to_string(), KeyStatus::Inactive)]);
    assert_eq!(world.status(&new), CredentialStatus::Active);
    let rotation = world.rotation("alice", &old).await.unwrap();
    assert!(rotation.ended.is_some() && rotation.fetched.is_some() && rotation.acknowledged.is_none(), "{rotation:?}");
    assert!(world.is_settled().await);
    let told = world.told().await;
    for kind in [NoticeKind::Minting, NoticeKind::FetchKey, NoticeKind::Done] {
        assert!(told.contains(&(kind, old.to_string())), "{kind} was not told: {told:?}");
    }
    assert_eq!(
        world.ask(ROTATE_UNDO, "alice", Some(&old)).await.status,
        Status::Undone,
        "what was done can be undone as ever"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_told_says_where_the_key_will_be_and_how_to_have_none_minted() {
    let world = World::minting(alice()).await;
    minted(&world).await;
    let notice = world.notice(NoticeKind::Minting).await;
    assert!(notice.what.contains(world::vault::SECRET), "{}", notice.what);
    assert!(notice.to_do.contains("credwarden-enrol-user"), "{}", notice.to_do);
    assert_eq!(notice.do_by, Some(noon() + age_days(14)));
    let notice = world.notice(NoticeKind::FetchKey).await;
    assert!(notice.to_do.contains("credwarden-acknowledge-rotation"), "{}", notice.to_do);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nobody_fetches_leaves_the_old_one_as_it_is() {
    let world = World::minting(alice()).await;
    let (old, new) = minted(&world).await;
    world.use_key(&new);
    world.days(20).await;
    assert_eq!(world.writes(), []);
    assert!(world.told().await.contains(&(NoticeKind::Overdue, old.to_string())));
    assert_eq!(world.remediate("alice").await.status, Status::Held);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_enrolled_gets_the_key_from_the_owner() {
    let world = World::rotating(alice(), r#", "delivery": "secret""#).await;
    let old = world.key("alice", 0);
    world.remediate("alice").await;
    world.days(3).await;
    assert!(world.vault.lock().unwrap().asked.is_empty());
    assert!(world.told().await.contains(&(NoticeKind::CreateKey, old.to_string())));
    assert!(world.notice(NoticeKind::CreateKey).await.what.contains("not enrolled"));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_asks_has_it_minted_at_once() {
    let world = World::minting(alice()).await;
    let old = world.key("alice", 0);
    assert_eq!(world.ask(FORCE, "alice", Some(&old)).await.status, Status::Rotating);
    assert_eq!(world.mint().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_secrets_manager_does_not_give_is_no_fault_and_is_asked_for_again() {
    let world = World::minting(alice()).await;
    world.remediate("alice").await;
    world.pass_time(SignedDuration::from_hours(25));
    let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
    let answer = world.invoke(&execution, &Gate::failing("RotateSecret")).await.unwrap();
    assert_eq!(answer.status, Status::Held, "{}", answer.reason);
    world.hour().await;
    assert_eq!(world.mint().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_minted_where_the_secret_cannot_be_read_is_gone_or_has_another_policy() {
    for (place, kind) in
        [("gone", Some(NoticeKind::NotMinted)), ("policy", Some(NoticeKind::NotMinted)), ("dark", None)]
    {
        let world = World::minting(alice()).await;
        let old = world.key("alice", 0);
        world.remediate("alice").await;
        world.pass_time(SignedDuration::from_hours(25));
        match place {
            "gone" => world.vault.lock().unwrap().is_gone = true,
            "policy" => world.vault.lock().unwrap().resource_policy = Some(PolicyDigest::of("{}").unwrap()),
            _ => {}
        }
        let gate = if place == "dark" { Gate::failing("DescribeSecret") } else { Gate::open() };
        let execution = world.execution(AGE, &world.id("alice"), None, CONFIG);
        assert_eq!(world.invoke(&execution, &gate).await.unwrap().status, Status::Rotating, "{place}");
        assert!(world.vault.lock().unwrap().asked.is_empty(), "{place}");
        if let Some(kind) = kind {
            assert!(world.told().await.contains(&(kind, old.to_string())), "{place}");
            world.days(20).await;
        }
        assert_eq!((world.keys(), world.writes()), (1, vec![]), "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_enrolment_that_is_withdrawn_leaves_both_keys_and_begins_anew_with_the_owner() {
    let world = World::minting(alice()).await;
    let (old, new) = minted(&world).await;
    world.enrol(None).await;
    world.fetch(&new);
    world.days(3).await;
    assert_eq!(world.writes(), [], "nobody has said that nothing needs the old key");
    assert!(world.told().await.contains(&(NoticeKind::MoveToKey, old.to_string())));
    assert_eq!(world.status(&new), CredentialStatus::Active);
    world.ask(world::ACKNOWLEDGE, "alice", Some(&old)).await;
    world.days(3).await;
    assert_eq!(world.status(&old), CredentialStatus::Inactive);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_run_may_have_left_is_asked_to_be_cleared_though_the_enrolment_is_withdrawn() {
    let world = World::minting(alice()).await;
    let old = announced(&world).await;
    let token = world.rotation("alice", &old).await.unwrap().mint.unwrap();
    // The run died when it had created a key and written that down.
    let kept = world.ledger().mint(&token).await.unwrap().unwrap();
    let orphan = world.create_key("alice");
    let created = MintStep::Created { key: orphan.clone(), at: world.now.get() };
    let kept = world.ledger().keep_mint(&kept, created).await.unwrap();
    world.enrol(None).await;
    world.vault.lock().unwrap().asked.clear();
    world.days(1).await;
    assert_eq!(world.vault.lock().unwrap().asked, BTreeSet::from([token]), "the same mint, and no other");
    assert!(world.told().await.contains(&(NoticeKind::NotMinted, old.to_string())));
    // Cleared away, nothing is asked for any more, and the owner has to create the new key.
    world.delete_by_hand(&orphan);
    world.ledger().keep_mint(&kept, MintStep::Asked).await.unwrap();
    world.vault.lock().unwrap().asked.clear();
    world.days(2).await;
    assert!(world.vault.lock().unwrap().asked.is_empty());
    assert!(world.told().await.contains(&(NoticeKind::CreateKey, old.to_string())));
    assert_eq!(world.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_deletes_the_minted_key_gets_another_after_a_day() {
    let world = World::minting(alice()).await;
    let (old, new) = minted(&world).await;
    world.pass_time(SignedDuration::from_hours(2));
    world.fetch(&new);
    world.delete_by_hand(&new);
    world.hour().await;
    world.days(2).await;
    let again = world.mint().await;
    assert_eq!(again.len(), 1, "another token asks for another key");
    assert_ne!(again[0], new);
    assert_eq!(world.status(&old), CredentialStatus::Active);
    world.pass_time(SignedDuration::from_hours(1));
    world.fetch(&again[0]);
    world.days(3).await;
    assert_eq!(world.status(&old), CredentialStatus::Inactive);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_its_owner_creates_by_hand_takes_nobodys_place() {
    let world = World::minting(alice()).await;
    world.remediate("alice").await;
    let third = world.create_key("alice");
    world.use_key(&third);
    world.days(5).await;
    assert!(world.vault.lock().unwrap().asked.is_empty(), "there is no room");
    assert_eq!(world.writes(), []);
    assert!(world.told().await.iter().any(|(kind, _)| *kind == NoticeKind::FreeSlot));
}

#[tokio::test(start_paused = true)]
async fn an_idle_key_that_the_ledgers_own_act_made_inactive_long_ago_makes_room() {
    let (world, idle, old) = world::vault::with_idle(100).await;
    world.remediate("alice").await;
    assert_eq!(world.keys(), 2, "its owner is told before");
    world.days(1).await;
    world.hour().await;
    assert_eq!(*world.deleted.lock().unwrap(), std::slice::from_ref(&idle));
    let work = world.work("alice", Act::DeleteIdle, &idle).await.unwrap();
    assert!(matches!(work.step, Step::Settled { outcome: Outcome::Gone { .. }, .. }), "{work:?}");
    assert!(world.told().await.contains(&(NoticeKind::Done, idle.to_string())));
    world.hour().await;
    let minted = world.mint().await;
    assert_eq!(minted.len(), 1);
    world.pass_time(SignedDuration::from_hours(1));
    world.fetch(&minted[0]);
    world.days(10).await;
    assert_eq!(world.status(&old), CredentialStatus::Inactive);
}

#[tokio::test(start_paused = true)]
async fn an_idle_key_is_left_to_people_as_long_as_it_may_be_wanted() {
    for wanted in ["undoable", "used", "held", "active", "changed by hand"] {
        let (world, idle, old) = world::vault::with_idle(if wanted == "undoable" { 20 } else { 100 }).await;
        match wanted {
            "used" => world.use_key(&idle),
            "held" => world.hold(&idle, age_days(30)).await,
            "active" => world.by_hand(&idle, KeyStatus::Active),
            "changed by hand" => {
                world.made_active(&idle, noon() - age_days(10)).await;
            }
            _ => {}
        }
        if wanted == "undoable" {
            // It is young yet, so a person has to ask.
            world.ask(FORCE, "alice", Some(&old)).await;
        }
        world.remediate("alice").await;
        world.days(3).await;
        assert_eq!(*world.deleted.lock().unwrap(), [], "{wanted}");
        assert!(world.vault.lock().unwrap().asked.is_empty(), "{wanted}: there is no room");
    }
}
