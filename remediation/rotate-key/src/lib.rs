//! Replaces an access key by a new one without locking anybody out. The owner creates the new key, or it is minted into the
//! secret of a user who is enrolled; Credwarden tells the owner what to do, looks on, and makes the old key inactive once
//! nothing needs it. It mints no key itself, and deletes none but one that was inactive for long and stands in the way.
//!
//! [`plan`] is asked again and again, at least once a day, and takes one step at a time. It is asked of a key that breaks
//! the policy, or that a person wants replaced; how old the key is does not matter to it. What it remembers is written down
//! before anything is done, and everything that it decides is decided from facts read live.

mod advice;
mod evidence;
mod guards;
#[cfg(test)]
mod minted_model;
mod minting;
#[cfg(test)]
mod model;
mod program;
pub mod wiring;

use credwarden_credential::age::{Days, limit_reached};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, LastUse, Status};
use credwarden_policy::rotation::{Decision, Delivery, Ended, Facts, Kept, Next, Rotation, Tell};
use jiff::{SignedDuration, Timestamp};

pub use crate::advice::advice;
use crate::evidence::{Evidence, remembered};
use crate::guards::{Guard, Guards};
pub use crate::minting::ANNOUNCED_FOR;
use crate::minting::delivery;

/// The shortest warning, whatever the policy says: an owner needs a day to move.
pub const SHORTEST_WARNING: Days = Days(1);

/// How far apart the two readings are that show an old key unused, and how long a replacement is there before force is
/// used.
pub const OBSERVED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How often an owner is told again that the deadline has passed.
pub const ESCALATED_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The longest time between two looks at an open rotation.
pub const LOOKED_AT_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// Decides the next step of the rotation of one access key at `now`.
pub fn plan(facts: &Facts<'_>, now: Timestamp) -> Decision {
    plan_with(facts, now, Guards::ALL)
}

pub(crate) fn plan_with(facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Decision {
    if !facts.key.can_be_used(now) {
        return ended(facts, now, guards);
    }
    let rotation = facts.rotation.filter(|rotation| goes_on(rotation, facts, now, guards)).cloned();
    let rotation = rotation.unwrap_or_else(|| opened(facts, now, guards));
    let rotation = Rotation { forced: rotation.forced.clone().or_else(|| facts.forced.cloned()), ..rotation };
    if !guards.ask(Guard::Replace, facts.delivery != Delivery::Replace) {
        return wait(rotation, facts, &Kept::NoNewKey, None, now, guards);
    }
    let rotation = remembered(rotation, facts, now, guards);
    let evidence = Evidence::of(&rotation, facts, now, guards);
    match evidence.kept {
        None => Decision { rotation, tell: None, next: Next::Deactivate { though_in_use: false } },
        Some(kept) if evidence.may_be_forced => {
            let though_in_use = matches!(kept, Kept::InUse(_));
            Decision { rotation, tell: None, next: Next::Deactivate { though_in_use } }
        }
        Some(kept) => {
            let kept = minting::kept(kept, facts);
            let decision = wait(rotation, facts, &kept, evidence.ripe, now, guards);
            minted(decision, facts, now, guards)
        }
    }
}

/// Has what is missing minted, where it comes so.
fn minted(decision: Decision, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Decision {
    let Decision { rotation, tell, next } = decision;
    let next = minting::next(&rotation, facts, now, guards).unwrap_or(next);
    // INVARIANT (one mint): by which token it is asked for is written down before it is.
    let mint = match &next {
        Next::AskForMint { token } => Some(token.clone()),
        Next::DeleteIdle { .. } | Next::Wait { .. } | Next::Deactivate { .. } | Next::End => rotation.mint,
    };
    Decision { rotation: Rotation { mint, ..rotation }, tell, next }
}

/// A key that cannot be used needs no more steps.
fn ended(facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Decision {
    let rotation = facts.rotation.cloned().unwrap_or_else(|| opened(facts, now, guards));
    let how = || Ended { at: now, how: format!("{} cannot be used any more", facts.key.id) };
    let rotation = Rotation { ended: Some(rotation.ended.clone().unwrap_or_else(how)), ..rotation };
    Decision { rotation, tell: None, next: Next::End }
}

/// Whether what was decided before is about this key as it is now.
fn goes_on(rotation: &Rotation, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> bool {
    let is_open = guards.ask(Guard::Reopened, rotation.ended.is_none());
    // INVARIANT (no fight): who makes the old key active again has the whole warning once more.
    let was_made_active = facts.deactivated.is_some_and(|at| at > rotation.opened);
    let is_asked_the_same = guards.ask(Guard::SameDelivery, rotation.delivery == delivery(facts));
    rotation.key == facts.key.id
        && is_open
        && guards.ask(Guard::NoFight, !was_made_active)
        && is_asked_the_same
        && !minting::is_in_vain(rotation, facts, now, guards)
        && !minting::was_called_off(rotation, facts, guards)
}

fn opened(facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Rotation {
    Rotation {
        key: facts.key.id.clone(),
        opened: now,
        deadline: limit_reached(now, facts.limits.warn.max(SHORTEST_WARNING)),
        delivery: delivery(facts),
        told: None,
        forced: None,
        mint: minting::unfinished(facts, now, guards),
        replacement: None,
        silence: None,
        acknowledged: None,
        fetched: None,
        escalated: None,
        ended: None,
    }
}

/// Tells what is to be told, and waits.
fn wait(
    rotation: Rotation,
    facts: &Facts<'_>,
    kept: &Kept,
    ripe: Option<Timestamp>,
    now: Timestamp,
    guards: Guards,
) -> Decision {
    let (rotation, tell) = told(rotation, facts, kept, now, guards);
    let told_again = rotation.escalated.map(|at| after(at, ESCALATED_EVERY));
    let until = [Some(rotation.deadline), told_again, ripe]
        .into_iter()
        .flatten()
        // A limit is broken strictly after it.
        .map(|at| after(at, SignedDuration::from_secs(1)))
        .filter(|at| *at > now)
        .fold(after(now, LOOKED_AT_EVERY), Timestamp::min);
    let why = why(facts, kept, &rotation, now, guards);
    Decision { rotation, tell, next: Next::Wait { until, why } }
}

/// What the owner is told: what it has to do, once; and that it is late, every week.
fn told(
    rotation: Rotation,
    facts: &Facts<'_>,
    kept: &Kept,
    now: Timestamp,
    guards: Guards,
) -> (Rotation, Option<Tell>) {
    let asked = asked(&rotation, facts, kept, now, guards);
    let was_told_lately = rotation.escalated.is_some_and(|at| now < after(at, ESCALATED_EVERY));
    if now > rotation.deadline && !was_told_lately {
        let tell = match facts.delivery {
            Delivery::Owner | Delivery::Secret => Tell::Overdue(kept.clone()),
            Delivery::Replace => Tell::UseRole,
        };
        // It says what is asked, too.
        return (Rotation { told: asked.or(rotation.told), escalated: Some(now), ..rotation }, Some(tell));
    }
    let tell = asked.filter(|asked| rotation.told.as_ref() != Some(asked));
    (Rotation { told: tell.clone().or(rotation.told), ..rotation }, tell)
}

/// What the owner has to do next; `None`: nothing but to go on moving.
fn asked(rotation: &Rotation, facts: &Facts<'_>, kept: &Kept, now: Timestamp, guards: Guards) -> Option<Tell> {
    if facts.delivery == Delivery::Replace {
        return Some(Tell::UseRole);
    }
    let Some(replacement) = &rotation.replacement else {
        if let Some(asked) = minting::asked(rotation, facts, now, guards) {
            return Some(asked);
        }
        // IAM allows two access keys a user, usable or not. INVARIANT (one word): the newer of two keys is the one that the
        // older's rotation tells its owner to move to, so it is not the one that is to go.
        let is_older = |other: &Credential| other.created < facts.key.created;
        let in_the_way = |other| if is_older(other) { other } else { less_lately_used(other, facts.key) };
        let in_the_way = facts.others.first().map(|other| in_the_way(other).id.clone());
        return Some(in_the_way.map_or(Tell::CreateKey, Tell::FreeSlot));
    };
    match kept {
        Kept::NotAcknowledged => Some(Tell::Acknowledge(replacement.key.clone())),
        // Whoever says that nothing needs the old key may have forgotten to use the new one.
        Kept::NewKeyUnused(new) => Some(moved(rotation, facts, new)),
        // INVARIANT (told first): whatever is said before, an owner is told what its key is up to; and that it gets a new one
        // after all, if it was told otherwise.
        _ if (rotation.acknowledged.is_some() || rotation.fetched.is_some())
            && rotation.told.as_ref().is_some_and(|told| !matches!(told, Tell::NotMinted(_))) =>
        {
            None
        }
        _ => Some(moved(rotation, facts, &replacement.key)),
    }
}

/// That there is a new key, and where.
fn moved(rotation: &Rotation, facts: &Facts<'_>, new: &CredentialId) -> Tell {
    minting::fetch(rotation, facts).unwrap_or_else(|| Tell::Move(new.clone()))
}

/// Of the two keys of a user that has no room for a third, the one whose deletion is missed less: the same, whichever of
/// them is rotated.
fn less_lately_used<'a>(one: &'a Credential, other: &'a Credential) -> &'a Credential {
    let use_of = |key: &Credential| match &key.last_use {
        LastUse::Never => (0, None),
        LastUse::At { at, .. } => (1, Some(*at)),
        LastUse::NotRead | LastUse::Unread(_) => (2, None),
    };
    let rank = |key: &Credential| (key.status == Status::Active, use_of(key), key.created, key.id.clone());
    if rank(one) < rank(other) { one } else { other }
}

fn why(facts: &Facts<'_>, kept: &Kept, rotation: &Rotation, now: Timestamp, guards: Guards) -> String {
    let key = &facts.key.id;
    let what = match (facts.delivery, kept) {
        (Delivery::Replace, _) => return format!("{key} shall be replaced by a role, which its owner has to set up"),
        (_, Kept::NoNewKey) => match minting::why(rotation, facts, now, guards) {
            Some(why) => why,
            None => format!("the owner of {key} has to create a second key"),
        },
        (_, Kept::NotMinted(broken)) => return format!("no key is minted in place of {key}: {broken}"),
        (_, Kept::NotFetched(new)) => format!("the retriever of {new} has to fetch it, which was not seen yet"),
        (_, Kept::NewKeyUnused(new)) => format!("the owner of {key} has to use {new}"),
        (_, Kept::InUse(LastUse::At { at, .. })) => format!("{key} was used at {at}, and may be again"),
        (_, Kept::InUse(LastUse::Never)) => format!("{key} was never used, which has to show twice"),
        (_, Kept::InUse(LastUse::NotRead)) => format!("it is not known whether {key} is in use"),
        (_, Kept::InUse(LastUse::Unread(gap))) => format!("it is not known whether {key} is in use: {gap}"),
        (_, Kept::NotAcknowledged) => format!("the owner has to say that nothing needs {key} any more"),
    };
    format!("{what}, by {}", rotation.deadline)
}

fn after(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}
