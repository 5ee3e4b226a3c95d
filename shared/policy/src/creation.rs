//! Who may create credentials, of which kinds, and how many.
//!
//! Nothing is refused before somebody has written who may create: the default document names no creator, and no
//! framework says who they are in this account. A class of which the policy says nothing has no verdict, because
//! "compliant" would claim that somebody authorized its credentials. What a class leaves out is as under `default`.

use std::collections::BTreeMap;
use std::fmt;

use credwarden_credential::creation::{Creation, Creator};
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialKind;
use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::check::{DEFAULT_CLASS, Found, known_class};
use crate::class::{Class, ClassName, matches};
use crate::document::Document;

/// The greatest number of credentials of a kind that a policy can name; IAM allows fewer of every kind.
pub(crate) const MOST: u32 = 100;

/// Who may create, as written; what is absent under a class comes from `default`, and what is absent there is not
/// judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct CreationEntry {
    /// Globs over the ARNs of roles and users that may create, or `"any"`. A session counts as its role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creators: Option<Allowed>,
    /// Globs over the source identities that a creator's session must have one of, or `"any"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identities: Option<Allowed>,
    /// Whether a user may create its own credentials; left out, it is judged as any other creator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_service: Option<bool>,
    /// How many usable credentials of a kind a user may hold: a number, `0` for none at all, or `"any"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::kinds_of_users"))]
    pub kinds: Option<BTreeMap<String, AtMost>>,
    /// Whether credentials older than the installation pass, whoever created them. They do unless this is `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<bool>,
}

/// Which texts are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Allowed {
    /// Any: nothing is judged.
    #[default]
    Any,
    /// Those that match one of these globs.
    Only(Vec<String>),
}

/// How many are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtMost {
    /// This many.
    Number(u32),
    /// Any number.
    Any,
}

/// The word for no restriction.
pub(crate) const ANY: &str = "any";

/// What the policy says of the creation of one class's credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreationLimits {
    /// The principals that may create.
    pub creators: Allowed,
    /// The source identities of which a creator's session must have one.
    pub source_identities: Allowed,
    /// Whether a user may create its own; `None`: it is judged as any other creator.
    pub self_service: Option<bool>,
    /// How many usable credentials of a kind a user may hold; a kind that is absent is not limited.
    pub at_most: BTreeMap<CredentialKind, u32>,
    /// Whether credentials older than the installation are judged like all others. Nobody recorded who created them,
    /// so judging them is a choice that a policy makes in words.
    pub judges_baseline: bool,
}

/// Why a creator may not create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatorRefusal {
    /// It is no allowed creator.
    Creator,
    /// Its session has no source identity that is allowed.
    SourceIdentity,
    /// It is the user itself, and the class has no self-service.
    SelfService,
    /// It is one of our own functions, and the ledger has no intent of it.
    NoIntent,
}

impl fmt::Display for CreatorRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Creator => "not an allowed creator",
            Self::SourceIdentity => "not an allowed source identity",
            Self::SelfService => "self-service is not allowed",
            Self::NoIntent => "a role of Credwarden without an intent in the ledger",
        })
    }
}

impl CreationLimits {
    /// Whether the policy says who may create.
    pub fn judges_creators(&self) -> bool {
        self.creators != Allowed::Any || self.source_identities != Allowed::Any || self.self_service == Some(false)
    }

    /// Whether the policy says nothing at all.
    pub fn is_silent(&self) -> bool {
        !self.judges_creators() && self.at_most.is_empty()
    }

    /// Why the creator of a credential of `user` may not have created it; `None` if it may.
    pub fn refuses(&self, creation: &Creation, user: &UserId) -> Option<CreatorRefusal> {
        let Creator { principal, session: _, source_identity, invoked_by: _ } = &creation.creator;
        match self.self_service {
            Some(allowed) if principal.is_user(user) => return (!allowed).then_some(CreatorRefusal::SelfService),
            _ => {}
        }
        if !self.creators.allows(|pattern| matches_arn(pattern, principal.as_str())) {
            return Some(CreatorRefusal::Creator);
        }
        let is_known = |pattern: &str| source_identity.as_ref().is_some_and(|identity| matches(pattern, identity));
        (!self.source_identities.allows(is_known)).then_some(CreatorRefusal::SourceIdentity)
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str(ANY),
            Self::Only(patterns) if patterns.is_empty() => formatter.write_str("none"),
            Self::Only(patterns) => formatter.write_str(&patterns.join(", ")),
        }
    }
}

impl fmt::Display for AtMost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "at most {number}"),
            Self::Any => formatter.write_str(ANY),
        }
    }
}

impl Allowed {
    fn allows(&self, matches: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Only(patterns) => patterns.iter().any(|pattern| matches(pattern)),
        }
    }
}

/// Whether an ARN matches a glob, part by part: a path may contain colons, so that one glob over the whole of
/// `arn:aws:iam::123456789012:role/x:iam::1:role/key-vending` would take it for the role `key-vending`.
fn matches_arn(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (patterns, arn) = (parts(pattern), parts(arn));
    patterns.len() == arn.len() && patterns.iter().zip(&arn).all(|(pattern, part)| matches(pattern, part))
}

/// Checks the section, and gives each class that it concerns its limits.
pub(crate) fn check(document: &Document, classes: &[Class], found: &mut Found) -> BTreeMap<ClassName, CreationLimits> {
    for (class, entry) in &document.creation {
        let place = format!("creation.{class}");
        known_class(&place, class, classes, found);
        check_entry(&place, entry, found);
    }
    let default = document.creation.get(DEFAULT_CLASS).cloned().unwrap_or_default();
    let limits = classes.iter().map(|class| {
        let own = document.creation.get(class.name.as_str()).cloned().unwrap_or_default();
        (class.name.clone(), limits(over(own, &default)))
    });
    limits.collect()
}

fn check_entry(place: &str, entry: &CreationEntry, found: &mut Found) {
    let CreationEntry { creators, source_identities, self_service: _, kinds, baseline: _ } = entry;
    if let Some(Allowed::Only(patterns)) = creators {
        for (index, pattern) in patterns.iter().enumerate() {
            let place = format!("{place}.creators[{index}]");
            let parts: Vec<&str> = pattern.splitn(6, ':').collect();
            match parts.as_slice() {
                ["arn", _, "iam", _, _, resource] if !resource.is_empty() => {}
                ["arn", _, "sts", ..] => found.add(
                    place,
                    format!("`{pattern}` is a session's ARN, and a session counts as its role"),
                    "write the role's, like `arn:*:iam::*:role/key-vending`; name people by `sourceIdentities`",
                ),
                _ => found.add(
                    place,
                    format!("`{pattern}` is not the ARN, or a pattern of ARNs, of a role or user"),
                    "write it like `arn:*:iam::*:role/key-vending`",
                ),
            }
        }
    }
    if let Some(Allowed::Only(patterns)) = source_identities {
        for (index, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| pattern.is_empty()) {
            found.add(
                format!("{place}.sourceIdentities[{index}]"),
                format!("`{pattern}` matches no source identity"),
                "write a pattern like `*@example.com`, or remove it",
            );
        }
    }
    for (kind, at_most) in kinds.iter().flatten() {
        let place = format!("{place}.kinds.{kind}");
        if kind_of_users(kind).is_none() {
            let known: Vec<_> = CredentialKind::OF_USERS.iter().map(|kind| format!("`{kind}`")).collect();
            found.add(
                place.clone(),
                format!("`{kind}` is no kind of credential that a user holds"),
                format!("choose one of {}", known.join(", ")),
            );
        }
        if let AtMost::Number(number) = at_most
            && *number > MOST
        {
            found.add(place, format!("{number} credentials"), format!("choose 0 to {MOST}, or \"{ANY}\""));
        }
    }
}

/// An entry, and from another what it leaves out.
fn over(own: CreationEntry, other: &CreationEntry) -> CreationEntry {
    let kinds = match (own.kinds, other.kinds.clone()) {
        (Some(own), Some(mut kinds)) => {
            kinds.extend(own);
            Some(kinds)
        }
        (own, other) => own.or(other),
    };
    CreationEntry {
        creators: own.creators.or_else(|| other.creators.clone()),
        source_identities: own.source_identities.or_else(|| other.source_identities.clone()),
        self_service: own.self_service.or(other.self_service),
        kinds,
        baseline: own.baseline.or(other.baseline),
    }
}

fn limits(entry: CreationEntry) -> CreationLimits {
    let at_most = entry.kinds.into_iter().flatten().filter_map(|(kind, at_most)| match at_most {
        AtMost::Number(number) => kind_of_users(&kind).map(|kind| (kind, number)),
        AtMost::Any => None,
    });
    CreationLimits {
        creators: entry.creators.unwrap_or_default(),
        source_identities: entry.source_identities.unwrap_or_default(),
        self_service: entry.self_service,
        at_most: at_most.collect(),
        judges_baseline: entry.baseline == Some(false),
    }
}

fn kind_of_users(name: &str) -> Option<CredentialKind> {
    CredentialKind::OF_USERS.into_iter().find(|kind| kind.as_str() == name)
}

impl Serialize for Allowed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str(ANY),
            Self::Only(patterns) => patterns.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = Allowed;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a list of patterns, or \"{ANY}\"")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Allowed, E> {
                if word == ANY { Ok(Allowed::Any) } else { Err(E::invalid_value(Unexpected::Str(word), &self)) }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Allowed, A::Error> {
                let mut patterns = Vec::new();
                while let Some(pattern) = list.next_element()? {
                    patterns.push(pattern);
                }
                Ok(Allowed::Only(patterns))
            }
        }

        deserializer.deserialize_any(Written)
    }
}

impl Serialize for AtMost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u32(*number),
            Self::Any => serializer.serialize_str(ANY),
        }
    }
}

impl<'de> Deserialize<'de> for AtMost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = AtMost;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a number of credentials, or \"{ANY}\"")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<AtMost, E> {
                u32::try_from(number)
                    .map(AtMost::Number)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<AtMost, E> {
                if word == ANY { Ok(AtMost::Any) } else { Err(E::invalid_value(Unexpected::Str(word), &self)) }
            }
        }

        deserializer.deserialize_any(Written)
    }
}
