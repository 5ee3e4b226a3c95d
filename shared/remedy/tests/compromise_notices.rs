//! What security is told of a credential that somebody made usable who may not.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

mod world;

use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::Status as CredentialStatus;
use credwarden_ledger::notice::{Audience, Notice, NoticeKind};
use credwarden_ledger::request::Document;
use credwarden_policy::exception::Hold;
use credwarden_policy::remedy::RemedyName;
use credwarden_remedy::answer::Status;
use jiff::{SignedDuration, Timestamp};

use self::world::compromise::{execution, policy, stolen};
use self::world::gate::{Effect, Gate};
use self::world::{World, noon};
use credwarden_estate::estate::age_days;

/// All that security is to be told.
async fn told(world: &World) -> Vec<Notice> {
    let untold = world.ledger().untold(Timestamp::MAX).await.unwrap();
    let notices = untold.into_iter().map(|untold| untold.unwrap().notice);
    notices.filter(|notice| notice.kind.audience() == Audience::Security).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_away_is_told_with_who_created_it_until_when_sessions_are_refused_and_what_undoes_it() {
    for (kind, until) in [
        (CredentialKind::AccessKey, Some(noon() + SignedDuration::from_hours(36))),
        (CredentialKind::SshPublicKey, None),
    ] {
        let (world, credential) = stolen(kind).await;
        assert_eq!(world.invoke(&execution(&world), &Gate::open()).await.unwrap().status, Status::Done);
        let [notice] = <[Notice; 1]>::try_from(told(&world).await).unwrap();
        assert_eq!((notice.kind, notice.credential.as_ref()), (NoticeKind::Compromise, Some(&credential)));
        assert_eq!(notice.owner, None, "a tag of the user addresses nothing of this");
        assert!(notice.what.starts_with("it was made inactive"), "{}", notice.what);
        assert!(
            notice.what.contains("role/developer from 203.0.113.9") && notice.what.contains("e-1"),
            "{}",
            notice.what
        );
        let creation = notice.creation.unwrap();
        assert_eq!((creation.event.as_str(), creation.source.as_str()), ("e-1", "203.0.113.9"));
        assert_eq!(notice.sessions_refused_until, until, "{kind}");
        let undo = notice.undo.unwrap();
        assert_eq!(undo.document, Document::Undo(RemedyName::DeactivateCredential));
        assert_eq!(undo.until, noon() + age_days(30));
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_dies_no_compromise_is_taken_away_without_security_being_told() {
    let gate = Gate::open();
    let (clean, _) = stolen(CredentialKind::AccessKey).await;
    clean.invoke(&execution(&clean), &gate).await.unwrap();
    for (number, call) in gate.calls().iter().enumerate() {
        for effect in [Effect::DieBefore, Effect::DieAfter, Effect::Fail] {
            let (world, credential) = stolen(CredentialKind::AccessKey).await;
            let _ = world.invoke_mortal(&execution(&world), &Gate::at(number, effect)).await;
            if world.status(&credential) == CredentialStatus::Inactive {
                assert_eq!(told(&world).await.len(), 1, "{effect:?} at {call}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_told_with_the_reason_and_again_after_a_week() {
    let (world, credential) = stolen(CredentialKind::AccessKey).await;
    let hold =
        Hold { credential, until: noon() + age_days(30), reason: "it is bait".to_owned(), by: "carol".to_owned() };
    world.ledger().change_hold(&world.id("robot"), None, &hold).await.unwrap();
    for _ in 0..2 {
        assert_eq!(world.invoke(&execution(&world), &Gate::open()).await.unwrap().status, Status::Held);
        let [notice] = <[Notice; 1]>::try_from(told(&world).await).unwrap();
        assert_eq!((notice.kind, notice.at), (NoticeKind::CompromiseLeft, noon()), "said once");
        assert!(notice.what.contains("carol holds it") && notice.what.contains("e-1"), "{}", notice.what);
        assert_eq!((notice.undo, notice.sessions_refused_until), (None, None));
        world.pass_time(SignedDuration::from_hours(24));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_only_observes_is_told_too() {
    let (world, _) = stolen(CredentialKind::AccessKey).await;
    world.set_policy(&policy().replace("\"enforce\"", "\"observe\""));
    assert_eq!(world.invoke(&execution(&world), &Gate::open()).await.unwrap().status, Status::Observed);
    assert_eq!(told(&world).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_only_old_is_none_of_securitys() {
    let world = World::new(world::alice()).await;
    world.remediate("alice").await;
    assert_eq!(told(&world).await, []);
}
