//! Whether a live credential breaks the policy: by the rule's own judgement, down to the exact credential. Or whether it is
//! one that a person may ask to have changed.

use std::fmt;

use credwarden_credential::creation::Creation;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, Gap, GapReason, Listing, User};
use credwarden_policy::class::ClassName;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::limits::Limits;
use credwarden_policy::policy::Policy;
use credwarden_policy::rotation::Forced;
use credwarden_policy::verdict::{Clause, Finding, Verdict};
use jiff::Timestamp;

use crate::remedy::Judge;

/// A credential that was read live and breaks the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    // INVARIANT (unforgeable): only `verify` and `verify_asked` make one, so whoever has one has the rule's own finding on
    // live facts, or a person's request for a credential that was read live.
    user: &'a User,
    live: Credential,
    class: ClassName,
    limits: Limits,
    ground: Ground,
}

/// Why a credential may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// It breaks the policy.
    Finding(Finding),
    /// A person asked for it.
    Asked(Forced),
}

impl fmt::Display for Ground {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finding(finding) => finding.fmt(formatter),
            Self::Asked(Forced { by, reason }) => write!(formatter, "{by} asked for it: {reason}"),
        }
    }
}

/// Why a credential does not pass for breaking the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// It does not break it, or does no longer.
    Settled(String),
    /// It cannot be told.
    Unknown(Gap),
}

/// Judges one credential of a user that was read live. Exceptions are not regarded here but guarded: they do not
/// change what breaks the policy.
pub fn verify<'a>(
    judge: Judge,
    user: &'a User,
    credential: &CredentialId,
    policy: &Policy,
    now: Timestamp,
) -> Result<Verified<'a>, Unverified> {
    let live = live_credential(user, credential).map_err(Unverified::Unknown)?;
    let Some(live) = live else {
        return Err(Unverified::Settled(format!("{credential} is gone")));
    };
    let finding = match judge(user, policy, &Exceptions::default(), now) {
        Verdict::Unknown(gap) => return Err(Unverified::Unknown(gap)),
        verdict => verdict.findings().find(|finding| finding.credential() == Some(credential)).cloned(),
    };
    let Some(finding) = finding else {
        return Err(Unverified::Settled(format!("{credential} does not break the policy")));
    };
    verified(user, live, policy, Ground::Finding(finding))
}

/// A credential of a user that was read live, which a person asks to have changed, whether it breaks the policy or not.
pub fn verify_asked<'a>(
    user: &'a User,
    credential: &CredentialId,
    policy: &Policy,
    asked: &Forced,
) -> Result<Verified<'a>, Unverified> {
    let live = live_credential(user, credential).map_err(Unverified::Unknown)?;
    let Some(live) = live else {
        return Err(Unverified::Settled(format!("{credential} is gone")));
    };
    verified(user, live, policy, Ground::Asked(asked.clone()))
}

fn verified<'a>(user: &'a User, live: Credential, policy: &Policy, ground: Ground) -> Result<Verified<'a>, Unverified> {
    let class = policy.class(user).map_err(Unverified::Unknown)?.clone();
    let limits = policy.limits(user, &class, live.id.kind());
    Ok(Verified { user, live, class, limits, ground })
}

impl<'a> Verified<'a> {
    /// Whose it is.
    pub fn user(&self) -> &'a User {
        self.user
    }

    /// The credential as it was read.
    pub fn live(&self) -> &Credential {
        &self.live
    }

    /// The class of its user.
    pub fn class(&self) -> &ClassName {
        &self.class
    }

    /// The limits of its user.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Why it may be changed.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Whether it is a compromise, which is answered whatever its use: somebody made it usable who may not.
    pub fn is_compromise(&self) -> bool {
        self.compromise().is_some()
    }

    /// The event by which somebody made it usable who may not.
    pub fn compromise(&self) -> Option<&Creation> {
        match &self.ground {
            Ground::Finding(Finding { clause: Clause::UnauthorizedCreator { creation, .. }, .. }) => Some(creation),
            Ground::Finding(_) | Ground::Asked(_) => None,
        }
    }

    /// Its id.
    pub fn credential(&self) -> CredentialId {
        self.live.id.clone()
    }
}

/// The credential of this id among those that were listed, or why there is no list.
pub(crate) fn live_credential(user: &User, credential: &CredentialId) -> Result<Option<Credential>, Gap> {
    match user.listing(credential.kind()) {
        Some(Listing::Live(listed)) => Ok(listed.into_iter().find(|found| found.id == *credential)),
        Some(Listing::Unread(gap)) => Err(gap),
        Some(Listing::Reported(_)) | None => {
            Err(Gap::new(GapReason::NotReached, format!("list {}s of `{}`", credential.kind().noun(), user.name)))
        }
    }
}
