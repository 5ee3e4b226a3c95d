//! What a write does, decided without a table: as DynamoDB does it, as far as the ledger relies on it.

use crate::table::{Action, Attributes, Clause, Condition, DUE, Item, Key, OPEN, Query, TableError, Value, Write};

/// The places of the writes whose conditions do not hold of `found`, their items in the same order.
pub(crate) fn refused<'a>(writes: &[Write], found: impl Iterator<Item = Option<&'a Attributes>>) -> Vec<usize> {
    let places = writes.iter().zip(found).enumerate();
    places.filter(|(_, (write, item))| !holds(&write.condition, *item)).map(|(place, _)| place).collect()
}

/// What is there after an action; `None`: nothing is.
pub(crate) fn after(action: &Action, key: &Key, item: Option<Attributes>) -> Result<Option<Attributes>, TableError> {
    Ok(match action {
        Action::Put(attributes) => Some(attributes.clone()),
        Action::Set(attributes) => {
            let mut item = item.unwrap_or_default();
            item.extend(attributes.clone());
            Some(item)
        }
        Action::Add(name, by, attributes) => {
            let mut item = item.unwrap_or_default();
            let Value::Number(before) = item.get(*name).cloned().unwrap_or(Value::Number(0)) else {
                return Err(TableError::Failed(format!("`{name}` of `{key}` is no number").into()));
            };
            item.insert((*name).to_owned(), Value::Number(before.saturating_add(*by)));
            item.extend(attributes.clone());
            Some(item)
        }
        Action::Delete => None,
        Action::Check => item,
    })
}

/// What `query` asks for of `items`, which are in the order of keys.
pub(crate) fn asked_for(query: &Query, mut items: impl DoubleEndedIterator<Item = Item>) -> Vec<Item> {
    match query {
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
