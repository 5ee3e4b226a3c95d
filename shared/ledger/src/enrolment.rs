//! Enrolments: whose new keys come into which secret, who asked for that and who approved it.
//!
//! A user has one enrolment at most, and a secret serves one user at most. Each change is one transaction: the enrolment in
//! place of the one that was read, the secret's claim, and an act with the evidence, which nobody changes. The execution
//! that asked names the act, so the same execution changes nothing twice.

use credwarden_credential::id::UserId;
use credwarden_policy::enrolment::{Enrolment, EnrolmentChange, SecretArn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::{BODY, Ledger, LedgerError, attributes, body, failed};
use crate::record::{kept, partition};
use crate::table::{Action, Clause, Condition, EXPIRES_AT, Item, Key, Table, TableError, Write};

/// A change of an enrolment, with the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrolmentAct {
    /// What was done.
    pub change: EnrolmentChange,
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
    /// Whose enrolment.
    pub user: UserId,
    /// The enrolment before.
    pub before: Option<Enrolment>,
    /// The enrolment after.
    pub after: Option<Enrolment>,
}

impl<T: Table> Ledger<T> {
    /// The enrolment of a user.
    pub async fn enrolment(&self, user: &UserId) -> Result<Option<Enrolment>, LedgerError> {
        let doing = format!("read the enrolment of `{user}`");
        self.get(&key(user), &doing).await?.as_ref().map(Item::body).transpose()
    }

    /// Whose keys come into a secret.
    pub async fn enrolled_in(&self, secret: &SecretArn) -> Result<Option<UserId>, LedgerError> {
        let doing = format!("read whose keys come into `{secret}`");
        self.get(&claim_key(secret), &doing).await?.as_ref().map(Item::body).transpose()
    }

    /// What an execution has changed already.
    pub async fn enrolment_act(&self, user: &UserId, execution: &str) -> Result<Option<EnrolmentAct>, LedgerError> {
        let doing = format!("read what execution `{execution}` has changed");
        self.get(&act_key(user, execution), &doing).await?.as_ref().map(Item::body).transpose()
    }

    /// Changes an enrolment that is as it was before. The same act again changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if it has changed since, or another user's keys come into the secret.
    pub async fn change_enrolment(&self, act: &EnrolmentAct) -> Result<(), LedgerError> {
        let EnrolmentAct { change, execution, user, at, before, after, .. } = act;
        let key = key(user);
        let condition = match before {
            None => Condition::absent(),
            Some(before) => Condition::all(vec![is(before, &key)?]),
        };
        let action = match after {
            Some(after) => Action::Put([body(after, &key)?].into()),
            None => Action::Delete,
        };
        // INVARIANT (one writer): a change is decided on what was read, and made only while that stands.
        let mut writes = vec![Write { key, condition, action }];
        let secrets = (before.as_ref().map(|before| &before.secret), after.as_ref().map(|after| &after.secret));
        // INVARIANT (one secret, one user): two users' keys in one secret would drive each other out.
        if let (_, Some(secret)) = secrets {
            let key = claim_key(secret);
            let condition = Condition::absent().or(vec![is(user, &key)?]);
            let put = Action::Put([body(user, &key)?].into());
            writes.push(Write { key, condition, action: put });
        }
        if let (Some(left), other) = secrets
            && Some(left) != other
        {
            writes.push(Write { key: claim_key(left), condition: Condition::none(), action: Action::Delete });
        }
        let act_key = act_key(user, execution);
        let mut evidence = [body(act, &act_key)?].into();
        // An enrolment that stands is proved for as long as it does: only its end lets its evidence end.
        if after.is_none() {
            std::iter::Extend::extend(&mut evidence, attributes([(EXPIRES_AT, kept(*at).into())]));
        }
        writes.push(Write { key: act_key, condition: Condition::absent(), action: Action::Put(evidence) });
        let doing = format!("{change} `{user}`");
        match self.write(&writes).await {
            Ok(()) => Ok(()),
            // The answer to our own write may have been lost, or the same execution invoked twice.
            Err(TableError::Refused(_)) => match self.enrolment_act(user, execution).await? {
                Some(_) => Ok(()),
                None => Err(LedgerError::Superseded { doing }),
            },
            Err(source) => Err(failed(doing, source)),
        }
    }
}

/// An item says this.
fn is(document: &impl Serialize, key: &Key) -> Result<Clause, LedgerError> {
    let (_, body) = body(document, key)?;
    Ok(Clause::Is(BODY, body))
}

fn key(user: &UserId) -> Key {
    Key::new(partition(user), SK)
}

fn act_key(user: &UserId, execution: &str) -> Key {
    Key::new(partition(user), format!("{ACT}{execution}"))
}

fn claim_key(secret: &SecretArn) -> Key {
    Key::new(format!("SECRET#{secret}"), SK)
}

pub(crate) const SK: &str = "ENROLMENT";
const ACT: &str = "ENROLMENT-ACT#";
