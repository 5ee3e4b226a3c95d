//! What was asked of a remedy, and by whom.

use std::fmt;
use std::str::FromStr;

use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_policy::remedy::{RemedyName, RuleName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an SSM document of the deployment is for. Its name there is `<prefix>-<this>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Document {
    /// Answers the findings of a rule on one user.
    Rule(RuleName),
    /// Undoes a remedy on one credential.
    Undo(RemedyName),
    /// Says that nothing needs an access key any more that is being rotated.
    AcknowledgeRotation,
    /// Has one access key of a user rotated, or all of them, whatever their age.
    ForceRotation,
    /// Approves what was announced of one credential.
    Approve,
}

/// A text that names no document of the deployment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no document of this deployment")]
pub struct UnknownDocument(pub String);

impl Document {
    /// All documents of a deployment.
    pub fn all() -> impl Iterator<Item = Self> {
        let rules = RuleName::ALL.iter().copied().map(Self::Rule);
        let undos = RemedyName::of_findings().map(Self::Undo);
        rules.chain(undos).chain([Self::AcknowledgeRotation, Self::ForceRotation, Self::Approve])
    }

    /// The remedy whose function the document invokes first.
    pub fn remedy(self) -> RemedyName {
        match self {
            Self::Rule(RuleName::AccessKeyAge | RuleName::UnusedCredentials | RuleName::UnauthorizedKeyCreation) => {
                RemedyName::DeactivateCredential
            }
            Self::Undo(remedy) => remedy,
            // Whichever remedy acts in the end, one function writes approvals down.
            Self::Approve => RemedyName::DeactivateCredential,
            Self::AcknowledgeRotation | Self::ForceRotation => RemedyName::RotateKey,
        }
    }

    /// The document's name in the deployment with this prefix.
    pub fn name(self, prefix: &str) -> String {
        format!("{prefix}-{self}")
    }

    /// The document of this name in the deployment with this prefix.
    pub fn named(name: &str, prefix: &str) -> Result<Self, UnknownDocument> {
        name.strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|rest| rest.parse().ok())
            .ok_or_else(|| UnknownDocument(name.to_owned()))
    }
}

impl fmt::Display for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => rule.fmt(formatter),
            Self::Undo(remedy) => write!(formatter, "undo-{remedy}"),
            Self::AcknowledgeRotation => formatter.write_str("acknowledge-rotation"),
            Self::ForceRotation => formatter.write_str("force-rotation"),
            Self::Approve => formatter.write_str("approve"),
        }
    }
}

impl FromStr for Document {
    type Err = UnknownDocument;

    fn from_str(text: &str) -> Result<Self, UnknownDocument> {
        Self::all().find(|document| document.to_string() == text).ok_or_else(|| UnknownDocument(text.to_owned()))
    }
}

impl TryFrom<String> for Document {
    type Error = UnknownDocument;

    fn try_from(text: String) -> Result<Self, UnknownDocument> {
        text.parse()
    }
}

impl From<Document> for String {
    fn from(document: Document) -> Self {
        document.to_string()
    }
}

/// What was asked, as `ssm:GetAutomationExecution` tells it. The first request of a piece of work stays with it,
/// whoever goes on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The document that was executed.
    pub document: Document,
    /// On whom.
    pub user: UserId,
    /// On which credential; a rule's document is for all of the user's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential: Option<CredentialId>,
    /// Why, where its document asks for a reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The ARN of who executed it.
    pub requester: String,
    /// When that execution began, in whole seconds: whoever goes on with it says nothing anew. `None`: that was not kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked: Option<Timestamp>,
    /// The ARNs of those who approved it in the same execution.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub approvers: Vec<String>,
    /// The execution's id.
    pub execution: String,
}

impl Request {
    /// Whether both ask for the same of the same.
    pub fn same_errand(&self, other: &Self) -> bool {
        self.document == other.document && self.user == other.user && self.credential == other.credential
    }

    /// The same request, asked by whoever had asked for the same before: the schedule, which starts a document again,
    /// neither asks for it nor approves it.
    #[must_use]
    pub(crate) fn on_behalf_of(&self, earlier: &Self) -> Self {
        if self.approvers.is_empty() {
            let Self { requester, asked, approvers, .. } = earlier.clone();
            Self { requester, asked, approvers, ..self.clone() }
        } else {
            self.clone()
        }
    }
}

/// One invocation of a remedy: the execution and what tells its invocations apart, for SSM may invoke twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_known_by_the_names_of_the_deployment_only() {
        let age = Document::Rule(RuleName::AccessKeyAge);
        let undo = Document::Undo(RemedyName::DeactivateCredential);
        assert_eq!(age.name("credwarden"), "credwarden-access-key-age");
        assert_eq!(undo.name("credwarden"), "credwarden-undo-deactivate-credential");
        assert_eq!(Document::named("credwarden-access-key-age", "credwarden"), Ok(age));
        assert_eq!(Document::named("credwarden-undo-deactivate-credential", "credwarden"), Ok(undo));
        for (document, name) in [
            (Document::AcknowledgeRotation, "credwarden-acknowledge-rotation"),
            (Document::ForceRotation, "credwarden-force-rotation"),
            (Document::Approve, "credwarden-approve"),
        ] {
            assert_eq!(document.name("credwarden"), name);
            assert_eq!(Document::named(name, "credwarden"), Ok(document));
        }
        for foreign in ["credwardenaccess-key-age", "other-access-key-age", "credwarden-deactivate-credential", ""] {
            assert!(Document::named(foreign, "credwarden").is_err(), "{foreign}");
        }
    }
}
