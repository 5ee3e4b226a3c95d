//! What a remedy would do about one user now: the remedy's own run, over the true account and ledger, of which nothing
//! reaches either. So a rehearsal cannot decide otherwise than the remedy would, and needs permissions to read only.
//!
//! Each document is rehearsed as if it alone were started now.

mod iam;

use std::time::Duration;

use credwarden_credential::id::{UserId, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_inventory::parameter::{ParameterError, ReadParameter};
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::budget::Purse;
use credwarden_ledger::notice::Notice;
use credwarden_ledger::record::UserRecord;
use credwarden_ledger::rehearsed::RehearsedTable;
use credwarden_ledger::request::{Document, RunId};
use credwarden_ledger::table::Table;
use credwarden_ledger::work::Act;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::enrolment::{RequestToken, SecretArn};
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{Effect, RemedyName, RuleName};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::answer::{Answer, Each, Status};
use crate::fault::Fault;
use crate::guard::budget;
use crate::rehearsal::iam::RehearsedIam;
use crate::remedy::Remedy;
use crate::resource::{ConfigError, ReadConfig};
use crate::run::{Invocation, Ports, Settings, handle};
use crate::secret::{Delivery, Secret, SecretError, Secrets};
use crate::ssm::{Execution, ExecutionStatus, ReadSsm, SsmError};
use crate::usage::Usage;

/// The id of an execution that nobody started.
const REHEARSAL: &str = "rehearsal";

/// Time to act is never short: nothing is cut off in the middle.
const PLENTY: Duration = Duration::from_hours(1);

/// Where a rehearsal reads. Nothing else is asked for, so that nothing else can be done.
#[derive(Debug)]
pub struct Stage<'a, P, R, T, V> {
    /// Systems Manager's parameters.
    pub parameters: &'a P,
    /// IAM.
    pub reader: &'a R,
    /// The ledger's table.
    pub table: &'a T,
    /// Secrets Manager.
    pub secrets: &'a V,
    /// What the deployment says.
    pub settings: &'a Settings,
    /// All remedies that answer findings.
    pub remedies: &'a [Remedy],
    /// Where it is looked up what uses a key.
    pub usage: &'a Usage,
}

/// Whom a document is rehearsed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct On {
    /// The user's id.
    pub id: UserId,
    /// The name that the user bears now.
    pub name: UserName,
}

/// What a document would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The document.
    pub document: Document,
    /// The remedy that it would come to.
    pub remedy: RemedyName,
    /// To which credential; `None`: to the user, or to none.
    pub credential: Option<CredentialId>,
    /// How it would end.
    pub status: Status,
    /// Why: what keeps it from being changed, or why it would be.
    pub reason: String,
    /// The status that the credential would get, where that would change.
    pub becomes: Option<Effect>,
    /// Whether the user's sessions would be refused with it.
    pub refuses_sessions: bool,
    /// The deadline of its rotation.
    pub deadline: Option<Timestamp>,
    /// The last instant at which the change could be undone.
    pub undo_until: Option<Timestamp>,
    /// What its owner would be told now. What was said lately is not said again.
    pub told: Vec<Notice>,
}

/// Rehearses a document on a user; with the credential, where it is about one.
///
/// # Errors
/// As the remedy itself would fail.
pub async fn rehearse<P: ReadParameter, R: ReadIam, T: Table, V: Secrets>(
    stage: &Stage<'_, P, R, T, V>,
    document: Document,
    on: &On,
    credential: Option<&CredentialId>,
    now: Timestamp,
) -> Result<Vec<Planned>, Fault> {
    let Stage { parameters, reader, table, secrets, settings, remedies, usage } = *stage;
    let about = credential.map(|credential| ("CredentialId".to_owned(), vec![credential.to_string()]));
    let parameters_of = [("ResourceId".to_owned(), vec![on.id.to_string()])].into_iter().chain(about);
    let execution = Execution {
        id: REHEARSAL.to_owned(),
        document_name: document.name(&settings.prefix),
        status: ExecutionStatus::UnderWay,
        parameters: parameters_of.collect(),
        executed_by: None,
        started: Some(now),
        approvers: Vec::new(),
    };
    let iam = RehearsedIam::over(reader);
    let ports = Ports {
        ssm: Script { parameters, execution },
        config: Known(on),
        reader: iam.clone(),
        writer: iam.clone(),
        ledger: Ledger::new(RehearsedTable::over(table)),
        secrets: RehearsedSecrets(secrets),
        usage: usage.clone(),
    };
    let invocation = |remedy: RemedyName| Invocation {
        execution_id: REHEARSAL.to_owned(),
        run: RunId(format!("{REHEARSAL}/{remedy}")),
        now,
        ends: Instant::now() + PLENTY,
    };
    let mut answers = Vec::new();
    let mut next = Some(document.remedy());
    // As the documents do: who hands on does so once.
    while let Some(remedy) = next.take().and_then(|name| remedies.iter().find(|remedy| remedy.name == name)) {
        let answer = Box::pin(handle(remedy, &ports, settings, &invocation(remedy.name))).await?;
        next = answer.to.filter(|_| answers.is_empty());
        answers.push((remedy.name, answer));
    }
    let outlook = Outlook {
        document,
        record: ports.ledger.record(&on.id).await?,
        notices: ports.ledger.would_tell()?,
        changes: iam.changes(),
    };
    Ok(answers.into_iter().flat_map(|(remedy, answer)| outlook.of(remedy, answer)).collect())
}

/// What would be so afterwards.
struct Outlook {
    document: Document,
    record: UserRecord,
    notices: Vec<Notice>,
    changes: iam::Changes,
}

impl Outlook {
    fn of(&self, remedy: RemedyName, answer: Answer) -> Vec<Planned> {
        let Answer { status, reason, each, .. } = answer;
        if each.is_empty() && !matches!(status, Status::NothingToDo | Status::HandedOn) {
            return vec![self.planned(remedy, None, status, reason)];
        }
        let each = each.into_iter();
        each.map(|Each { credential, status, reason }| self.planned(remedy, Some(credential), status, reason)).collect()
    }

    fn planned(&self, remedy: RemedyName, credential: Option<CredentialId>, status: Status, reason: String) -> Planned {
        let of_it = credential.as_ref();
        let becomes = of_it.and_then(|credential| self.changes.of(credential));
        let act = match self.document {
            Document::Undo(remedy) => Act::Undo(remedy),
            _ => Act::Remedy(remedy),
        };
        let work = of_it.and_then(|credential| self.record.work(act, credential)).filter(|_| becomes.is_some());
        let rotation = of_it.and_then(|credential| self.record.rotation(credential)).filter(|kept| kept.is_open());
        let told = self.notices.iter().filter(|notice| notice.credential == credential);
        Planned {
            document: self.document,
            remedy,
            status,
            reason: work.map_or(reason, |work| work.because.clone()),
            becomes,
            refuses_sessions: becomes.is_some() && self.changes.sessions_refused == Some(true),
            deadline: rotation.map(|kept| kept.rotation.deadline),
            undo_until: work.and_then(|work| work.undo_until),
            told: told.cloned().collect(),
            credential,
        }
    }
}

/// The documents that would go on with, or begin, something of a user: of each rule, and of each undoing under way.
pub fn documents(record: &UserRecord) -> Vec<(Document, Option<CredentialId>)> {
    let rules = RuleName::ALL.iter().map(|rule| (Document::Rule(*rule), None));
    let undoing = record.works.iter().filter(|work| work.is_open()).filter_map(|work| match work.act {
        Act::Undo(remedy) => Some((Document::Undo(remedy), Some(work.credential.clone()))),
        Act::Remedy(_) | Act::RevokeSessions | Act::DeleteIdle => None,
    });
    rules.chain(undoing).collect()
}

/// A day's budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purses {
    /// How many credentials may be changed today that break the policy; `None`: nobody has counted the users yet.
    pub limit: Option<u32>,
    /// How many were.
    pub spent: u32,
    /// How many compromised credentials may be changed today.
    pub compromises_limit: u32,
    /// How many were.
    pub compromises_spent: u32,
}

/// What is left of the day's budget for findings of a rule.
///
/// # Errors
/// The ledger could not be read.
pub async fn purses<T: Table>(
    ledger: &Ledger<T>,
    rule: RuleName,
    policy: &Policy,
    now: Timestamp,
) -> Result<Purses, LedgerError> {
    let population = ledger.passes(rule).await?.complete.map(|pass| pass.population);
    let limit = |is_compromise| budget(policy, is_compromise, Ok(population));
    Ok(Purses {
        limit: population.map(|_| limit(false).unwrap_or(0)),
        spent: ledger.spent(Purse::Act, now).await?,
        compromises_limit: limit(true).unwrap_or(0),
        compromises_spent: ledger.spent(Purse::Quarantine, now).await?,
    })
}

/// Systems Manager, with one execution that nobody started.
struct Script<'a, P> {
    parameters: &'a P,
    execution: Execution,
}

impl<P: ReadParameter> ReadParameter for Script<'_, P> {
    async fn read_parameter(&self, name: &str) -> Result<String, ParameterError> {
        self.parameters.read_parameter(name).await
    }
}

impl<P: ReadParameter> ReadSsm for Script<'_, P> {
    async fn automation_execution(&self, _id: &str) -> Result<Execution, SsmError> {
        Ok(self.execution.clone())
    }
}

/// Secrets Manager, which rotates nothing.
struct RehearsedSecrets<'a, V>(&'a V);

impl<V: Secrets> Secrets for RehearsedSecrets<'_, V> {
    async fn read_secret(&self, secret: &SecretArn) -> Result<Option<Secret>, SecretError> {
        self.0.read_secret(secret).await
    }

    async fn rotate(&self, _secret: &SecretArn, _token: &RequestToken) -> Result<(), SecretError> {
        Ok(())
    }

    async fn fetched(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Option<Timestamp>, SecretError> {
        self.0.fetched(delivery, now).await
    }
}

/// AWS Config, asked for a user whose name is known.
struct Known<'a>(&'a On);

impl ReadConfig for Known<'_> {
    async fn user_name(&self, id: &UserId) -> Result<Option<UserName>, ConfigError> {
        Ok((self.0.id == *id).then(|| self.0.name.clone()))
    }
}
