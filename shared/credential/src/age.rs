//! Ages and limits. Every boundary of the project is written here, once.
//!
//! A day is 24 hours, times are UTC to the whole second, and a limit is broken strictly after it: a key of exactly
//! 90 days is within a limit of 90 days, one second more is not.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A date of AWS later than the own clock by more than this is not believed.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// How long a use may go unseen: IAM's last use, and the credential report that carries it, are up to 4 hours old.
/// (IAM User Guide, "Refining permissions using last accessed information" and "Getting credential reports".)
pub const LAST_USE_LAG: SignedDuration = SignedDuration::from_hours(4);

/// A number of days of 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(pub u32);

impl Days {
    /// The same length as a duration.
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.0).saturating_mul(24))
    }

    /// This many days less, but not below none.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Days {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => formatter.write_str("1 day"),
            days => write!(formatter, "{days} days"),
        }
    }
}

/// The last instant at which something made at `created` is within `limit`.
pub fn limit_reached(created: Timestamp, limit: Days) -> Timestamp {
    whole_second(created).checked_add(limit.duration()).unwrap_or(Timestamp::MAX)
}

/// Whether something made at `created` is older than `limit` at `now`: strictly, in whole seconds.
pub fn is_older(created: Timestamp, limit: Days, now: Timestamp) -> bool {
    whole_second(now) > limit_reached(created, limit)
}

/// Whether `date` lies so far ahead of `now` that one of the two clocks must be wrong.
pub fn is_in_the_future(date: Timestamp, now: Timestamp) -> bool {
    date.duration_since(now) > CLOCK_TOLERANCE
}

/// The date alone, `2026-03-01`, in UTC: what annotations carry.
pub fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn exactly_at_the_limit_is_within_it_and_one_second_more_is_not() {
        let created = at("2026-01-01T00:00:00Z");
        assert!(!is_older(created, Days(90), at("2026-04-01T00:00:00Z")));
        assert!(!is_older(created, Days(90), at("2026-04-01T00:00:00.999Z")), "parts of a second do not count");
        assert!(is_older(created, Days(90), at("2026-04-01T00:00:01Z")));
    }

    #[test]
    fn a_limit_beyond_the_end_of_time_is_never_reached() {
        assert!(!is_older(Timestamp::MAX, Days(u32::MAX), Timestamp::MAX));
    }

    #[test]
    fn five_minutes_ahead_is_believed_and_more_is_not() {
        let now = at("2026-01-01T00:00:00Z");
        assert!(!is_in_the_future(at("2026-01-01T00:05:00Z"), now));
        assert!(is_in_the_future(at("2026-01-01T00:05:01Z"), now));
    }
}
