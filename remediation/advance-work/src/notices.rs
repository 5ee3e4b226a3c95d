//! Telling owners, and whoever listens to the account's events, what waits in the ledger to be told.
//!
//! Each notice becomes one event, and a part of one message to its owner. It is marked after it was sent, so that a
//! round that dies in between says it again, and none is lost. The kill switch stops no notice: telling changes nothing.

use std::collections::BTreeMap;

use credwarden_credential::id::UserId;
use credwarden_ledger::LedgerError;
use credwarden_ledger::notice::{Notice, Untold};
use credwarden_ledger::table::Table;

use crate::Round;
use crate::aws::{Channels, EVENTS_AT_ONCE};
use crate::digest::{Addressee, Event, digest};

/// How many notices one round tells, so that the worst day leaves time for the marks; the next round tells the rest.
const AT_ONCE: usize = 2_000;

/// How many notices one message holds. SNS takes 256 KB, and a notice is three sentences of 1,000 bytes and less than
/// 1 KB around them.
const IN_A_MESSAGE: usize = 50;

impl<P, D, R, N: Channels, T: Table> Round<'_, P, D, R, N, T> {
    /// Sends the events and the digests of all that is untold.
    pub(crate) async fn tell_what_is_untold(&mut self) {
        let items = self.ports.ledger.untold(self.now).await;
        self.tell_all(items).await;
    }

    /// Sends the events and the digests of all that is untold of one user.
    pub(crate) async fn tell_what_is_untold_of(&mut self, user: &UserId) {
        let items = self.ports.ledger.untold_of(user).await;
        self.tell_all(items).await;
    }

    async fn tell_all(&mut self, items: Result<Vec<Result<Untold, LedgerError>>, LedgerError>) {
        let items = match items {
            Ok(items) => items,
            Err(error) => return self.fault(&error),
        };
        let mut untold: Vec<Untold> = Vec::new();
        for item in items.into_iter().take(AT_ONCE) {
            match item {
                Ok(item) => untold.push(item),
                Err(error) => self.fault(&error),
            }
        }
        let mut unpublished: Vec<_> = untold.iter_mut().filter(|item| !item.is_published).collect();
        for some in unpublished.chunks_mut(EVENTS_AT_ONCE) {
            self.publish(some).await;
        }
        let mut of_owners: BTreeMap<Addressee, Vec<&mut Untold>> = BTreeMap::new();
        for item in untold.iter_mut().filter(|item| !item.is_told) {
            of_owners.entry(Addressee::of(&item.notice, self.settings)).or_default().push(item);
        }
        for (addressee, mut items) in of_owners {
            for part in items.chunks_mut(IN_A_MESSAGE) {
                self.tell(&addressee, part).await;
            }
        }
    }

    async fn publish(&mut self, items: &mut [&mut Untold]) {
        let events: Vec<_> = items.iter().map(|item| Event::of(&item.notice, self.settings)).collect();
        let outcomes = match self.ports.channels.put_events(&events).await {
            Ok(outcomes) => outcomes,
            Err(error) => return self.fault(&error),
        };
        for (item, outcome) in items.iter_mut().zip(outcomes) {
            match outcome {
                Ok(()) => {
                    self.counts.events += 1;
                    item.is_published = true;
                    self.note_sent(item).await;
                }
                Err(error) => self.fault(&error),
            }
        }
    }

    async fn tell(&mut self, addressee: &Addressee, items: &mut [&mut Untold]) {
        let notices: Vec<&Notice> = items.iter().map(|item| &item.notice).collect();
        let digest = digest(&notices, self.settings);
        if let Err(error) = self.ports.channels.publish(&self.settings.notice_topic, addressee, &digest).await {
            return self.fault(&error);
        }
        self.counts.digests += 1;
        for item in items {
            item.is_told = true;
            self.note_sent(item).await;
        }
    }

    // INVARIANT (at least once): what was sent is noted afterwards, never before.
    async fn note_sent(&mut self, item: &Untold) {
        if let Err(error) = self.ports.ledger.note_sent(item, self.now).await {
            self.fault(&error);
        }
    }
}
