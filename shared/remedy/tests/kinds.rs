//! Every kind of credential that IAM gives a status: taken away, given back, held, and never lost on the way.

mod world;

use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::Status as CredentialStatus;
use credwarden_estate::estate::age_days;
use credwarden_ledger::work::{Outcome, Step};
use credwarden_remedy::answer::Status;

use self::world::compromise::{execution, policy, robot, stolen};
use self::world::gate::{Effect, Gate};
use self::world::{ACT, UNDO_ACT, World, noon};

/// The kinds beside access keys, and the call that changes one.
const KINDS: [(CredentialKind, &str); 3] = [
    (CredentialKind::ServiceSpecificCredential, "iam:UpdateServiceSpecificCredential "),
    (CredentialKind::SshPublicKey, "iam:UpdateSSHPublicKey "),
    (CredentialKind::SigningCertificate, "iam:UpdateSigningCertificate "),
];

#[tokio::test(start_paused = true)]
async fn what_somebody_created_who_may_not_is_taken_away_and_given_back_by_the_call_of_its_kind() {
    for (kind, call) in KINDS {
        let (world, credential) = stolen(kind).await;
        let gate = Gate::open();
        let done = world.invoke(&execution(&world), &gate).await.unwrap();
        assert_eq!((done.status, world.status(&credential)), (Status::Done, CredentialStatus::Inactive), "{done:?}");
        assert_eq!(gate.calls().iter().filter(|made| made.starts_with(call)).count(), 1, "{kind}: {:?}", gate.calls());
        let by = done.undo.unwrap();
        assert_eq!(by.credential_ids, std::slice::from_ref(&credential), "{kind}");
        let work = world.work("robot", ACT, &credential).await.unwrap();
        assert_eq!(work.before.status, CredentialStatus::Active, "{kind}");

        let undone = world.undo("robot", &credential).await;
        assert_eq!(undone.status, Status::Undone, "{kind}: {undone:?}");
        assert_eq!(world.status(&credential), CredentialStatus::Active, "{kind}");
        assert_eq!((world.spent("quarantine"), world.spent("act"), world.spent("undo")), (1, 0, 1), "{kind}");
        let again = world.invoke(&execution(&world), &Gate::open()).await.unwrap();
        assert_eq!(again.status, Status::Held, "{kind}: an undo holds: {again:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_created_who_may_not_is_taken_away_even_while_it_is_in_use() {
    let (world, credential) = stolen(CredentialKind::AccessKey).await;
    let done = world.invoke(&execution(&world), &Gate::open()).await.unwrap();
    assert_eq!((done.status, world.status(&credential)), (Status::Done, CredentialStatus::Inactive), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn a_compromise_is_answered_by_the_current_policy_before_any_pass_and_from_a_purse_of_its_own() {
    let (world, credential) = stolen(CredentialKind::AccessKey).await;
    let fresh = World::just_installed(world.iam.estate());
    let (ledger, table) = (fresh.ledger(), world.ledger());
    ledger.installed(noon() - age_days(30)).await.unwrap();
    ledger.record_creations(table.creations().await.unwrap().creations.iter().cloned()).await.unwrap();
    fresh.set_policy(&policy());
    let done = fresh.invoke(&execution(&fresh), &Gate::open()).await.unwrap();
    assert_eq!((done.status, fresh.status(&credential)), (Status::Done, CredentialStatus::Inactive), "{done:?}");
    assert_eq!((fresh.spent("quarantine"), fresh.spent("act")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_away_for_its_age_whose_use_iam_does_not_tell() {
    for (kind, _) in KINDS {
        let world = World::new(robot(kind, age_days(200))).await;
        let answer = world.remediate("robot").await;
        assert_eq!(answer.status, Status::Held, "{kind}: {answer:?}");
        let credential = world.other("robot", kind);
        assert_eq!(
            answer.reason,
            format!(
                "{credential}: IAM does not tell when a {} was used last, so it may be in use; robots@example.com must \
                 replace it",
                kind.noun()
            )
        );
        assert_eq!((world.status(&credential), world.spent("act")), (CredentialStatus::Active, 0), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_at_any_call_every_kind_ends_the_same_and_is_paid_once() {
    for (kind, _) in KINDS {
        let (world, _) = stolen(kind).await;
        let gate = Gate::open();
        world.invoke(&execution(&world), &gate).await.unwrap();
        for (number, call) in gate.calls().iter().enumerate() {
            for effect in [Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry] {
                let (world, credential) = stolen(kind).await;
                let _ = world.invoke_mortal(&execution(&world), &Gate::at(number, effect)).await;
                world.settle().await;
                assert!(world.is_settled().await, "{effect:?} at {call}: something is open");
                if world.status(&credential) == CredentialStatus::Active {
                    assert_eq!(world.spent("quarantine"), 0, "{effect:?} at {call}: paid for nothing");
                    world.invoke(&execution(&world), &Gate::open()).await.unwrap();
                }
                assert_eq!(world.status(&credential), CredentialStatus::Inactive, "{effect:?} at {call}");
                assert_eq!(world.spent("quarantine"), 1, "{effect:?} at {call}");
                let work = world.work("robot", ACT, &credential).await.unwrap();
                let is_done = matches!(work.step, Step::Settled { outcome: Outcome::Done { .. }, .. });
                assert!(is_done, "{effect:?} at {call}: {:?}", work.step);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_expires_or_is_deleted_after_it_was_taken_away_is_not_given_back() {
    let kind = CredentialKind::ServiceSpecificCredential;
    let (world, credential) = stolen(kind).await;
    world.invoke(&execution(&world), &Gate::open()).await.unwrap();
    world.iam.change(|estate| estate.find_mut("robot").others[0].credential.status = CredentialStatus::Expired);
    let expired = world.undo("robot", &credential).await;
    assert_eq!(expired.status, Status::NothingToDo, "{expired:?}");
    assert!(expired.reason.contains("has expired"), "{expired:?}");
    world.iam.change(|estate| estate.find_mut("robot").others.clear());
    let gone = world.undo("robot", &credential).await;
    assert_eq!(
        (gone.status, world.work("robot", UNDO_ACT, &credential).await),
        (Status::NothingToDo, None),
        "{gone:?}"
    );
}
