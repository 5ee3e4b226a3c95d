//! What shows that an owner has moved from the old key to the new one.

use credwarden_credential::age::{Days, LAST_USE_LAG, is_in_the_future, is_older};
use credwarden_credential::snapshot::{Credential, LastUse, Status};
use credwarden_policy::rotation::{Facts, Kept, Replacement, Rotation, Silence};
use jiff::Timestamp;

use crate::guards::{Guard, Guards};
use crate::minting::{delivered, fetched, is_meant};
use crate::{OBSERVED_FOR, after};

/// The shortest silence of a key that does not count as in use any more, whatever the policy says.
const SHORTEST_SILENCE: Days = Days(2);

/// What speaks for making the old key inactive, and what against.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// What keeps the old key; `None`: nothing, its owner has switched over.
    pub(crate) kept: Option<Kept>,
    /// Whether it may be made inactive all the same.
    pub(crate) may_be_forced: bool,
    /// When what is missing can be there at the earliest, as far as time alone brings it.
    pub(crate) ripe: Option<Timestamp>,
}

impl Evidence {
    /// Without a replacement nothing speaks for it.
    pub(crate) const NO_NEW_KEY: Self = Self { kept: Some(Kept::NoNewKey), may_be_forced: false, ripe: None };

    pub(crate) fn of(rotation: &Rotation, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Self {
        let Some((newest, replacement)) = newest(rotation, facts, guards).zip(rotation.replacement.as_ref()) else {
            return Self::NO_NEW_KEY;
        };
        let is_used = guards.ask(Guard::Used, is_used(newest, now));
        let kept = if !is_used {
            Some(Kept::NewKeyUnused(newest.id.clone()))
        } else if !is_silent(rotation, facts, now, guards) {
            Some(Kept::InUse(facts.key.last_use.clone()))
        } else if !guards.ask(Guard::Acknowledged, rotation.acknowledged.is_some() || rotation.fetched.is_some()) {
            Some(match delivered(rotation, facts) {
                Some(_) => Kept::NotFetched(newest.id.clone()),
                None => Kept::NotAcknowledged,
            })
        } else {
            None
        };
        let is_observed = now.duration_since(replacement.seen) >= OBSERVED_FOR;
        // INVARIANT (a key that works): whoever is forced to move has something to move to.
        let may_be_forced = is_used
            && guards.ask(Guard::OptIn, facts.may_force)
            && guards.ask(Guard::Deadline, now > rotation.deadline)
            && guards.ask(Guard::ForceWaits, is_observed)
            && guards.ask(Guard::Readable, is_known(&facts.key.last_use));
        Self { kept, may_be_forced, ripe: ripe(rotation, facts, now) }
    }
}

/// What is remembered once the facts were read.
pub(crate) fn remembered(rotation: Rotation, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> Rotation {
    let Some(newest) = newest(&rotation, facts, guards) else {
        // INVARIANT (this replacement): its end is the end of all that was seen and said of it.
        let keeps = guards.ask(Guard::ThisReplacement, false);
        let replacement = if keeps { rotation.replacement.clone() } else { None };
        let silence = if keeps { rotation.silence.clone() } else { None };
        let acknowledged = if keeps { rotation.acknowledged.clone() } else { None };
        let fetched = if keeps { rotation.fetched } else { None };
        return Rotation { replacement, silence, acknowledged, fetched, ..rotation };
    };
    let is_the_same = rotation.replacement.as_ref().is_some_and(|known| known.key == newest.id);
    let earlier = if guards.ask(Guard::ThisReplacement, is_the_same) { Some(&rotation) } else { None };
    let seen = earlier.and_then(|earlier| earlier.replacement.as_ref()).map_or(now, |known| known.seen);
    let silence = silence(earlier.and_then(|earlier| earlier.silence.as_ref()), &facts.key.last_use, now);
    let acknowledged = earlier.and_then(|earlier| earlier.acknowledged.clone());
    let said = facts.acknowledged.filter(|said| {
        guards.ask(Guard::SaidOfThisReplacement, said.at > newest.created)
            && guards.ask(Guard::SaidInThisRotation, said.at > rotation.opened)
    });
    let acknowledged = acknowledged.or_else(|| said.cloned());
    let fetched = earlier.and_then(|earlier| earlier.fetched).or_else(|| fetched(&rotation, facts, guards));
    let replacement = Some(Replacement { key: newest.id.clone(), seen });
    Rotation { replacement, silence, acknowledged, fetched, ..rotation }
}

/// The newest active key that was created after the old one, and that is meant to take its place.
fn newest<'a>(rotation: &Rotation, facts: &Facts<'a>, guards: Guards) -> Option<&'a Credential> {
    facts
        .others
        .iter()
        .filter(|other| guards.ask(Guard::Newer, other.created > facts.key.created))
        .filter(|other| guards.ask(Guard::Active, other.status == Status::Active))
        .filter(|other| is_meant(other, rotation, facts, guards))
        .max_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)))
}

/// Whether somebody has used a key since it was created. A use in the future is not believed.
fn is_used(key: &Credential, now: Timestamp) -> bool {
    match &key.last_use {
        LastUse::At { at, .. } => *at >= key.created && !is_in_the_future(*at, now),
        LastUse::NotRead | LastUse::Never | LastUse::Unread(_) => false,
    }
}

fn is_known(last_use: &LastUse) -> bool {
    match last_use {
        LastUse::Never | LastUse::At { .. } => true,
        LastUse::NotRead | LastUse::Unread(_) => false,
    }
}

/// Since when readings show the same last use. What was not read says nothing; any other last use begins the count again.
fn silence(known: Option<&Silence>, seen: &LastUse, now: Timestamp) -> Option<Silence> {
    match known {
        _ if !is_known(seen) => known.cloned(),
        Some(known) if known.last_use == *seen => Some(known.clone()),
        _ => Some(Silence { since: now, last_use: seen.clone() }),
    }
}

fn used_at(last_use: &LastUse) -> Option<Timestamp> {
    match last_use {
        LastUse::At { at, .. } => Some(*at),
        LastUse::NotRead | LastUse::Never | LastUse::Unread(_) => None,
    }
}

/// Whether the old key is not used any more: this reading and one a day ago at least show the same last use, and that is
/// long ago.
fn is_silent(rotation: &Rotation, facts: &Facts<'_>, now: Timestamp, guards: Guards) -> bool {
    let Some(silence) = &rotation.silence else { return guards.ask(Guard::Readable, false) };
    let is_long_ago = used_at(&silence.last_use).is_none_or(|at| {
        // INVARIANT (true facts): a reading may lack the uses of the last hours, so it only speaks for the time before.
        let shown_until = now.checked_sub(LAST_USE_LAG).unwrap_or(Timestamp::MIN);
        let until = if guards.ask(Guard::Lag, false) { now } else { shown_until };
        let window = facts.limits.in_use.max(SHORTEST_SILENCE);
        guards.ask(Guard::Window, is_older(at, window, until))
            && guards.ask(Guard::TwiceTheGap, is_older(at, twice_the_gap(facts), until))
    });
    let is_read_twice = now.duration_since(silence.since) >= OBSERVED_FOR;
    guards.ask(Guard::Readable, is_known(&facts.key.last_use))
        && guards.ask(Guard::ReadTwice, is_read_twice)
        && is_long_ago
}

fn twice_the_gap(facts: &Facts<'_>) -> Days {
    Days(facts.longest_gap.unwrap_or_default().0.saturating_mul(2))
}

/// When the old key counts as silent if it is not used again, or when force may be used, whichever is next.
fn ripe(rotation: &Rotation, facts: &Facts<'_>, now: Timestamp) -> Option<Timestamp> {
    let silent = rotation.silence.as_ref().map(|silence| {
        let window = facts.limits.in_use.max(SHORTEST_SILENCE).max(twice_the_gap(facts)).duration();
        let long_ago = used_at(&silence.last_use).map(|at| after(after(at, window), LAST_USE_LAG));
        long_ago.max(Some(after(silence.since, OBSERVED_FOR)))
    });
    let observed = rotation.replacement.as_ref().map(|replacement| after(replacement.seen, OBSERVED_FOR));
    [silent.flatten(), observed].into_iter().flatten().filter(|at| *at > now).min()
}
