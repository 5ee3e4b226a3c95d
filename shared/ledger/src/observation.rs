//! What was seen of users' credentials, so that who has not changed need not be read again, and what only shows over
//! time is known: since when a credential has its status, and how long it went without use before.

use std::collections::BTreeMap;

use credwarden_credential::id::UserId;
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{AccessKey, Credential, KeyStatus, LastUse, Status};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ledger::{Ledger, LedgerError, body, failed};
use crate::table::{Action, Condition, Item, Key, Query, Table, Write};

/// How many observations are written out at a time: a function's memory holds no more of them twice.
const PUT_AT_ONCE: usize = 100;

/// What was seen of one user's credentials of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// When they were listed.
    pub read_at: Timestamp,
    /// What the credential report showed of the user then: while it shows the same, nothing it shows has changed.
    pub fingerprint: String,
    /// The credentials, as IAM listed them.
    pub credentials: Vec<Observed>,
}

/// One credential as it was listed, and what earlier listings tell of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Which.
    pub id: CredentialId,
    /// Whether it can be used.
    pub status: Status,
    /// When it was created.
    pub created: Timestamp,
    /// When it stops to work by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<Timestamp>,
    /// The service that it is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service: Option<String>,
    /// When it was used last, as far as that was read.
    pub last_use: LastUse,
    /// When it was first seen with its present status. It has it for at least that long.
    pub first_seen_status: Timestamp,
    /// The last use that any listing told, even where this one did not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_seen_use: Option<Timestamp>,
    /// The longest time between two uses that were seen one after the other, in whole days. There may have been others
    /// between them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub longest_gap_days: Option<u32>,
}

impl Observation {
    /// What is known once `seen` was listed at `now`.
    #[must_use]
    pub fn next(earlier: Option<&Self>, seen: Vec<Credential>, fingerprint: String, now: Timestamp) -> Self {
        let credentials = seen
            .into_iter()
            .map(|credential| {
                let known = earlier.and_then(|earlier| earlier.of(&credential));
                Observed::next(known, credential, now)
            })
            .collect();
        Self { read_at: now, fingerprint, credentials }
    }

    /// What is known of this credential. The console password has no id of its own: its date tells it from an earlier.
    pub fn of(&self, credential: &Credential) -> Option<&Observed> {
        self.credentials.iter().find(|known| known.id == credential.id && known.created == credential.created)
    }
}

impl Observed {
    fn next(earlier: Option<&Self>, seen: Credential, now: Timestamp) -> Self {
        let Credential { id, status, created, expires, service, last_use } = seen;
        let used = match &last_use {
            LastUse::At { at, .. } => Some(*at),
            LastUse::NotRead | LastUse::Never | LastUse::Unread(_) => None,
        };
        let used_before = earlier.and_then(|earlier| earlier.last_seen_use);
        let gap = used.zip(used_before).filter(|(used, before)| used > before).map(|(used, before)| days(before, used));
        Self {
            id,
            status,
            created,
            expires,
            service,
            last_use,
            first_seen_status: match earlier {
                Some(earlier) if earlier.status == status => earlier.first_seen_status,
                _ => now,
            },
            last_seen_use: used.max(used_before),
            longest_gap_days: gap.max(earlier.and_then(|earlier| earlier.longest_gap_days)),
        }
    }

    /// The access key that it is, if it is one.
    pub fn access_key(&self) -> Option<AccessKey> {
        let CredentialId::AccessKey(id) = &self.id else { return None };
        let status = match self.status {
            Status::Active => KeyStatus::Active,
            Status::Inactive => KeyStatus::Inactive,
            Status::Expired => return None,
        };
        Some(AccessKey { id: id.clone(), status, created: self.created, last_use: self.last_use.clone() })
    }
}

impl From<&Observed> for Credential {
    fn from(observed: &Observed) -> Self {
        Self {
            id: observed.id.clone(),
            status: observed.status,
            created: observed.created,
            expires: observed.expires,
            service: observed.service.clone(),
            last_use: observed.last_use.clone(),
        }
    }
}

impl<T: Table> Ledger<T> {
    /// What was seen of all users' credentials of one kind. An observation that cannot be read is as if there were
    /// none, so that its user is read anew.
    pub async fn observations(&self, kind: CredentialKind) -> Result<BTreeMap<UserId, Observation>, LedgerError> {
        let query = Query::Prefix { pk: partition(kind), prefix: String::new() };
        let mut observations = BTreeMap::new();
        let read = |item: Item| match (item.key.sk.parse(), item.body()) {
            (Ok(user), Ok(observation)) => {
                observations.insert(user, observation);
            }
            (Err(error), _) => unread(&item.key, &error),
            (_, Err(error)) => unread(&item.key, &error),
        };
        self.for_each(&query, read, &format!("read what was seen of {}s", kind.noun())).await?;
        Ok(observations)
    }

    /// What was seen of one user's credentials of one kind.
    ///
    /// # Errors
    /// It cannot be read: whoever acts by what was seen must know it.
    pub async fn observation(&self, kind: CredentialKind, user: &UserId) -> Result<Option<Observation>, LedgerError> {
        let item = self.get(&key(kind, user), &format!("read what was seen of {}s of `{user}`", kind.noun())).await?;
        item.as_ref().map(Item::body).transpose()
    }

    /// Keeps what was seen of users' credentials of one kind, in place of what was seen before. After an error some is
    /// kept.
    pub async fn keep_observations(
        &self,
        kind: CredentialKind,
        changed: impl IntoIterator<Item = (UserId, Observation)>,
    ) -> Result<(), LedgerError> {
        let item = |(user, observation): (UserId, Observation)| {
            let key = key(kind, &user);
            Ok(Item { attributes: [body(&observation, &key)?].into(), key })
        };
        let doing = format!("keep what was seen of {}s", kind.noun());
        let mut changed = changed.into_iter();
        loop {
            let items = changed.by_ref().take(PUT_AT_ONCE).map(item).collect::<Result<Vec<_>, LedgerError>>()?;
            if items.is_empty() {
                return Ok(());
            }
            self.table.put_many(&items).await.map_err(|source| failed(&doing, source))?;
        }
    }

    /// Forgets what was seen of a user's credentials of these kinds: it is no more, or about to change.
    pub async fn forget_observation(&self, kinds: &[CredentialKind], user: &UserId) -> Result<(), LedgerError> {
        for kind in kinds {
            let write = Write { key: key(*kind, user), condition: Condition::none(), action: Action::Delete };
            self.write_one(write, &format!("forget what was seen of {}s of `{user}`", kind.noun())).await?;
        }
        Ok(())
    }
}

/// A gap in what was seen before costs a reading, and is told.
fn unread(key: &Key, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(item = %key, error, "an observation cannot be read, so its user is read anew");
}

/// From the earlier to the later, in whole days.
fn days(earlier: Timestamp, later: Timestamp) -> u32 {
    const DAY: SignedDuration = SignedDuration::from_hours(24);
    u32::try_from(later.duration_since(earlier).as_secs() / DAY.as_secs()).unwrap_or(0)
}

fn partition(kind: CredentialKind) -> String {
    format!("OBSERVATION#{kind}")
}

fn key(kind: CredentialKind, user: &UserId) -> Key {
    Key::new(partition(kind), user.as_str())
}

#[cfg(test)]
mod tests {
    use credwarden_credential::snapshot::{Gap, GapReason};
    use proptest::prelude::*;

    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + day * 24 * 3600).unwrap()
    }

    fn credential(id: &str, created: i64, status: Status, last_use: LastUse) -> Credential {
        Credential { id: id.parse().unwrap(), status, created: day(created), expires: None, service: None, last_use }
    }

    fn used(on: i64) -> LastUse {
        LastUse::At { at: day(on), service: "s3".to_owned(), region: "us-east-1".to_owned() }
    }

    /// A credential's readings, a day apart.
    fn read(readings: impl IntoIterator<Item = Credential>) -> Observed {
        let observe = |earlier: Option<Observation>, (on, seen): (i64, Credential)| {
            Some(Observation::next(earlier.as_ref(), vec![seen], String::new(), day(on)))
        };
        (0..).zip(readings).fold(None, observe).unwrap().credentials.remove(0)
    }

    const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

    #[test]
    fn the_longest_gap_is_between_two_seen_uses() {
        let key = |last_use| credential(KEY, -400, Status::Active, last_use);
        let unread = LastUse::Unread(Gap::new(GapReason::Throttled, "read the last use"));
        for (uses, expected) in [
            (vec![LastUse::Never], None),
            (vec![used(-90)], None),
            (vec![used(-90), used(-90)], None),
            (vec![LastUse::Never, used(0)], None),
            (vec![used(-90), used(1)], Some(91)),
            (vec![used(-90), used(1), used(2)], Some(91)),
            (vec![used(-9), used(1), used(31)], Some(30)),
            (vec![used(-90), unread, LastUse::NotRead, used(2)], Some(92)),
            (vec![used(1), used(-90), used(2)], Some(1)),
        ] {
            let observed = read(uses.iter().cloned().map(key));
            assert_eq!(observed.longest_gap_days, expected, "{uses:?}");
        }
    }

    #[test]
    fn a_day_that_is_not_full_does_not_count() {
        let at = |seconds: i64| day(3).checked_add(SignedDuration::from_secs(seconds)).unwrap();
        assert_eq!([days(day(0), at(-1)), days(day(0), at(0)), days(day(0), at(1))], [2, 3, 3]);
    }

    #[test]
    fn an_unread_last_use_is_stored_as_unread() {
        let key = |last_use| credential(KEY, -400, Status::Active, last_use);
        let observed = read([key(used(-90)), key(LastUse::NotRead)]);
        assert_eq!((&observed.last_use, observed.last_seen_use), (&LastUse::NotRead, Some(day(-90))));
        assert_eq!(Credential::from(&observed).last_use, LastUse::NotRead, "what is judged is what was read");
    }

    #[test]
    fn an_access_key_is_given_back_as_it_was_listed() {
        let observed = read([credential(KEY, 0, Status::Inactive, used(1))]);
        let key = observed.access_key().unwrap();
        assert_eq!(Credential::from(&key), Credential::from(&observed));
        assert_eq!(read([credential("console-password", 0, Status::Active, used(1))]).access_key(), None);
    }

    #[test]
    fn an_item_is_small_and_a_partition_few_pages() {
        let user: UserId = "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap();
        let now = day(30).checked_add(SignedDuration::from_nanos(123_456_789)).unwrap();
        let seen = credential(KEY, -100, Status::Active, used(29));
        let earlier = Observation::next(None, vec![credential(KEY, -100, Status::Active, used(1))], String::new(), now);
        let observation = Observation::next(Some(&earlier), vec![seen], "f".repeat(44), now);
        let key = key(CredentialKind::AccessKey, &user);
        let (name, value) = body(&observation, &key).unwrap();
        let crate::table::Value::Text(value) = value else { panic!() };
        let bytes = key.pk.len() + key.sk.len() + "pk".len() + "sk".len() + name.len() + value.len();
        assert!(bytes * 5000 < 3 << 20, "{bytes} bytes, of which a page takes 1 MB: {value}");
    }

    fn status() -> impl Strategy<Value = Status> {
        prop_oneof![Just(Status::Active), Just(Status::Inactive), Just(Status::Expired)]
    }

    fn last_use() -> impl Strategy<Value = LastUse> {
        prop_oneof![
            3 => (-400..400i64).prop_map(used),
            1 => Just(LastUse::Never),
            1 => Just(LastUse::NotRead),
            1 => Just(LastUse::Unread(Gap::new(GapReason::Failed, "read the last use"))),
        ]
    }

    /// Any of a few credentials, so that they come again, with another date too.
    fn seen() -> impl Strategy<Value = Vec<Credential>> {
        let ids = prop_oneof![Just(KEY), Just("AKIAI44QH8DHBEXAMPLE"), Just("console-password")];
        prop::collection::btree_map(ids, (0..2i64, status(), last_use()), 0..4).prop_map(|all| {
            let one = |(id, (created, status, last_use))| credential(id, created, status, last_use);
            all.into_iter().map(one).collect()
        })
    }

    /// The observations of some readings, one a day, with what each listed.
    fn history() -> impl Strategy<Value = Vec<(Vec<Credential>, Observation)>> {
        prop::collection::vec(seen(), 1..12).prop_map(|readings| {
            let mut history: Vec<(_, Observation)> = Vec::new();
            for (seen, on) in readings.into_iter().zip(0..) {
                let earlier = history.last().map(|(_, observation)| observation);
                let next = Observation::next(earlier, seen.clone(), format!("row {on}"), day(on));
                history.push((seen, next));
            }
            history
        })
    }

    proptest! {
        #[test]
        fn what_was_listed_is_what_is_judged(history in history()) {
            for (seen, observation) in history {
                let judged: Vec<_> = observation.credentials.iter().map(Credential::from).collect();
                prop_assert_eq!(judged, seen);
            }
        }

        #[test]
        fn the_first_sighting_of_a_status_is_kept_while_the_status_is_the_same(history in history()) {
            for (step, (_, observation)) in history.iter().enumerate() {
                for observed in &observation.credentials {
                    let credential = Credential::from(observed);
                    let mut first = observation.read_at;
                    for (_, earlier) in history[..step].iter().rev() {
                        match earlier.of(&credential) {
                            Some(known) if known.status == observed.status => first = earlier.read_at,
                            _ => break,
                        }
                    }
                    prop_assert_eq!(observed.first_seen_status, first);
                }
            }
        }

        #[test]
        fn the_longest_gap_never_shrinks_and_a_use_is_never_forgotten(history in history()) {
            for pair in history.windows(2) {
                let [(_, earlier), (_, later)] = pair else { continue };
                for observed in &later.credentials {
                    if let Some(known) = earlier.of(&Credential::from(observed)) {
                        prop_assert!(observed.longest_gap_days >= known.longest_gap_days);
                        prop_assert!(observed.last_seen_use >= known.last_seen_use);
                    }
                }
            }
        }

        #[test]
        fn a_replaced_credential_starts_anew(history in history(), now in 12..20i64) {
            let (seen, last) = history.last().unwrap();
            let replace = |credential: &Credential| Credential { created: day(9), ..credential.clone() };
            let replaced: Vec<_> = seen.iter().map(replace).collect();
            let next = Observation::next(Some(last), replaced.clone(), String::new(), day(now));
            prop_assert_eq!(next, Observation::next(None, replaced, String::new(), day(now)));
        }

        #[test]
        fn the_same_reading_again_tells_nothing_new(history in history()) {
            let (seen, last) = history.last().unwrap();
            let again = Observation::next(Some(last), seen.clone(), last.fingerprint.clone(), day(30));
            prop_assert_eq!(&again.credentials, &last.credentials);
        }

        #[test]
        fn what_is_kept_is_read_back(history in history()) {
            for (_, observation) in history {
                let text = serde_json::to_string(&observation).unwrap();
                prop_assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), observation);
            }
        }
    }
}
