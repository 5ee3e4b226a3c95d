//! What is asked, as the automation's own record tells it.

use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_policy::enrolment::{ENROL_USER, EnrolmentChange};
use credwarden_policy::exception::{Change, HoldChange};
use credwarden_policy::remedy::{RemedyName, RuleName};
use credwarden_remedy::ssm::{Execution, ExecutionStatus};
use jiff::Timestamp;

use crate::{enrolment, hold};

/// What an execution of the document asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A change of an exception.
    Change(Change, Asked),
    /// A hold, or its end.
    Hold(HoldChange, hold::Asked),
    /// A change of an enrolment.
    Enrolment(EnrolmentChange, enrolment::Asked),
    /// That the user's tags show the exceptions that the ledger holds, and no others: what the schedule asks.
    Mirror(UserId),
}

/// A change of an exception as it is asked for; what is not given is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whose exception.
    pub user: UserId,
    /// From which rule.
    pub rule: RuleName,
    /// For which credential, or all of the user's.
    pub credential: Option<CredentialId>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why.
    pub justification: Option<String>,
    /// The last instant at which it holds, in whole seconds.
    pub until: Option<Timestamp>,
    /// The ARN of who asks.
    pub requester: Option<String>,
    /// The ARNs of those who approved, whoever they are.
    pub approvers: Vec<String>,
    /// The execution's id.
    pub execution: String,
}

/// Why an invocation is none of this function's. Nothing can have been asked by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// Another document runs.
    #[error(
        "execution `{execution}` runs document `{document}`, which is not this deployment's for exceptions or enrolments"
    )]
    Document {
        /// The execution.
        execution: String,
        /// The document.
        document: String,
    },
    /// The execution is over: its id was used again.
    #[error("execution `{execution}` is not under way but `{status}`; start the document again")]
    NotUnderWay {
        /// The execution.
        execution: String,
        /// Its status.
        status: String,
    },
}

/// A parameter whose value is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}` has no value that can be read: {why}")]
pub struct Unreadable {
    /// The parameter.
    pub name: &'static str,
    /// What is wrong.
    pub why: String,
}

/// The value that stands for none: parameters of documents cannot be left out.
const NONE: &str = "none";

/// The value of `CredentialId` that stands for all of a user's credentials.
const ALL: &str = "all";

/// The value of `Operation` by which the schedule asks for tags.
const MIRROR: &str = "mirror";

/// A document of this function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// That for exceptions and holds.
    Exceptions,
    /// That for enrolments.
    Enrolments,
}

/// Which of its documents the execution runs in the deployment with this prefix, if it is under way.
///
/// # Errors
/// It runs none of them, or is over.
pub fn check(execution: &Execution, prefix: &str) -> Result<Document, Foreign> {
    let name = execution.document_name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    let document = match name {
        Some(name) if name == RemedyName::TagException.as_str() => Some(Document::Exceptions),
        Some(ENROL_USER) => Some(Document::Enrolments),
        _ => None,
    };
    let Some(document) = document else {
        let (execution, document) = (execution.id.clone(), execution.document_name.clone());
        return Err(Foreign::Document { execution, document });
    };
    match &execution.status {
        ExecutionStatus::UnderWay => Ok(document),
        ExecutionStatus::Other(status) => {
            Err(Foreign::NotUnderWay { execution: execution.id.clone(), status: status.clone() })
        }
    }
}

impl Request {
    /// Reads what an execution of a document asks.
    ///
    /// # Errors
    /// The first parameter that cannot be read.
    pub fn read(execution: &Execution, document: Document) -> Result<Self, Unreadable> {
        match document {
            Document::Exceptions => Self::of_exceptions(execution),
            Document::Enrolments => Self::of_enrolments(execution),
        }
    }

    fn of_enrolments(execution: &Execution) -> Result<Self, Unreadable> {
        let given = |name| optional(execution, name).map(|text| text.map(str::to_owned));
        let asked = enrolment::Asked {
            user: parsed(execution, "ResourceId")?,
            secret: optional(execution, "Secret")?.map(|_| parsed(execution, "Secret")).transpose()?,
            retriever: optional(execution, "Retriever")?.map(|_| parsed(execution, "Retriever")).transpose()?,
            owner: given("Owner")?,
            justification: given("Justification")?,
            requester: execution.executed_by.clone().filter(|arn| !arn.is_empty()),
            approvers: execution.approvers.clone(),
            execution: execution.id.clone(),
        };
        Ok(Self::Enrolment(parsed(execution, "Operation")?, asked))
    }

    fn of_exceptions(execution: &Execution) -> Result<Self, Unreadable> {
        let user = parsed(execution, "ResourceId")?;
        let operation = value(execution, "Operation")?;
        if operation == MIRROR {
            return Ok(Self::Mirror(user));
        }
        let credential = match value(execution, "CredentialId")? {
            ALL => None,
            _ => Some(parsed(execution, "CredentialId")?),
        };
        let justification = optional(execution, "Justification")?.map(str::to_owned);
        let until = optional(execution, "Until")?.map(until).transpose()?;
        let requester = execution.executed_by.clone().filter(|arn| !arn.is_empty());
        if let Ok(change) = operation.parse() {
            return Ok(Self::Hold(change, hold::Asked { user, credential, justification, until, requester }));
        }
        let change = parsed(execution, "Operation")?;
        let asked = Asked {
            user,
            rule: parsed(execution, "Rule")?,
            credential,
            owner: optional(execution, "Owner")?.map(str::to_owned),
            justification,
            until,
            requester,
            approvers: execution.approvers.clone(),
            execution: execution.id.clone(),
        };
        Ok(Self::Change(change, asked))
    }
}

/// A date means its last second in UTC; a time its whole second, for the ledger keeps no less.
fn until(text: &str) -> Result<Timestamp, Unreadable> {
    let end_of_day = || format!("{text}T23:59:59Z").parse::<Timestamp>().ok();
    let time = text.parse::<Timestamp>().ok().or_else(end_of_day);
    let whole = time.and_then(|time| Timestamp::from_second(time.as_second()).ok());
    whole.ok_or_else(|| Unreadable { name: "Until", why: format!("`{text}` is neither a date nor a time") })
}

fn optional<'a>(execution: &'a Execution, name: &'static str) -> Result<Option<&'a str>, Unreadable> {
    value(execution, name).map(|value| Some(value).filter(|value| *value != NONE))
}

fn parsed<V: std::str::FromStr<Err: std::fmt::Display>>(
    execution: &Execution,
    name: &'static str,
) -> Result<V, Unreadable> {
    value(execution, name)?.parse().map_err(|error: V::Err| Unreadable { name, why: error.to_string() })
}

fn value<'a>(execution: &'a Execution, name: &'static str) -> Result<&'a str, Unreadable> {
    match execution.parameters.get(name).map(Vec::as_slice).unwrap_or_default() {
        [value] => Ok(value.as_str()),
        values => Err(Unreadable { name, why: format!("it has {} values", values.len()) }),
    }
}
