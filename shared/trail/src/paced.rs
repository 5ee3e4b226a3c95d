//! Look-ups within the rate that AWS allows, and within a time.

use std::time::Duration;

use credwarden_inventory::read::{Failure, Marker, Page, ReadError};
use jiff::Timestamp;
use tokio::time::{Instant, Interval, interval, timeout_at};

use crate::lookup::{By, LookedUp, ReadTrail};

/// "Lookup requests are limited to two per second, per account, per region." (`CloudTrail` API Reference, `LookupEvents`.)
const PACE: Duration = Duration::from_millis(500);

/// Asks a trail no faster than AWS answers, until a time.
#[derive(Debug)]
pub struct Paced<'a, T> {
    trail: &'a T,
    pace: Interval,
    ends: Instant,
}

impl<'a, T: ReadTrail> Paced<'a, T> {
    /// Asks from now on, for at most `time_left`.
    pub fn new(trail: &'a T, time_left: Duration) -> Self {
        Self { trail, pace: interval(PACE), ends: Instant::now() + time_left }
    }

    /// A page of events; `None`: time is over.
    pub async fn page(
        &mut self,
        by: &By,
        from: Timestamp,
        to: Timestamp,
        marker: Option<Marker>,
    ) -> Option<Result<Page<LookedUp>, ReadError>> {
        let asked = self.trail.lookup_events(by, from, to, marker);
        let (pace, ends) = (&mut self.pace, self.ends);
        let in_time = async {
            pace.tick().await;
            // Time is over: the next request would be begun too late.
            if Instant::now() < ends { Some(asked.await) } else { None }
        };
        let answer = timeout_at(ends, in_time).await.ok().flatten();
        // Counted from the answer: however long requests are under way, no three arrive within a second.
        self.pace.reset();
        answer
    }
}

/// What [`newest`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newest {
    /// The events, the newest first as far as `CloudTrail` keeps to that.
    pub events: Vec<LookedUp>,
    /// Whether there are no more of that time.
    pub is_all: bool,
}

/// The newest events between `from` and `to`, both included, of at most `pages` pages of 50, in at most `time_left`.
///
/// # Errors
/// `CloudTrail` did not answer, or its pages go round in a circle; what was read before is not given then.
pub async fn newest<T: ReadTrail>(
    trail: &T,
    by: &By,
    from: Timestamp,
    to: Timestamp,
    pages: usize,
    time_left: Duration,
) -> Result<Newest, ReadError> {
    let mut paced = Paced::new(trail, time_left);
    let mut found = Newest::default();
    let mut marker: Option<Marker> = None;
    for _ in 0..pages {
        let Some(page) = paced.page(by, from, to, marker.clone()).await else { break };
        let Page { items, next } = page?;
        found.events.extend(items);
        match next {
            None => {
                found.is_all = true;
                break;
            }
            // A marker that leads to itself would be followed for ever.
            Some(next) if marker.as_ref() == Some(&next) => {
                return Err(ReadError::new(Failure::Implausible, format!("look up the events {by}")));
            }
            Some(next) => marker = Some(next),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const PLENTY: Duration = Duration::from_mins(1);

    /// A history of so many pages with one event each, or one whose pages lead to themselves.
    struct Trail {
        pages: usize,
        goes_round: bool,
        asked: Mutex<Vec<Instant>>,
    }

    impl Trail {
        fn of(pages: usize) -> Self {
            Self { pages, goes_round: false, asked: Mutex::default() }
        }
    }

    impl ReadTrail for Trail {
        async fn lookup_events(
            &self,
            _by: &By,
            _from: Timestamp,
            to: Timestamp,
            marker: Option<Marker>,
        ) -> Result<Page<LookedUp>, ReadError> {
            self.asked.lock().unwrap().push(Instant::now());
            let place: usize = marker.map_or(0, |marker| marker.0.parse().unwrap());
            let next = if self.goes_round { place } else { place + 1 };
            let next = (self.goes_round || next < self.pages).then(|| Marker(next.to_string()));
            let event = LookedUp { id: place.to_string(), at: to, text: String::new() };
            Ok(Page { items: vec![event], next })
        }
    }

    async fn read(trail: &Trail, pages: usize, time_left: Duration) -> Result<Newest, ReadError> {
        let by = By::Event("GetSecretValue".to_owned());
        newest(trail, &by, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, pages, time_left).await
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_pages_are_read_than_wanted() {
        for (pages, read_of_them, is_all) in [(1, 1, true), (3, 3, true), (9, 3, false)] {
            let found = read(&Trail::of(pages), 3, PLENTY).await.unwrap();
            assert_eq!((found.events.len(), found.is_all), (read_of_them, is_all), "{pages}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_three_requests_are_made_within_a_second() {
        let trail = Trail::of(6);
        read(&trail, 6, PLENTY).await.unwrap();
        let asked = trail.asked.lock().unwrap();
        assert!(asked.windows(3).all(|three| three[2] - three[0] >= Duration::from_secs(1)), "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_time_cuts_is_not_all() {
        let found = read(&Trail::of(6), 6, Duration::from_millis(1_200)).await.unwrap();
        assert_eq!((found.events.len(), found.is_all), (3, false));
    }

    #[tokio::test(start_paused = true)]
    async fn pages_that_go_round_in_a_circle_are_refused() {
        let trail = Trail { goes_round: true, ..Trail::of(2) };
        assert_eq!(read(&trail, 6, PLENTY).await.unwrap_err().failure, Failure::Implausible);
    }
}
