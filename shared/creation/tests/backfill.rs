//! The look-up of the past, against an event history that pages, lags, fails and repeats itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

use std::sync::Mutex;
use std::time::Duration;

use credwarden_creation::backfill::{LookupFailure, Progress, backfill};
use credwarden_credential::creation::backfill::Backfill;
use credwarden_credential::creation::{Coverage, Creation, CreationAct, Creations};
use credwarden_inventory::read::{Failure, Marker, Page, ReadError};
use credwarden_trail::lookup::{By, LookedUp, ReadTrail};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use tokio::time::Instant;

const NOW: &str = "2026-04-01T00:00:00Z";
const PLENTY: Duration = Duration::from_mins(5);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An event history of keys that were created, a second request of which within half a second is an error.
#[derive(Default)]
struct Trail {
    events: Vec<(CreationAct, LookedUp)>,
    /// The last event of a page is the first of the next one, too, and a page is in no order.
    untidy: bool,
    /// Which request fails.
    failing: Option<usize>,
    requests: Mutex<Vec<(CreationAct, Timestamp, Timestamp, Instant)>>,
}

impl Trail {
    /// Keys created so many minutes before [`NOW`].
    fn of(minutes: impl IntoIterator<Item = i64>) -> Self {
        let mut trail = Self::default();
        for minutes in minutes {
            trail.add(at(NOW) - SignedDuration::from_mins(minutes));
        }
        trail
    }

    fn add(&mut self, at: Timestamp) {
        let number = self.events.len();
        let id = format!("event-{number:05}");
        let record = json!({
            "userIdentity": {
                "type": "IAMUser", "principalId": "AIDAEXAMPLE0000DANA00", "arn": "arn:aws:iam::123456789012:user/dana",
                "accountId": "123456789012", "accessKeyId": "AKIAEXAMPLE0000000001", "userName": "dana"
            },
            "eventTime": at.to_string(), "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey",
            "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "eventID": id,
            "requestParameters": { "userName": "alice" },
            "responseElements": { "accessKey": { "accessKeyId": format!("AKIAEXAMPLE{number:09}"), "userName": "alice" } },
        });
        self.events.push((CreationAct::CreateAccessKey, LookedUp { id, at, text: record.to_string() }));
    }

    fn of_unknown_shape(&mut self, act: CreationAct, at: Timestamp) {
        let id = format!("event-{:05}", self.events.len());
        let text = json!({ "eventSource": "iam.amazonaws.com", "eventName": act.as_str(), "eventID": id }).to_string();
        self.events.push((act, LookedUp { id, at, text }));
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl ReadTrail for Trail {
    async fn lookup_events(
        &self,
        by: &By,
        from: Timestamp,
        to: Timestamp,
        marker: Option<Marker>,
    ) -> Result<Page<LookedUp>, ReadError> {
        let By::Event(name) = by else { panic!("nothing else is asked for") };
        let act: CreationAct = name.parse().unwrap();
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push((act, from, to, Instant::now()));
            requests.len()
        };
        if self.failing == Some(number) {
            return Err(ReadError::new(Failure::Throttled, "look up"));
        }
        assert!(from <= to, "{from} to {to}");
        let mut found: Vec<_> =
            self.events.iter().filter(|(of, event)| *of == act && (from..=to).contains(&event.at)).collect();
        found.sort_by_key(|(_, event)| std::cmp::Reverse(event.at));
        let place: usize = marker.map_or(0, |marker| marker.0.parse().unwrap());
        let next = place + 50;
        let first = place.saturating_sub(usize::from(self.untidy));
        let mut items: Vec<_> = found.iter().skip(first).take(next - first).map(|(_, event)| event.clone()).collect();
        if self.untidy {
            items.reverse();
        }
        Ok(Page { items, next: (found.len() > next).then(|| Marker(next.to_string())) })
    }
}

/// What was recorded, and how far a look-up came that was gone on with until it was done.
struct Looked {
    creations: Creations,
    last: Progress,
}

async fn once(trail: &Trail, known: &Backfill, now: Timestamp, time_left: Duration) -> (Progress, Vec<Creation>) {
    let recorded = Mutex::new(Vec::new());
    let record = |creations: Vec<Creation>| {
        recorded.lock().unwrap().extend(creations);
        async { Ok::<_, std::io::Error>(()) }
    };
    let progress = backfill(trail, known, now, time_left, record).await;
    (progress, recorded.into_inner().unwrap())
}

async fn to_the_end(trail: &Trail, now: Timestamp, time_left: Duration) -> Looked {
    let (mut last, found) = once(trail, &Backfill::default(), now, time_left).await;
    let mut creations: Creations = found.into_iter().collect();
    for _ in 0..10_000 {
        if !last.backfill.is_open() {
            return Looked { creations, last };
        }
        let (progress, found) = once(trail, &last.backfill, now, time_left).await;
        last = progress;
        for creation in found {
            creations.insert(creation);
        }
    }
    panic!("it never ends");
}

fn coverage(progress: &Progress, act: CreationAct) -> Option<Coverage> {
    progress.backfill.coverage().remove(&act)
}

#[tokio::test(start_paused = true)]
async fn all_that_is_kept_is_looked_up_once_at_two_requests_a_second() {
    let trail = Trail::of(0..220);
    let (progress, found) = once(&trail, &Backfill::default(), at(NOW), PLENTY).await;
    assert!(progress.failures.is_empty() && !progress.backfill.is_open());
    assert_eq!(found.len(), 220);
    for act in CreationAct::ALL {
        let known = coverage(&progress, *act).unwrap();
        assert_eq!((known.from, known.asked), (at("2026-01-01T00:05:00Z"), at(NOW)));
    }
    let requests = trail.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 4 + CreationAct::ALL.len(), "five pages of keys, and one of every other act");
    for pair in requests.windows(2) {
        let [(.., one), (.., other)] = pair else { panic!("two") };
        assert!(other.duration_since(*one) >= Duration::from_millis(500));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_is_not_asked_for_again_but_for_what_may_have_been_told_late() {
    let mut trail = Trail::of([60, 600]);
    let (progress, _) = once(&trail, &Backfill::default(), at(NOW), PLENTY).await;
    trail.add(at("2026-03-31T22:00:00Z"));
    trail.add(at("2026-03-31T21:59:59Z"));
    trail.requests.lock().unwrap().clear();
    let (progress, found) = once(&trail, &progress.backfill, at("2026-04-02T00:00:00Z"), PLENTY).await;
    let ids: Vec<_> = found.iter().map(|creation| creation.event.as_str()).collect();
    assert_eq!(ids, ["event-00000", "event-00002"], "no event comes later than two hours");
    assert_eq!(coverage(&progress, CreationAct::CreateAccessKey).unwrap().from, at("2026-01-01T00:05:00Z"));
    let (_, found) = once(&trail, &progress.backfill, at("2026-04-02T00:00:00Z"), PLENTY).await;
    assert!(found.is_empty());
    assert_eq!(trail.requests(), CreationAct::ALL.len(), "at the same instant there is nothing to ask for");
}

#[tokio::test(start_paused = true)]
async fn a_span_that_time_cuts_is_gone_on_with_from_the_oldest_time_reached_and_counts_for_nothing_before() {
    let mut trail = Trail::of(0..220);
    // A second request begins half a second later, a third would begin when time is over.
    let (progress, found) = once(&trail, &Backfill::default(), at(NOW), Duration::from_secs(1)).await;
    assert_eq!(found.len(), 100);
    assert!(progress.failures.is_empty());
    assert_eq!(coverage(&progress, CreationAct::CreateAccessKey), None);
    let open = progress.backfill.0[&CreationAct::CreateAccessKey].open.clone().unwrap();
    assert_eq!((open.from, open.to, open.asked), (at("2026-01-01T00:05:00Z"), at("2026-03-31T22:21:00Z"), at(NOW)));
    assert!(progress.backfill.0[&CreationAct::CreateLoginProfile].open.is_some(), "what was not begun is due, too");

    // An hour later a key is created, and the rest is read as well as what is new.
    trail.add(at("2026-04-01T00:30:00Z"));
    trail.requests.lock().unwrap().clear();
    let (progress, found) = once(&trail, &progress.backfill, at("2026-04-01T01:00:00Z"), PLENTY).await;
    assert!(!progress.backfill.is_open());
    let found: Creations = found.into_iter().collect();
    assert_eq!(found.len(), 221, "the rest, what may have been told late, and what is new");
    let known = coverage(&progress, CreationAct::CreateAccessKey).unwrap();
    assert_eq!((known.from, known.asked), (at("2026-01-01T01:05:00Z"), at("2026-04-01T01:00:00Z")));
}

#[tokio::test(start_paused = true)]
async fn no_time_at_all_asks_for_nothing_and_leaves_everything_open() {
    let trail = Trail::of([1]);
    let (progress, found) = once(&trail, &Backfill::default(), at(NOW), Duration::ZERO).await;
    assert!(found.is_empty() && progress.failures.is_empty() && progress.backfill.is_open());
    assert_eq!(trail.requests(), 0);
    assert_eq!(progress.backfill.coverage().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failing_act_keeps_what_was_known_and_hides_no_other() {
    let mut trail = Trail::of([1]);
    let (before, _) = once(&trail, &Backfill::default(), at(NOW), PLENTY).await;
    let later = at("2026-04-02T00:00:00Z");
    trail.failing = Some(trail.requests() + 1);
    let (progress, _) = once(&trail, &before.backfill, later, PLENTY).await;
    let [failure] = &progress.failures[..] else { panic!("one fails") };
    assert_eq!(failure.to_string(), "failed to look up who called `CreateAccessKey`");
    assert!(matches!(&failure.source, LookupFailure::Read(error) if error.failure == Failure::Throttled));
    assert_eq!(progress.backfill.0[&CreationAct::CreateAccessKey], before.backfill.0[&CreationAct::CreateAccessKey]);
    assert_eq!(coverage(&progress, CreationAct::UpdateAccessKey).unwrap().asked, later);
}

#[tokio::test(start_paused = true)]
async fn what_was_reached_before_a_failure_is_not_read_again() {
    let mut trail = Trail::of(0..220);
    trail.failing = Some(3);
    let (progress, found) = once(&trail, &Backfill::default(), at(NOW), PLENTY).await;
    assert_eq!((progress.failures.len(), found.len()), (1, 100));
    let (progress, found) = once(&trail, &progress.backfill, at(NOW), PLENTY).await;
    assert_eq!((progress.failures.len(), found.len()), (0, 121), "the last one reached is told again");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_recorded_is_not_known() {
    let trail = Trail::of(0..60);
    let refuse = |_: Vec<Creation>| async { Err(std::io::Error::other("the table is gone")) };
    let progress = backfill(&trail, &Backfill::default(), at(NOW), PLENTY, refuse).await;
    let [failure] = &progress.failures[..] else { panic!("one fails") };
    assert_eq!(std::error::Error::source(failure).unwrap().to_string(), "the table is gone");
    assert_eq!(coverage(&progress, CreationAct::CreateAccessKey), None);
    assert!(coverage(&progress, CreationAct::CreateLoginProfile).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_event_of_a_shape_never_seen_is_remembered_and_hides_nothing_else() {
    let mut trail = Trail::of([10]);
    trail.of_unknown_shape(CreationAct::CreateAccessKey, at("2026-03-15T00:00:00Z"));
    let looked = to_the_end(&trail, at(NOW), PLENTY).await;
    assert_eq!(looked.creations.len(), 1);
    let known = coverage(&looked.last, CreationAct::CreateAccessKey).unwrap();
    assert_eq!(known.unreadable.len(), 1);
    assert!(!known.covers(at("2026-03-15T00:00:00Z")) && known.covers(at("2026-03-14T00:00:00Z")));
    let (progress, _) = once(&trail, &looked.last.backfill, at("2026-04-02T00:00:00Z"), PLENTY).await;
    assert_eq!(coverage(&progress, CreationAct::CreateAccessKey).unwrap().unreadable, known.unreadable);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_cannot_be_read_at_all_is_not_known() {
    let mut trail = Trail::default();
    for minute in 0..300 {
        trail.of_unknown_shape(CreationAct::UpdateAccessKey, at(NOW) - SignedDuration::from_mins(minute));
    }
    let (progress, _) = once(&trail, &Backfill::default(), at(NOW), PLENTY).await;
    assert!(matches!(progress.failures[..], [ref failure] if matches!(failure.source, LookupFailure::Unreadable(_))));
    let lookup = progress.backfill.0[&CreationAct::UpdateAccessKey].clone();
    assert_eq!((lookup.coverage, lookup.open), (None, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_it_is_cut_paged_ordered_and_repeated_every_event_is_found(
        minutes in proptest::collection::vec(0_i64..200_000, 0..300),
        time_ms in 1_000_u64..4_000,
        untidy: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut trail = Trail::of(minutes.iter().copied());
            trail.untidy = untidy;
            let looked = to_the_end(&trail, at(NOW), Duration::from_millis(time_ms)).await;
            let oldest = 90 * 24 * 60 - 5;
            assert_eq!(looked.creations.len(), minutes.iter().filter(|minutes| **minutes <= oldest).count());
            let known = coverage(&looked.last, CreationAct::CreateAccessKey).unwrap();
            assert_eq!((known.from, known.asked), (at("2026-01-01T00:05:00Z"), at(NOW)));
        });
    }
}
