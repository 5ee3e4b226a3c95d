//! The table in memory, with the semantics that the ledger relies on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::semantics::{after, asked_for, refused};
use crate::table::{Attributes, Item, Key, Query, Table, TableError, Write};

/// A table in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryTable(Arc<Mutex<BTreeMap<Key, Attributes>>>);

impl MemoryTable {
    /// All items.
    pub fn items(&self) -> BTreeMap<Key, Attributes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Table for MemoryTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(items.get(key).map(|attributes| Item { key: key.clone(), attributes: attributes.clone() }))
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, TableError> {
        Ok(asked_for(query, self.items().into_iter().map(|(key, attributes)| Item { key, attributes })))
    }

    async fn write(&self, write: &Write) -> Result<(), TableError> {
        self.transact(std::slice::from_ref(write)).await
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), TableError> {
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = refused(writes, writes.iter().map(|write| items.get(&write.key)));
        if !refused.is_empty() {
            return Err(TableError::Refused(refused));
        }
        for Write { key, action, .. } in writes {
            let before = items.remove(key);
            if let Some(attributes) = after(action, key, before)? {
                items.insert(key.clone(), attributes);
            }
        }
        Ok(())
    }
}
