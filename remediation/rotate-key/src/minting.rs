//! How a user who is enrolled gets its new key: it is asked for, and minted into the user's secret by `mint-key`.
//!
//! Nothing is asked for before its owner was told, a day ago at least; nothing where there is no room; and nothing by an
//! enrolment that is not what was approved. Room is made only by deleting a key that has no further use beyond doubt.

use credwarden_credential::age::is_older;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, LastUse, Status};
use credwarden_policy::enrolment::RequestToken;
use credwarden_policy::mint::{Mint, MintStep};
use credwarden_policy::rotation::{Broken, Delivery, Enrolled, Facts, Kept, Next, Rotation, Standing, Tell};
use jiff::{SignedDuration, Timestamp};

use crate::guards::{Guard, Guards};
use crate::{after, less_lately_used};

/// How long an owner is told of a mint before it is asked for.
pub const ANNOUNCED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How long lists of keys may not show a key that was created. IAM gives no number ("Changes that I make are not always
/// immediately visible", IAM User Guide); it is minutes at most.
const LISTS_LAG: SignedDuration = SignedDuration::from_hours(1);

/// How long a mint that was begun may take before a key in its way is somebody's: longer than the longest invocation, and
/// than `CloudTrail` takes to tell who created it.
const MINTS_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// How the user gets its new key: into its secret, if it is enrolled, or else from its owner.
pub(crate) fn delivery(facts: &Facts<'_>) -> Delivery {
    match (facts.delivery, facts.enrolled) {
        (Delivery::Secret, None) => Delivery::Owner,
        (delivery, _) => delivery,
    }
}

/// The enrolment by which the new key comes, where it comes so.
fn enrolled<'a>(facts: &Facts<'a>) -> Option<&'a Enrolled> {
    facts.enrolled.filter(|_| facts.delivery == Delivery::Secret)
}

/// The mint that a rotation has asked for, as far as it is written down.
fn mint<'a>(rotation: &Rotation, facts: &Facts<'a>) -> Option<&'a Mint> {
    enrolled(facts)?.mint.as_ref().filter(|mint| rotation.mint.as_ref() == Some(&mint.token))
}

/// The key that was minted for a rotation, once it is what the secret holds, and since when.
pub(crate) fn delivered<'a>(rotation: &Rotation, facts: &Facts<'a>) -> Option<(&'a CredentialId, Timestamp)> {
    match &mint(rotation, facts)?.step {
        MintStep::Delivered { key, at } => Some((key, *at)),
        MintStep::Asked
        | MintStep::Intended { .. }
        | MintStep::Created { .. }
        | MintStep::Stored { .. }
        | MintStep::GivenUp { .. } => None,
    }
}

/// Whether a key may take the old one's place: of a user who is enrolled, only the one that was minted for that, for of
/// any other nobody knows who holds it.
pub(crate) fn is_meant(key: &Credential, rotation: &Rotation, facts: &Facts<'_>, guards: Guards) -> bool {
    let is_minted = || delivered(rotation, facts).is_some_and(|(minted, _)| *minted == key.id);
    delivery(facts) != Delivery::Secret || guards.ask(Guard::Minted, is_minted())
}

/// When the new key was fetched, if that was after it had come into the secret: what was fetched before was another.
pub(crate) fn fetched(rotation: &Rotation, facts: &Facts<'_>, guards: Guards) -> Option<Timestamp> {
    let (_, since) = delivered(rotation, facts)?;
    enrolled(facts)?.fetched.filter(|at| guards.ask(Guard::FetchedSince, *at > since))
}

/// Whether nothing comes any more of what a rotation has asked for, so that it begins anew.
pub(crate) fn is_in_vain(rotation: &Rotation, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> bool {
    let (Some(mint), Some(enrolled)) = (mint(rotation, facts), enrolled(facts)) else { return false };
    match &mint.step {
        MintStep::GivenUp { .. } => true,
        MintStep::Delivered { key, at } => is_gone(key, *at, facts, now, guards),
        // Nothing is over before `mint-key` has cleared away what a dead run may have left.
        MintStep::Intended { .. } | MintStep::Created { .. } => false,
        // The user was enrolled with another secret meanwhile.
        MintStep::Asked => mint.secret != enrolled.secret,
        MintStep::Stored { key, at } => mint.secret != enrolled.secret || is_gone(key, *at, facts, now, guards),
    }
}

/// Whether a key that was there at an instant has been deleted since.
fn is_gone(key: &CredentialId, at: Timestamp, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> bool {
    let is_shown = guards.ask(Guard::ShownLate, now > after(at, LISTS_LAG));
    is_shown && facts.others.iter().all(|other| other.id != *key)
}

/// The mint that the key's earlier rotation has asked for, as long as it is not over. The next one goes on with it, by the
/// same token: a run of `mint-key` that is under way may create a key yet, and what it leaves is only seen by who knows the
/// token. Secrets Manager begins no other rotation before that one is complete.
pub(crate) fn unfinished(facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Option<RequestToken> {
    let earlier = facts.rotation.filter(|rotation| rotation.key == facts.key.id)?;
    let Some(enrolled) = enrolled(facts) else { return earlier.mint.clone() };
    let Mint { step, secret, token, .. } = mint(earlier, facts)?;
    let is_unfinished = match step {
        MintStep::Intended { .. } | MintStep::Created { .. } => true,
        MintStep::Asked => *secret == enrolled.secret,
        MintStep::Stored { key, at } => *secret == enrolled.secret && !is_gone(key, *at, facts, now, guards),
        MintStep::Delivered { .. } | MintStep::GivenUp { .. } => false,
    };
    is_unfinished.then(|| token.clone())
}

/// Whether the owner was told last that no key is minted, though one may be now: that has to be announced, so that the
/// rotation begins anew.
pub(crate) fn was_called_off(rotation: &Rotation, facts: &Facts<'_>, guards: Guards) -> bool {
    let stands = enrolled(facts).is_some_and(|enrolled| enrolled.standing == Standing::Stands);
    let was_told = matches!(rotation.told, Some(Tell::NotMinted(_))) && rotation.forced.is_none();
    let is_to_come = mint(rotation, facts).is_none_or(|mint| !mint.step.is_last());
    !guards.ask(Guard::Announced, !(stands && was_told && is_to_come))
}

/// What is done to get a new key; `None`: nothing now.
pub(crate) fn next(rotation: &Rotation, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Option<Next> {
    let enrolled = enrolled(facts)?;
    let is_announced = rotation.forced.is_some() || now >= after(rotation.opened, ANNOUNCED_FOR);
    let step = mint(rotation, facts).map(|mint| &mint.step);
    // INVARIANT (no key whose secret nobody holds): where a run may have left one, `mint-key` is called to take it away. It
    // looks itself whether anything may be minted, and mints nothing where not.
    let may_be_left = step.is_some_and(MintStep::may_have_left_a_key);
    let is_there = enrolled.standing != Standing::Broken(Broken::SecretGone);
    let stands = enrolled.standing == Standing::Stands || (may_be_left && is_there);
    if !guards.ask(Guard::Stands, stands) || !guards.ask(Guard::Announced, is_announced) {
        return None;
    }
    let needs_room = match step {
        None | Some(MintStep::Asked) => true,
        Some(MintStep::Intended { .. } | MintStep::Created { .. } | MintStep::Stored { .. }) => false,
        Some(MintStep::Delivered { .. } | MintStep::GivenUp { .. }) => return None,
    };
    if needs_room && !facts.others.is_empty() {
        let idle = facts.others.iter().find(|other| may_be_deleted(other, facts, now, guards));
        if let Some(idle) = idle {
            return Some(Next::DeleteIdle { key: idle.id.clone() });
        }
        if !guards.ask(Guard::Room, false) {
            return None;
        }
    }
    let token = || RequestToken::of(&enrolled.user, &rotation.key, rotation.opened);
    Some(Next::AskForMint { token: rotation.mint.clone().unwrap_or_else(token) })
}

/// Whether a key has no further use: the ledger's own act made it inactive, that can be undone no more, and nobody has
/// made it active or used it since.
fn may_be_deleted(key: &Credential, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> bool {
    let idle = facts.idle.filter(|idle| idle.key == key.id);
    // INVARIANT (undo first): nothing is deleted whose being made inactive could still be undone.
    let since = idle.map_or(key.created, |idle| idle.since);
    let is_unused = match &key.last_use {
        LastUse::Never => true,
        LastUse::At { at, .. } => *at <= since,
        LastUse::NotRead | LastUse::Unread(_) => false,
    };
    guards.ask(Guard::IdleOurs, idle.is_some())
        && guards.ask(Guard::IdleInactive, key.status == Status::Inactive)
        && guards.ask(Guard::IdleForUndo, is_older(since, facts.limits.undo, now))
        && guards.ask(Guard::IdleUnused, is_unused)
}

/// A key that a person has to see to before one can be minted.
fn in_the_way(rotation: &Rotation, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Option<CredentialId> {
    let other = facts.others.iter().min_by_key(|other| &other.id)?;
    match mint(rotation, facts).map(|mint| &mint.step) {
        None | Some(MintStep::Asked) => {
            let makes_room = facts.others.iter().any(|other| may_be_deleted(other, facts, now, guards));
            (!makes_room).then(|| less_lately_used(other, facts.key).id.clone())
        }
        // What `mint-key` could not clear away by now is not its own.
        Some(MintStep::Intended { at, .. }) => (now > after(*at, MINTS_WITHIN)).then(|| other.id.clone()),
        // It is there, and somebody has made it inactive.
        Some(MintStep::Delivered { key, .. }) => {
            facts.others.iter().find(|other| other.id == *key).map(|_| key.clone())
        }
        Some(MintStep::Created { .. } | MintStep::Stored { .. } | MintStep::GivenUp { .. }) => None,
    }
}

/// What the owner has to do, or to know, as long as there is no new key; `None`: nothing is minted for the user.
pub(crate) fn asked(rotation: &Rotation, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Option<Tell> {
    let enrolled = enrolled(facts)?;
    match (&enrolled.standing, &rotation.told) {
        (Standing::Broken(broken), _) => return Some(Tell::NotMinted(*broken)),
        // What is not known takes nothing back.
        (Standing::Unknown(_), Some(told @ Tell::NotMinted(_))) => return Some(told.clone()),
        (Standing::Stands | Standing::Unknown(_), _) => {}
    }
    let in_the_way = in_the_way(rotation, facts, now, guards);
    Some(in_the_way.map_or_else(|| Tell::Minting(enrolled.secret.clone()), Tell::FreeSlot))
}

/// What the owner has to do once there is one; `None`: nothing is minted for the user.
pub(crate) fn fetch(rotation: &Rotation, facts: &Facts<'_>) -> Option<Tell> {
    enrolled(facts)?;
    let (secret, (key, _)) = (mint(rotation, facts)?.secret.clone(), delivered(rotation, facts)?);
    Some(Tell::Fetch { key: key.clone(), secret })
}

/// What keeps the old key, where nothing but the new one is missing.
pub(crate) fn kept(kept: Kept, facts: &Facts<'_>) -> Kept {
    match (kept, enrolled(facts).map(|enrolled| &enrolled.standing)) {
        (Kept::NoNewKey, Some(Standing::Broken(broken))) => Kept::NotMinted(*broken),
        (kept, _) => kept,
    }
}

/// What is waited for as long as there is no new key.
pub(crate) fn why(rotation: &Rotation, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Option<String> {
    let Enrolled { secret, standing, .. } = enrolled(facts)?;
    let key = &facts.key.id;
    if let Standing::Unknown(gap) = standing {
        return Some(format!("it is not known whether a key may be minted into {secret}: {gap}"));
    }
    if let Some(other) = in_the_way(rotation, facts, now, guards) {
        return Some(format!("there is no room for a key in place of {key} as long as {other} is there"));
    }
    Some(if rotation.mint.is_some() {
        format!("a key in place of {key} is being minted into {secret}")
    } else {
        let at = after(rotation.opened, ANNOUNCED_FOR);
        format!("a key in place of {key} will be minted into {secret}, at {at} at the earliest")
    })
}
