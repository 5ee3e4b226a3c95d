//! Inputs: one of a corpus, changed in a few places.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use crate::corpus::WORDS;

/// The most places in which an input is changed.
const MOST_EDITS: usize = 12;

/// The longest stretch that is cut or doubled, in bytes.
const LONGEST_STRETCH: usize = 200;

/// One change of bytes.
#[derive(Clone, Debug)]
enum Edit {
    /// One byte becomes another.
    Byte(Index, u8),
    /// Bytes are put in between.
    Insert(Index, Vec<u8>),
    /// A word takes the place of a stretch.
    Word(Index, usize, &'static str),
    /// A stretch is cut out.
    Cut(Index, usize),
    /// A stretch is said again, elsewhere.
    Double(Index, usize, Index),
    /// Everything from here on is cut off.
    Truncate(Index),
    /// From here on, another input of the corpus goes on from there.
    Splice(Index, &'static str, Index),
}

/// One change of a document.
#[derive(Clone, Debug)]
enum Change {
    /// A value becomes another.
    Replace(Value),
    /// A value goes, or, where it cannot, becomes `null`.
    Remove,
    /// A value is wrapped into a list.
    Wrap,
    /// A member is added, or an element.
    Add(&'static str, Value),
}

/// Inputs of this corpus, changed as bytes.
pub fn bytes(corpus: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (select(corpus), vec(edit(corpus), 0..MOST_EDITS))
        .prop_map(|(seed, edits)| edits.into_iter().fold(seed.as_bytes().to_vec(), |input, edit| edit.apply(input)))
}

/// Inputs of this corpus of JSON, changed as documents, and some of them as bytes too.
pub fn documents(corpus: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let places = vec((any::<Index>(), change()), 0..MOST_EDITS);
    let changed = (select(corpus), places).prop_map(|(seed, places)| {
        // What is no JSON is not changed here; the bytes of it are.
        let Ok(mut document) = serde_json::from_str(seed) else { return seed.as_bytes().to_vec() };
        for (place, change) in places {
            let mut at = place.index(count(&document));
            change_at(&mut document, &mut at, &change);
        }
        document.to_string().into_bytes()
    });
    let changed = changed.boxed();
    let edited = (changed.clone(), vec(edit(corpus), 1..3));
    let edited = edited.prop_map(|(input, edits)| edits.into_iter().fold(input, |input, edit| edit.apply(input)));
    prop_oneof![4 => changed, 1 => edited, 2 => bytes(corpus)]
}

fn edit(corpus: &'static [&'static str]) -> impl Strategy<Value = Edit> {
    let place = any::<Index>;
    let stretch = || 0..LONGEST_STRETCH;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        (place(), vec(any::<u8>(), 0..20)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (place(), stretch(), select(WORDS)).prop_map(|(at, length, word)| Edit::Word(at, length, word)),
        (place(), 0..30_usize, select(WORDS)).prop_map(|(at, length, word)| Edit::Word(at, length, word)),
        (place(), stretch()).prop_map(|(at, length)| Edit::Cut(at, length)),
        (place(), stretch(), place()).prop_map(|(from, length, to)| Edit::Double(from, length, to)),
        place().prop_map(Edit::Truncate),
        (place(), select(corpus), place()).prop_map(|(at, other, from)| Edit::Splice(at, other, from)),
    ]
}

impl Edit {
    fn apply(self, mut input: Vec<u8>) -> Vec<u8> {
        // A place after the last byte is one, too.
        let place = |at: Index, input: &[u8]| at.index(input.len() + 1);
        let end = |start: usize, length: usize, input: &[u8]| start.saturating_add(length).min(input.len());
        match self {
            Self::Byte(at, byte) => {
                let at = place(at, &input);
                if let Some(old) = input.get_mut(at) {
                    *old = byte;
                }
            }
            Self::Insert(at, bytes) => {
                let at = place(at, &input);
                input.splice(at..at, bytes);
            }
            Self::Word(at, length, word) => {
                let start = place(at, &input);
                input.splice(start..end(start, length, &input), word.bytes());
            }
            Self::Cut(at, length) => {
                let start = place(at, &input);
                input.drain(start..end(start, length, &input));
            }
            Self::Double(from, length, to) => {
                let (start, to) = (place(from, &input), place(to, &input));
                let stretch: Vec<u8> = input.iter().skip(start).take(length).copied().collect();
                input.splice(to..to, stretch);
            }
            Self::Truncate(at) => input.truncate(place(at, &input)),
            Self::Splice(at, other, from) => {
                input.truncate(place(at, &input));
                input.extend(other.bytes().skip(place(from, other.as_bytes())));
            }
        }
        input
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => value().prop_map(Change::Replace),
        2 => Just(Change::Remove),
        1 => Just(Change::Wrap),
        1 => (select(WORDS), value()).prop_map(|(name, value)| Change::Add(name, value)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => select(WORDS).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => (0..400_i64).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => Just(Value::Object(Map::new())),
        1 => Just(Value::Array(Vec::new())),
    ]
}

/// How many values there are in a document, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value at a place, counted in the order of the document. Whether it is to be removed from what holds it.
fn change_at(value: &mut Value, at: &mut usize, change: &Change) -> bool {
    if *at == 0 {
        // Nothing further is the one.
        *at = usize::MAX;
        return change.apply(value);
    }
    *at -= 1;
    match value {
        Value::Array(values) => {
            if let Some(place) = values.iter_mut().position(|value| change_at(value, at, change)) {
                values.remove(place);
            }
        }
        Value::Object(members) => {
            let found = members.iter_mut().find_map(|(name, value)| change_at(value, at, change).then(|| name.clone()));
            if let Some(name) = found {
                members.remove(&name);
            }
        }
        _ => {}
    }
    false
}

impl Change {
    fn apply(&self, value: &mut Value) -> bool {
        match self {
            Self::Replace(other) => *value = other.clone(),
            Self::Remove => {
                *value = Value::Null;
                return true;
            }
            Self::Wrap => *value = Value::Array(vec![value.take()]),
            Self::Add(name, added) => match value {
                Value::Array(values) => values.push(added.clone()),
                Value::Object(members) => {
                    members.insert((*name).to_owned(), added.clone());
                }
                other => *other = added.clone(),
            },
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changed(at: usize, change: &Change) -> Value {
        let mut document = json!({ "a": [1, { "b": 2 }], "c": 3 });
        change_at(&mut document, &mut { at }, change);
        document
    }

    #[test]
    fn each_value_of_a_document_can_be_changed() {
        assert_eq!(count(&json!({ "a": [1, { "b": 2 }], "c": 3 })), 6);
        assert_eq!(changed(0, &Change::Replace(json!(0))), json!(0));
        assert_eq!(changed(2, &Change::Replace(json!(0))), json!({ "a": [0, { "b": 2 }], "c": 3 }));
        assert_eq!(changed(4, &Change::Remove), json!({ "a": [1, {}], "c": 3 }));
        assert_eq!(changed(5, &Change::Wrap), json!({ "a": [1, { "b": 2 }], "c": [3] }));
        assert_eq!(changed(1, &Change::Remove), json!({ "c": 3 }));
    }
}
