//! One invocation, from what it is told to what it answers.

use credwarden_credential::id::UserId;
use credwarden_inventory::live::find_user_by_id;
use credwarden_inventory::read::{Failure, ReadError, ReadIam, UserRecord};
use credwarden_ledger::exception::ExceptionAct;
use credwarden_ledger::table::Table;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::exception::{Change, Exception, Hold, HoldChange};
use credwarden_policy::policy::Policy;
use credwarden_remedy::answer::Status;
use credwarden_remedy::kill_switch::KillSwitch;
use credwarden_remedy::request::{Payload, Refused};
use credwarden_remedy::secret::{SecretError, Secrets};
use credwarden_remedy::ssm::{ReadSsm, SsmError};
use jiff::Timestamp;
use serde::Serialize;

use crate::asked::{Asked, Foreign, Request, check};
use crate::tags::{TagChanges, TagError, WriteTags, changes};
use crate::{decide, hold};

/// How often the tags are brought in line again that another change has overtaken.
const ATTEMPTS: u32 = 3;

/// All that is read and written.
#[derive(Clone, Debug)]
pub struct Ports<S, R, W, T, V> {
    /// Systems Manager.
    pub ssm: S,
    /// IAM, to read.
    pub reader: R,
    /// The tags of users.
    pub tags: W,
    /// The ledger.
    pub ledger: Ledger<T>,
    /// Secrets Manager, to read what is enrolled.
    pub secrets: V,
}

/// What the deployment says, from the function's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How the deployment's names begin.
    pub prefix: String,
    /// The parameter that holds the policy.
    pub policy_parameter: String,
    /// The parameter that holds the kill switch.
    pub kill_switch_parameter: String,
    /// The path under which users may be enrolled.
    pub enrolled_path: String,
}

/// The answer. `status` comes first: documents branch on how the answer begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// How the execution ended.
    pub status: Status,
    /// Why.
    pub reason: String,
    /// The exception as it is now, where the execution has changed one.
    pub exception: Option<Exception>,
}

/// What makes an execution fail.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The payload is not what the document sends.
    #[error("the invocation is refused")]
    Payload(#[from] Refused),
    /// The execution is none of the document's.
    #[error("the invocation is refused")]
    Foreign(#[from] Foreign),
    /// Systems Manager did not answer.
    #[error("the execution is not known")]
    Ssm(#[from] SsmError),
    /// IAM did not answer.
    #[error("the user is not known")]
    Read(#[from] ReadError),
    /// Secrets Manager did not answer.
    #[error("the secret is not known")]
    Secret(#[from] SecretError),
    /// The ledger did not answer. The same document again finds out what was done.
    #[error("the ledger is not available; the change may have been made")]
    Ledger(#[from] LedgerError),
}

impl Fault {
    /// The name by which the failed invocation is known.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Payload(_) | Self::Foreign(_) => "InvocationRefused",
            Self::Ssm(_) => "ExecutionUnknown",
            Self::Read(_) => "UserUnreadable",
            Self::Secret(_) => "SecretUnreadable",
            Self::Ledger(_) => "LedgerUnavailable",
        }
    }
}

impl Answer {
    pub(crate) fn unchanged(status: Status, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), exception: None }
    }
}

/// Does what the execution asks, as far as it may be.
///
/// # Errors
/// Something did not answer, or nothing can have been asked.
pub async fn handle<S: ReadSsm, R: ReadIam, W: WriteTags, T: Table, V: Secrets>(
    ports: &Ports<S, R, W, T, V>,
    settings: &Settings,
    payload: &Payload,
    now: Timestamp,
) -> Result<Answer, Fault> {
    let execution = ports.ssm.automation_execution(&payload.execution_id).await?;
    let document = check(&execution, &settings.prefix)?;
    let request = match Request::read(&execution, document) {
        Ok(request) => request,
        Err(unreadable) => return Ok(Answer::unchanged(Status::Refused, unreadable.to_string())),
    };
    // INVARIANT (unreadable, so no action): without kill switch and policy not even the ledger is touched.
    match KillSwitch::read(&ports.ssm, &settings.kill_switch_parameter).await {
        Ok(KillSwitch::Run) => {}
        Ok(other) => return Ok(Answer::unchanged(Status::Held, format!("the kill switch is at `{other}`"))),
        Err(reason) => return Ok(Answer::unchanged(Status::Held, reason)),
    }
    let policy = match ports.ssm.read_parameter(&settings.policy_parameter).await {
        Ok(document) => Policy::parse(&document).map_err(|problems| problems.to_string()),
        Err(error) => Err(format!("the policy cannot be read: {error}")),
    };
    let policy = match policy {
        Ok(policy) => policy,
        Err(reason) => return Ok(Answer::unchanged(Status::Held, reason)),
    };
    let run = Run { ports, settings, policy: &policy, now };
    match request {
        Request::Change(change, asked) => run.change(change, &asked).await,
        Request::Hold(change, asked) => run.hold(change, &asked).await,
        Request::Enrolment(change, asked) => run.enrol(change, &asked).await,
        Request::Mirror(user) => {
            let record = find(&ports.reader, &user).await?;
            run.mirror(&user, record, Answer::unchanged(Status::Done, "the tags show the exceptions that hold")).await
        }
    }
}

pub(crate) struct Run<'a, S, R, W, T, V> {
    pub(crate) ports: &'a Ports<S, R, W, T, V>,
    pub(crate) settings: &'a Settings,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
}

impl<S, R: ReadIam, W: WriteTags, T: Table, V> Run<'_, S, R, W, T, V> {
    async fn change(&self, change: Change, asked: &Asked) -> Result<Answer, Fault> {
        let record = find(&self.ports.reader, &asked.user).await?;
        // INVARIANT (once): what this execution has changed is not decided on again, however often it invokes.
        let earlier = self.ports.ledger.exception_act(&asked.user, &asked.execution).await?;
        let act = match earlier {
            Some(act) => Ok(act),
            None => self.write_down(change, asked, record.as_ref()).await?,
        };
        match act {
            Ok(act) => self.mirror(&asked.user, record, changed(&act)).await,
            Err(why) => Ok(Answer::unchanged(Status::Refused, why)),
        }
    }

    async fn hold(&self, change: HoldChange, asked: &hold::Asked) -> Result<Answer, Fault> {
        if change == HoldChange::Hold && find(&self.ports.reader, &asked.user).await?.is_none() {
            return Ok(Answer::unchanged(Status::Refused, format!("{} was deleted", asked.user)));
        }
        let holds = self.ports.ledger.record(&asked.user).await?.holds;
        let before = holds.iter().find(|hold| Some(&hold.credential) == asked.credential.as_ref());
        let hold = match hold::decide(asked, change, before, self.policy, self.now) {
            Ok(hold) => hold,
            Err(refusals) => {
                let reasons: Vec<_> = refusals.iter().map(ToString::to_string).collect();
                return Ok(Answer::unchanged(Status::Refused, reasons.join("; ")));
            }
        };
        let Hold { credential, until, .. } = &hold;
        let done = match change {
            HoldChange::Hold => {
                format!("{credential} is left alone until {}", until.strftime("%Y-%m-%dT%H:%M:%SZ"))
            }
            HoldChange::Release => format!("{credential} is left alone no more"),
        };
        match self.ports.ledger.change_hold(&asked.user, before, &hold).await {
            Ok(()) => Ok(Answer::unchanged(Status::Done, done)),
            Err(LedgerError::Superseded { doing }) => Ok(Answer::unchanged(
                Status::Refused,
                format!("it has changed meanwhile: {doing} was given up; start the document again"),
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// Decides on a change and writes it into the ledger, or says why not.
    async fn write_down(
        &self,
        change: Change,
        asked: &Asked,
        record: Option<&UserRecord>,
    ) -> Result<Result<ExceptionAct, String>, Fault> {
        let Asked { user, rule, credential, .. } = asked;
        if record.is_none() && change != Change::Revoke {
            return Ok(Err(format!("{user} was deleted")));
        }
        let seen = self.ports.ledger.exception(user, *rule, credential.as_ref()).await?;
        let before = seen.as_ref().map(|seen| &seen.exception);
        let arn = record.map(|record| &record.arn);
        let decision = match decide(asked, change, before, arn, self.policy, self.now) {
            Ok(decision) => decision,
            Err(refusals) => {
                let reasons: Vec<_> = refusals.iter().map(ToString::to_string).collect();
                return Ok(Err(reasons.join("; ")));
            }
        };
        let act = ExceptionAct {
            change,
            execution: asked.execution.clone(),
            requester: asked.requester.clone().unwrap_or_else(|| "unknown".to_owned()),
            approver: decision.approver,
            justification: asked.justification.clone().unwrap_or_default(),
            at: self.now,
            user: user.clone(),
            rule: *rule,
            credential: credential.clone(),
            before: before.cloned(),
            after: decision.after,
        };
        match self.ports.ledger.change_exception(&act, seen.as_ref()).await {
            Ok(()) => Ok(Ok(act)),
            Err(LedgerError::Superseded { doing }) => {
                Ok(Err(format!("it has changed meanwhile: {doing} was given up; start the document again")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Brings the user's tags in line with the ledger, and answers `done`, or what is left to do.
    async fn mirror(&self, user: &UserId, record: Option<UserRecord>, done: Answer) -> Result<Answer, Fault> {
        let mut record = record;
        for _ in 0..ATTEMPTS {
            let owed = self.ports.ledger.tags_owed(user).await?;
            let protected = record.as_ref().and_then(|record| self.policy.protects(&record.arn));
            let reason = match (&record, protected) {
                // Whoever is gone has no tags.
                (None, _) => done.reason.clone(),
                // The role is denied it; the exception holds all the same.
                (_, Some(pattern)) => {
                    format!("{}; no tag is written, for the policy protects `{pattern}`", done.reason)
                }
                (Some(found), None) => match self.write_tags(user, found).await? {
                    Written::AsTheLedgerSays => done.reason.clone(),
                    Written::Not(why) => {
                        let reason =
                            format!("{}; the tags are not: {why}; the schedule goes on with them", done.reason);
                        return Ok(Answer { reason, ..done });
                    }
                },
            };
            if self.ports.ledger.settle_tags(user, owed.as_deref(), self.now).await? {
                return Ok(Answer { reason, ..done });
            }
            record = find(&self.ports.reader, user).await?;
        }
        Ok(Answer { reason: format!("{}; the schedule goes on with the tags", done.reason), ..done })
    }

    async fn write_tags(&self, user: &UserId, found: &UserRecord) -> Result<Written, Fault> {
        let exceptions = self.ports.ledger.record(user).await?.exceptions;
        let left = changes(&found.tags, &exceptions, self.now);
        if left == TagChanges::default() {
            return Ok(Written::AsTheLedgerSays);
        }
        if let Err(error) = self.apply(found, &left).await {
            return Ok(Written::Not(error.to_string()));
        }
        // What IAM was told is read back.
        match self.ports.reader.get_user(&found.name).await {
            Ok(now) if changes(&now.record.tags, &exceptions, self.now) == TagChanges::default() => {
                Ok(Written::AsTheLedgerSays)
            }
            Ok(_) => Ok(Written::Not("IAM does not show them yet".to_owned())),
            Err(error) => Ok(Written::Not(error.to_string())),
        }
    }

    async fn apply(&self, found: &UserRecord, TagChanges { off, on }: &TagChanges) -> Result<(), TagError> {
        if !off.is_empty() {
            self.ports.tags.untag(&found.name, off).await?;
        }
        if !on.is_empty() {
            self.ports.tags.tag(&found.name, on).await?;
        }
        Ok(())
    }
}

enum Written {
    AsTheLedgerSays,
    Not(String),
}

/// What an execution has changed.
fn changed(act: &ExceptionAct) -> Answer {
    let reason = match (&act.after, &act.before) {
        (Some(after), _) => {
            let until = after.until.strftime("%Y-%m-%dT%H:%M:%SZ");
            format!("{} of exception {} until {until}", act.change, after.id)
        }
        (None, Some(before)) => format!("{} of exception {}", act.change, before.id),
        (None, None) => act.change.to_string(),
    };
    Answer { status: Status::Done, reason: format!("{reason} is done"), exception: act.after.clone() }
}

/// The user with this id, by its tags and its ARN, or `None` if there is no such user.
pub(crate) async fn find<R: ReadIam>(reader: &R, id: &UserId) -> Result<Option<UserRecord>, ReadError> {
    let Some(name) = find_user_by_id(reader, id).await? else { return Ok(None) };
    match reader.get_user(&name).await {
        Ok(user) => Ok(Some(user.record).filter(|record| record.id == *id)),
        Err(error) if error.failure == Failure::NoSuchEntity => Ok(None),
        Err(error) => Err(error),
    }
}
