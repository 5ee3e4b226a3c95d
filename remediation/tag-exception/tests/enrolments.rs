//! Who may be enrolled, with which secret and which retriever, and who may approve it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test prepares may fail it")]

use credwarden_credential::id::{Arn, UserId};
use credwarden_policy::document::DEFAULT;
use credwarden_policy::enrolment::{Enrolment, EnrolmentChange, PolicyDigest};
use credwarden_policy::policy::Policy;
use jiff::Timestamp;
use serde_json::{Value, json};
use tag_exception::Refusal as Asking;
use tag_exception::enrolment::{Asked, Decision, Facts, Refusal, decide};

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/alice-a1B2c3";
const ALICE: &str = "arn:aws:iam::123456789012:user/enrolled/alice";
const CAROL: &str = "arn:aws:iam::123456789012:user/carol";
const DAVE: &str = "arn:aws:iam::123456789012:user/dave";

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn policy() -> Policy {
    let mut document: Value = serde_json::from_str(DEFAULT).unwrap();
    document["approvers"] = json!(["arn:*:iam::*:user/*"]);
    document["protected"] = json!(["arn:*:iam::*:user/enrolled/root-*"]);
    Policy::parse(&document.to_string()).unwrap()
}

fn arn(text: &str) -> Arn {
    text.parse().unwrap()
}

fn asked() -> Asked {
    Asked {
        user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
        secret: SECRET.parse().ok(),
        retriever: "arn:aws:iam::123456789012:role/shop".parse().ok(),
        owner: Some("team-shop".to_owned()),
        justification: Some("the shop reads its key there".to_owned()),
        requester: Some(CAROL.to_owned()),
        approvers: vec![DAVE.to_owned()],
        execution: "e-1".to_owned(),
    }
}

/// A secret without a policy, which nobody's keys come into, and this user.
fn facts(user: Option<&Arn>) -> Facts<'_> {
    Facts { before: None, user, secret: Some(None), taken_by: None, enrolled_path: "/enrolled/", prefix: "credwarden" }
}

fn decided(asked: &Asked, facts: &Facts<'_>) -> Result<Decision, Vec<Refusal>> {
    decide(asked, EnrolmentChange::Enrol, facts, &policy(), now())
}

/// That one thing is wrong with it.
#[track_caller]
fn refused(asked: &Asked, expected: Refusal) {
    assert_eq!(decided(asked, &facts(Some(&arn(ALICE)))), Err(vec![expected]));
}

#[test]
fn what_is_approved_is_exactly_this_secret_with_this_policy_and_this_retriever() {
    let digest = PolicyDigest::of(r#"{"Statement":[]}"#).unwrap();
    let alice = arn(ALICE);
    let decision = decided(&asked(), &facts(Some(&alice)));
    let enrolled = decision.unwrap().after.unwrap();
    assert_eq!(
        (enrolled.secret.as_str(), enrolled.retriever.as_str()),
        (SECRET, "arn:aws:iam::123456789012:role/shop")
    );
    assert_eq!((enrolled.by.as_str(), enrolled.approver.as_str(), enrolled.at), (CAROL, DAVE, now()));
    assert_eq!(enrolled.resource_policy, None);
    let decision = decided(&asked(), &Facts { secret: Some(Some(&digest)), ..facts(Some(&alice)) }).unwrap();
    assert_eq!(decision.after.unwrap().resource_policy, Some(digest));
    assert_eq!(decision.approver.as_deref(), Some(DAVE));
}

#[test]
fn a_user_that_would_fetch_its_own_key_is_refused_and_so_is_who_cannot_be_told() {
    let with = |retriever: &str| Asked { retriever: retriever.parse().ok(), ..asked() };
    refused(&with(ALICE), Refusal::RetrieverIsUser(arn(ALICE)));
    for unknown in [
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:sts::123456789012:assumed-role/shop/i-1",
        "arn:aws:iam::123456789012:group/shop",
    ] {
        refused(&with(unknown), Refusal::RetrieverUnknown(arn(unknown)));
    }
    refused(&Asked { retriever: None, ..asked() }, Refusal::NoRetriever);
    let fetcher = with("arn:aws:iam::123456789012:user/enrolled/fetcher");
    assert!(decided(&fetcher, &facts(Some(&arn(ALICE)))).is_ok());
}

#[test]
fn only_secrets_that_are_there_and_the_deployments_and_nobody_elses_are_taken() {
    refused(&Asked { secret: None, ..asked() }, Refusal::NoSecret);
    for name in ["credwarden-alice", "other/alice", "xcredwarden/alice"] {
        let secret = SECRET.replace("credwarden/alice", name).parse().unwrap();
        let expected = Refusal::SecretName { secret, prefix: "credwarden".to_owned() };
        refused(&Asked { secret: SECRET.replace("credwarden/alice", name).parse().ok(), ..asked() }, expected);
    }
    let alice = arn(ALICE);
    let gone = decided(&asked(), &Facts { secret: None, ..facts(Some(&alice)) });
    assert_eq!(gone, Err(vec![Refusal::SecretGone(SECRET.parse().unwrap())]));
    let bob: UserId = "AIDAI44QH8DHBOEXAMPLE".parse().unwrap();
    let taken_by = |user| decided(&asked(), &Facts { taken_by: Some(user), ..facts(Some(&alice)) });
    assert_eq!(taken_by(&bob), Err(vec![Refusal::SecretTaken(bob.clone())]));
    assert!(taken_by(&asked().user).is_ok(), "it may be approved anew");
}

#[test]
fn only_users_under_the_enrolled_path_that_nobody_protects_are_enrolled() {
    for outside in ["arn:aws:iam::123456789012:user/alice", "arn:aws:iam::123456789012:user/other/enrolled/alice"] {
        let user = arn(outside);
        let expected = Refusal::OutsidePath { user: user.clone(), path: "/enrolled/".to_owned() };
        assert_eq!(decided(&asked(), &facts(Some(&user))), Err(vec![expected]));
    }
    let root = arn("arn:aws:iam::123456789012:user/enrolled/root-backup");
    let expected = Refusal::Protected("arn:*:iam::*:user/enrolled/root-*".to_owned());
    assert_eq!(decided(&asked(), &facts(Some(&root))), Err(vec![expected]));
    assert_eq!(decided(&asked(), &facts(None)), Err(vec![Refusal::UserGone]));
}

#[test]
fn approver_requester_owner_and_user_are_four_and_the_policy_names_who_approves() {
    let approved = |by: &str| Asked { approvers: vec![by.to_owned()], ..asked() };
    refused(&Asked { approvers: Vec::new(), ..asked() }, Asking::NotApproved.into());
    refused(&approved(CAROL), Asking::ApproverIsRequester(CAROL.to_owned()).into());
    refused(&approved(ALICE), Asking::ApproverIsUser(ALICE.to_owned()).into());
    let owned = Asked { owner: Some(DAVE.to_owned()), ..asked() };
    refused(&owned, Asking::ApproverIsOwner(DAVE.to_owned()).into());
    let stranger = "arn:aws:sts::123456789012:assumed-role/stranger/x";
    refused(&approved(stranger), Asking::NotAnApprover(stranger.to_owned()).into());
    let own = Asked { owner: Some(CAROL.to_owned()), ..asked() };
    refused(&own, Asking::RequesterIsOwner(CAROL.to_owned()).into());
    refused(&Asked { owner: None, ..asked() }, Asking::NoOwner.into());
    refused(&Asked { justification: None, ..asked() }, Asking::NoJustification.into());
    refused(&Asked { requester: None, ..asked() }, Asking::RequesterUnknown.into());
}

#[test]
fn anybody_who_may_start_the_document_withdraws_what_there_is() {
    let enrolled: Enrolment = decided(&asked(), &facts(Some(&arn(ALICE)))).unwrap().after.unwrap();
    let alone = Asked { approvers: Vec::new(), secret: None, retriever: None, owner: None, ..asked() };
    let standing = |before| Facts { before, secret: None, ..facts(None) };
    let withdrawn = decide(&alone, EnrolmentChange::Withdraw, &standing(Some(&enrolled)), &policy(), now());
    assert_eq!(withdrawn, Ok(Decision { approver: None, after: None }));
    let nothing = decide(&alone, EnrolmentChange::Withdraw, &standing(None), &policy(), now());
    assert_eq!(nothing, Err(vec![Refusal::NotEnrolled]));
}
