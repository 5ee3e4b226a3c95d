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

    /// As a reading takes them.
    pub(crate) fn listings(&self) -> Listings {
        let listing = |observation: &Observation| EarlierListing {
            read_at: observation.read_at,
            fingerprint: observation.fingerprint.clone(),
            credentials: observation.credentials.iter().map(Credential::from).collect(),
        };
        let of_kind = |of: &BTreeMap<UserId, Observation>| {
            of.iter().map(|(user, observation)| (user.clone(), listing(observation))).collect()
        };
        self.0.iter().map(|(kind, of)| (*kind, of_kind(of))).collect()
    }

    /// Keeps what a reading saw, and forgets who is gone. What cannot be kept is read again next time.
    pub(crate) async fn keep<T: Table>(&self, ledger: &Ledger<T>, listed: Listings, existing: &BTreeSet<UserId>) {
        for (kind, of_kind) in listed {
            let earlier = |user: &UserId| self.0.get(&kind).and_then(|of| of.get(user));
            let changed: BTreeMap<_, _> = of_kind
                .into_iter()
                .filter(|(user, listing)| !earlier(user).is_some_and(|earlier| tells_as_much(earlier, kind, listing)))
                .map(|(user, EarlierListing { read_at, fingerprint, credentials })| {
                    let next = Observation::next(earlier(&user), credentials, fingerprint, read_at);
                    (user, next)
                })
                .collect();
            if let Err(error) = ledger.keep_observations(kind, &changed).await {
                warn!(error = &error as &dyn Error, "what was seen is not kept");
            }
        }
        for (kind, of) in &self.0 {
            for user in of.keys().filter(|user| !existing.contains(*user)) {
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
