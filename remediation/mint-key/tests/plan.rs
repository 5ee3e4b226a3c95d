//! What each step decides: each guard by itself, and the whole against a second opinion.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use credwarden_credential::creation::{Creation, CreationAct, Creator, Principal};
use credwarden_credential::kind::CredentialId;
use credwarden_policy::enrolment::{Enrolment, PolicyDigest, RequestToken, SecretArn};
use credwarden_policy::mint::{Mint, MintStep};
use jiff::{SignedDuration, Timestamp};
use mint_key::{Facts, Key, LONGEST_INVOCATION, Label, LiveUser, Plan, Refusal, Secret, Step, Value, plan};
use proptest::prelude::*;

const OWN: &str = "arn:aws:iam::123456789012:role/credwarden-mint-key";

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn before(minutes: i64) -> Timestamp {
    noon() - SignedDuration::from_mins(minutes)
}

fn old() -> CredentialId {
    "AKIAIOSFODNN7EXAMPLE".parse().unwrap()
}

fn new() -> CredentialId {
    "AKIAI44QH8DHBEXAMPLE".parse().unwrap()
}

fn secret(name: &str) -> SecretArn {
    format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:credwarden/{name}-a1B2c3").parse().unwrap()
}

fn key(id: CredentialId, minutes_ago: i64) -> Key {
    Key { id, is_active: true, created: before(minutes_ago) }
}

fn value(key: CredentialId) -> Value {
    Value::Key { user: "shop".parse().unwrap(), key }
}

fn created_by(role: &str) -> Creation {
    Creation {
        event: "e-1".to_owned(),
        act: CreationAct::CreateAccessKey,
        credential: new(),
        user: "shop".parse().unwrap(),
        user_id: None,
        creator: Creator {
            principal: Principal::Role(role.parse().unwrap()),
            session: None,
            source_identity: None,
            invoked_by: None,
        },
        source: "198.51.100.10".to_owned(),
        mfa: None,
        at: before(30),
        region: "us-east-1".to_owned(),
    }
}

/// A mint that was asked for an hour ago, and nothing stands against it.
fn facts() -> Facts {
    let user = "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap();
    let enrolment = Enrolment {
        user,
        secret: secret("shop"),
        retriever: "arn:aws:iam::123456789012:role/shop".parse().unwrap(),
        resource_policy: None,
        owner: "team-shop".to_owned(),
        by: "arn:aws:iam::123456789012:user/carol".to_owned(),
        approver: "arn:aws:iam::123456789012:user/dave".to_owned(),
        justification: "the shop reads its key there".to_owned(),
        at: before(9_000),
        execution: "e-1".to_owned(),
    };
    Facts {
        stopped: None,
        mint: Mint {
            token: RequestToken::of(&enrolment.user, &old(), before(60)),
            user: enrolment.user.clone(),
            name: "shop".parse().unwrap(),
            secret: secret("shop"),
            replaces: old(),
            asked: before(60),
            step: MintStep::Asked,
        },
        is_awaited: true,
        secret: Secret {
            arn: secret("shop"),
            is_deleted: false,
            rotates: true,
            label: Label::Pending,
            value: Value::Empty,
            current: Some("before".to_owned()),
            resource_policy: None,
        },
        user: Some(LiveUser {
            id: enrolment.user.clone(),
            arn: "arn:aws:iam::123456789012:user/enrolled/shop".parse().unwrap(),
            path: "/enrolled/".to_owned(),
        }),
        protected_by: None,
        enrolment: Some(enrolment),
        keys: vec![key(old(), 200_000)],
        keys_again: Vec::new(),
        known: [old()].into(),
        creations: [].into_iter().collect(),
        own_roles: [OWN.parse().unwrap()].into(),
        enrolled_path: "/enrolled/".to_owned(),
    }
}

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = facts();
    change(&mut facts);
    facts
}

/// The key was put into the secret.
fn stored() -> Facts {
    with(|facts| {
        facts.mint.step = MintStep::Stored { key: new(), at: before(1) };
        facts.secret.value = value(new());
        facts.keys.push(key(new(), 1));
        facts.keys_again = facts.keys.clone();
    })
}

/// A run set out half an hour ago, and died; a key is there that nobody put into the secret.
fn orphaned(by: &str) -> Facts {
    with(|facts| {
        facts.mint.step = MintStep::Intended { at: before(30), run: "r-1".to_owned() };
        facts.keys.push(key(new(), 30));
        facts.creations = [created_by(by)].into_iter().collect();
    })
}

fn create(facts: &Facts) -> Result<Plan, Refusal> {
    plan(Step::Create, facts, noon())
}

#[test]
fn a_mint_goes_from_asked_for_to_delivered() {
    assert_eq!(create(&facts()), Ok(Plan::Mint { discard: None }));
    let not_noted = with(|facts| {
        facts.mint.step = MintStep::Created { key: new(), at: before(1) };
        facts.secret.value = value(new());
    });
    assert_eq!(create(&not_noted), Ok(Plan::NoteStored(new())));
    assert_eq!(create(&stored()), Ok(Plan::Nothing));
    assert_eq!(plan(Step::Set, &stored(), noon()), Ok(Plan::Nothing));
    assert_eq!(plan(Step::Test, &stored(), noon()), Ok(Plan::Nothing));
    let promote = Plan::Promote { key: new(), from: Some("before".to_owned()) };
    assert_eq!(plan(Step::Finish, &stored(), noon()), Ok(promote));
    let mut moved = stored();
    moved.secret.label = Label::Current;
    assert_eq!(plan(Step::Finish, &moved, noon()), Ok(Plan::NoteDelivered(new())));
    moved.mint.step = MintStep::Delivered { key: new(), at: noon() };
    for step in [Step::Create, Step::Set, Step::Test, Step::Finish] {
        assert_eq!(plan(step, &moved, noon()), Ok(Plan::Nothing), "{step:?} once more");
    }
}

#[test]
fn out_of_order_nothing_is_skipped() {
    for step in [Step::Test, Step::Finish] {
        assert_eq!(plan(step, &facts(), noon()), Err(Refusal::HoldsNothing), "{step:?}");
        let mut unlabelled = stored();
        unlabelled.secret.label = Label::None;
        assert_eq!(plan(step, &unlabelled, noon()), Err(Refusal::NotPending), "{step:?}");
        let mut not_noted = stored();
        not_noted.mint.step = MintStep::Created { key: new(), at: before(1) };
        assert_eq!(plan(step, &not_noted, noon()), Err(Refusal::NotStored), "{step:?}");
        let mut inactive = stored();
        inactive.keys.iter_mut().for_each(|key| key.is_active = false);
        assert_eq!(plan(step, &inactive, noon()), Err(Refusal::NotSeen(new())), "{step:?}");
    }
    let mut seen_once = stored();
    seen_once.keys_again.pop();
    assert_eq!(plan(Step::Test, &seen_once, noon()), Err(Refusal::NotSeen(new())));
}

/// A change of the facts, and the refusal that it earns.
type Guard = (fn(&mut Facts), Refusal);

/// What stands against a mint whoever asks for which step of it.
fn guards() -> Vec<Guard> {
    let user = facts().mint.user;
    vec![
        (|facts| facts.stopped = Some("the kill switch is at `stop`".to_owned()), {
            Refusal::Stopped("the kill switch is at `stop`".to_owned())
        }),
        (|facts| facts.secret.arn = secret("another"), Refusal::AnotherSecret { asked: secret("shop") }),
        (|facts| facts.user = None, Refusal::UserGone(user.clone())),
        (
            |facts| facts.user.as_mut().unwrap().id = "AIDAI44QH8DHBOEXAMPLE".parse().unwrap(),
            Refusal::UserGone(user.clone()),
        ),
        (|facts| "/".clone_into(&mut facts.user.as_mut().unwrap().path), {
            Refusal::OutsidePath { path: "/".to_owned(), enrolled: "/enrolled/".to_owned() }
        }),
        (|facts| facts.protected_by = Some("arn:*".to_owned()), Refusal::Protected("arn:*".to_owned())),
        (|facts| facts.is_awaited = false, Refusal::NotAwaited(old())),
        (|facts| facts.secret.is_deleted = true, Refusal::SecretDeleted),
        (|facts| facts.secret.rotates = false, Refusal::RotationOff),
        (|facts| facts.enrolment = None, Refusal::NotEnrolled(user.clone())),
        (|facts| facts.enrolment.as_mut().unwrap().secret = secret("another"), Refusal::NotEnrolled(user)),
        (|facts| facts.secret.resource_policy = Some(PolicyDigest::of("{}").unwrap()), Refusal::PolicyChanged),
    ]
}

#[test]
fn whatever_stands_against_a_mint_refuses_each_step_of_it() {
    for (change, refusal) in guards() {
        let mut asked = facts();
        change(&mut asked);
        assert_eq!(create(&asked), Err(refusal.clone()));
        let mut done = stored();
        change(&mut done);
        for step in [Step::Create, Step::Test, Step::Finish] {
            assert_eq!(plan(step, &done, noon()), Err(refusal.clone()), "{step:?}");
        }
    }
    let given_up = with(|facts| facts.mint.step = MintStep::GivenUp { at: before(1), why: "so".to_owned() });
    assert_eq!(create(&given_up), Err(Refusal::GivenUp("so".to_owned())));
}

#[test]
fn a_user_who_has_two_keys_or_lost_the_old_one_gets_none() {
    let two = with(|facts| facts.keys.push(key(new(), 3_000)));
    assert_eq!(create(&two), Err(Refusal::NoRoom(new())));
    let none = with(|facts| facts.keys.clear());
    assert_eq!(create(&none), Err(Refusal::OldKeyGone(old())));
    let inactive = with(|facts| facts.keys.iter_mut().for_each(|key| key.is_active = false));
    assert_eq!(create(&inactive), Err(Refusal::OldKeyGone(old())));
}

#[test]
fn what_somebody_else_put_into_the_version_is_left() {
    for other in [value(old()), Value::Other, Value::Key { user: "bob".parse().unwrap(), key: new() }] {
        let foreign = with(|facts| facts.secret.value = other);
        assert_eq!(create(&foreign), Err(Refusal::HoldsAnother));
    }
    let mut another = stored();
    another.secret.value = value("AKIAI77QH8DHBEXAMPLE".parse().unwrap());
    assert_eq!(plan(Step::Finish, &another, noon()), Err(Refusal::HoldsAnother));
}

#[test]
fn a_key_of_ours_that_nobody_holds_goes_once_its_run_has_ended() {
    let discard = Ok(Plan::Mint { discard: Some(new()) });
    assert_eq!(create(&orphaned(OWN)), discard);
    let until = |minutes_ago: i64| before(minutes_ago) + LONGEST_INVOCATION;
    let mut young = orphaned(OWN);
    young.mint.step = MintStep::Intended { at: before(14), run: "r-1".to_owned() };
    assert_eq!(create(&young), Err(Refusal::UnderWay { until: until(14) }));
    young.mint.step = MintStep::Created { key: new(), at: before(14) };
    assert_eq!(create(&young), Err(Refusal::UnderWay { until: until(14) }));
    // Its id was kept: no event is needed.
    let mut kept = orphaned("arn:aws:iam::123456789012:role/unknown");
    kept.mint.step = MintStep::Created { key: new(), at: before(16) };
    assert_eq!(create(&kept), discard);
    kept.keys.pop();
    assert_eq!(create(&kept), Ok(Plan::Mint { discard: None }));
}

#[test]
fn a_key_that_may_be_anybody_elses_is_left() {
    let mut untold = orphaned(OWN);
    untold.creations = [].into_iter().collect();
    assert_eq!(create(&untold), Err(Refusal::CreatorUnknown(new())));
    let by = "arn:aws:iam::123456789012:role/somebody";
    let refusal = Refusal::CreatedByAnother { key: new(), by: by.to_owned() };
    assert_eq!(create(&orphaned(by)), Err(refusal));
    // Older than the intent by more than clocks differ, or known otherwise: none of this mint's.
    let mut older = orphaned(OWN);
    older.keys.last_mut().unwrap().created = before(36);
    assert_eq!(create(&older), Err(Refusal::NoRoom(new())));
    let mut known = orphaned(OWN);
    known.known.insert(new());
    assert_eq!(create(&known), Err(Refusal::NoRoom(new())));
}

#[test]
fn a_key_that_nobody_holds_goes_though_nothing_is_wanted_any_more() {
    for (change, why) in guards().into_iter().skip(6) {
        let mut orphaned = orphaned(OWN);
        change(&mut orphaned);
        assert_eq!(create(&orphaned), Ok(Plan::Discard { key: new(), why }));
    }
    for (change, refusal) in guards().into_iter().take(6) {
        let mut unreachable = orphaned(OWN);
        change(&mut unreachable);
        assert_eq!(create(&unreachable), Err(refusal), "nothing of a user is touched that may not be");
    }
}

/// Facts of all kinds.
fn any_facts() -> impl Strategy<Value = Facts> {
    let step = prop_oneof![
        Just(MintStep::Asked),
        (0i64..40).prop_map(|ago| MintStep::Intended { at: before(ago), run: "r".to_owned() }),
        (0i64..40).prop_map(|ago| MintStep::Created { key: new(), at: before(ago) }),
        Just(MintStep::Stored { key: new(), at: before(1) }),
        Just(MintStep::Delivered { key: new(), at: before(1) }),
        Just(MintStep::GivenUp { at: before(1), why: "so".to_owned() }),
    ];
    let label = prop_oneof![Just(Label::None), Just(Label::Pending), Just(Label::Current)];
    let held = prop_oneof![Just(Value::Empty), Just(value(new())), Just(value(old())), Just(Value::Other)];
    let events = prop_oneof![Just(None), Just(Some(OWN)), Just(Some("arn:aws:iam::123456789012:role/else"))];
    let flags = proptest::collection::vec(proptest::bool::weighted(0.9), 9);
    (step, label, held, events, flags, proptest::option::of(0i64..40), any::<bool>()).prop_map(
        |(step, label, held, events, flags, second, is_known)| {
            let flag = |at: usize| flags.get(at).copied().unwrap_or(true);
            with(|facts| {
                facts.mint.step = step;
                facts.secret.label = label;
                facts.secret.value = held;
                facts.creations = events.map(created_by).into_iter().collect();
                facts.stopped = (!flag(0)).then(|| "stop".to_owned());
                facts.is_awaited = flag(1);
                facts.enrolment = facts.enrolment.take().filter(|_| flag(2));
                facts.user = facts.user.take().filter(|_| flag(3));
                facts.protected_by = (!flag(4)).then(|| "arn:*".to_owned());
                facts.secret.resource_policy = (!flag(5)).then(|| PolicyDigest::of("{}").unwrap());
                facts.keys.iter_mut().for_each(|key| key.is_active = flag(6));
                facts.secret.is_deleted = !flag(7);
                facts.secret.rotates = flag(8);
                facts.keys.extend(second.map(|ago| key(new(), ago)));
                facts.keys_again = facts.keys.clone();
                if is_known {
                    facts.known.insert(new());
                }
            })
        },
    )
}

/// What may be done to keys, thought of the other way round: which situations allow it.
fn naive(facts: &Facts) -> (bool, Option<CredentialId>) {
    let old_enough = |at: Timestamp| noon().duration_since(at) >= SignedDuration::from_mins(15);
    let touches = facts.stopped.is_none() && facts.user.is_some() && facts.protected_by.is_none();
    let empty = facts.secret.label == Label::Pending && facts.secret.value == Value::Empty;
    let second = facts.keys.iter().find(|key| key.id == new());
    let orphan = second.filter(|key| match &facts.mint.step {
        MintStep::Created { at, .. } => old_enough(*at),
        MintStep::Intended { at, .. } => {
            let is_later = key.created >= *at - SignedDuration::from_mins(5);
            let ours = facts.creations.iter().any(|one| one.creator.principal.as_str() == OWN);
            old_enough(*at) && old_enough(key.created) && is_later && ours && !facts.known.contains(&key.id)
        }
        _ => false,
    });
    let orphan = orphan.filter(|_| touches && empty).map(|key| key.id.clone());
    let at_rest = match &facts.mint.step {
        MintStep::Asked => true,
        MintStep::Created { at, .. } | MintStep::Intended { at, .. } => old_enough(*at),
        _ => false,
    };
    let wanted = facts.is_awaited && facts.enrolment.is_some() && facts.secret.resource_policy.is_none();
    let wanted = wanted && !facts.secret.is_deleted && facts.secret.rotates;
    let one = facts.keys.iter().any(|key| key.id == old() && key.is_active) && (second.is_none() || orphan.is_some());
    (touches && empty && at_rest && wanted && one, orphan)
}

proptest! {
    #[test]
    fn a_key_is_created_or_deleted_exactly_where_a_second_opinion_says_so(facts in any_facts()) {
        let (mints, orphan) = naive(&facts);
        match create(&facts) {
            Ok(Plan::Mint { discard }) => {
                prop_assert!(mints);
                prop_assert_eq!(discard, orphan);
            }
            Ok(Plan::Discard { key, .. }) => {
                prop_assert!(!mints);
                prop_assert_eq!(Some(key), orphan);
            }
            Ok(_) => prop_assert!(!mints),
            Err(why) => prop_assert!(!mints && orphan.is_none(), "{}", why),
        }
    }

    #[test]
    fn no_step_but_the_first_touches_a_key(facts in any_facts()) {
        for step in [Step::Set, Step::Test, Step::Finish] {
            let plan = plan(step, &facts, noon());
            prop_assert!(!matches!(plan, Ok(Plan::Mint { .. } | Plan::Discard { .. })), "{:?}", plan);
            let delivers = matches!(plan, Ok(Plan::Promote { .. }));
            prop_assert!(!delivers || facts.secret.value == value(new()));
        }
    }
}
