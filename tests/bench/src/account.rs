//! The accounts that the rules are measured on: well kept, with few findings, as large as IAM lets them be.

use std::collections::VecDeque;

use anyhow::{Context as _, Result};
use credwarden_credential::snapshot::{AccessKey, KeyStatus, LastUse};
use credwarden_estate::estate::{Estate, EstateKey, age_days, age_hours};
use jiff::{SignedDuration, Timestamp};

/// One user in so many has a standing finding, of each rule.
const ONE_FINDING_IN: usize = 50;

/// Of the users that change each day, one in so many of all is reminded of a key's age, one has a key that becomes too
/// old, and one replaces such a key.
const ONE_AGEING_IN: usize = 600;

/// Of the users that change each day, one in so many of all falls out of use, and one is used again.
const ONE_FALLING_OUT_OF_USE_IN: usize = 400;

/// After so many days a key is too old, so many days earlier a warning begins, and so long may it be unused: the limits
/// of Credwarden's default policy.
const MAX_AGE_DAYS: i64 = 90;
const WARN_DAYS: i64 = 14;
const UNUSED_DAYS: i64 = 45;

/// What a user is like.
#[derive(Clone, Copy)]
enum Role {
    /// A key that is too old, and in use.
    TooOld,
    /// A young key that nobody uses any more.
    Unused,
    /// A key within the days of warning.
    Due,
    /// A key that becomes too old in so many days.
    Ageing(i64),
    /// A key that has been unused for too long in so many days.
    FallingOutOfUse(i64),
    /// Whatever else there is; numbered.
    Ordinary(usize),
}

/// An account of so many users in which nothing changes from the first day to the second: in 50 users one has a key that
/// is too old, one a key that is unused, and one a key within the days of warning.
pub(crate) fn steady(users: usize, now: Timestamp) -> Estate {
    let each = users / ONE_FINDING_IN;
    let mut roles = [vec![Role::TooOld; each], vec![Role::Unused; each], vec![Role::Due; each]].concat();
    roles.extend((roles.len()..users).map(Role::Ordinary));
    build(&roles, now)
}

/// An account in which, for some days, one user in 200 changes each day, for each rule.
#[derive(Clone, Debug)]
pub(crate) struct Changing {
    pub(crate) estate: Estate,
    /// Users with a key that is too old, the first to replace it in front.
    too_old: VecDeque<String>,
    /// Users with an unused key, the first to use it again in front.
    unused: VecDeque<String>,
    /// How many users replace a key each day, and how many use one again.
    replacing: usize,
    using_again: usize,
    days_gone: u32,
}

impl Changing {
    /// Such an account at its first day.
    pub(crate) fn new(users: usize, days: u32, now: Timestamp) -> Self {
        let (replacing, using_again) = (users / ONE_AGEING_IN, users / ONE_FALLING_OUT_OF_USE_IN);
        let each = users / ONE_FINDING_IN;
        let mut roles = [vec![Role::TooOld; each], vec![Role::Unused; each]].concat();
        for day in 1..=i64::from(days) + WARN_DAYS {
            roles.extend(vec![Role::Ageing(day); replacing]);
        }
        for day in 1..=i64::from(days) {
            roles.extend(vec![Role::FallingOutOfUse(day); using_again]);
        }
        roles.extend((roles.len()..users).map(Role::Ordinary));
        let named = |wanted: fn(&Role) -> bool| {
            roles
                .iter()
                .enumerate()
                .filter(|(_, role)| wanted(role))
                .map(|(number, _)| name(number))
                .collect::<Vec<_>>()
        };
        let too_old = [named(|role| matches!(role, Role::TooOld)), named(|role| matches!(role, Role::Ageing(_)))];
        let unused =
            [named(|role| matches!(role, Role::Unused)), named(|role| matches!(role, Role::FallingOutOfUse(_)))];
        Self {
            estate: build(&roles, now),
            too_old: too_old.concat().into(),
            unused: unused.concat().into(),
            replacing,
            using_again,
            days_gone: 0,
        }
    }

    /// Lets a day go by: keys age, the owners of the keys that were too old first replace them, and the keys that fell out
    /// of use first are used again.
    pub(crate) fn next_day(&mut self) -> Result<()> {
        self.days_gone += 1;
        self.estate = self.estate.clone().after(SignedDuration::from_hours(24));
        let an_hour_ago = self.estate.now - SignedDuration::from_hours(1);
        for number in 0..self.replacing {
            let name = self.too_old.pop_front().context("nobody has a key that is too old")?;
            let id = format!("AKIA{:A>8}{:2>8}", letters(self.days_gone), letters(u32::try_from(number)?));
            let key = AccessKey {
                id: id.parse().with_context(|| format!("`{id}` is no id"))?,
                status: KeyStatus::Active,
                created: an_hour_ago,
                last_use: used_at(an_hour_ago),
            };
            self.estate.find_mut(&name).keys = vec![EstateKey { key, changed: an_hour_ago }];
        }
        for _ in 0..self.using_again {
            let name = self.unused.pop_front().context("nobody has an unused key")?;
            for owned in &mut self.estate.find_mut(&name).keys {
                owned.key.last_use = used_at(an_hour_ago);
            }
        }
        Ok(())
    }
}

fn build(roles: &[Role], now: Timestamp) -> Estate {
    let estate = Estate::new(now)
        .group("developers", &["arn:aws:iam::aws:policy/PowerUserAccess"])
        .group("readers", &["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    roles.iter().enumerate().fold(estate, |estate, (number, role)| {
        let age = age_days(120 + i64::try_from(number % 1_400).unwrap_or_default());
        let group = if number % 3 == 0 { "developers" } else { "readers" };
        let estate = estate.user(&name(number)).created(age).tag("owner", "platform@example.com").member_of(group);
        match *role {
            Role::TooOld => estate.key(age_days(MAX_AGE_DAYS + 20)).used(age_days(2), "s3"),
            Role::Unused => estate.key(age_days(UNUSED_DAYS + 5)).used(age_days(UNUSED_DAYS + 2), "s3"),
            Role::Due => estate.key(age_days(MAX_AGE_DAYS - 8)).used(age_days(2), "s3"),
            Role::Ageing(days) => estate.key(age_days(MAX_AGE_DAYS - days) + age_hours(1)).used(age_days(2), "s3"),
            // IAM shows a use up to 4 hours late, which the rule allows for.
            Role::FallingOutOfUse(days) => {
                estate.key(age_days(UNUSED_DAYS)).used(age_days(UNUSED_DAYS - days) + age_hours(5), "s3")
            }
            Role::Ordinary(number) => ordinary(estate, number),
        }
    })
}

/// In 20 ordinary users 2 are new, 5 have only a password, and 2 have a second key; in 50 one has an SSH public key.
fn ordinary(estate: Estate, number: usize) -> Estate {
    let few = i64::try_from(number % 10).unwrap_or_default();
    let young = age_days(1 + i64::try_from(number * 7 % 40).unwrap_or_default());
    let used = (age_days(few) + age_hours(2)).min(young);
    match number % 20 {
        0 | 1 => estate.created(young).key(young).used(used, "s3"),
        2..=6 => estate.password(age_days(60)).signed_in(age_days(few) + age_hours(3)),
        7 | 8 => estate.key(young).used(used, "s3").key(young).used(used, "sts"),
        9 if number % 40 == 9 => estate.key(young).used(used, "s3").ssh_public_key(young),
        _ => estate.key(young).used(used, "s3"),
    }
}

fn name(number: usize) -> String {
    format!("user-{number:05}")
}

fn used_at(at: Timestamp) -> LastUse {
    LastUse::At { at, service: "s3".to_owned(), region: "us-east-1".to_owned() }
}

/// A number in letters of AWS's ids.
fn letters(number: u32) -> String {
    number.to_string().bytes().map(|digit| char::from(b'C' + (digit - b'0'))).collect()
}

#[cfg(test)]
mod tests {
    use credwarden_estate::estate::EstateUser;

    use super::*;

    const NOW: &str = "2026-11-24T12:00:00Z";

    fn too_old(estate: &Estate) -> usize {
        count(estate, |user| user.keys.iter().any(|owned| estate.now.duration_since(owned.key.created) > age_days(90)))
    }

    fn unused(estate: &Estate) -> usize {
        let is_unused = |last_use: &LastUse| match last_use {
            LastUse::At { at, .. } => estate.now.duration_since(*at) > age_days(45) + age_hours(4),
            _ => false,
        };
        count(estate, |user| user.keys.iter().any(|owned| is_unused(&owned.key.last_use)))
    }

    fn count(estate: &Estate, is_counted: impl Fn(&EstateUser) -> bool) -> usize {
        estate.users.iter().filter(|user| is_counted(user)).count()
    }

    #[test]
    fn two_users_in_a_hundred_have_a_finding_and_the_second_day_has_the_same() {
        let first = steady(1_000, NOW.parse().unwrap());
        let second = first.clone().after(age_days(1));
        assert_eq!([too_old(&first), unused(&first), too_old(&second), unused(&second)], [20; 4]);
    }

    #[test]
    fn as_many_findings_begin_each_day_as_end() {
        let mut account = Changing::new(1_200, 30, NOW.parse().unwrap());
        assert_eq!([too_old(&account.estate), unused(&account.estate)], [24; 2]);
        for _ in 0..30 {
            let before: Vec<_> = account.estate.users.iter().map(|user| user.keys.clone()).collect();
            account.next_day().unwrap();
            assert_eq!([too_old(&account.estate), unused(&account.estate)], [24; 2]);
            let after: Vec<_> = account.estate.users.iter().map(|user| user.keys.clone()).collect();
            let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
            assert_eq!(changed, 2 + 3, "replaced, and used again");
        }
    }

    #[test]
    fn no_user_is_younger_than_its_key_and_none_is_used_before_it_is_made() {
        for estate in [steady(1_000, NOW.parse().unwrap()), Changing::new(1_200, 30, NOW.parse().unwrap()).estate] {
            for (user, owned) in estate.users.iter().flat_map(|user| user.keys.iter().map(move |owned| (user, owned))) {
                assert!(user.detail.record.created <= owned.key.created);
                let LastUse::At { at, .. } = owned.key.last_use else { panic!("every key is used") };
                assert!(owned.key.created <= at, "{}", user.name());
            }
        }
    }
}
