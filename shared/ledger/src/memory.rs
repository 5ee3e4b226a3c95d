//! The table in memory, with the semantics that the ledger relies on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::table::{
    Action, Attributes, Clause, Condition, DUE, Item, Key, OPEN, Query, Table, TableError, Value, Write,
};

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
        let mut items = self.items().into_iter().map(|(key, attributes)| Item { key, attributes });
        Ok(match query {
            Query::Prefix { pk, prefix } => {
                items.filter(|item| item.key.pk == *pk && item.key.sk.starts_with(prefix.as_str())).collect()
            }
            Query::Last { pk, from, to } => {
                let last = items.rfind(|item| item.key.pk == *pk && *from <= item.key.sk && item.key.sk <= *to);
                last.into_iter().collect()
            }
            Query::Due { open, from, to } => {
                let mut due: Vec<_> = items
                    .filter(|item| item.attributes.get(OPEN) == Some(&Value::from(*open)))
                    .filter_map(|item| match item.attributes.get(DUE) {
                        Some(Value::Number(at)) if (*from..=*to).contains(at) => Some((*at, item)),
                        _ => None,
                    })
                    .collect();
                due.sort_by_key(|(at, _)| *at);
                due.into_iter().map(|(_, item)| item).collect()
            }
        })
    }

    async fn write(&self, write: &Write) -> Result<(), TableError> {
        self.transact(std::slice::from_ref(write)).await
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), TableError> {
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused: Vec<_> = writes
            .iter()
            .enumerate()
            .filter(|(_, write)| !holds(&write.condition, items.get(&write.key)))
            .map(|(place, _)| place)
            .collect();
        if !refused.is_empty() {
            return Err(TableError::Refused(refused));
        }
        for Write { key, action, .. } in writes {
            match action {
                Action::Put(attributes) => {
                    items.insert(key.clone(), attributes.clone());
                }
                Action::Set(attributes) => items.entry(key.clone()).or_default().extend(attributes.clone()),
                Action::Add(name, by, attributes) => {
                    let item = items.entry(key.clone()).or_default();
                    let Value::Number(before) = item.get(*name).cloned().unwrap_or(Value::Number(0)) else {
                        return Err(TableError::Failed(format!("`{name}` of `{key}` is no number").into()));
                    };
                    item.insert((*name).to_owned(), Value::Number(before + by));
                    item.extend(attributes.clone());
                }
                Action::Delete => {
                    items.remove(key);
                }
                Action::Check => {}
            }
        }
        Ok(())
    }
}

fn holds(condition: &Condition, item: Option<&Attributes>) -> bool {
    let attribute = |name: &str| item.and_then(|item| item.get(name));
    let clause = |clause: &Clause| match clause {
        Clause::Absent("pk") => item.is_none(),
        Clause::Absent(name) => attribute(name).is_none(),
        Clause::Is(name, value) => attribute(name) == Some(value),
        Clause::Below(name, bound) => matches!(attribute(name), Some(Value::Number(number)) if number < bound),
    };
    condition.0.is_empty() || condition.0.iter().any(|all| all.iter().all(clause))
}
