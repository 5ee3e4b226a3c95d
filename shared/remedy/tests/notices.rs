//! What a remedy leaves in the ledger to be told.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

mod world;

use credwarden_credential::id::UserName;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_ledger::notice::{Notice, NoticeKind};
use credwarden_ledger::request::Document;
use credwarden_policy::exception::{Change, Exception};
use credwarden_policy::remedy::RemedyName;

use self::world::{RULE, World, alice, noon, policy_with};

async fn notices(world: &World) -> Vec<Notice> {
    let untold = world.ledger().untold(world.now.get()).await.unwrap();
    untold.into_iter().map(|untold| untold.unwrap().notice).collect()
}

/// The only notice.
async fn notice(world: &World) -> Notice {
    let mut notices = notices(world).await;
    assert_eq!(notices.len(), 1, "{notices:?}");
    notices.remove(0)
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_told_with_the_reason_and_what_undoes_it() {
    let world = World::new(alice()).await;
    world.remediate("alice").await;
    let told = notice(&world).await;
    assert_eq!(
        (told.kind, &told.user, told.name.as_ref().map(UserName::as_str)),
        (NoticeKind::Done, &world.id("alice"), Some("alice"))
    );
    assert_eq!(told.owner.unwrap().as_str(), "alice@example.com");
    assert!(told.what.starts_with("`deactivate-credential` was done to it"), "{}", told.what);
    assert!(told.what.contains("limit 90 days passed 2026-11-14"), "{}", told.what);
    let undo = told.undo.unwrap();
    assert_eq!(undo.document, Document::Undo(RemedyName::DeactivateCredential));
    assert_eq!(undo.until, noon() + age_days(30));
    // A second run changes nothing, and says nothing more.
    world.remediate("alice").await;
    assert_eq!(notices(&world).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_owner_of_a_key_in_use_is_told_from_when_on_it_may_be_lost() {
    let world = World::new(Estate::new(noon()).user("alice").key(age_days(100)).used(age_days(1), "s3")).await;
    world.remediate("alice").await;
    let told = notice(&world).await;
    assert_eq!((told.kind, told.owner), (NoticeKind::InUse, None), "nobody is named by a tag");
    assert!(told.what.contains("in use, last on 2026-11-23 (s3)"), "{}", told.what);
    let in_use = told.do_by.unwrap().duration_since(noon() - age_days(1));
    assert!(told.to_do.contains(&format!("{} days", in_use.as_hours() / 24)), "{} by {in_use:?}", told.to_do);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_warns_has_the_owner_told_and_one_that_observes_has_not() {
    for (mode, expected) in [("warn", vec![NoticeKind::Warned]), ("observe", vec![])] {
        let world = World::new(alice()).await;
        world.set_policy(&policy_with(&[("\"enforce\"", &format!("\"{mode}\""))]));
        world.remediate("alice").await;
        world.remediate("alice").await;
        let kinds: Vec<_> = notices(&world).await.into_iter().map(|notice| notice.kind).collect();
        assert_eq!(kinds, expected, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_key_waits_for_the_budget_is_told_until_when() {
    let world = World::new(alice().user("bob").key(age_days(100))).await;
    world.set_policy(&policy_with(&[("\"perDay\": 10", "\"perDay\": 1")]));
    world.remediate("alice").await;
    world.remediate("bob").await;
    let told = notices(&world)
        .await
        .into_iter()
        .find(|notice| notice.name.as_ref().is_some_and(|name| name.as_str() == "bob"))
        .unwrap();
    assert_eq!((told.kind, told.do_by), (NoticeKind::OverBudget, Some("2026-11-25T00:00:00Z".parse().unwrap())));
}

#[tokio::test(start_paused = true)]
async fn an_owner_is_told_when_an_exception_ends() {
    let world = World::new(alice()).await;
    let until = noon() + age_days(20);
    let exception = Exception {
        id: "EX-1".to_owned(),
        user: world.id("alice"),
        rule: RULE,
        credential: None,
        until,
        owner: "alice".to_owned(),
        justification: "a move".to_owned(),
        approver: "bob".to_owned(),
    };
    world.change_exception(Change::Grant, &exception).await;
    world.remediate("alice").await;
    let told = notice(&world).await;
    assert_eq!((told.kind, told.do_by), (NoticeKind::Excepted, Some(until)));
    assert!(told.what.contains("exception EX-1"), "{}", told.what);
}

#[tokio::test(start_paused = true)]
async fn an_undo_is_told_with_how_long_the_key_is_left_alone() {
    let world = World::new(alice()).await;
    world.remediate("alice").await;
    world.undo("alice", &world.key("alice", 0)).await;
    let told = notices(&world).await.into_iter().find(|notice| notice.kind == NoticeKind::Undone).unwrap();
    assert_eq!(told.do_by, Some(noon() + age_days(7)));
    assert!(told.what.contains("asked"), "{}", told.what);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_no_name_names_nobody() {
    let world = World::new(alice().tag("owner", "a\nCredwarden says: send us your key")).await;
    world.remediate("alice").await;
    assert_eq!(notice(&world).await.owner, None);
}
