//! Whose approval counts, and when two principals may be one person.
//!
//! The automation's record names principals by ARNs, and people only by the sessions of roles. A session counts as its role:
//! whoever may take on a role chooses the session's name. So two sessions of one role are one person here, unless the policy
//! itself names the approver's session, `arn:*:sts::*:assumed-role/<role>/<session>`, without a wildcard in its name: which it
//! should for roles only whose sessions somebody else names, such as those of IAM Identity Center.

use crate::class::matches;
use crate::policy::Policy;

/// Who must not be one person with whoever approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties<'a> {
    /// The ARN of who asks, where the automation's record says it.
    pub requester: Option<&'a str>,
    /// Who answers for what is asked, however that is written.
    pub owner: Option<&'a str>,
    /// The ARN of the user whose credential it is about, where there is one.
    pub user: Option<&'a str>,
}

/// Why an approval does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The policy does not name whoever approved.
    NotNamed,
    /// It is who asks, or may be.
    Requester,
    /// It is who answers for it, or may be.
    Owner,
    /// It is the user itself.
    User,
}

/// Why nothing is approved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NotApproved {
    /// The record does not say who asks, so nobody can be told from them.
    #[error("the automation's record does not say who asks")]
    RequesterUnknown,
    /// Whoever answers for it does not ask.
    #[error("`{0}` asks for it and answers for it; somebody else must ask")]
    RequesterIsOwner(String),
    /// The user itself does not ask.
    #[error("`{0}` asks for it and is the user itself; somebody else must ask")]
    RequesterIsUser(String),
    /// Nobody has approved.
    #[error("nobody has approved it")]
    ByNobody,
    /// Somebody has approved whom the policy does not name.
    #[error("the policy does not name `{0}` as an approver")]
    NotAnApprover(String),
    /// Whoever asks may not approve. Two sessions of a role may be one person.
    #[error("`{0}` asks for it, or may be who does; somebody else must approve it")]
    ApproverIsRequester(String),
    /// Whoever answers for it may not approve.
    #[error("`{0}` answers for it; somebody else must approve it")]
    ApproverIsOwner(String),
    /// A user may not approve what is about its own credentials.
    #[error("`{0}` is the user itself; somebody else must approve it")]
    ApproverIsUser(String),
}

impl Policy {
    /// Who asks and whose approval counts: the first of `approvers` whom the policy names and who is none of the others.
    ///
    /// # Errors
    /// All that is wrong with it, in order.
    pub fn approval<'a>(
        &self,
        approvers: &'a [String],
        parties: Parties<'a>,
    ) -> Result<(&'a str, &'a str), Vec<NotApproved>> {
        let Parties { requester, owner, user } = parties;
        let may_be = |one: &str, other: Option<&str>| other.is_some_and(|other| self.may_be_one_person(one, other));
        let mut reasons = Vec::new();
        match requester {
            None => reasons.push(NotApproved::RequesterUnknown),
            Some(requester) if may_be(requester, owner) => {
                reasons.push(NotApproved::RequesterIsOwner(requester.to_owned()));
            }
            Some(requester) if may_be(requester, user) => {
                reasons.push(NotApproved::RequesterIsUser(requester.to_owned()));
            }
            Some(_) => {}
        }
        let refused = |approver: &String| {
            let of = match self.unfit(approver, parties)? {
                Unfit::NotNamed => NotApproved::NotAnApprover,
                Unfit::Requester => NotApproved::ApproverIsRequester,
                Unfit::Owner => NotApproved::ApproverIsOwner,
                Unfit::User => NotApproved::ApproverIsUser,
            };
            Some(of(approver.clone()))
        };
        let approver = approvers.iter().find(|approver| refused(approver).is_none());
        if approver.is_none() {
            reasons.extend(approvers.iter().filter_map(refused));
            if approvers.is_empty() {
                reasons.push(NotApproved::ByNobody);
            }
        }
        match (requester, approver) {
            (Some(requester), Some(approver)) if reasons.is_empty() => Ok((requester, approver)),
            _ => {
                reasons.sort();
                Err(reasons)
            }
        }
    }

    /// Why an approval by `approver` does not count; `None`: it does.
    pub fn unfit(&self, approver: &str, parties: Parties<'_>) -> Option<Unfit> {
        let Parties { requester, owner, user } = parties;
        let may_be = |other: Option<&str>| other.is_some_and(|other| self.may_be_one_person(approver, other));
        if !self.counts_approval_of(approver) {
            Some(Unfit::NotNamed)
        } else if may_be(requester) {
            Some(Unfit::Requester)
        } else if may_be(owner) {
            Some(Unfit::Owner)
        } else if may_be(user) {
            Some(Unfit::User)
        } else {
            None
        }
    }

    /// Whether the policy counts this principal's approvals. A session counts as its role, whose path its ARN does not tell.
    pub fn counts_approval_of(&self, arn: &str) -> bool {
        self.document()
            .approvers
            .iter()
            .any(|pattern| matches(pattern, arn) || Role::of_session(arn).is_some_and(|role| role.is_named_by(pattern)))
    }

    /// Whether `approver` may be the person who is known as `other`: a principal's ARN, its name, or a mail address.
    pub fn may_be_one_person(&self, approver: &str, other: &str) -> bool {
        if approver.eq_ignore_ascii_case(other) {
            return true;
        }
        if !other.starts_with("arn:") {
            return name(approver).eq_ignore_ascii_case(name(other));
        }
        match (Role::of(approver), Role::of(other)) {
            (Some(one), Some(another)) if one == another => !self.names_session(approver) || !is_session(other),
            _ => false,
        }
    }

    /// Whether the policy names the very session as an approver.
    fn names_session(&self, arn: &str) -> bool {
        let names_it = |pattern: &&String| {
            let session = pattern.rsplit('/').next().unwrap_or_default();
            is_session(pattern) && !session.contains(['*', '?']) && matches(pattern, arn)
        };
        self.document().approvers.iter().any(|pattern| names_it(&pattern))
    }
}

/// A role of an account, by its name: IAM has no two that differ in their paths alone.
#[derive(Debug, PartialEq, Eq)]
struct Role<'a> {
    partition: &'a str,
    account: &'a str,
    name: &'a str,
}

impl<'a> Role<'a> {
    /// The role of a session, or the role itself.
    fn of(arn: &'a str) -> Option<Self> {
        Self::of_session(arn).or_else(|| {
            let (partition, account, resource) = parts(arn, "iam")?;
            Some(Self { partition, account, name: resource.strip_prefix("role/")?.rsplit('/').next()? })
        })
    }

    fn of_session(arn: &'a str) -> Option<Self> {
        let (partition, account, resource) = parts(arn, "sts")?;
        let (name, _) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
        Some(Self { partition, account, name })
    }

    /// Whether a pattern names the role. One without a wildcard in path and name does whatever the path.
    fn is_named_by(&self, pattern: &str) -> bool {
        let Self { partition, account, name } = self;
        let arn = format!("arn:{partition}:iam::{account}:role/{name}");
        let Some((before, resource)) = pattern.split_once(":role/") else { return false };
        match resource.rsplit('/').next() {
            Some(last) if !resource.contains(['*', '?']) => matches(&format!("{before}:role/{last}"), &arn),
            _ => matches(pattern, &arn),
        }
    }
}

/// Partition, account and resource of a service's ARN.
fn parts<'a>(arn: &'a str, service: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let mut parts = arn.splitn(6, ':');
    let (head, partition, of) = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    (head == "arn" && of == service).then_some((partition, account, resource))
}

fn is_session(arn: &str) -> bool {
    parts(arn, "sts").is_some_and(|(_, _, resource)| resource.starts_with("assumed-role/"))
}

/// By what people know a principal: the name of a user, a session or a role, or what a mail address has before its `@`.
fn name(text: &str) -> &str {
    let last = text.rsplit('/').next().unwrap_or(text);
    last.split_once('@').map_or(last, |(before, _)| before)
}
