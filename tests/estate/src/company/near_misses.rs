//! One of each that is easily taken for another.

use super::{Company, Fate};
use crate::estate::{age_days, age_hours, age_seconds};

pub(super) fn join(company: Company) -> Company {
    names(tags(pairs(uses(boundaries(company)))))
}

/// Ages on this side and on that side of a limit.
fn boundaries(company: Company) -> Company {
    company
        .with("a key exactly at the limit is within it", Fate::Warned(&[0]), |estate| {
            estate.user("at-the-limit").key(age_days(90)).used(age_days(30), "s3")
        })
        .only_now()
        .with("a key one second past the limit", Fate::Deactivated(&[0]), |estate| {
            estate.user("past-the-limit").key(age_days(90) + age_seconds(1)).used(age_days(30), "s3")
        })
        .with("a key within the days of warning", Fate::Warned(&[0]), |estate| {
            estate.user("soon-at-the-limit").key(age_days(80)).used(age_hours(3), "s3")
        })
        .with("a user of today with a key of today", Fate::Fine, |estate| {
            estate.user("created-today").created(age_hours(2)).key(age_hours(1))
        })
        .with("an old user with a young key", Fate::Fine, |estate| {
            estate.user("old-user-young-key").created(age_days(2000)).key(age_days(3)).used(age_hours(5), "s3")
        })
        .with("a service user without any credential", Fate::NotReported, |estate| estate.user("without-credentials"))
}

/// Whether an old key is in use.
fn uses(company: Company) -> Company {
    company
        .with("a key too old, used five days ago: in use", Fate::Held(&[0]), |estate| {
            estate.user("used-five-days-ago").key(age_days(120)).used(age_days(5), "sqs")
        })
        .with("a key too old, used eight days ago: silent", Fate::Deactivated(&[0]), |estate| {
            estate.user("used-eight-days-ago").key(age_days(120)).used(age_days(8), "sqs")
        })
        .with("a key too old and never used", Fate::Deactivated(&[0]), |estate| {
            estate.user("never-used").key(age_days(150))
        })
        .with("an emergency user that the policy protects", Fate::Held(&[0]), |estate| {
            estate
                .user("break-glass-1")
                .path("/break-glass/")
                .tag("owner", "security@example.com")
                .member_of("admins")
                .password(age_days(390))
                .key(age_days(390))
        })
}

/// Two keys, or keys that were switched off.
fn pairs(company: Company) -> Company {
    company
        .with("an old key that is inactive does not count", Fate::Fine, |estate| {
            estate.user("old-key-inactive").key(age_days(300)).used(age_days(100), "s3").inactive_since(age_days(50))
        })
        .with("an old key switched off and on again looks young in the report", Fate::Deactivated(&[0]), |estate| {
            estate.user("old-key-toggled").key(age_days(200)).used(age_days(40), "s3").toggled(age_days(3))
        })
        .with("an old inactive key beside a young active one", Fate::Fine, |estate| {
            estate
                .user("old-inactive-young-active")
                .key(age_days(250))
                .inactive_since(age_days(30))
                .key(age_days(31))
                .used(age_hours(1), "s3")
        })
        .with("two old active keys, both silent", Fate::Deactivated(&[0, 1]), |estate| {
            estate.user("two-old-keys").key(age_days(220)).used(age_days(90), "s3").key(age_days(180))
        })
        .with("two old active keys, the older one in use", Fate::Both { deactivated: &[1], held: &[0] }, |estate| {
            estate
                .user("two-old-keys-one-in-use")
                .key(age_days(365))
                .used(age_hours(1), "s3")
                .key(age_days(100))
                .used(age_days(50), "s3")
        })
        .with("two keys of the same second, both young", Fate::Fine, |estate| {
            estate.user("twin-keys").key(age_days(10)).key(age_days(10)).used(age_hours(9), "s3")
        })
}

/// Tags that nobody guards, and what they may do.
fn tags(company: Company) -> Company {
    company
        .with("a tag that asks for a greater age gets none", Fate::Deactivated(&[0]), |estate| {
            estate.user("tag-asks-for-more").tag("credwarden:max-age-days", "365").key(age_days(110))
        })
        .with("a tag that asks for a smaller age gets it", Fate::Deactivated(&[0]), |estate| {
            estate.user("tag-asks-for-less").tag("credwarden:max-age-days", "30").key(age_days(45))
        })
        .with("tags beyond ASCII", Fate::Deactivated(&[0]), |estate| {
            estate.user("tags-beyond-ascii").tag("owner", "Zoë Müller 株式会社").tag("Größe", "naïve").key(age_days(99))
        })
}

/// Names and paths that a careless reader loses.
fn names(company: Company) -> Company {
    company
        .with("every character that a name may hold, below a path", Fate::Deactivated(&[0]), |estate| {
            estate.user("build+deploy=prod,eu@example.com_1-a").path("/engineering/platform/").key(age_days(101))
        })
        .with("a name of 64 characters", Fate::Deactivated(&[0]), |estate| {
            estate.user("a-name-as-long-as-iam-allows-which-is-sixty-four-characters-long").key(age_days(102))
        })
        .with("a user named as the report writes a truth", Fate::Deactivated(&[0]), |estate| {
            estate.user("true").key(age_days(103))
        })
        .with("a user named as the report writes the lack of a date", Fate::Fine, |estate| {
            estate.user("no_information").key(age_days(14))
        })
}
