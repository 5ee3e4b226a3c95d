//! Notices: what owners, and whoever listens to the account's events, are to be told. They wait in the ledger until the
//! schedule has told them, so that none is lost with the run that has something to say.
//!
//! What was done is told each time. Anything else is told again only after [`AGAIN_AFTER`]: a remedy meets the same
//! credential every day, and says the same of it.

use std::fmt;
use std::str::FromStr;

use credwarden_credential::creation::Creation;
use credwarden_credential::id::{UserId, UserName};
use credwarden_credential::kind::CredentialId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::due::NOTICE;
use crate::lease::Lease;
use crate::ledger::{Ledger, LedgerError, attributes, body, failed};
use crate::record;
use crate::request::Document;
use crate::table::{
    Action, Attributes, Clause, Condition, DUE, EXPIRES_AT, Item, Key, OPEN, Query, Table, TableError, Write,
};
use crate::work::Work;

/// How long the same of the same credential is not said again.
pub const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a notice is kept after it was told. Longer than [`AGAIN_AFTER`], or it would be told again before.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// A credential was changed.
    Done,
    /// A change was undone.
    Undone,
    /// A credential breaks the policy and was left as it is because it is in use, or may be.
    InUse,
    /// A credential breaks the policy, which only warns.
    Warned,
    /// A credential breaks the policy and waits for another day's budget.
    OverBudget,
    /// A credential breaks the policy, and an exception lets it for a time.
    Excepted,
    /// An access key is rotated: its owner is to create another and move to it.
    CreateKey,
    /// An access key is rotated: another will be minted into its user's secret.
    Minting,
    /// An access key is rotated: another was minted, and is to be fetched from its secret.
    FetchKey,
    /// An access key is rotated, and no other is minted: why.
    NotMinted,
    /// An access key is rotated, and there is no room for another.
    FreeSlot,
    /// An access key is rotated, and there is another to move to.
    MoveToKey,
    /// An access key is rotated and looks as if nothing needed it: its owner is to say so.
    Acknowledge,
    /// An access key is rotated, and the time for that is over.
    Overdue,
    /// An access key is better replaced by a role.
    UseRole,
    /// An exception ends soon.
    ExceptionEnds,
    /// A credential breaks the policy, and something is to be done to it that nothing undoes.
    Announced,
    /// A credential breaks the policy, and what is done to it waits for an approval.
    NeedsApproval,
    /// Somebody made a credential usable who may not, and it is changed.
    Compromise,
    /// Somebody made a credential usable who may not, and it was left as it is.
    CompromiseLeft,
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Whoever answers for the user or the exception.
    Owner,
    /// Whoever answers for the account's security.
    Security,
}

impl Audience {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Security => "security",
        }
    }
}

impl NoticeKind {
    /// Who is told of it. What whoever may tag the user could send elsewhere is no way to tell of a compromise.
    pub fn audience(self) -> Audience {
        match self {
            Self::Compromise | Self::CompromiseLeft => Audience::Security,
            Self::Done
            | Self::Undone
            | Self::InUse
            | Self::Warned
            | Self::OverBudget
            | Self::Excepted
            | Self::CreateKey
            | Self::FreeSlot
            | Self::MoveToKey
            | Self::Acknowledge
            | Self::Overdue
            | Self::UseRole
            | Self::Minting
            | Self::FetchKey
            | Self::NotMinted
            | Self::Announced
            | Self::NeedsApproval
            | Self::ExceptionEnds => Audience::Owner,
        }
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Done => "done",
            Self::Undone => "undone",
            Self::InUse => "in-use",
            Self::Warned => "warned",
            Self::OverBudget => "over-budget",
            Self::Excepted => "excepted",
            Self::CreateKey => "create-key",
            Self::Minting => "minting",
            Self::FetchKey => "fetch-key",
            Self::NotMinted => "not-minted",
            Self::FreeSlot => "free-slot",
            Self::MoveToKey => "move-to-key",
            Self::Acknowledge => "acknowledge",
            Self::Overdue => "overdue",
            Self::UseRole => "use-role",
            Self::ExceptionEnds => "exception-ends",
            Self::Compromise => "compromise",
            Self::CompromiseLeft => "compromise-left",
            Self::Announced => "announced",
            Self::NeedsApproval => "needs-approval",
        })
    }
}

/// Who is told: what a tag names, which whoever may tag the user chooses. It serves to address, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Owner(String);

/// A text that names no owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an owner is 1 to 256 letters, digits, inner spaces and characters of `_.:/=+-@`")]
pub struct NoOwner;

impl Owner {
    /// The longest value of a tag that IAM takes, in characters.
    const LONGEST: usize = 256;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Owner {
    type Err = NoOwner;

    fn from_str(text: &str) -> Result<Self, NoOwner> {
        let text = text.trim_matches(' ');
        // IAM lets a tag hold line separators, which would break out of a line of text.
        let is_plain = |character: char| character.is_alphanumeric() || " _.:/=+-@".contains(character);
        let is_owner = !text.is_empty() && text.chars().count() <= Self::LONGEST && text.chars().all(is_plain);
        if is_owner { Ok(Self(text.to_owned())) } else { Err(NoOwner) }
    }
}

impl TryFrom<String> for Owner {
    type Error = NoOwner;

    fn try_from(text: String) -> Result<Self, NoOwner> {
        text.parse()
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        owner.0
    }
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// Since when it is so.
    pub at: Timestamp,
    /// Whose credential.
    pub user: UserId,
    /// The user's name, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<UserName>,
    /// Which credential, or all of the user's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential: Option<CredentialId>,
    /// The document that found or did it, or that will.
    pub document: Document,
    /// Who asked for it, if somebody did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requester: Option<String>,
    /// Whom the user's tag, or the exception, names; without one the account's contact is told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<Owner>,
    /// What was or will be done, and why, in a sentence.
    pub what: String,
    /// Exactly what to do, in a sentence.
    pub to_do: String,
    /// The last instant to do it; without one it is overdue.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub do_by: Option<Timestamp>,
    /// How it is undone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undo: Option<Undo>,
    /// When the act or the rotation was begun that it tells of: each is told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub begun: Option<Timestamp>,
    /// The event that made the credential usable, where somebody did who may not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub creation: Option<Box<Creation>>,
    /// Until when the user's sessions are refused for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sessions_refused_until: Option<Timestamp>,
}

/// What undoes an act, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The document.
    pub document: Document,
    /// The last instant at which it does.
    pub until: Timestamp,
}

/// A notice that is still to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// What is to be told.
    pub notice: Notice,
    /// Whether its event was sent.
    pub is_published: bool,
    /// Whether its owner was told.
    pub is_told: bool,
}

impl Untold {
    fn read(item: &Item) -> Result<Self, LedgerError> {
        let has = |name| item.attributes.contains_key(name);
        Ok(Self { notice: item.body()?, is_published: has(PUBLISHED), is_told: has(TOLD) })
    }
}

impl Notice {
    /// Tells the notice from every other, and is the same however often it is sent.
    pub fn id(&self) -> String {
        format!("{}@{}", key(self), self.at.as_second())
    }
}

impl<T: Table> Ledger<T> {
    /// Has the schedule tell a notice, unless the same was said within [`AGAIN_AFTER`]; whether it will.
    pub async fn tell(&self, notice: &Notice) -> Result<bool, LedgerError> {
        let mut write = telling(notice)?;
        if notice.begun.is_none() {
            let said = notice.at.checked_sub(AGAIN_AFTER).unwrap_or(Timestamp::MIN).as_second();
            write.condition = Condition::absent().or(vec![Clause::Below(AT, said.saturating_add(1))]);
        }
        let doing = || format!("have `{}` told", key(notice));
        match self.write(&[write]).await {
            Ok(()) => Ok(true),
            Err(TableError::Refused(_)) => Ok(false),
            Err(source) => Err(failed(doing(), source)),
        }
    }

    /// Ends the run's own work, as [`Ledger::keep_work`] does, and has the schedule tell of it.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`] if another run has taken the work over; then nothing is told either.
    pub async fn end_work(
        &self,
        lease: &Lease,
        work: Work,
        notice: Option<&Notice>,
        now: Timestamp,
    ) -> Result<Work, LedgerError> {
        // INVARIANT (nothing is done in silence): the end of an act and its notice stand or fall together.
        let told = notice.map(telling).transpose()?;
        self.keep_work_with(lease, work, told, now).await
    }

    /// What is to be told at `now`, longest due first; an item that cannot be read is an error of its own. Comes from
    /// the index, so what was told a moment ago may be there still.
    pub async fn untold(&self, now: Timestamp) -> Result<Vec<Result<Untold, LedgerError>>, LedgerError> {
        let query = Query::Due { open: NOTICE, from: 0, to: now.as_second() };
        let items = self.query(&query, "read what is to be told").await?;
        Ok(items.iter().map(Untold::read).collect())
    }

    /// What is to be told of one user, read consistently: what was written a moment ago is there.
    pub async fn untold_of(&self, user: &UserId) -> Result<Vec<Result<Untold, LedgerError>>, LedgerError> {
        let query = Query::Prefix { pk: record::partition(user), prefix: SK.to_owned() };
        let items = self.query(&query, &format!("read what is to be told of `{user}`")).await?;
        let is_open = |item: &&Item| item.attributes.get(OPEN) == Some(&NOTICE.into());
        Ok(items.iter().filter(is_open).map(Untold::read).collect())
    }

    /// Notes how far the telling came: with event and owner nothing is left to do. If there is something newer to tell
    /// by now nothing is noted, and that is told in its turn.
    pub async fn note_sent(&self, sent: &Untold, now: Timestamp) -> Result<(), LedgerError> {
        let Untold { notice, is_published, is_told } = sent;
        let (key, at, now_second) = (key(notice), notice.at.as_second(), now.as_second());
        let marks = [(PUBLISHED, *is_published), (TOLD, *is_told)].into_iter().filter(|(_, is_sent)| *is_sent);
        let mut mark: Attributes = marks.map(|(name, _)| (name.to_owned(), now_second.into())).collect();
        let action = if *is_published && *is_told {
            let kept_until = now.checked_add(KEPT).unwrap_or(Timestamp::MAX).as_second();
            mark.extend([body(notice, &key)?]);
            mark.extend(attributes([(AT, at.into()), (EXPIRES_AT, kept_until.into())]));
            Action::Put(mark)
        } else {
            Action::Set(mark)
        };
        let is_open = vec![Clause::Is(OPEN, NOTICE.into()), Clause::Is(AT, at.into())];
        let write = Write { key: key.clone(), condition: Condition::all(is_open), action };
        match self.write(&[write]).await {
            Ok(()) | Err(TableError::Refused(_)) => Ok(()),
            Err(source) => Err(failed(format!("note that `{key}` was told"), source)),
        }
    }
}

/// The write of a notice that is due at once.
pub(crate) fn telling(notice: &Notice) -> Result<Write, LedgerError> {
    let key = key(notice);
    let mut put: Attributes = [body(notice, &key)?].into();
    let at = notice.at.as_second();
    // INVARIANT (untold stays): nothing expires before it was told.
    put.extend(attributes([(AT, at.into()), (OPEN, NOTICE.into()), (DUE, at.into())]));
    Ok(Write { key, condition: Condition::none(), action: Action::Put(put) })
}

fn key(notice: &Notice) -> Key {
    let Notice { kind, document, credential, begun, .. } = notice;
    let begun = begun.iter().map(|begun| format!("#{}", begun.as_second()));
    let credential = credential.as_ref().map_or("*", CredentialId::as_str);
    let sk = format!("{SK}{document}#{credential}#{kind}{}", begun.collect::<String>());
    Key::new(record::partition(&notice.user), sk)
}

pub(crate) const SK: &str = "NOTICE#";

/// Epoch seconds since when it is so.
const AT: &str = "at";

/// Epoch seconds at which the event was sent.
const PUBLISHED: &str = "published";

/// Epoch seconds at which the owner was told.
const TOLD: &str = "told";
