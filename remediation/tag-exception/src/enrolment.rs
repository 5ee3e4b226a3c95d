//! Enrolments: whose new access keys come into which secret. Whoever may read the secret gets the key, so it is approved like
//! an exception, and what is approved is exactly this secret with this resource policy and this retriever.

use credwarden_credential::id::{Arn, UserId};
use credwarden_policy::enrolment::{Enrolment, EnrolmentChange, PolicyDigest, SecretArn};
use credwarden_policy::policy::Policy;
use jiff::Timestamp;

use crate::approver;

/// A change of an enrolment as it is asked for; what is not given is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whose.
    pub user: UserId,
    /// Into which secret.
    pub secret: Option<SecretArn>,
    /// Who fetches the keys there.
    pub retriever: Option<Arn>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why.
    pub justification: Option<String>,
    /// The ARN of who asks.
    pub requester: Option<String>,
    /// The ARNs of those who approved, whoever they are.
    pub approvers: Vec<String>,
    /// The execution's id.
    pub execution: String,
}

/// What is read to decide.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The enrolment that the ledger holds.
    pub before: Option<&'a Enrolment>,
    /// The user's ARN; `None`: it was deleted.
    pub user: Option<&'a Arn>,
    /// The secret's resource policy, if it has one; `None`: there is no such secret.
    pub secret: Option<Option<&'a PolicyDigest>>,
    /// Whose keys come into the secret already.
    pub taken_by: Option<&'a UserId>,
    /// The path under which users may be enrolled.
    pub enrolled_path: &'a str,
    /// How the names of the deployment, and of its secrets, begin.
    pub prefix: &'a str,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The ARN of whose approval counts, where one is needed.
    pub approver: Option<String>,
    /// The enrolment as it shall be; withdrawn, there is none.
    pub after: Option<Enrolment>,
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// It is refused as an exception would be.
    #[error(transparent)]
    Asking(#[from] crate::Refusal),
    /// There is nobody to enrol.
    #[error("the user was deleted")]
    UserGone,
    /// No secret is named.
    #[error("no secret is named; write its whole ARN as `Secret`")]
    NoSecret,
    /// Roles of the deployment reach no other secrets.
    #[error("the name of secret `{secret}` does not begin with `{prefix}/`, and no other secret can be used")]
    SecretName {
        /// The secret.
        secret: SecretArn,
        /// How it has to begin.
        prefix: String,
    },
    /// There is no such secret.
    #[error("there is no secret {0}, or it is about to be deleted; create it first")]
    SecretGone(SecretArn),
    /// Two users' keys in one secret would drive each other out.
    #[error("the keys of {0} come into that secret; every user needs one of its own")]
    SecretTaken(UserId),
    /// Nobody is named who fetches the keys.
    #[error("no retriever is named; write the ARN of the role or the user that fetches the keys as `Retriever`")]
    NoRetriever,
    /// What fetches has to be told from everybody else.
    #[error("`{0}` is the ARN of neither a role nor a user")]
    RetrieverUnknown(Arn),
    /// A user that fetches its own key needs the old one to do so.
    #[error("`{0}` is the user itself, which needs its old key to fetch the new one; a role must fetch it")]
    RetrieverIsUser(Arn),
    /// Roles of the deployment create keys of no other users.
    #[error("`{user}` does not lie under the path `{path}`, and only users there can be enrolled")]
    OutsidePath {
        /// The user.
        user: Arn,
        /// The path.
        path: String,
    },
    /// The policy protects the user.
    #[error("the policy protects `{0}`")]
    Protected(String),
    /// There is nothing to withdraw.
    #[error("the user is not enrolled")]
    NotEnrolled,
}

/// Decides on a change of an enrolment.
///
/// # Errors
/// All that is wrong with it.
pub fn decide(
    asked: &Asked,
    change: EnrolmentChange,
    facts: &Facts<'_>,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Vec<Refusal>> {
    let mut refusals = Vec::new();
    if asked.justification.is_none() {
        refusals.push(crate::Refusal::NoJustification.into());
    }
    if change == EnrolmentChange::Withdraw {
        if facts.before.is_none() {
            refusals.push(Refusal::NotEnrolled);
        }
        // It only takes away, so anybody who may start the document may.
        return if refusals.is_empty() { Ok(Decision { approver: None, after: None }) } else { Err(refusals) };
    }
    let owner = asked.owner.as_deref();
    match (owner, &asked.requester) {
        (None, _) => refusals.push(crate::Refusal::NoOwner.into()),
        (_, None) => refusals.push(crate::Refusal::RequesterUnknown.into()),
        (Some(owner), Some(requester)) if policy.may_be_one_person(requester, owner) => {
            refusals.push(crate::Refusal::RequesterIsOwner(requester.clone()).into());
        }
        _ => {}
    }
    refusals.extend(of_user(facts, policy));
    refusals.extend(of_secret(asked, facts));
    refusals.extend(of_retriever(asked, facts));
    let requester = asked.requester.as_deref();
    let approver = approver(&asked.approvers, requester, owner, facts.user, policy);
    let approver = approver.map_err(|why| refusals.extend(why.into_iter().map(Refusal::from))).ok();
    match (approver, owner, &asked.secret, &asked.retriever, requester, &asked.justification) {
        (Some(approver), Some(owner), Some(secret), Some(retriever), Some(by), Some(justification))
            if refusals.is_empty() =>
        {
            let enrolment = Enrolment {
                user: asked.user.clone(),
                secret: secret.clone(),
                retriever: retriever.clone(),
                resource_policy: facts.secret.flatten().cloned(),
                owner: owner.to_owned(),
                by: by.to_owned(),
                approver: approver.to_owned(),
                justification: justification.clone(),
                at: now,
                execution: asked.execution.clone(),
            };
            Ok(Decision { approver: Some(approver.to_owned()), after: Some(enrolment) })
        }
        _ => {
            refusals.sort();
            Err(refusals)
        }
    }
}

fn of_user(facts: &Facts<'_>, policy: &Policy) -> Vec<Refusal> {
    let Some(user) = facts.user else { return vec![Refusal::UserGone] };
    let path = facts.enrolled_path;
    let is_under = resource(user).strip_prefix("user").is_some_and(|name| name.starts_with(path));
    let outside = (!is_under).then(|| Refusal::OutsidePath { user: user.clone(), path: path.to_owned() });
    let protected = policy.protects(user).map(|pattern| Refusal::Protected(pattern.to_owned()));
    outside.into_iter().chain(protected).collect()
}

/// Whether the deployment's roles reach a secret: its name says so.
pub(crate) fn is_ours(secret: &SecretArn, prefix: &str) -> bool {
    secret.name().strip_prefix(prefix).is_some_and(|name| name.starts_with('/'))
}

fn of_secret(asked: &Asked, facts: &Facts<'_>) -> Vec<Refusal> {
    let Some(secret) = &asked.secret else { return vec![Refusal::NoSecret] };
    let prefix = facts.prefix;
    if !is_ours(secret, prefix) {
        return vec![Refusal::SecretName { secret: secret.clone(), prefix: prefix.to_owned() }];
    }
    let gone = facts.secret.is_none().then(|| Refusal::SecretGone(secret.clone()));
    let taken = facts.taken_by.filter(|user| **user != asked.user).cloned().map(Refusal::SecretTaken);
    gone.into_iter().chain(taken).collect()
}

fn of_retriever(asked: &Asked, facts: &Facts<'_>) -> Option<Refusal> {
    let Some(retriever) = &asked.retriever else { return Some(Refusal::NoRetriever) };
    let is_named = ["role/", "user/"].iter().any(|kind| resource(retriever).starts_with(kind));
    if !is_named || retriever.as_str().split(':').nth(2) != Some("iam") || retriever.as_str().contains(['*', '?']) {
        return Some(Refusal::RetrieverUnknown(retriever.clone()));
    }
    (facts.user == Some(retriever)).then(|| Refusal::RetrieverIsUser(retriever.clone()))
}

/// What an ARN names within its account.
fn resource(arn: &Arn) -> &str {
    arn.as_str().splitn(6, ':').last().unwrap_or_default()
}
