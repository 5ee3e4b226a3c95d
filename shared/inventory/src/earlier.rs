//! What earlier readings listed, and whether it still holds: who has not changed is not read again.
//!
//! A listing holds while the credential report shows the same of the user as it did then, and agrees with it on what is active. Of SSH public keys the report
//! shows nothing: there a listing holds for as long as nothing that was uploaded since could be worth a word yet. In both cases
//! an event that tells of a newer credential ends it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use credwarden_credential::age::{CLOCK_TOLERANCE, Days};
use credwarden_credential::creation::Provenance;
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{AccessKey, Credential, KeyStatus, LastUse, Listing, Reported, Status, User};
use jiff::Timestamp;

use crate::live::LastUses;
use crate::report::Row;

/// Listings by kind and user.
pub type Listings = BTreeMap<CredentialKind, BTreeMap<UserId, EarlierListing>>;

/// A user's credentials of one kind, as they were listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierListing {
    /// When.
    pub read_at: Timestamp,
    /// What the credential report showed of them then.
    pub fingerprint: String,
    /// The credentials.
    pub credentials: Vec<Credential>,
}

/// How a rule makes use of earlier listings.
#[derive(Clone, Copy)]
pub struct Earlier<'a> {
    /// What was listed of a user's credentials of one kind, if anything was.
    pub listing: &'a dyn Fn(CredentialKind, &UserId) -> Option<EarlierListing>,
    /// How old a credential of this kind may be of which nobody knows, before the rule would say something of it; `None`:
    /// of any age.
    pub unknown_for: &'a dyn Fn(&User, CredentialKind) -> Option<Days>,
    /// The kinds of which the rule would find something by them. They are read again: nothing is found by what was.
    pub broken: &'a dyn Fn(&User) -> BTreeSet<CredentialKind>,
}

impl std::fmt::Debug for Earlier<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Earlier").finish_non_exhaustive()
    }
}

impl Earlier<'_> {
    /// What was listed of the user, if it still holds.
    pub(crate) fn that_holds(
        &self,
        user: &User,
        kind: CredentialKind,
        fingerprint: Option<&String>,
        last_uses: LastUses,
        now: Timestamp,
    ) -> Option<EarlierListing> {
        let listing = (self.listing)(kind, &user.id)?;
        let is_the_same = shows_the_same(fingerprint?, &listing.fingerprint, last_uses) && agrees(user, kind, &listing);
        let is_recent = kind != CredentialKind::SshPublicKey
            || (self.unknown_for)(user, kind).is_none_or(|limit| {
                let held = now.duration_since(listing.read_at).as_secs();
                held <= limit.duration().as_secs() / 100 * share(&user.id)
            });
        let is_newest =
            user.provenance.as_deref().is_none_or(|provenance| !tells_of_later(provenance, user, kind, &listing));
        let is_whole = last_uses == LastUses::NotRead || listing.credentials.iter().all(has_last_use);
        (is_the_same && is_recent && is_newest && is_whole).then_some(listing)
    }
}

/// Whether as many are active as the report shows. Otherwise one of the two is older than a change, and neither tells which.
fn agrees(user: &User, kind: CredentialKind, listing: &EarlierListing) -> bool {
    match user.listing(kind) {
        Some(Listing::Reported(Reported { active, .. })) => {
            listing.credentials.iter().filter(|one| one.status == Status::Active).count() == active.len()
        }
        _ => true,
    }
}

/// Whether the last use is known, where IAM records it at all.
fn has_last_use(credential: &Credential) -> bool {
    !matches!(credential.id.kind(), CredentialKind::AccessKey | CredentialKind::ConsolePassword)
        || !matches!(credential.last_use, LastUse::NotRead | LastUse::Unread(_))
}

/// The percentage of the longest time after which a user is listed again: 60 to 100, so that users who were all first read on
/// one day are not all read again on one day.
fn share(user: &UserId) -> i64 {
    let sum = user.as_str().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    60 + i64::from(sum % 41)
}

fn tells_of_later(provenance: &Provenance, user: &User, kind: CredentialKind, listing: &EarlierListing) -> bool {
    provenance
        .creations
        .of_user(&user.name)
        .any(|creation| creation.act.kind() == kind && creation.at.duration_since(listing.read_at) >= -CLOCK_TOLERANCE)
}

/// Whether two fingerprints are of the same. A rule that asks for no last uses is not told that a key was used again, as a busy
/// one is every day.
fn shows_the_same(one: &str, other: &str, last_uses: LastUses) -> bool {
    let without_use = |text: &str| -> Vec<String> {
        text.split(' ').map(|slot| slot.rsplit_once('@').map_or(slot, |(before, _)| before).to_owned()).collect()
    };
    match last_uses {
        LastUses::Read => one == other,
        LastUses::NotRead => without_use(one) == without_use(other),
    }
}

/// What identifies what the report shows of a user's credentials of one kind, `0 1:1790000000@1790003600` of no inactive one and
/// one that was changed and used then; `None`: it cannot be told whether they changed.
pub(crate) fn fingerprint(row: Option<&Row>, kind: CredentialKind, report_made: Timestamp) -> Option<String> {
    match kind {
        CredentialKind::SshPublicKey => Some(String::new()),
        kind => {
            let Reported { active, inactive, report_made: _ } = row?.reported(kind, report_made)?;
            let mut text = format!("{inactive}");
            for one in active {
                let seconds = |at: Option<Timestamp>| at.map_or(-1, Timestamp::as_second);
                let _ = write!(text, " {}:{}@{}", one.slot, seconds(one.changed), seconds(one.last_used));
            }
            Some(text)
        }
    }
}

/// Gives the user what was listed of it.
pub(crate) fn take_up(user: &mut User, kind: CredentialKind, listing: EarlierListing) {
    match kind {
        CredentialKind::AccessKey => {
            user.access_keys = Listing::Live(listing.credentials.iter().filter_map(access_key).collect());
        }
        kind => {
            user.other_credentials.insert(kind, Listing::Live(listing.credentials));
        }
    }
}

fn access_key(credential: &Credential) -> Option<AccessKey> {
    let CredentialId::AccessKey(id) = &credential.id else { return None };
    let status = if credential.status == Status::Active { KeyStatus::Active } else { KeyStatus::Inactive };
    Some(AccessKey { id: id.clone(), status, created: credential.created, last_use: credential.last_use.clone() })
}
