//! A table for a rehearsal: what is read comes from the real one, and nothing is written there. What would have been
//! written is seen by whoever reads afterwards, and by nobody else.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::ledger::{Ledger, LedgerError};
use crate::notice::{self, Notice};
use crate::semantics::{after, asked_for, refused};
use crate::table::{Attributes, Item, Key, Query, Table, TableError, Write};

/// A table whose writes stay in memory.
#[derive(Debug)]
pub struct RehearsedTable<'a, T> {
    // INVARIANT (nothing is written): only `get` and `query` of it are ever called.
    real: &'a T,
    /// What would be there now; `None`: nothing would.
    written: Mutex<BTreeMap<Key, Option<Attributes>>>,
}

impl<'a, T: Table> RehearsedTable<'a, T> {
    /// Reads from `real`, as if nothing had been rehearsed before.
    pub fn over(real: &'a T) -> Self {
        Self { real, written: Mutex::default() }
    }

    fn written(&self) -> BTreeMap<Key, Option<Attributes>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn found(&self, key: &Key) -> Result<Option<Attributes>, TableError> {
        match self.written().remove(key) {
            Some(written) => Ok(written),
            None => Ok(self.real.get(key).await?.map(|item| item.attributes)),
        }
    }
}

impl<T: Table> Ledger<RehearsedTable<'_, T>> {
    /// What would be told now, of what was rehearsed: nothing that was said lately.
    pub fn would_tell(&self) -> Result<Vec<Notice>, LedgerError> {
        let written = self.table.written().into_iter();
        let items = written.filter_map(|(key, attributes)| Some(Item { key, attributes: attributes? }));
        items.filter(|item| item.key.sk.starts_with(notice::SK)).map(|item| item.body()).collect()
    }
}

impl<T: Table> Table for RehearsedTable<'_, T> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        Ok(self.found(key).await?.map(|attributes| Item { key: key.clone(), attributes }))
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, TableError> {
        let written = self.written();
        let real = match (query, self.real.query(query).await?) {
            // The last of the real ones is none any more: an earlier one may be.
            (Query::Last { pk, .. }, last) if last.iter().any(|item| written.get(&item.key) == Some(&None)) => {
                self.real.query(&Query::Prefix { pk: pk.clone(), prefix: String::new() }).await?
            }
            (_, found) => found,
        };
        let mut items: BTreeMap<Key, Attributes> = real.into_iter().map(|item| (item.key, item.attributes)).collect();
        for (key, attributes) in written {
            match attributes {
                Some(attributes) => items.insert(key, attributes),
                None => items.remove(&key),
            };
        }
        Ok(asked_for(query, items.into_iter().map(|(key, attributes)| Item { key, attributes })))
    }

    async fn write(&self, write: &Write) -> Result<(), TableError> {
        self.transact(std::slice::from_ref(write)).await
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), TableError> {
        let mut found = Vec::new();
        for write in writes {
            found.push(self.found(&write.key).await?);
        }
        let refused = refused(writes, found.iter().map(Option::as_ref));
        if !refused.is_empty() {
            return Err(TableError::Refused(refused));
        }
        for (Write { key, action, .. }, before) in writes.iter().zip(found) {
            let after = after(action, key, before)?;
            self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), after);
        }
        Ok(())
    }
}
