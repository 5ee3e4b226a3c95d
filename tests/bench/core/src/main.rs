//! Judges generated users with the pure judgement of `access-key-age`, on one core, and prints for each number of
//! credentials how long that took, one JSON object a line.
//!
//! Only the judgement is timed, by the thread's CPU time, since other work of the machine is none of the core's. Users are generated in batches, so that ten million credentials need no memory for ten
//! million users; a small number is judged again and again until it can be timed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use access_key_age::judge;
use anyhow::{Context as _, Result};
use credwarden_credential::id::AccessKeyId;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{AccessKey, KeyStatus, Known, LastUse, Listing, User};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::verdict::Verdict;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How many credentials are generated at once. Every user has one access key.
const BATCH: u64 = 50_000;

/// How long a number of credentials is judged at least, by judging it again.
const SHORTEST: Duration = Duration::from_millis(200);

/// The numbers of credentials.
const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

#[derive(Serialize)]
struct Timed {
    credentials: u64,
    /// How long it took to judge each of them once.
    seconds: f64,
    /// How many of them were found too old.
    findings: u64,
}

fn main() -> Result<()> {
    let now: Timestamp = "2026-11-24T12:00:00Z".parse().context("the time is none")?;
    let policy = Policy::default();
    let exceptions = Exceptions::default();
    // The first judgements pay for memory that later ones find ready.
    time(BATCH, &policy, &exceptions, now)?;
    for credentials in SIZES {
        let timed = time(credentials, &policy, &exceptions, now)?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&timed)?).context("failed to print")?;
    }
    Ok(())
}

fn time(credentials: u64, policy: &Policy, exceptions: &Exceptions, now: Timestamp) -> Result<Timed> {
    let mut took = Duration::ZERO;
    let mut judged = 0_u64;
    let mut findings = 0_u64;
    let mut first = 0;
    while first < credentials {
        let count = BATCH.min(credentials - first);
        let users = (first..first + count).map(|number| user(number, now)).collect::<Result<Vec<_>>>()?;
        let mut of_batch = Duration::ZERO;
        loop {
            let begun = cpu_time()?;
            let found = users
                .iter()
                .map(|user| judge(black_box(user), policy, exceptions, now))
                .filter(|verdict| matches!(verdict, Verdict::NonCompliant { .. }))
                .count();
            of_batch += cpu_time()?.saturating_sub(begun);
            judged += count;
            findings += u64::try_from(found)?;
            if credentials >= BATCH || of_batch >= SHORTEST {
                break;
            }
        }
        took += of_batch;
        first += count;
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let rounds = judged as f64 / credentials as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of rounds")]
    let findings = findings / rounds as u64;
    Ok(Timed { credentials, seconds: took.as_secs_f64() / rounds, findings })
}

/// The CPU time of this thread so far (`/proc/thread-self/schedstat`, its first field, in nanoseconds).
fn cpu_time() -> Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("the kernel tells no CPU time")?;
    let nanoseconds = text.split_whitespace().next().and_then(|field| field.parse().ok());
    nanoseconds.map(Duration::from_nanos).context("the kernel tells no CPU time")
}

/// A user with one access key, of an age from 0 to 99 days, as live as a suspect that was read.
fn user(number: u64, now: Timestamp) -> Result<User> {
    let name = format!("user-{number:08}");
    let created = now - SignedDuration::from_hours(24 * 400);
    let days = i64::try_from(number % 100)?;
    let key = AccessKey {
        id: key_id(number)?,
        status: KeyStatus::Active,
        created: now - SignedDuration::from_hours(24 * days + 1),
        last_use: LastUse::NotRead,
    };
    let none = |kind| (kind, Listing::Live(Vec::new()));
    Ok(User {
        id: format!("AIDA{}", letters(number, 17)).parse()?,
        arn: format!("arn:aws:iam::123456789012:user/{name}").parse()?,
        name: name.parse()?,
        path: "/".to_owned(),
        created,
        tags: BTreeMap::from([("owner".to_owned(), "platform@example.com".to_owned())]),
        groups: BTreeSet::from(["developers".parse()?]),
        attached_policies: BTreeSet::from(["arn:aws:iam::aws:policy/ReadOnlyAccess".parse()?]),
        console_password: Known::Yes(number.is_multiple_of(3)),
        access_keys: Listing::Live(vec![key]),
        provenance: None,
        other_credentials: CredentialKind::OF_USERS
            .into_iter()
            .filter(|kind| *kind != CredentialKind::AccessKey)
            .map(none)
            .collect(),
    })
}

fn key_id(number: u64) -> Result<AccessKeyId> {
    format!("AKIA{}", letters(number, 16)).parse().context("the id is none")
}

/// A number in the letters of AWS's ids, A to Z and 2 to 7.
fn letters(number: u64, length: u32) -> String {
    (0..length)
        .rev()
        .map(|place| {
            let digit = u8::try_from(number.checked_shr(5 * place).unwrap_or(0) & 31).unwrap_or(0);
            char::from(if digit < 26 { b'A' + digit } else { b'2' + digit - 26 })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_ten_credentials_is_too_old_however_often_they_are_judged() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        // Ages of 90 to 99 days, each an hour past the day.
        let timed = time(1_000, &Policy::default(), &Exceptions::default(), now).unwrap();
        assert_eq!(timed.findings, 100);
    }

    #[test]
    fn every_user_has_an_id_and_a_key_of_its_own() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let ids: BTreeSet<_> = (0..2_000).map(|number| user(number, now).unwrap().id).collect();
        let keys: BTreeSet<_> = (0..2_000).map(|number| key_id(number).unwrap()).collect();
        assert_eq!((ids.len(), keys.len()), (2_000, 2_000));
    }
}
