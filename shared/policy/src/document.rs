//! The policy's document as it is written, before it is checked.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::creation::CreationEntry;

/// The format of documents that this version writes. Functions read the current format and the one before it, so that
/// a policy can be deployed before or after the functions; the first format has none before it.
pub const FORMAT: u32 = 1;

/// The largest document, in bytes: what an Advanced-tier parameter of SSM holds
/// (AWS Systems Manager, `PutParameter`, "advanced parameters: 8 KB").
pub const MAX_BYTES: usize = 8192;

/// The document of SEC02-BP05's limits that is used where nobody wrote another: it only observes. Its limits stand for
/// every limit that another document leaves out.
pub const DEFAULT: &str = include_str!("../default-policy.json");

/// The longest line of [`Document::to_pretty_json`]: all limits of a kind of credential fit on it.
const LONGEST_LINE: usize = 160;

/// A policy as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Document {
    /// The format, [`FORMAT`].
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::format"))]
    pub format: u32,
    /// Keys of tags that only the security team can write (guarded by a service control policy). Class matchers may
    /// name these only.
    #[serde(default)]
    pub guarded_tags: Vec<String>,
    /// The classes in order: a user belongs to the first that matches. The last matches everybody.
    pub classes: Vec<ClassEntry>,
    /// Limits by class name, or `default`, then by kind of credential.
    #[serde(deserialize_with = "unique_keys")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::limits"))]
    pub limits: BTreeMap<String, BTreeMap<String, LimitsEntry>>,
    /// Who may create credentials, of which kinds and how many, by class name or `default`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique_rows")]
    pub creation: BTreeMap<String, CreationEntry>,
    /// ARN patterns of users that no remedy changes, ever.
    #[serde(default)]
    pub protected: Vec<String>,
    /// ARN patterns of principals whose approvals count.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// The longest that an exception may hold, in days from when it is granted or extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 3650)))]
    pub longest_exception_days: Option<u32>,
    /// The longest that somebody may have a credential left alone, in days from when that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 3650)))]
    pub longest_hold_days: Option<u32>,
    /// When remedies may change something, week after week, in UTC; left out: at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub windows: Option<Vec<WindowEntry>>,
    /// Remedy and mode by rule, then by class name or `default`.
    #[serde(deserialize_with = "unique_keys")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::remedies"))]
    pub remedies: BTreeMap<String, BTreeMap<String, RemedyEntry>>,
    /// How many credentials remedies may change in a day.
    pub budget: BudgetEntry,
}

impl Document {
    /// The document for people: indented, and what fits on a line stands on one.
    pub fn to_pretty_json(&self) -> String {
        let pretty = serde_json::to_string_pretty(self).unwrap_or_default();
        let mut lines: Vec<String> = Vec::new();
        let mut open = Vec::new();
        for line in pretty.lines() {
            lines.push(line.to_owned());
            if line.ends_with(['{', '[']) {
                open.push(lines.len() - 1);
            } else if line.trim_start().starts_with(['}', ']'])
                && let Some(opened) = open.pop()
            {
                let block = lines.split_off(opened);
                let joined = block.iter().enumerate().fold(String::new(), |joined, (number, line)| {
                    if number == 0 { line.clone() } else { format!("{joined} {}", line.trim_start()) }
                });
                if joined.len() <= LONGEST_LINE { lines.push(joined) } else { lines.extend(block) }
            }
        }
        lines.join("\n") + "\n"
    }
}

/// One class as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct ClassEntry {
    /// The name, such as `human`.
    pub name: String,
    /// Matchers of which one suffices.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub r#match: Vec<MatcherEntry>,
}

/// A matcher as written: all its conditions must hold; one without conditions matches everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct MatcherEntry {
    /// Glob over the user's path, such as `/service/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Glob over the user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Glob over the names of the user's groups; one suffices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Glob over the ARNs of managed policies attached directly or by a group; one suffices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_policy: Option<String>,
    /// Whether the user has a console password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console_password: Option<bool>,
    /// A guarded tag and a glob over its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<TagEntry>,
}

/// A tag as written in a matcher.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct TagEntry {
    /// The key, one of `guardedTags`.
    pub key: String,
    /// Glob over the value.
    pub value: String,
}

/// Limits as written; what is absent under a class comes from `default`, and what is absent there from [`DEFAULT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct LimitsEntry {
    /// Days after creation from which the credential breaks the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<Limit>,
    /// Days before that from which the annotation names the date.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = 3650)))]
    pub warn_days: Option<u32>,
    /// Days after its last use from which the credential breaks the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_days: Option<Limit>,
    /// Days after its creation from which a credential that was never used breaks the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_used_days: Option<Limit>,
    /// Days after its last use in which a credential counts as in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 3650)))]
    pub in_use_days: Option<u32>,
    /// Days after deactivation in which it can be undone, so nothing is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 3650)))]
    pub undo_days: Option<u32>,
}

/// A limit as written: a number of days, or `"off"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The days.
    Days(u32),
    /// No such limit.
    Off,
}

impl Limit {
    /// The word for no limit.
    pub(crate) const OFF: &'static str = "off";
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Days(days) => serializer.serialize_u32(*days),
            Self::Off => serializer.serialize_str(Self::OFF),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Limit;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a number of days, or \"{}\"", Limit::OFF)
            }

            fn visit_u64<E: Error>(self, days: u64) -> Result<Limit, E> {
                u32::try_from(days).map(Limit::Days).map_err(|_| E::invalid_value(Unexpected::Unsigned(days), &self))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Limit, E> {
                if word == Limit::OFF { Ok(Limit::Off) } else { Err(E::invalid_value(Unexpected::Str(word), &self)) }
            }
        }

        deserializer.deserialize_any(Written)
    }
}

/// A remedy as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct RemedyEntry {
    /// The remedy, such as `deactivate-credential`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::remedy"))]
    pub remedy: String,
    /// `observe`, `warn` or `enforce`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::mode"))]
    pub mode: String,
    /// `owner`, `secret` or `replace`, of `rotate-key` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::delivery"))]
    pub delivery: Option<String>,
    /// Whether `rotate-key` makes an old key inactive though it is in use, once its deadline has passed and the new key
    /// works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// Whether the act waits for one of the `approvers` to approve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<bool>,
}

/// A maintenance window as written. What it leaves out does not limit it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct WindowEntry {
    /// The days on which it opens, such as `saturday`; left out: every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::days"))]
    pub days: Option<Vec<String>>,
    /// When it opens, such as `22:00`; left out: at `00:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time_of_day"))]
    pub from: Option<String>,
    /// When it closes, on the next day if that is not later than `from`; left out: at `24:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::end_of_window"))]
    pub to: Option<String>,
    /// The classes of users that it is for; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub classes: Option<Vec<String>>,
}

/// A budget as written. The smaller of the two counts, but at least one credential a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct BudgetEntry {
    /// Credentials a day.
    pub per_day: u32,
    /// Percent of the users with an active credential, a day.
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub percent_per_day: u32,
}

/// Entries by two names: class and kind, or rule and class.
type Table<V> = BTreeMap<String, BTreeMap<String, V>>;

/// Refuses a key that stands twice, where JSON would silently keep the later one.
fn unique_keys<'de, V: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Table<V>, D::Error> {
    let rows: Unique<Unique<V>> = Unique::deserialize(deserializer)?;
    Ok(rows.0.into_iter().map(|(key, row)| (key, row.0)).collect())
}

/// As [`unique_keys`], for entries by one name.
fn unique_rows<'de, V: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    Unique::deserialize(deserializer).map(|rows| rows.0)
}

struct Unique<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Unique<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Unique<V>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, V>()? {
                    if entries.contains_key(&key) {
                        return Err(A::Error::custom(format!("`{key}` stands twice")));
                    }
                    entries.insert(key, value);
                }
                Ok(Unique(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}
