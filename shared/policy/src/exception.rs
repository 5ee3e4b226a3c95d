//! Exceptions and holds: who may break a rule until when, and what is left alone until when.

use credwarden_credential::age::{Days, date};
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::User;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::remedy::{RuleName, names};
use crate::verdict::Note;

names! {
    /// What people ask of an exception.
    Change {
        /// There is none that holds: one begins.
        Grant = "grant",
        /// One holds, and shall hold longer.
        Extend = "extend",
        /// One holds, and ends now.
        Revoke = "revoke",
    }
}

names! {
    /// What people ask of a hold.
    HoldChange {
        /// A credential is left alone, or for longer.
        Hold = "hold",
        /// It is left alone no more.
        Release = "release",
    }
}

/// How long an exception may hold where the policy does not say: a quarter, as long as an access key may be used by default,
/// so that an exception is decided on anew as often as the key would have been rotated.
pub const LONGEST_EXCEPTION: Days = Days(90);

/// How long somebody may have a credential left alone where the policy does not say: time to replace it in, a month and no more.
pub const LONGEST_HOLD: Days = Days(30);

/// How the keys of the tags begin that mirror exceptions on users. Only the ledger counts; the tags are for people to see.
pub const TAG_PREFIX: &str = "credwarden:exception/";

/// A granted, owned, justified, expiring permission for one credential, or for one user, to break one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Names the exception in annotations.
    pub id: String,
    /// Whose credentials it is about.
    pub user: UserId,
    /// The rule that may be broken.
    pub rule: RuleName,
    /// The one credential, or all of the user's.
    pub credential: Option<CredentialId>,
    /// The last instant at which it holds.
    pub until: Timestamp,
    /// Who answers for it.
    pub owner: String,
    /// Why it was granted.
    pub justification: String,
    /// Who granted it.
    pub approver: String,
}

impl Exception {
    /// The tag that mirrors it on its user: the rule and the credential, its id and its last day. IAM lets a key have 128
    /// characters, a value 256, of letters, digits, spaces and `_.:/=+-@` (AWS IAM, "Rules for tagging"), so there is no
    /// room for reasons, and whoever reads tags need not know them.
    pub fn tag(&self) -> (String, String) {
        let Self { id, rule, credential, until, .. } = self;
        let key = match credential {
            Some(credential) => format!("{TAG_PREFIX}{rule}/{credential}"),
            None => format!("{TAG_PREFIX}{rule}"),
        };
        (key, format!("{id} until {}", date(*until)))
    }
}

/// All exceptions that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions(pub Vec<Exception>);

impl Exceptions {
    /// The exception that lets `credential` break `rule` at `now`; of several, the one that holds longest.
    pub fn covering(
        &self,
        user: &UserId,
        rule: RuleName,
        credential: &CredentialId,
        now: Timestamp,
    ) -> Option<&Exception> {
        self.0
            .iter()
            .filter(|exception| {
                exception.user == *user
                    && exception.rule == rule
                    && exception.credential.as_ref().is_none_or(|only| only == credential)
                    && now <= exception.until
            })
            .max_by_key(|exception| exception.until)
    }

    /// The tags by which `user` claims exceptions from `rule` that there are not. Only the ledger counts, so they loosen nothing,
    /// but somebody has written them. A tag that claims nothing any more is no forgery: tags follow the ledger within hours.
    /// Tags that name no rule at all are told of by each.
    pub fn forged(&self, user: &User, rule: RuleName, now: Timestamp) -> Vec<Note> {
        let claims = user.tags.iter().filter_map(|(key, value)| Some((key, value, key.strip_prefix(TAG_PREFIX)?)));
        let of_rule = claims.filter(|(_, _, of)| {
            let name = of.split('/').next().unwrap_or_default();
            name.parse::<RuleName>().map_or(true, |named| named == rule)
        });
        let forged = of_rule.filter(|(key, value, _)| {
            let (id, until) = value.split_once(" until ").unwrap_or((value, ""));
            let is_claiming = until.parse::<jiff::civil::Date>().is_err() || until > date(now).as_str();
            let is_granted = self.0.iter().any(|exception| {
                exception.user == user.id
                    && exception.tag().0 == **key
                    && exception.id == id
                    && until <= date(exception.until).as_str()
            });
            is_claiming && !is_granted
        });
        forged.map(|(key, ..)| Note::ForgedException { tag: key.clone() }).collect()
    }
}

/// "Leave this credential alone until": written by undo, by a person, or by an owner who asks for time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The credential that is left alone.
    pub credential: CredentialId,
    /// The last instant at which it holds.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Who wrote it.
    pub by: String,
}

impl Hold {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        now <= self.until
    }
}
