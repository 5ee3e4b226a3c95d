//! Executions that failed, and AWS Config's own exceptions that may follow from them.

use credwarden_credential::id::UserId;
use credwarden_policy::remedy::RuleName;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ledger::{Ledger, LedgerError, attributes, body};
use crate::pass;
use crate::record;
use crate::request::Document;
use crate::table::{Action, Attributes, Condition, EXPIRES_AT, Key, Query, Table, Write};

/// How long a failure is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The last failed execution of a document on a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The document.
    pub document: Document,
    /// The execution.
    pub execution: String,
    /// When.
    pub at: Timestamp,
    /// What went wrong.
    pub message: String,
}

/// AWS Config leaves a user out of a rule's remediation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemediationException {
    /// The user.
    pub user: UserId,
    /// When the schedule saw it first.
    pub first_seen: Timestamp,
    /// Whose it is, decided then. AWS does not tell.
    pub whose: Whose,
}

/// Whose a remediation exception is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// AWS Config wrote it when executions failed.
    Config,
    /// Somebody wrote it.
    Somebody,
}

impl<T: Table> Ledger<T> {
    /// Notes a failed execution, in place of the one before.
    pub async fn note_failure(&self, user: &UserId, failure: &Failure) -> Result<(), LedgerError> {
        let key = failure_key(user, failure.document);
        let mut set: Attributes = [body(failure, &key)?].into();
        let kept_until = failure.at.checked_add(KEPT).unwrap_or(Timestamp::MAX).as_second();
        set.extend(attributes([(EXPIRES_AT, kept_until.into())]));
        let write = Write { key, condition: Condition::none(), action: Action::Add("count", 1, set) };
        self.write_one(write, &format!("note that `{}` failed on `{user}`", failure.document)).await
    }

    /// The last failed execution of `document` on `user`.
    pub async fn failure(&self, user: &UserId, document: Document) -> Result<Option<Failure>, LedgerError> {
        let item =
            self.get(&failure_key(user, document), &format!("read failures of `{document}` on `{user}`")).await?;
        item.as_ref().map(crate::table::Item::body).transpose()
    }

    /// The remediation exceptions of `rule` that were seen before.
    pub async fn remediation_exceptions(&self, rule: RuleName) -> Result<Vec<RemediationException>, LedgerError> {
        let query = Query::Prefix { pk: pass::partition(rule), prefix: SK.to_owned() };
        let items = self.query(&query, &format!("read the remediation exceptions of `{rule}`")).await?;
        items.iter().map(crate::table::Item::body).collect()
    }

    /// Notes a remediation exception of `rule`.
    pub async fn note_remediation_exception(
        &self,
        rule: RuleName,
        exception: &RemediationException,
    ) -> Result<(), LedgerError> {
        let key = remediation_exception_key(rule, &exception.user);
        let put = [body(exception, &key)?].into();
        let write = Write { key, condition: Condition::none(), action: Action::Put(put) };
        self.write_one(write, &format!("note the remediation exception of `{}`", exception.user)).await
    }

    /// Forgets a remediation exception of `rule` that is no more.
    pub async fn forget_remediation_exception(&self, rule: RuleName, user: &UserId) -> Result<(), LedgerError> {
        let key = remediation_exception_key(rule, user);
        let write = Write { key, condition: Condition::none(), action: Action::Delete };
        self.write_one(write, &format!("forget the remediation exception of `{user}`")).await
    }
}

fn failure_key(user: &UserId, document: Document) -> Key {
    Key::new(record::partition(user), format!("FAILURE#{document}"))
}

fn remediation_exception_key(rule: RuleName, user: &UserId) -> Key {
    Key::new(pass::partition(rule), format!("{SK}{user}"))
}

const SK: &str = "REMEDIATION-EXCEPTION#";
