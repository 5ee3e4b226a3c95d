//! The class of a user: the first in the policy's order whose matchers hold.

use std::fmt;

use credwarden_credential::snapshot::{Gap, Known, User};
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::document::MatcherEntry;

/// The name of a class, such as `human`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassName(pub(crate) String);

impl ClassName {
    /// The name as the policy writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClassName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A class: a name and the matchers of which one suffices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The name.
    pub name: ClassName,
    pub(crate) matchers: Vec<MatcherEntry>,
}

impl Class {
    /// Whether `user` belongs to the class, or why that cannot be told.
    pub(crate) fn holds(&self, user: &User) -> Result<bool, Gap> {
        let mut gap = None;
        for matcher in &self.matchers {
            match matcher.holds(user) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(unknown) => gap = Some(unknown),
            }
        }
        gap.map_or(Ok(false), Err)
    }
}

impl MatcherEntry {
    /// Whether the matcher has no condition and so matches everybody.
    pub(crate) fn matches_everybody(&self) -> bool {
        *self == Self::default()
    }

    fn holds(&self, user: &User) -> Result<bool, Gap> {
        let Self { path, name, group, attached_policy, console_password, tag } = self;
        let glob = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| matches(pattern, text));
        let certain = glob(path, &user.path)
            && glob(name, user.name.as_str())
            && group.as_ref().is_none_or(|pattern| user.groups.iter().any(|group| matches(pattern, group.as_str())))
            && attached_policy
                .as_ref()
                .is_none_or(|pattern| user.attached_policies.iter().any(|arn| matches(pattern, arn.as_str())))
            && tag.as_ref().is_none_or(|tag| user.tags.get(&tag.key).is_some_and(|value| matches(&tag.value, value)));
        match (certain, console_password, &user.console_password) {
            (false, _, _) => Ok(false),
            (true, None, _) => Ok(true),
            (true, Some(wanted), Known::Yes(is)) => Ok(wanted == is),
            (true, Some(_), Known::No(gap)) => Err(gap.clone()),
        }
    }
}

/// Whether `text` matches a glob of `*` and `?`. Upper and lower case differ.
pub fn matches(pattern: &str, text: &str) -> bool {
    WildMatch::new(pattern).matches(text)
}
