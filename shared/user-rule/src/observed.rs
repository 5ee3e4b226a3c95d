//! What the ledger holds of earlier readings, as a reading takes it, and what it is told of a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Credential, LastUse};
use credwarden_inventory::earlier::{EarlierListing, Listings};
use credwarden_ledger::Ledger;
use credwarden_ledger::observation::Observation;
use credwarden_ledger::table::Table;
use tracing::warn;

/// What was seen of users' credentials, by kind.
#[derive(Debug, Default)]
pub(crate) struct Observed(BTreeMap<CredentialKind, BTreeMap<UserId, Observation>>);

impl Observed {
    /// All that is kept of these kinds. What cannot be read costs calls, and nothing else.
    pub(crate) async fn read<T: Table>(ledger: &Ledger<T>, kinds: &BTreeSet<CredentialKind>) -> Self {
        let mut observed = BTreeMap::new();
        // IAM lists these of all users at once.
        for kind in kinds.iter().filter(|kind| **kind != CredentialKind::ServiceSpecificCredential) {
            match ledger.observations(*kind).await {
                Ok(of_kind) => {
                    observed.insert(*kind, of_kind);
                }
                Err(error) => warn!(error = &error as &dyn Error, "users are read as if they were seen first"),
            }
        }
        Self(observed)
    }

    /// What was listed of a user, as a reading takes it.
    pub(crate) fn listing(&self, kind: CredentialKind, user: &UserId) -> Option<EarlierListing> {
        let observation = self.0.get(&kind)?.get(user)?;
        Some(EarlierListing {
            read_at: observation.read_at,
            fingerprint: observation.fingerprint.clone(),
            credentials: observation.credentials.iter().map(Credential::from).collect(),
        })
    }
}

/// What a reading saw, and what was known before.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    /// What was known before.
    pub(crate) observed: Observed,
    /// What was seen.
    pub(crate) listed: Listings,
    /// All users of the account.
    pub(crate) existing: BTreeSet<UserId>,
}

impl Sightings {
    /// Keeps what was seen, and forgets who is gone. What cannot be kept is read again next time.
    pub(crate) async fn keep<T: Table>(&self, ledger: &Ledger<T>) {
        for (kind, of_kind) in &self.listed {
            let earlier = |user: &UserId| self.observed.0.get(kind).and_then(|of| of.get(user));
            let changed = of_kind
                .iter()
                .filter(|(user, listing)| !earlier(user).is_some_and(|earlier| tells_as_much(earlier, *kind, listing)))
                .map(|(user, EarlierListing { read_at, fingerprint, credentials })| {
                    let next = Observation::next(earlier(user), credentials.clone(), fingerprint.clone(), *read_at);
                    (user.clone(), next)
                });
            if let Err(error) = ledger.keep_observations(*kind, changed).await {
                warn!(error = &error as &dyn Error, "what was seen is not kept");
            }
        }
        for (kind, of) in &self.observed.0 {
            for user in of.keys().filter(|user| !self.existing.contains(*user)) {
                if let Err(error) = ledger.forget_observation(&[*kind], user).await {
                    warn!(error = &error as &dyn Error, "who is gone is not forgotten");
                }
            }
        }
    }
}

/// Whether an earlier observation tells all that a listing does: a rule that asks for no last uses keeps those that
/// another rule asked for, while the report shows no change.
fn tells_as_much(earlier: &Observation, kind: CredentialKind, listing: &EarlierListing) -> bool {
    kind != CredentialKind::SshPublicKey
        && earlier.fingerprint == listing.fingerprint
        && earlier.credentials.len() == listing.credentials.len()
        && listing.credentials.iter().all(|seen| {
            earlier.of(seen).is_some_and(|known| {
                known.status == seen.status && (seen.last_use == LastUse::NotRead || known.last_use == seen.last_use)
            })
        })
}

#[cfg(test)]
mod tests {
    use credwarden_credential::kind::CredentialId;
    use credwarden_credential::snapshot::Status;
    use credwarden_ledger::memory::MemoryTable;
    use jiff::Timestamp;

    use super::*;

    const KIND: CredentialKind = CredentialKind::AccessKey;

    fn user() -> UserId {
        "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap()
    }

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + day * 24 * 3_600).unwrap()
    }

    fn listed(on: i64, fingerprint: &str, last_use: LastUse) -> Listings {
        let id: CredentialId = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
        let credential =
            Credential { id, status: Status::Active, created: day(-100), expires: None, service: None, last_use };
        let listing =
            EarlierListing { read_at: day(on), fingerprint: fingerprint.to_owned(), credentials: vec![credential] };
        BTreeMap::from([(KIND, BTreeMap::from([(user(), listing)]))])
    }

    /// What is known after these readings, by several rules.
    async fn known(readings: impl IntoIterator<Item = Listings>) -> EarlierListing {
        let ledger = Ledger::new(MemoryTable::default());
        for listings in readings {
            let observed = Observed::read(&ledger, &[KIND].into()).await;
            Sightings { observed, listed: listings, existing: [user()].into() }.keep(&ledger).await;
        }
        let observed = Observed::read(&ledger, &[KIND].into()).await;
        observed.listing(KIND, &user()).unwrap()
    }

    fn used() -> LastUse {
        LastUse::At { at: day(-9), service: "s3".to_owned(), region: "us-east-1".to_owned() }
    }

    #[tokio::test]
    async fn a_rule_that_asks_for_no_last_use_keeps_the_one_that_another_asked_for() {
        let kept = known([listed(0, "row", used()), listed(1, "row", LastUse::NotRead)]).await;
        assert_eq!((kept.read_at, &kept.credentials[0].last_use), (day(0), &used()));
        let changed = known([listed(0, "row", used()), listed(1, "another row", LastUse::NotRead)]).await;
        assert_eq!((changed.read_at, &changed.credentials[0].last_use), (day(1), &LastUse::NotRead));
    }

    #[tokio::test]
    async fn a_last_use_is_added_to_what_was_seen_without() {
        let kept = known([listed(0, "row", LastUse::NotRead), listed(1, "row", used())]).await;
        assert_eq!((kept.read_at, &kept.credentials[0].last_use), (day(1), &used()));
    }
}
