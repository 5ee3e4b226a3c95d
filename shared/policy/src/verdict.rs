//! What a rule says of one user.

use std::fmt;

use credwarden_credential::age::{Days, date, is_older};
use credwarden_credential::creation::{Creation, Creator};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::Gap;
use jiff::Timestamp;

use crate::class::ClassName;
use crate::creation::CreatorRefusal;
use crate::exception::Exception;

/// A user that could not be verified for this long is reported, so that a gap cannot hide it for ever.
pub const NOT_VERIFIABLE_AFTER: Days = Days(7);

/// What a rule says of one user. Only the first three can be told to AWS Config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is broken.
    Compliant(Vec<Note>),
    /// At least one clause of the policy is broken.
    NonCompliant {
        /// The worst finding.
        first: Finding,
        /// The others, worst first.
        rest: Vec<Finding>,
        /// What else is worth knowing of the user's other credentials.
        notes: Vec<Note>,
    },
    /// The rule has nothing to say of this user.
    NotApplicable(Why),
    /// It cannot be told.
    Unknown(Gap),
}

impl Verdict {
    /// What follows from all that was found of a user.
    ///
    /// A finding stands whatever else is not known, and a gap that hides another credential is noted beside it. With no
    /// finding a gap makes the verdict unknown, until it has lasted so long that hiding behind it must be reported.
    pub fn of(
        findings: Vec<Finding>,
        mut notes: Vec<Note>,
        gaps: Vec<Gap>,
        is_reported: IsReported,
        now: Timestamp,
    ) -> Self {
        let overdue = gaps.iter().find_map(|gap| {
            let since = gap.since.filter(|since| is_older(*since, NOT_VERIFIABLE_AFTER, now))?;
            Some(Finding { class: None, clause: Clause::NotVerifiableSince { since, gap: gap.clone() } })
        });
        let mut findings = findings.into_iter().chain(overdue);
        match findings.next() {
            Some(first) => {
                let rest: Vec<_> = findings.collect();
                let is_said = |gap: &Gap| {
                    first.gap() == Some(gap) || rest.iter().any(|finding: &Finding| finding.gap() == Some(gap))
                };
                notes.extend(gaps.into_iter().filter(|gap| !is_said(gap)).map(Note::NotKnown));
                Self::NonCompliant { first, rest, notes }
            }
            None => match (gaps.into_iter().next(), is_reported) {
                (Some(gap), _) => Self::Unknown(gap),
                (None, IsReported::Yes) => Self::Compliant(notes),
                (None, IsReported::No) => Self::NotApplicable(Why::NoCredential),
            },
        }
    }

    /// The findings, worst first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let (first, rest) = match self {
            Self::NonCompliant { first, rest, .. } => (Some(first), rest.as_slice()),
            _ => (None, [].as_slice()),
        };
        first.into_iter().chain(rest)
    }
}

/// Whether a user holds any credential that the rule is about, usable or not: of others nothing is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsReported {
    /// It does.
    Yes,
    /// It does not.
    No,
}

impl From<bool> for IsReported {
    fn from(holds_one: bool) -> Self {
        if holds_one { Self::Yes } else { Self::No }
    }
}

/// One credential that breaks one clause of the policy, with the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The class whose limits are broken; `None` where it could not be told.
    pub class: Option<ClassName>,
    /// The clause.
    pub clause: Clause,
}

/// A clause of the policy that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    /// A credential is older than its class allows.
    MaxAge {
        /// Which.
        credential: CredentialId,
        /// When it was created.
        created: Timestamp,
        /// The limit.
        limit: Days,
        /// The last instant at which it was within the limit.
        reached: Timestamp,
    },
    /// A credential was not used for longer than its class allows.
    Unused {
        /// Which.
        credential: CredentialId,
        /// When it was created.
        created: Timestamp,
        /// When it was used last.
        last_used: Timestamp,
        /// Of which service.
        service: String,
        /// The limit.
        limit: Days,
        /// The last instant at which it was within the limit.
        reached: Timestamp,
    },
    /// A credential was never used, for longer than its class allows for a first use.
    NeverUsed {
        /// Which.
        credential: CredentialId,
        /// When it was created.
        created: Timestamp,
        /// The limit.
        limit: Days,
        /// The last instant at which it was within the limit.
        reached: Timestamp,
    },
    /// A credential was created or re-activated by somebody who may not.
    UnauthorizedCreator {
        /// What happened.
        creation: Box<Creation>,
        /// Why the creator may not.
        refusal: CreatorRefusal,
    },
    /// Nobody knows who created a credential, and what there is to be asked was asked.
    CreatorUnknown {
        /// Which.
        credential: CredentialId,
        /// When it was created.
        created: Timestamp,
        /// Whether it is older than the installation.
        baseline: bool,
    },
    /// A user holds more usable credentials of a kind than its class may, or may hold none.
    TooMany {
        /// One of those created last.
        credential: CredentialId,
        /// When it was created.
        created: Timestamp,
        /// How many of its kind the user may hold.
        at_most: u32,
    },
    /// The user could not be verified for longer than [`NOT_VERIFIABLE_AFTER`]. No remedy acts on it.
    NotVerifiableSince {
        /// Since when.
        since: Timestamp,
        /// Why.
        gap: Gap,
    },
}

impl Finding {
    /// The credential that a remedy would change.
    pub fn credential(&self) -> Option<&CredentialId> {
        match &self.clause {
            Clause::MaxAge { credential, .. }
            | Clause::Unused { credential, .. }
            | Clause::NeverUsed { credential, .. }
            | Clause::CreatorUnknown { credential, .. }
            | Clause::TooMany { credential, .. } => Some(credential),
            Clause::UnauthorizedCreator { creation, .. } => Some(&creation.credential),
            Clause::NotVerifiableSince { .. } => None,
        }
    }

    /// The gap that is the finding.
    fn gap(&self) -> Option<&Gap> {
        match &self.clause {
            Clause::NotVerifiableSince { gap, .. } => Some(gap),
            Clause::MaxAge { .. }
            | Clause::Unused { .. }
            | Clause::NeverUsed { .. }
            | Clause::UnauthorizedCreator { .. }
            | Clause::CreatorUnknown { .. }
            | Clause::TooMany { .. } => None,
        }
    }

    /// Since when the policy is broken.
    pub fn since(&self) -> Timestamp {
        match &self.clause {
            Clause::MaxAge { reached, .. } | Clause::Unused { reached, .. } | Clause::NeverUsed { reached, .. } => {
                *reached
            }
            Clause::UnauthorizedCreator { creation, .. } => creation.at,
            Clause::CreatorUnknown { created, .. } | Clause::TooMany { created, .. } => *created,
            Clause::NotVerifiableSince { since, .. } => *since,
        }
    }
}

/// Puts a finding among the findings, or, where an exception covers its credential, what that says among the notes.
pub fn sort_in<'e>(
    finding: Finding,
    covering: impl FnOnce(&CredentialId) -> Option<&'e Exception>,
    findings: &mut Vec<Finding>,
    notes: &mut Vec<Note>,
) {
    let excepted = finding.credential().and_then(|credential| {
        let Exception { id, until, .. } = covering(credential)?;
        Some(Note::Excepted { credential: credential.clone(), exception: id.clone(), until: *until })
    });
    match excepted {
        Some(note) => notes.push(note),
        None => findings.push(finding),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.clause {
            Clause::MaxAge { credential, created, limit, reached } => {
                write!(formatter, "{credential} created {}, limit {limit} passed {}", date(*created), date(*reached))?;
            }
            Clause::Unused { credential, last_used, service, limit, reached, .. } => {
                write!(formatter, "{credential} last used {} ({service}), ", date(*last_used))?;
                write!(formatter, "limit {limit} unused passed {}", date(*reached))?;
            }
            Clause::NeverUsed { credential, created, limit, reached } => {
                write!(formatter, "{credential} created {}, never used, ", date(*created))?;
                write!(formatter, "limit {limit} passed {}", date(*reached))?;
            }
            Clause::UnauthorizedCreator { creation, refusal } => {
                let Creation { act, credential, creator, source, mfa, at, .. } = creation.as_ref();
                let done = if act.is_reactivation() { "re-activated" } else { "created" };
                let mfa = match mfa {
                    Some(true) => "with MFA",
                    Some(false) => "without MFA",
                    None => "MFA not told",
                };
                let at = at.strftime("%Y-%m-%dT%H:%M:%SZ");
                write!(formatter, "{credential} {done} {at} by {creator} from {source}, {mfa}: {refusal}")?;
            }
            Clause::CreatorUnknown { credential, created, baseline } => {
                let baseline = if *baseline { "baseline, " } else { "" };
                write!(formatter, "{credential} created {}: {baseline}creator unknown", date(*created))?;
            }
            Clause::TooMany { credential, created, at_most: 0 } => {
                write!(formatter, "{credential} created {}: no {} is allowed", date(*created), credential.kind())?;
            }
            Clause::TooMany { credential, created, at_most } => {
                let kind = credential.kind();
                write!(formatter, "{credential} created {}: more than {at_most} of {kind}", date(*created))?;
            }
            Clause::NotVerifiableSince { since, gap } => {
                write!(formatter, "not verifiable since {}: {gap}", date(*since))?;
            }
        }
        self.class.as_ref().map_or(Ok(()), |class| write!(formatter, " ({class})"))
    }
}

/// Something worth knowing of a user or credential that breaks nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A credential will break the policy soon.
    DueBy {
        /// Which.
        credential: CredentialId,
        /// The last instant at which it is within the limit.
        reached: Timestamp,
    },
    /// A credential is older than the installation, which passes.
    Baseline {
        /// Which.
        credential: CredentialId,
        /// When it was created.
        created: Timestamp,
        /// Who created it, where that could be looked up.
        creator: Option<Box<Creator>>,
    },
    /// Credentials that only the report shows are older than the installation, which passes.
    ReportedBaseline {
        /// Their kind.
        kind: CredentialKind,
        /// How many.
        count: usize,
    },
    /// A credential may break the policy until then.
    Excepted {
        /// Which.
        credential: CredentialId,
        /// The exception.
        exception: String,
        /// The last instant at which it holds.
        until: Timestamp,
    },
    /// A tag of the user claims an exception that there is not.
    ForgedException {
        /// The tag's key.
        tag: String,
    },
    /// Another credential of the user may or may not break the policy.
    NotKnown(Gap),
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DueBy { credential, reached } => {
                write!(formatter, "{credential} must be replaced by {}", date(*reached))
            }
            Self::Baseline { credential, created, creator } => {
                write!(formatter, "{credential} created {}: baseline", date(*created))?;
                creator.as_ref().map_or(Ok(()), |creator| write!(formatter, ", by {creator}"))
            }
            Self::ReportedBaseline { kind, count } => write!(formatter, "{count} of {kind}: baseline"),
            Self::Excepted { credential, exception, until } => {
                write!(formatter, "{credential} EXCEPTED {exception} until {}", date(*until))
            }
            Self::ForgedException { tag } => write!(formatter, "FORGED: no exception is granted as tag {tag} says"),
            Self::NotKnown(gap) => write!(formatter, "not all is known: {gap}"),
        }
    }
}

/// Why a rule has nothing to say of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The user has no credential of the kind that the rule is about.
    NoCredential,
    /// The policy says nothing of the class that the rule could judge by.
    NothingSaid,
}
