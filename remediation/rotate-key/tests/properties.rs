//! What holds of every decision, whatever the facts: also of facts that no account shows.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::collections::BTreeSet;

use credwarden_credential::age::{Days, LAST_USE_LAG};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, Gap, GapReason, LastUse, Status};
use credwarden_policy::enrolment::RequestToken;
use credwarden_policy::limits::Limits;
use credwarden_policy::mint::{Mint, MintStep};
use credwarden_policy::rotation::{
    Acknowledged, Broken, Decision, Delivery, Ended, Enrolled, Facts, Forced, Idle, Next, Replacement, Rotation,
    Silence, Standing, Tell,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rotate_key::plan;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const UNDO: Days = Days(30);
const BY: &str = "arn:aws:iam::123456789012:user/olivia";

/// [`Facts`] that are owned.
#[derive(Clone, Debug)]
struct Case {
    key: Credential,
    others: Vec<Credential>,
    rotation: Option<Rotation>,
    deactivated: Option<Timestamp>,
    forced: Option<Forced>,
    acknowledged: Option<Acknowledged>,
    longest_gap: Option<Days>,
    in_use: u32,
    warn: u32,
    delivery: Delivery,
    enrolled: Option<Enrolled>,
    idle: Option<Idle>,
    may_force: bool,
}

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

/// An instant, by hours before now.
fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn id(number: u8) -> CredentialId {
    format!("AKIA{number:016}").parse().unwrap()
}

impl Case {
    fn decide(&self) -> Decision {
        let limits = Limits {
            max_age: Some(Days(90)),
            warn: Days(self.warn),
            unused: None,
            never_used: None,
            in_use: Days(self.in_use),
            undo: UNDO,
        };
        let facts = Facts {
            key: &self.key,
            others: &self.others,
            rotation: self.rotation.as_ref(),
            deactivated: self.deactivated,
            forced: self.forced.as_ref(),
            acknowledged: self.acknowledged.as_ref(),
            longest_gap: self.longest_gap,
            limits,
            delivery: self.delivery,
            enrolled: self.enrolled.as_ref(),
            idle: self.idle.as_ref(),
            may_force: self.may_force,
        };
        plan(&facts, now())
    }
}

fn deactivates(decision: &Decision) -> bool {
    matches!(decision.next, Next::Deactivate { .. })
}

/// Hours before now: mostly at the boundaries, or next to them.
fn hours() -> impl Strategy<Value = i64> {
    let boundaries = [-1, 0, 1, 3, 4, 5, 23, 24, 25, 48, 52, 53, 72, 24 * 7, 24 * 7 + 5, 24 * 14, 24 * 100];
    prop_oneof![3 => prop::sample::select(boundaries.to_vec()), 1 => 0_i64..24 * 120]
}

fn last_use() -> impl Strategy<Value = LastUse> {
    let used = |hours| LastUse::At { at: ago(hours), service: "s3".to_owned(), region: "eu-central-1".to_owned() };
    prop_oneof![
        6 => hours().prop_map(used),
        2 => Just(LastUse::Never),
        1 => Just(LastUse::NotRead),
        1 => Just(LastUse::Unread(Gap::new(GapReason::Denied, "read the last use"))),
    ]
}

fn credential(number: u8) -> impl Strategy<Value = Credential> {
    let status = prop_oneof![5 => Just(Status::Active), 1 => Just(Status::Inactive)];
    (status, hours(), last_use()).prop_map(move |(status, created, last_use)| {
        let (expires, service) = (None, None);
        Credential { id: id(number), status, created: ago(created), expires, service, last_use }
    })
}

fn rotation(key: Credential) -> impl Strategy<Value = Rotation> {
    let replacement = prop::option::weighted(0.8, (2_u8..4, hours()));
    let silence = prop::option::weighted(0.8, (hours(), prop_oneof![4 => Just(key.last_use), 1 => last_use()]));
    let rest = (prop::option::of(hours()), prop::option::of(hours()), prop::option::weighted(0.1, hours()));
    let delivery = prop_oneof![9 => Just(Delivery::Owner), 9 => Just(Delivery::Secret), 1 => Just(Delivery::Replace)];
    let minted = (prop::option::weighted(0.8, 1_u8..3), prop::option::weighted(0.3, hours()));
    (hours(), hours(), replacement, silence, rest, delivery, minted).prop_map(
        |(opened, deadline, replacement, silence, (acknowledged, escalated, ended), delivery, (mint, fetched))| {
            Rotation {
                key: id(1),
                opened: ago(opened),
                deadline: ago(deadline),
                delivery,
                told: None,
                forced: None,
                mint: mint.map(token),
                replacement: replacement.map(|(key, seen)| Replacement { key: id(key), seen: ago(seen) }),
                silence: silence.map(|(since, last_use)| Silence { since: ago(since), last_use }),
                acknowledged: acknowledged.map(|at| Acknowledged { by: BY.to_owned(), at: ago(at) }),
                fetched: fetched.map(ago),
                escalated: escalated.map(ago),
                ended: ended.map(|at| Ended { at: ago(at), how: "it was".to_owned() }),
            }
        },
    )
}

fn token(number: u8) -> RequestToken {
    format!("{number:032}").parse().unwrap()
}

/// An enrolment whose mint, if there is one, is of either token, and of either other key.
fn enrolled() -> impl Strategy<Value = Enrolled> {
    let standing = prop::sample::select(vec![
        Standing::Stands,
        Standing::Stands,
        Standing::Stands,
        Standing::Broken(Broken::SecretGone),
        Standing::Broken(Broken::PolicyChanged),
        Standing::Broken(Broken::Withdrawn),
        Standing::Unknown(Gap::new(GapReason::Failed, "read the secret")),
    ]);
    let step = (0..9, 2_u8..4, hours()).prop_map(|(step, key, hours)| {
        let (key, at) = (id(key), ago(hours));
        match step {
            0 => MintStep::Asked,
            1 => MintStep::Intended { at, run: "r".to_owned() },
            2 => MintStep::Created { key, at },
            3 => MintStep::Stored { key, at },
            4 => MintStep::GivenUp { at, why: "so".to_owned() },
            _ => MintStep::Delivered { key, at },
        }
    });
    let secret = |name| format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/{name}-a1B2c3");
    let mint = (prop::sample::select(vec![1_u8, 1, 1, 2]), step, prop::bool::weighted(0.9)).prop_map(
        move |(number, step, is_same)| Mint {
            token: token(number),
            user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
            name: "alice".parse().unwrap(),
            secret: secret(if is_same { "alice" } else { "former" }).parse().unwrap(),
            replaces: id(1),
            asked: ago(100),
            step,
        },
    );
    (standing, prop::option::weighted(0.8, mint), prop::option::of(hours())).prop_map(
        move |(standing, mint, fetched)| Enrolled {
            user: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
            secret: secret("alice").parse().unwrap(),
            standing,
            mint,
            fetched: fetched.map(ago),
        },
    )
}

fn idle() -> impl Strategy<Value = Idle> {
    (2_u8..4, prop_oneof![Just(24 * 30), Just(24 * 30 + 1), Just(24 * 200), hours()])
        .prop_map(|(key, since)| Idle { key: id(key), since: ago(since) })
}

fn case() -> impl Strategy<Value = Case> {
    // Mostly an old key, so that decisions hang on the rest.
    let old = credential(1).prop_map(|key| Credential { created: ago(24 * 200), status: Status::Active, ..key });
    prop_oneof![4 => old.boxed(), 1 => credential(1).boxed()].prop_flat_map(|key| {
        let others = (prop::option::weighted(0.9, credential(2)), prop::option::weighted(0.3, credential(3)));
        let said = prop::option::of(hours());
        let policy = (
            1_u32..10,
            0_u32..15,
            any::<bool>(),
            prop::sample::select(vec![
                Delivery::Owner,
                Delivery::Owner,
                Delivery::Secret,
                Delivery::Secret,
                Delivery::Replace,
            ]),
        );
        let rotation = prop::option::weighted(0.9, rotation(key.clone()));
        let deactivated = prop::option::weighted(0.1, hours());
        let gap = prop::option::of(0_u32..40);
        let minted = (prop::option::weighted(0.8, enrolled()), prop::option::of(idle()));
        (Just(key), others, rotation, deactivated, any::<bool>(), (said, minted), gap, policy).prop_map(
            |(key, (one, two), rotation, deactivated, forced, (said, minted), gap, (in_use, warn, may_force, how))| {
                Case {
                    key,
                    others: one.into_iter().chain(two).collect(),
                    rotation,
                    deactivated: deactivated.map(ago),
                    forced: forced.then(|| Forced { by: BY.to_owned(), reason: "leaked".to_owned() }),
                    acknowledged: said.map(|at| Acknowledged { by: BY.to_owned(), at: ago(at) }),
                    longest_gap: gap.map(Days),
                    in_use,
                    warn,
                    delivery: how,
                    enrolled: minted.0,
                    idle: minted.1,
                    may_force,
                }
            },
        )
    })
}

/// How the user gets its key: who is not enrolled gets it from its owner.
fn delivery(case: &Case) -> Delivery {
    if case.delivery == Delivery::Secret && case.enrolled.is_none() { Delivery::Owner } else { case.delivery }
}

/// The mint that the rotation has asked for.
fn mint(case: &Case) -> Option<&Mint> {
    let mint = case.enrolled.as_ref()?.mint.as_ref()?;
    (case.rotation.as_ref()?.mint.as_ref() == Some(&mint.token)).then_some(mint)
}

/// Whether the old key's rotation is one that goes on, as far as it is not ended by what came of its mint.
fn goes_on(case: &Case, rotation: &Rotation) -> bool {
    let is_the_same = rotation.ended.is_none() && rotation.delivery == delivery(case);
    is_the_same && case.deactivated.is_none_or(|at| at <= rotation.opened)
}

/// The rules of minting once more: whether a key is asked for, and whether one is deleted.
fn minted_by_the_book(case: &Case) -> (bool, bool) {
    const NOTHING: (bool, bool) = (false, false);
    let Some(enrolled) = case.enrolled.as_ref().filter(|_| delivery(case) == Delivery::Secret) else { return NOTHING };
    if case.key.status == Status::Inactive {
        return NOTHING;
    }
    let has = |key: &CredentialId| case.others.iter().any(|other| other.id == *key);
    let rotation = case.rotation.as_ref().filter(|rotation| {
        let is_in_vain = mint(case).is_some_and(|mint| match &mint.step {
            MintStep::GivenUp { .. } => true,
            MintStep::Delivered { key, at } => !has(key) && *at + SignedDuration::from_hours(1) < now(),
            MintStep::Intended { .. } | MintStep::Created { .. } => false,
            MintStep::Asked => mint.secret != enrolled.secret,
            MintStep::Stored { key, at } => {
                mint.secret != enrolled.secret || (!has(key) && *at + SignedDuration::from_hours(1) < now())
            }
        });
        goes_on(case, rotation) && !is_in_vain
    });
    // What an earlier rotation has begun goes on in the next.
    let unfinished = mint(case).filter(|mint| match &mint.step {
        MintStep::Intended { .. } | MintStep::Created { .. } => true,
        MintStep::Asked => mint.secret == enrolled.secret,
        MintStep::Stored { key, at } => {
            mint.secret == enrolled.secret && (has(key) || *at + SignedDuration::from_hours(1) >= now())
        }
        MintStep::Delivered { .. } | MintStep::GivenUp { .. } => false,
    });
    let step = rotation.and(mint(case)).or(unfinished).map(|mint| &mint.step);
    let is_begun = matches!(step, Some(MintStep::Intended { .. } | MintStep::Created { .. }));
    match enrolled.standing {
        Standing::Stands => {}
        Standing::Broken(Broken::PolicyChanged | Broken::Withdrawn) | Standing::Unknown(_) if is_begun => {}
        Standing::Broken(_) | Standing::Unknown(_) => return NOTHING,
    }
    let is_forced = case.forced.is_some() || rotation.is_some_and(|rotation| rotation.forced.is_some());
    if !is_forced && rotation.is_none_or(|rotation| rotation.opened + DAY > now()) {
        return NOTHING;
    }
    match step {
        Some(MintStep::Delivered { .. }) => NOTHING,
        None | Some(MintStep::Asked) if !case.others.is_empty() => {
            let deleted = case.others.iter().any(|other| {
                case.idle.as_ref().is_some_and(|idle| {
                    let is_unused = match &other.last_use {
                        LastUse::Never => true,
                        LastUse::At { at, .. } => *at <= idle.since,
                        _ => false,
                    };
                    idle.key == other.id
                        && other.status == Status::Inactive
                        && is_unused
                        && idle.since + UNDO.duration() < now()
                })
            });
            (false, deleted)
        }
        _ => (true, false),
    }
}

/// The rules once more, as a person would read them out: whether the old key may be made inactive.
fn by_the_book(case: &Case) -> bool {
    let used = |last_use: &LastUse| match last_use {
        LastUse::At { at, .. } => Some(*at),
        _ => None,
    };
    if delivery(case) == Delivery::Replace || case.key.status == Status::Inactive {
        return false;
    }
    let mut candidates = case.others.clone();
    candidates.retain(|other| other.status == Status::Active && other.created > case.key.created);
    let delivered = mint(case).and_then(|mint| match &mint.step {
        MintStep::Delivered { key, at } => Some((key.clone(), *at)),
        _ => None,
    });
    if delivery(case) == Delivery::Secret {
        candidates.retain(|other| delivered.as_ref().is_some_and(|(key, _)| *key == other.id));
    }
    candidates.sort_by_key(|other| (other.created, other.id.to_string()));
    let (Some(new), Some(rotation)) = (candidates.last(), &case.rotation) else { return false };
    let remembers = goes_on(case, rotation) && rotation.replacement.as_ref().is_some_and(|known| known.key == new.id);
    let works = used(&new.last_use).is_some_and(|at| at >= new.created && at <= now() + SignedDuration::from_mins(5));
    let is_read = used(&case.key.last_use).is_some() || case.key.last_use == LastUse::Never;
    if !remembers || !works || !is_read {
        return false;
    }
    let fetched = case.enrolled.as_ref().and_then(|enrolled| enrolled.fetched);
    let is_fetched = delivery(case) == Delivery::Secret
        && fetched.zip(delivered).is_some_and(|(fetched, (_, delivered))| fetched > delivered);
    let is_said = rotation.acknowledged.is_some()
        || rotation.fetched.is_some()
        || is_fetched
        || case.acknowledged.as_ref().is_some_and(|said| said.at > new.created && said.at > rotation.opened);
    let days = case.in_use.max(2).max(2 * case.longest_gap.map_or(0, |gap| gap.0));
    let is_old = used(&case.key.last_use).is_none_or(|at| at + Days(days).duration() + LAST_USE_LAG < now());
    let twice = rotation
        .silence
        .as_ref()
        .is_some_and(|silence| silence.last_use == case.key.last_use && silence.since + DAY <= now());
    let is_late = now() > rotation.deadline;
    let was_there = rotation.replacement.as_ref().is_some_and(|known| known.seen + DAY <= now());
    (is_said && is_old && twice) || (case.may_force && is_late && was_there)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_plan_goes_by_the_book(case in case()) {
        prop_assert_eq!(deactivates(&case.decide()), by_the_book(&case));
    }

    #[test]
    fn a_key_is_asked_for_or_deleted_by_the_book_only(case in case()) {
        let next = case.decide().next;
        let done = (matches!(next, Next::AskForMint { .. }), matches!(next, Next::DeleteIdle { .. }));
        prop_assert_eq!(done, minted_by_the_book(&case));
    }

    /// Of a user's two keys each may be rotated, and its owner does all that it is told.
    #[test]
    fn no_owner_is_told_to_move_to_a_key_and_to_delete_it_nor_to_delete_both(
        case in case(),
        other in credential(2),
        is_of_the_same_age in prop::bool::weighted(0.2),
    ) {
        let (mut one, mut two) = (case.clone(), case.clone());
        let same = other.clone();
        let other = if is_of_the_same_age { Credential { created: case.key.created, ..same } } else { other };
        let enrolled = case.enrolled.map(|known| Enrolled { mint: None, fetched: None, ..known });
        (one.enrolled, two.enrolled) = (enrolled.clone(), enrolled);
        (one.rotation, two.rotation) = (None, None);
        (one.key, one.others) = (case.key.clone(), vec![other.clone()]);
        (two.key, two.others) = (other, vec![case.key]);
        let told = [one, two].map(|case| case.decide().rotation.told);
        let told: Vec<_> = told.into_iter().flatten().collect();
        let goes: BTreeSet<_> =
            told.iter().filter_map(|told| if let Tell::FreeSlot(key) = told { Some(key) } else { None }).collect();
        let stays = told.iter().filter_map(|told| if let Tell::Move(key) = told { Some(key) } else { None });
        prop_assert!(goes.len() < 2 && stays.into_iter().all(|key| !goes.contains(key)), "{told:?}");
    }

    #[test]
    fn the_order_in_which_keys_are_listed_does_not_matter(case in case()) {
        let mut turned = case.clone();
        turned.others.reverse();
        let (decision, other) = (case.decide(), turned.decide());
        prop_assert_eq!(&decision.next, &other.next);
        prop_assert_eq!(&decision.rotation.replacement, &other.rotation.replacement);
    }

    #[test]
    fn what_is_not_known_never_has_a_key_made_inactive(case in case(), what in 0..7) {
        let gap = || LastUse::Unread(Gap::new(GapReason::Throttled, "read the last use"));
        let mut lacking = case.clone();
        match what {
            0 => lacking.key.last_use = gap(),
            1 => lacking.others.iter_mut().for_each(|other| other.last_use = gap()),
            2 => lacking.acknowledged = None,
            3 => lacking.rotation = None,
            4 => lacking.rotation = case.rotation.clone().map(|known| Rotation { silence: None, ..known }),
            5 => lacking.enrolled = lacking.enrolled.map(|known| Enrolled { mint: None, fetched: None, ..known }),
            _ => lacking.others.clear(),
        }
        prop_assert!(deactivates(&case.decide()) || !deactivates(&lacking.decide()));
    }

    #[test]
    fn a_longer_silence_never_keeps_a_key(case in case(), hours in 1_i64..1000) {
        let mut longer = case.clone();
        let earlier = |last_use: &mut LastUse| if let LastUse::At { at, .. } = last_use {
            *at -= SignedDuration::from_hours(hours);
        };
        earlier(&mut longer.key.last_use);
        if let Some(silence) = longer.rotation.as_mut().and_then(|rotation| rotation.silence.as_mut()) {
            earlier(&mut silence.last_use);
        }
        prop_assert!(!deactivates(&case.decide()) || deactivates(&longer.decide()));
    }

    #[test]
    fn what_was_decided_is_decided_again(case in case()) {
        let first = case.decide();
        prop_assert_eq!(&first, &case.decide());
        if first.next == Next::End {
            return Ok(());
        }
        let mut again = case.clone();
        again.rotation = Some(first.rotation.clone());
        let second = again.decide();
        prop_assume!(case.deactivated.is_none_or(|at| at <= first.rotation.opened));
        prop_assert_eq!(second, Decision { tell: None, ..first });
    }

    #[test]
    fn who_waits_looks_again_within_a_day(case in case()) {
        if let Next::Wait { until, .. } = case.decide().next {
            prop_assert!(now() < until && until <= now() + DAY, "{until}");
        }
    }
}
