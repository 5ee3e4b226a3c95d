//! A policy that was checked and cannot contradict itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use credwarden_credential::age::Days;
use credwarden_credential::id::Arn;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Gap, User};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::check::check;
use crate::class::{Class, ClassName, matches};
use crate::creation::CreationLimits;
use crate::document::{DEFAULT, Document, MAX_BYTES};
use crate::exception::{LONGEST_EXCEPTION, LONGEST_HOLD};
use crate::limits::Limits;
use crate::remedy::{Budget, Remedy, RuleName};
use crate::window::Window;

/// A checked policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) document: Document,
    pub(crate) classes: Vec<Class>,
    /// INVARIANT (complete): every class has limits for every kind.
    pub(crate) limits: BTreeMap<(ClassName, CredentialKind), Limits>,
    /// A class without an entry is not judged.
    pub(crate) creation: BTreeMap<ClassName, CreationLimits>,
    /// A rule or class without an entry has no remedy.
    pub(crate) remedies: BTreeMap<(RuleName, ClassName), Remedy>,
    pub(crate) budget: Budget,
    /// None: remedies may act at any time. Else INVARIANT (complete): some window is for each class.
    pub(crate) windows: Vec<Window>,
}

/// What holds where a policy has no limits, which [`Policy::limits`] excludes: everything breaks it, and nothing is done.
const STRICTEST: Limits = Limits {
    max_age: Some(Days(0)),
    warn: Days(0),
    unused: Some(Days(0)),
    never_used: Some(Days(0)),
    in_use: Days(u32::MAX),
    undo: Days(u32::MAX),
};

/// Identifies a policy by its content: the SHA-256 of its normalised document, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyId(pub String);

impl fmt::Display for PolicyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Everything that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy is refused:\n{}", .0.iter().map(|problem| format!("- {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where, such as `limits.human.access-key.warnDays`.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, what, remedy } = self;
        write!(formatter, "`{place}`: {what}; {remedy}")
    }
}

impl Policy {
    /// Parses and checks a document.
    ///
    /// # Errors
    /// All that is wrong with it, in the order of places.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        if text.len() > MAX_BYTES {
            return Err(Problems(vec![Problem {
                place: "policy".to_owned(),
                what: format!("the document has {} bytes, and at most {MAX_BYTES} can be deployed", text.len()),
                remedy: "shorten it: merge classes, use globs".to_owned(),
            }]));
        }
        let (document, mut problems) = read(text);
        let Some(document) = document else { return Err(Problems(problems)) };
        match check(document) {
            Ok(policy) if problems.is_empty() => Ok(policy),
            Ok(_) => Err(Problems(problems)),
            Err(more) => {
                problems.extend(more);
                problems.sort();
                Err(Problems(problems))
            }
        }
    }

    /// The document in its normal form: what is deployed, and what [`Policy::id`] is made of.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.document).unwrap_or_default()
    }

    /// Identifies the policy by its content.
    pub fn id(&self) -> PolicyId {
        let mut hex = String::new();
        for byte in Sha256::digest(self.to_json()) {
            let _ = write!(hex, "{byte:02x}");
        }
        PolicyId(hex)
    }

    /// The class of a user.
    ///
    /// # Errors
    /// The fact that decides is not known.
    pub fn class(&self, user: &User) -> Result<&ClassName, Gap> {
        for class in &self.classes {
            if class.holds(user)? {
                return Ok(&class.name);
            }
        }
        // The last class matches everybody, so the loop has returned.
        self.classes.last().map(|class| &class.name).ok_or_else(|| {
            Gap::new(credwarden_credential::snapshot::GapReason::Failed, format!("find a class for `{}`", user.name))
        })
    }

    /// The limits of one kind of credential of `user`, who belongs to `class`.
    pub fn limits(&self, user: &User, class: &ClassName, kind: CredentialKind) -> Limits {
        self.limits_of_class(class, kind).lowered_for(user)
    }

    /// The limits of one kind of credential in `class`, before a user's tags lower them.
    pub(crate) fn limits_of_class(&self, class: &ClassName, kind: CredentialKind) -> Limits {
        self.limits.get(&(class.clone(), kind)).copied().unwrap_or(STRICTEST)
    }

    /// The limits of one kind of credential of `user` in every class that it may belong to.
    pub fn limits_of_all_classes(&self, user: &User, kind: CredentialKind) -> impl Iterator<Item = Limits> {
        self.classes.iter().map(move |class| self.limits(user, &class.name, kind))
    }

    /// The age up to which a credential is certain to be within the limits, and before the warning, of whatever class
    /// `user` may belong to; `None`: at any age.
    pub fn unremarkable_age(&self, user: &User, kind: CredentialKind) -> Option<Days> {
        self.limits_of_all_classes(user, kind).filter_map(|limits| limits.remarkable_age()).min()
    }

    /// The kinds of a user's credentials of which some class has such a limit.
    pub fn kinds_with(&self, is_set: impl Fn(&Limits) -> bool) -> BTreeSet<CredentialKind> {
        let is_limited =
            |kind: &CredentialKind| self.limits.iter().any(|((_, of), limits)| of == kind && is_set(limits));
        CredentialKind::OF_USERS.into_iter().filter(is_limited).collect()
    }

    /// Who may create credentials of users of `class`, of which kinds and how many.
    pub fn creation(&self, class: &ClassName) -> CreationLimits {
        self.creation.get(class).cloned().unwrap_or_default()
    }

    /// The remedy for findings of `rule` on a kind of credential in `class`, if the policy names one.
    pub fn remedy(&self, rule: RuleName, class: &ClassName, kind: CredentialKind) -> Option<Remedy> {
        let named = self.remedies.get(&(rule, class.clone())).copied()?;
        Some(Remedy { name: named.name.of(kind), ..named })
    }

    /// The pattern by which the policy protects a principal from every remedy.
    pub fn protects(&self, arn: &Arn) -> Option<&str> {
        self.document.protected.iter().find(|pattern| matches(pattern, arn.as_str())).map(String::as_str)
    }

    /// How long an exception may hold, from when it is granted or extended.
    pub fn longest_exception(&self) -> Days {
        self.document.longest_exception_days.map_or(LONGEST_EXCEPTION, Days)
    }

    /// The longest that somebody may have a credential left alone, from when that is asked.
    pub fn longest_hold(&self) -> Days {
        self.document.longest_hold_days.map_or(LONGEST_HOLD, Days)
    }

    /// How many credentials remedies may change in a day.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// The document.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The classes' names, in the policy's order.
    pub fn class_names(&self) -> impl Iterator<Item = &ClassName> {
        self.classes.iter().map(|class| &class.name)
    }
}

impl Default for Policy {
    /// The policy of [`DEFAULT`].
    fn default() -> Self {
        // A test holds that the default document is a policy, so the empty policy is never met.
        Self::parse(DEFAULT).unwrap_or(Self {
            document: Document {
                format: crate::document::FORMAT,
                guarded_tags: Vec::new(),
                classes: Vec::new(),
                limits: BTreeMap::new(),
                creation: BTreeMap::new(),
                protected: Vec::new(),
                approvers: Vec::new(),
                longest_exception_days: None,
                longest_hold_days: None,
                windows: None,
                remedies: BTreeMap::new(),
                budget: crate::document::BudgetEntry { per_day: 0, percent_per_day: 0 },
            },
            classes: Vec::new(),
            limits: BTreeMap::new(),
            creation: BTreeMap::new(),
            remedies: BTreeMap::new(),
            budget: Budget { per_day: 0, percent_per_day: 0 },
            windows: Vec::new(),
        })
    }
}

/// Reads the document, and collects the fields that nobody knows.
fn read(text: &str) -> (Option<Document>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let result: Result<Document, _> = {
        let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
        serde_ignored::deserialize(tracked, |path| {
            problems.push(Problem {
                place: place(&path.to_string()),
                what: "unknown field".to_owned(),
                remedy: "remove it or correct its spelling".to_owned(),
            });
        })
    };
    let outcome = result.and_then(|document| deserializer.end().map(|()| document));
    match outcome {
        Ok(document) => (Some(document), problems),
        Err(error) => {
            let path = track.path().to_string();
            problems.push(Problem {
                place: if path == "." { "policy".to_owned() } else { place(&path) },
                what: error.to_string(),
                remedy: "correct the JSON document".to_owned(),
            });
            (None, problems)
        }
    }
}

/// Writes a path the way people index JSON, `classes[0].name`, whichever library tracked it.
fn place(path: &str) -> String {
    let mut place = String::new();
    for part in path.split('.').filter(|part| *part != "?") {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            let _ = write!(place, "[{part}]");
        } else {
            let dot = if place.is_empty() { "" } else { "." };
            let _ = write!(place, "{dot}{part}");
        }
    }
    place
}
