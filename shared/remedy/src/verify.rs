//! Whether a live credential breaks the policy: by the rule's own judgement, down to the exact credential.

use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{AccessKey, AccessKeys, Gap, GapReason, User};
use credwarden_policy::class::ClassName;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::limits::Limits;
use credwarden_policy::policy::Policy;
use credwarden_policy::verdict::{Finding, Verdict};
use jiff::Timestamp;

use crate::remedy::Judge;

/// A credential that was read live and breaks the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    // INVARIANT (unforgeable): only `verify` makes one, so whoever has one has the rule's own finding on live facts.
    user: &'a User,
    key: &'a AccessKey,
    class: ClassName,
    limits: Limits,
    finding: Finding,
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
    if credential.kind() != CredentialKind::AccessKey {
        let kind = credential.kind().noun();
        return Err(Unverified::Settled(format!("{credential}: only access keys are acted on, and it is a {kind}")));
    }
    let key = live_key(user, credential).map_err(Unverified::Unknown)?;
    let Some(key) = key else {
        return Err(Unverified::Settled(format!("{credential} is gone")));
    };
    let finding = match judge(user, policy, &Exceptions::default(), now) {
        Verdict::Unknown(gap) => return Err(Unverified::Unknown(gap)),
        verdict => verdict.findings().find(|finding| finding.credential() == Some(credential)).cloned(),
    };
    let Some(finding) = finding else {
        return Err(Unverified::Settled(format!("{credential} does not break the policy")));
    };
    let class = policy.class(user).map_err(Unverified::Unknown)?.clone();
    let limits = policy.limits(user, &class, credential.kind());
    Ok(Verified { user, key, class, limits, finding })
}

impl<'a> Verified<'a> {
    /// Whose it is.
    pub fn user(&self) -> &'a User {
        self.user
    }

    /// The key as it was read.
    pub fn key(&self) -> &'a AccessKey {
        self.key
    }

    /// The class of its user.
    pub fn class(&self) -> &ClassName {
        &self.class
    }

    /// The limits of its user.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What it breaks.
    pub fn finding(&self) -> &Finding {
        &self.finding
    }

    /// Its id.
    pub fn credential(&self) -> CredentialId {
        CredentialId::AccessKey(self.key.id.clone())
    }
}

/// The key of this id among those that were listed, or why there is no list.
pub(crate) fn live_key<'a>(user: &'a User, credential: &CredentialId) -> Result<Option<&'a AccessKey>, Gap> {
    let CredentialId::AccessKey(id) = credential else {
        return Err(Gap::new(
            GapReason::NotReached,
            format!("read {credential} of `{}`: only access keys are", user.name),
        ));
    };
    Ok(live_keys(user)?.iter().find(|key| key.id == *id))
}

pub(crate) fn live_keys(user: &User) -> Result<&[AccessKey], Gap> {
    match &user.access_keys {
        AccessKeys::Live(keys) => Ok(keys),
        AccessKeys::Unread(gap) => Err(gap.clone()),
        AccessKeys::Reported { .. } => {
            Err(Gap::new(GapReason::NotReached, format!("list access keys of `{}`", user.name)))
        }
    }
}
