//! How far the look-up of past events came. `CloudTrail` shows an event by its name for 90 days, the newest first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Coverage, CreationAct, EVENT_LAG, Unreadable};
use crate::age::CLOCK_TOLERANCE;

/// How far back events are looked up: 90 days, all that `CloudTrail` keeps, less what our clocks may differ by, since
/// `LookupEvents` refuses a time that is out of its range.
const HISTORY: SignedDuration = SignedDuration::from_secs(90 * 24 * 3600 - CLOCK_TOLERANCE.as_secs());

/// How many events that could not be read are remembered, of one name: they stand in one item of the ledger.
const MOST_UNREADABLE: usize = 200;

/// How far the look-up came, by what was called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Backfill(pub BTreeMap<CreationAct, Lookup>);

impl Backfill {
    /// Whether a span was cut by time and is to be gone on with.
    pub fn is_open(&self) -> bool {
        self.0.values().any(|lookup| lookup.open.is_some())
    }

    /// How completely events were looked up. What is still open counts for nothing.
    pub fn coverage(&self) -> BTreeMap<CreationAct, Coverage> {
        self.0.iter().filter_map(|(act, lookup)| Some((*act, lookup.coverage.clone()?))).collect()
    }
}

/// How far the look-up of events of one name came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// What was looked up to the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coverage: Option<Coverage>,
    /// What was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub open: Option<Span>,
}

/// A span of time whose events were asked for, and are known down to `to` only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first instant of it.
    pub from: Timestamp,
    /// The last instant that is still to be looked up: the oldest time reached.
    pub to: Timestamp,
    /// When it was first asked for, which is its last instant.
    pub asked: Timestamp,
    /// Events of it that could not be read so far.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub unreadable: BTreeSet<Unreadable>,
}

/// More events of one name could not be read than are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {MOST_UNREADABLE} events could not be read; a newer version of the function may read them")]
pub struct TooManyUnreadable;

impl Span {
    /// The events down to `oldest` are known, but for those that could not be read.
    ///
    /// # Errors
    /// There are more of the latter than are remembered.
    pub fn reach(&mut self, oldest: Timestamp, unreadable: Vec<Unreadable>) -> Result<(), TooManyUnreadable> {
        self.unreadable.extend(unreadable);
        if self.unreadable.len() > MOST_UNREADABLE {
            return Err(TooManyUnreadable);
        }
        self.to = self.to.min(oldest);
        Ok(())
    }
}

impl Lookup {
    /// What is to be looked up at `now`: first what is open, then what may have happened or been told since. `None`: all
    /// is known that `CloudTrail` could tell.
    pub fn due(&self, now: Timestamp) -> Option<Span> {
        let now = whole_second(now);
        let oldest = earlier(now, HISTORY);
        if let Some(open) = &self.open {
            let from = open.from.max(oldest).min(open.to);
            return Some(Span { from, ..open.clone() });
        }
        let from = match &self.coverage {
            Some(known) if known.asked >= now => return None,
            Some(known) => whole_second(earlier(known.asked, EVENT_LAG)).max(oldest),
            None => oldest,
        };
        Some(Span { from, to: now, asked: now, unreadable: BTreeSet::new() })
    }

    /// Whether a span is still shown at `now`, or has gone by all that `CloudTrail` keeps.
    pub fn is_shown(span: &Span, now: Timestamp) -> bool {
        span.to >= earlier(whole_second(now), HISTORY)
    }

    /// The span was looked up to its end.
    pub fn close(&mut self, span: Span) {
        self.open = None;
        let Span { mut from, to: _, mut asked, unreadable } = span;
        let mut all = unreadable;
        if let Some(known) = self.coverage.take() {
            // What lies between two spans was never asked for: then the later one counts alone.
            if known.asked >= from {
                from = from.min(known.from);
                all.extend(known.unreadable);
            }
            asked = asked.max(known.asked);
        }
        let mut unreadable: Vec<_> = all.into_iter().collect();
        let forgotten = unreadable.len().saturating_sub(MOST_UNREADABLE);
        for event in unreadable.drain(..forgotten) {
            // What is forgotten may have been anything: its time is as if nobody had asked for it.
            from = from.max(later(event.at, CLOCK_TOLERANCE.saturating_add(SignedDuration::from_secs(1))));
        }
        self.coverage = Some(Coverage { from, asked, unreadable });
    }
}

/// Times of events are whole seconds.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn earlier(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn close_at(lookup: &mut Lookup, now: &str) -> Span {
        let span = lookup.due(at(now)).unwrap();
        lookup.close(span.clone());
        span
    }

    fn known(lookup: &Lookup) -> (String, String) {
        let coverage = lookup.coverage.as_ref().unwrap();
        (coverage.from.to_string(), coverage.asked.to_string())
    }

    fn unreadable(number: usize, when: &str) -> Unreadable {
        Unreadable { at: at(when), event: format!("{number:08}") }
    }

    #[test]
    fn the_first_look_up_is_of_all_that_is_kept_and_the_next_of_what_may_have_been_told_late() {
        let mut lookup = Lookup::default();
        close_at(&mut lookup, "2026-04-01T00:00:00.9Z");
        assert_eq!(known(&lookup), ("2026-01-01T00:05:00Z".to_owned(), "2026-04-01T00:00:00Z".to_owned()));
        assert_eq!(lookup.due(at("2026-04-01T00:00:00Z")), None);
        let span = close_at(&mut lookup, "2026-04-02T00:00:00Z");
        assert_eq!(span.from, at("2026-03-31T22:00:00Z"));
        assert_eq!(known(&lookup), ("2026-01-01T00:05:00Z".to_owned(), "2026-04-02T00:00:00Z".to_owned()));
    }

    #[test]
    fn what_nobody_asked_for_in_time_parts_what_is_known() {
        let mut lookup = Lookup::default();
        close_at(&mut lookup, "2026-01-01T00:00:00Z");
        close_at(&mut lookup, "2026-06-01T00:00:00Z");
        assert_eq!(known(&lookup).0, "2026-03-03T00:05:00Z");
    }

    #[test]
    fn an_open_span_is_gone_on_with_before_anything_newer() {
        let mut lookup = Lookup::default();
        let mut span = lookup.due(at("2026-04-01T00:00:00Z")).unwrap();
        span.reach(at("2026-02-01T00:00:00Z"), vec![]).unwrap();
        lookup.open = Some(span);
        assert_eq!(lookup.coverage, None, "what is open counts for nothing");
        let rest = close_at(&mut lookup, "2026-04-01T06:00:00Z");
        assert_eq!((rest.from, rest.to), (at("2026-01-01T06:05:00Z"), at("2026-02-01T00:00:00Z")));
        assert_eq!(known(&lookup), ("2026-01-01T06:05:00Z".to_owned(), "2026-04-01T00:00:00Z".to_owned()));
        assert_eq!(lookup.due(at("2026-04-01T06:00:00Z")).unwrap().from, at("2026-03-31T22:00:00Z"));
    }

    #[test]
    fn an_open_span_that_is_no_longer_shown_is_known_down_to_where_it_was_read() {
        let mut lookup = Lookup::default();
        let mut span = lookup.due(at("2026-01-01T00:00:00Z")).unwrap();
        span.reach(at("2025-12-01T00:00:00Z"), vec![]).unwrap();
        lookup.open = Some(span);
        let rest = close_at(&mut lookup, "2026-05-01T00:00:00Z");
        assert!(!Lookup::is_shown(&rest, at("2026-05-01T00:00:00Z")));
        assert_eq!(known(&lookup), ("2025-12-01T00:00:00Z".to_owned(), "2026-01-01T00:00:00Z".to_owned()));
    }

    #[test]
    fn what_could_not_be_read_is_remembered_once_and_what_is_forgotten_counts_as_never_asked_for() {
        let mut lookup = Lookup::default();
        for (day, numbers) in [("2026-04-01T00:00:00Z", 0..150), ("2026-04-02T00:00:00Z", 100..250)] {
            let mut span = lookup.due(at(day)).unwrap();
            let when = |number: usize| if number == 49 { "2026-03-20T00:00:00Z" } else { "2026-03-31T23:00:00Z" };
            span.reach(span.from, numbers.map(|number| unreadable(number, when(number))).collect()).unwrap();
            lookup.close(span);
        }
        let coverage = lookup.coverage.clone().unwrap();
        assert_eq!(coverage.unreadable.len(), MOST_UNREADABLE);
        assert_eq!(coverage.from, at("2026-03-31T23:05:01Z"));
        let mut span = lookup.due(at("2026-04-03T00:00:00Z")).unwrap();
        let many = (0..=MOST_UNREADABLE).map(|number| unreadable(number, "2026-04-02T23:00:00Z")).collect();
        assert_eq!(span.reach(span.from, many), Err(TooManyUnreadable));
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let mut backfill = Backfill::default();
        let lookup = backfill.0.entry(CreationAct::UploadSshPublicKey).or_default();
        close_at(lookup, "2026-04-01T00:00:00Z");
        lookup.open = lookup.due(at("2026-04-02T00:00:00Z"));
        assert!(backfill.is_open());
        let text = serde_json::to_string(&backfill).unwrap();
        assert!(text.starts_with(r#"{"UploadSSHPublicKey":{"coverage":{"from""#), "{text}");
        assert_eq!(serde_json::from_str::<Backfill>(&text).unwrap(), backfill);
    }
}
