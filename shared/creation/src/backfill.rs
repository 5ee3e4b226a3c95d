//! Looks up what happened before it was recorded, or was never told.

use std::error::Error;
use std::time::Duration;

use credwarden_credential::creation::backfill::{Backfill, Lookup, Span, TooManyUnreadable};
use credwarden_credential::creation::{Creation, CreationAct, Unreadable};
use credwarden_inventory::read::{Failure, Page, ReadError};
use credwarden_trail::lookup::{By, LookedUp, ReadTrail};
use credwarden_trail::paced::Paced;
use jiff::Timestamp;
use tracing::warn;

use crate::{Event, of_lookup};

/// How far a look-up came.
#[derive(Debug)]
pub struct Progress {
    /// What is known now, and what is to be gone on with.
    pub backfill: Backfill,
    /// What could not be looked up. What was known of these events before is still known.
    pub failures: Vec<BackfillError>,
}

/// The events of one name could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("failed to look up who called `{act}`")]
pub struct BackfillError {
    /// The name.
    pub act: CreationAct,
    /// Why.
    #[source]
    pub source: LookupFailure,
}

/// Why events could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum LookupFailure {
    /// `CloudTrail` did not tell them.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Too many of them were of a shape never seen.
    #[error(transparent)]
    Unreadable(#[from] TooManyUnreadable),
    /// What they tell could not be recorded.
    #[error(transparent)]
    Record(Box<dyn Error + Send + Sync>),
}

/// Looks up all that is not known yet, act by act, in at most `time_left`, and has each page's creations recorded before
/// it counts as known.
///
/// The same creation may be recorded more than once. A span that time cuts stays open and is gone on with by the next
/// call; an event that cannot be read is remembered in the coverage of its act, and hides nothing else.
pub async fn backfill<T, R, F, E>(
    trail: &T,
    known: &Backfill,
    now: Timestamp,
    time_left: Duration,
    record: R,
) -> Progress
where
    T: ReadTrail,
    R: FnMut(Vec<Creation>) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut run = Run { trail: Paced::new(trail, time_left), record, now };
    let mut progress = Progress { backfill: known.clone(), failures: Vec::new() };
    for act in CreationAct::ALL {
        let lookup = progress.backfill.0.entry(*act).or_default();
        if let Err(source) = run.all(*act, lookup).await {
            progress.failures.push(BackfillError { act: *act, source });
        }
    }
    progress
}

/// One call of [`backfill`].
struct Run<'a, T, R> {
    trail: Paced<'a, T>,
    record: R,
    now: Timestamp,
}

impl<T, R, F, E> Run<'_, T, R>
where
    T: ReadTrail,
    R: FnMut(Vec<Creation>) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    /// Looks up what is due of one act, as far as time allows.
    async fn all(&mut self, act: CreationAct, lookup: &mut Lookup) -> Result<(), LookupFailure> {
        while let Some(mut span) = lookup.due(self.now) {
            let asked_for = span.to;
            match self.span(act, &mut span).await {
                Ok(true) => lookup.close(span),
                Ok(false) => {
                    lookup.open = Some(span);
                    break;
                }
                // Only a newer version can do better, and it begins again.
                Err(failure @ LookupFailure::Unreadable(_)) => {
                    lookup.open = None;
                    return Err(failure);
                }
                Err(failure) => {
                    // What was reached is not read again; where nothing was, all stays as it was.
                    if span.to < asked_for {
                        lookup.open = Some(span);
                    }
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    /// Reads a span downwards; false if time cut it.
    async fn span(&mut self, act: CreationAct, span: &mut Span) -> Result<bool, LookupFailure> {
        if !Lookup::is_shown(span, self.now) {
            return Ok(true);
        }
        let (by, from, to) = (By::Event(act.as_str().to_owned()), span.from, span.to);
        let mut marker = None;
        loop {
            let Some(page) = self.trail.page(&by, from, to, marker.clone()).await else { return Ok(false) };
            let Page { items, next } = page?;
            let oldest = items.iter().map(|event| event.at).min();
            let Read { creations, unreadable } = read(items);
            if !creations.is_empty() {
                (self.record)(creations).await.map_err(|error| LookupFailure::Record(error.into()))?;
            }
            span.reach(oldest.unwrap_or(span.to), unreadable)?;
            match next {
                None => return Ok(true),
                // A marker that leads to itself would be followed for ever.
                Some(next) if marker.as_ref() == Some(&next) => {
                    return Err(ReadError::new(Failure::Implausible, format!("look up the events `{act}`")).into());
                }
                Some(next) => marker = Some(next),
            }
        }
    }
}

/// What a page tells.
#[derive(Default)]
struct Read {
    creations: Vec<Creation>,
    unreadable: Vec<Unreadable>,
}

fn read(events: Vec<LookedUp>) -> Read {
    let mut read = Read::default();
    for LookedUp { id, at, text } in events {
        match of_lookup(&text) {
            Ok(Event::Creation(creation)) => read.creations.push(*creation),
            Ok(Event::Other(_)) => {}
            Err(error) => {
                warn!(event.id = %id, "{error}");
                read.unreadable.push(Unreadable { at, event: id });
            }
        }
    }
    read
}
