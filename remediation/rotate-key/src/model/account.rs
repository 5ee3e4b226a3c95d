//! The clock, and the access keys of one user as IAM holds and shows them. Both models are made of these.

use std::sync::LazyLock;

use credwarden_credential::age::Days;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, Gap, GapReason, LastUse, Status};
use credwarden_policy::limits::Limits;
use jiff::{SignedDuration, Timestamp};

/// An instant, in steps of 4 hours.
pub(crate) type Tick = i16;

/// A day.
pub(crate) const DAY: Tick = 6;

/// How often a quarterly job runs: every third day.
pub(crate) const QUARTER: Tick = 3 * DAY;

/// Limits as short as they can be.
pub(crate) const LIMITS: Limits =
    Limits { max_age: Some(Days(90)), warn: Days(0), unused: None, never_used: None, in_use: Days(1), undo: Days(1) };

/// Who asks and says.
pub(crate) const BY: &str = "arn:aws:iam::123456789012:user/o";

/// How often the workload uses its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pattern {
    Always,
    Quarterly,
    Never,
}

impl Pattern {
    /// Whether the workload runs at an instant.
    pub(crate) fn runs_at(self, now: Tick) -> bool {
        match self {
            Self::Always => true,
            Self::Quarterly => now % QUARTER == 0,
            Self::Never => false,
        }
    }

    /// The longest time between two uses that was observed.
    pub(crate) fn longest_gap(self) -> Option<Days> {
        (self == Self::Quarterly).then_some(Days(3))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) number: u8,
    pub(crate) created: Tick,
    pub(crate) is_active: bool,
    pub(crate) used: Option<Tick>,
    /// The last use before that.
    pub(crate) used_before: Option<Tick>,
}

impl Key {
    pub(crate) fn new(number: u8, created: Tick) -> Self {
        Self { number, created, is_active: true, used: None, used_before: None }
    }

    /// A use; whether the key let it.
    pub(crate) fn use_at(&mut self, now: Tick) {
        if self.is_active && self.used != Some(now) {
            self.used_before = self.used;
            self.used = Some(now);
        }
    }

    /// The last use that must show: IAM may hide those of the last 4 hours.
    pub(crate) fn used_for_sure(&self, now: Tick) -> Option<Tick> {
        if self.used == Some(now) { self.used_before } else { self.used }
    }
}

/// The user's access keys. IAM has room for two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Keys {
    /// The key that is to be replaced.
    pub(crate) old: Option<Key>,
    pub(crate) other: Option<Key>,
}

/// What a reading shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reading {
    Fresh,
    /// The uses of the last 4 hours are missing.
    LateUse,
    /// The list shows the keys as they were before the last change.
    LateList,
    /// The last use of the old key cannot be read.
    NoUse,
    /// The secret cannot be read.
    NoSecret,
}

impl Reading {
    /// What the last use of a key looks like.
    pub(crate) fn last_use(self, key: &Key, is_old: bool, now: Tick) -> LastUse {
        match self {
            Self::LateUse => last_use(key.used_for_sure(now)),
            Self::NoUse if is_old => LastUse::Unread(Gap::new(GapReason::Throttled, "read the last use")),
            Self::NoUse | Self::Fresh | Self::LateList | Self::NoSecret => last_use(key.used),
        }
    }
}

/// The instant of a tick.
pub(crate) fn instant(tick: Tick) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(i64::from(tick) * 4)
}

/// The first tick that is not before an instant.
pub(crate) fn tick(instant: Timestamp) -> Tick {
    Tick::try_from((instant.as_second() + 4 * 3600 - 1).div_euclid(4 * 3600)).unwrap_or(Tick::MAX)
}

pub(crate) fn id(number: u8) -> CredentialId {
    static IDS: LazyLock<Vec<CredentialId>> =
        LazyLock::new(|| (0..16).map(|number| format!("AKIA{number:016}").parse().unwrap()).collect());
    IDS[usize::from(number)].clone()
}

/// The key as IAM shows it.
pub(crate) fn shown(key: &Key, last_use: LastUse) -> Credential {
    Credential {
        id: id(key.number),
        status: if key.is_active { Status::Active } else { Status::Inactive },
        created: instant(key.created),
        expires: None,
        service: None,
        last_use,
    }
}

pub(crate) fn last_use(used: Option<Tick>) -> LastUse {
    used.map_or(LastUse::Never, |used| LastUse::At {
        at: instant(used),
        service: "s3".to_owned(),
        region: "eu-central-1".to_owned(),
    })
}
