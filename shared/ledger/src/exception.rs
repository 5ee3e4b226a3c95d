//! Exceptions: who asked for them and who approved, what they were before and after, and what their users' tags owe them.
//!
//! An exception is one item for a user, a rule and a credential. Each change of it is one transaction: the item in place of
//! the one that was read, an act with the evidence, which nobody changes, and a note that the user's tags are to follow. The
//! execution that asked names the act, so the same execution changes nothing twice.

use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_policy::exception::{Change, Exception};
use credwarden_policy::remedy::RuleName;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::due;
use crate::ledger::{BODY, Ledger, LedgerError, attributes, body, failed};
use crate::notice::{Notice, telling};
use crate::record::{exception_key, kept, partition};
use crate::table::{
    Action, Attributes, Clause, Condition, DUE, EXPIRES_AT, Item, Key, OPEN, Query, Table, TableError, Value, Write,
};

/// How long tags may follow a change before the schedule sees to them: longer than an invocation lasts.
const TAGS_FOLLOW_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// A change of an exception, with the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionAct {
    /// What was done.
    pub change: Change,
    /// The execution that asked for it.
    pub execution: String,
    /// The ARN of who started the execution.
    pub requester: String,
    /// The ARN of who approved it, where that was needed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approver: Option<String>,
    /// Why, in the requester's words.
    pub justification: String,
    /// When.
    pub at: Timestamp,
    /// Whose exception.
    pub user: UserId,
    /// From which rule.
    pub rule: RuleName,
    /// For which credential, or all of the user's.
    pub credential: Option<CredentialId>,
    /// The exception before, also one that had ended.
    pub before: Option<Exception>,
    /// The exception after.
    pub after: Option<Exception>,
}

/// An exception as the ledger holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it says.
    pub exception: Exception,
    item: Item,
}

impl Entry {
    fn read(item: Item) -> Result<Self, LedgerError> {
        Ok(Self { exception: item.body()?, item })
    }

    /// Whether somebody was told that it will end.
    pub fn is_announced(&self) -> bool {
        self.item.attributes.contains_key(ANNOUNCED)
    }

    /// It is as it was read.
    fn unchanged(&self) -> Vec<Clause> {
        let body = self.item.attributes.get(BODY).cloned();
        body.map(|body| Clause::Is(BODY, body)).into_iter().collect()
    }
}

impl<T: Table> Ledger<T> {
    /// The exception of a user from a rule for a credential, or for all; it may have ended.
    pub async fn exception(
        &self,
        user: &UserId,
        rule: RuleName,
        credential: Option<&CredentialId>,
    ) -> Result<Option<Entry>, LedgerError> {
        let key = exception_key(user, rule, credential);
        let item = self.get(&key, &format!("read the exception of `{user}` from `{rule}`")).await?;
        item.map(Entry::read).transpose()
    }

    /// What an execution has changed already.
    pub async fn exception_act(&self, user: &UserId, execution: &str) -> Result<Option<ExceptionAct>, LedgerError> {
        let doing = format!("read what execution `{execution}` has changed");
        self.get(&act_key(user, execution), &doing).await?.as_ref().map(Item::body).transpose()
    }

    /// All changes of a user's exceptions, oldest first.
    pub async fn exception_acts(&self, user: &UserId) -> Result<Vec<ExceptionAct>, LedgerError> {
        let query = Query::Prefix { pk: partition(user), prefix: ACT.to_owned() };
        let items = self.query(&query, &format!("read the changes of exceptions of `{user}`")).await?;
        let mut acts = items.iter().map(Item::body).collect::<Result<Vec<ExceptionAct>, _>>()?;
        acts.sort_by_key(|act| act.at);
        Ok(acts)
    }

    /// Changes an exception that is as it was read. The same act again changes nothing.
    pub async fn change_exception(&self, act: &ExceptionAct, seen: Option<&Entry>) -> Result<(), LedgerError> {
        let ExceptionAct { change, execution, user, rule, credential, at, before, after, .. } = act;
        let key = exception_key(user, *rule, credential.as_ref());
        let ends = after.iter().chain(before).map(|exception| exception.until).max();
        let action = match after {
            Some(exception) => {
                let mut put: Attributes = [body(exception, &key)?].into();
                put.extend(attributes([
                    (OPEN, due::EXCEPTION.into()),
                    (DUE, exception.until.as_second().into()),
                    (EXPIRES_AT, kept(exception.until).into()),
                ]));
                Action::Put(put)
            }
            None => Action::Delete,
        };
        // INVARIANT (one writer): a change is decided on what was read, and made only while that stands.
        let condition = seen.map_or_else(Condition::absent, |seen| Condition::all(seen.unchanged()));
        let act_key = act_key(user, execution);
        let mut evidence: Attributes = [body(act, &act_key)?].into();
        evidence.extend(attributes([(EXPIRES_AT, kept(ends.unwrap_or(*at).max(*at)).into())]));
        let writes = [
            Write { key, condition, action },
            Write { key: act_key, condition: Condition::absent(), action: Action::Put(evidence) },
            owing(user, execution, *at),
        ];
        let doing = format!("{change} the exception of `{user}` from `{rule}`");
        match self.write(&writes).await {
            Ok(()) => Ok(()),
            // The answer to our own write may have been lost, or the same execution invoked twice.
            Err(TableError::Refused(_)) => match self.exception_act(user, execution).await? {
                Some(_) => Ok(()),
                None => Err(LedgerError::Superseded { doing }),
            },
            Err(source) => Err(failed(doing, source)),
        }
    }

    /// The execution whose change the user's tags are to follow, if they are.
    pub async fn tags_owed(&self, user: &UserId) -> Result<Option<String>, LedgerError> {
        let item = self.get(&tags_key(user), &format!("read whether tags of `{user}` are owed")).await?;
        item.map(|item| item.text(EXECUTION).map(str::to_owned)).transpose()
    }

    /// The user's tags have followed: `owed` is owed no more, and the exceptions that have ended are history. False if
    /// another change came in between.
    pub async fn settle_tags(&self, user: &UserId, owed: Option<&str>, now: Timestamp) -> Result<bool, LedgerError> {
        let doing = format!("settle the tags of `{user}`");
        for item in self.query(&Query::Prefix { pk: partition(user), prefix: SK.to_owned() }, &doing).await? {
            let entry = Entry::read(item)?;
            if entry.exception.until < now && entry.item.attributes.contains_key(OPEN) {
                self.make_history(&entry).await?;
            }
        }
        let condition = match owed {
            Some(execution) => Condition::all(vec![Clause::Is(EXECUTION, execution.into())]),
            None => Condition::absent(),
        };
        match self.write(&[Write { key: tags_key(user), condition, action: Action::Delete }]).await {
            Ok(()) => Ok(true),
            Err(TableError::Refused(_)) => Ok(self.tags_owed(user).await?.is_none()),
            Err(source) => Err(failed(doing, source)),
        }
    }

    /// An exception that has ended stays, and nobody looks for it any more.
    async fn make_history(&self, entry: &Entry) -> Result<(), LedgerError> {
        let mut put = entry.item.attributes.clone();
        put.remove(OPEN);
        put.remove(DUE);
        let key = entry.item.key.clone();
        let write = Write { key, condition: Condition::all(entry.unchanged()), action: Action::Put(put) };
        match self.write(&[write]).await {
            // It was granted anew.
            Ok(()) | Err(TableError::Refused(_)) => Ok(()),
            Err(source) => Err(failed(format!("end exception `{}`", entry.exception.id), source)),
        }
    }

    /// The exceptions that have ended and whose users' tags may still show them.
    pub async fn ended_exceptions(&self, now: Timestamp) -> Result<Vec<Entry>, LedgerError> {
        // The last second is the exception's own.
        self.entries(0, now.as_second().saturating_sub(1)).await
    }

    /// The exceptions that hold at `now` and not after `until`.
    pub async fn ending_exceptions(&self, now: Timestamp, until: Timestamp) -> Result<Vec<Entry>, LedgerError> {
        self.entries(now.as_second(), until.as_second()).await
    }

    async fn entries(&self, from: i64, to: i64) -> Result<Vec<Entry>, LedgerError> {
        let items = self.query(&Query::Due { open: due::EXCEPTION, from, to }, "read the exceptions").await?;
        items.into_iter().map(Entry::read).collect()
    }

    /// Has an exception's owner told that it ends. False if that was done, or it has changed since it was read.
    pub async fn announce_end(&self, entry: &Entry, notice: &Notice, now: Timestamp) -> Result<bool, LedgerError> {
        let mut clauses = entry.unchanged();
        clauses.push(Clause::Absent(ANNOUNCED));
        let action = Action::Set(attributes([(ANNOUNCED, now.as_second().into())]));
        let write = Write { key: entry.item.key.clone(), condition: Condition::all(clauses), action };
        match self.write(&[write, telling(notice)?]).await {
            Ok(()) => Ok(true),
            Err(TableError::Refused(_)) => Ok(false),
            Err(source) => Err(failed(format!("announce the end of exception `{}`", entry.exception.id), source)),
        }
    }
}

/// The user's tags are to follow what an execution changes.
fn owing(user: &UserId, execution: &str, now: Timestamp) -> Write {
    let due = now.checked_add(TAGS_FOLLOW_WITHIN).unwrap_or(now).as_second();
    let put = attributes([(EXECUTION, execution.into()), (OPEN, due::WORK.into()), (DUE, Value::Number(due))]);
    Write { key: tags_key(user), condition: Condition::none(), action: Action::Put(put) }
}

fn act_key(user: &UserId, execution: &str) -> Key {
    Key::new(partition(user), format!("{ACT}{execution}"))
}

fn tags_key(user: &UserId) -> Key {
    Key::new(partition(user), TAGS)
}

const SK: &str = "EXCEPTION#";
const ACT: &str = "EXCEPTION-ACT#";
pub(crate) const TAGS: &str = "EXCEPTION-TAGS";

/// The execution whose change the tags are to follow.
const EXECUTION: &str = "execution";

/// When the end of an exception was announced.
const ANNOUNCED: &str = "announced";
