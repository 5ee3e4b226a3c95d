//! One invocation, from what it is told to what it answers.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use credwarden_credential::creation::Provenance;
use credwarden_credential::id::{Arn, UserId, UserName};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{Listing, User};
use credwarden_inventory::live::{find_user_by_id, read_user};
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::announcement::KeptAnnouncement;
use credwarden_ledger::failure::Failure;
use credwarden_ledger::lease::{Acquired, Lease};
use credwarden_ledger::record::UserRecord;
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::table::Table;
use credwarden_ledger::work::Outcome;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::announcement::Announcement;
use credwarden_policy::policy::Policy;
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::warn;

use crate::answer::{Answer, Status};
use crate::approve::{Approved, approved};
use crate::fault::{Fault, chain};
use crate::guard::switched_on;
use crate::kill_switch::KillSwitch;
use crate::remedy::{Evidence, Remedy};
use crate::request::request;
use crate::resource::ReadConfig;
use crate::secret::Secrets;
use crate::ssm::ReadSsm;
use crate::usage::Usage;
use crate::write::WriteIam;

/// All that a remedy reads and writes.
#[derive(Clone, Debug)]
pub struct Ports<S, C, R, W, T, V> {
    /// Systems Manager.
    pub ssm: S,
    /// AWS Config.
    pub config: C,
    /// IAM, to read.
    pub reader: R,
    /// IAM, to change.
    pub writer: W,
    /// The ledger.
    pub ledger: Ledger<T>,
    /// Secrets Manager.
    pub secrets: V,
    /// Where it is looked up what uses a key.
    pub usage: Usage,
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
    /// The roles of our own functions that change credentials.
    pub own_roles: BTreeSet<Arn>,
}

/// One invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The execution that invokes: all that the invocation is told.
    pub execution_id: String,
    /// The run; different for every invocation of the same execution.
    pub run: RunId,
    /// The time, read once.
    pub now: Timestamp,
    /// When the invocation will be ended.
    pub ends: Instant,
}

/// A run that holds the lease on a user, with all that was read to decide.
#[derive(Debug)]
pub(crate) struct Run<'a, S, C, R, W, T, V> {
    pub(crate) remedy: &'a Remedy,
    pub(crate) ports: &'a Ports<S, C, R, W, T, V>,
    pub(crate) settings: &'a Settings,
    pub(crate) policy: &'a Policy,
    pub(crate) lease: &'a Lease,
    pub(crate) record: &'a UserRecord,
    pub(crate) user: &'a User,
    pub(crate) now: Timestamp,
    pub(crate) ends: Instant,
}

/// Takes the next safe step on what the execution asks for.
pub async fn handle<S: ReadSsm, C: ReadConfig, R: ReadIam, W: WriteIam, T: Table, V: Secrets>(
    remedy: &Remedy,
    ports: &Ports<S, C, R, W, T, V>,
    settings: &Settings,
    invocation: &Invocation,
) -> Result<Answer, Fault> {
    let execution = ports.ssm.automation_execution(&invocation.execution_id).await?;
    let request = request(&execution, remedy, &settings.prefix)?;
    let outcome = answer(remedy, ports, settings, invocation, &request).await;
    match outcome {
        // Another run has taken over what this one was about to change: it goes on, and nothing is lost.
        Err(Fault::Ledger(LedgerError::Superseded { doing })) => {
            Ok(Answer::unchanged(Status::Waiting, format!("another run has taken over: {doing} was given up")))
        }
        Err(fault) => {
            note_failure(ports, &request, &fault, invocation.now).await;
            Err(fault)
        }
        answer => answer,
    }
}

async fn answer<S: ReadSsm, C: ReadConfig, R: ReadIam, W: WriteIam, T: Table, V: Secrets>(
    remedy: &Remedy,
    ports: &Ports<S, C, R, W, T, V>,
    settings: &Settings,
    invocation: &Invocation,
    request: &Request,
) -> Result<Answer, Fault> {
    let now = invocation.now;
    let held = |reason: String| Ok(Answer::unchanged(Status::Held, reason));
    // INVARIANT (unreadable, so no action): without kill switch and policy not even the ledger is touched.
    let kill_switch = match KillSwitch::read(&ports.ssm, &settings.kill_switch_parameter).await {
        Ok(kill_switch) => kill_switch,
        Err(reason) => return held(reason),
    };
    if let Err(refusal) = switched_on(kill_switch, request.document) {
        return Ok(Answer::unchanged(refusal.status(), refusal.to_string()));
    }
    let policy = match ports.ssm.read_parameter(&settings.policy_parameter).await {
        Ok(document) => Policy::parse(&document).map_err(|problems| problems.to_string()),
        Err(error) => Err(format!("the policy cannot be read: {error}")),
    };
    let policy = match policy {
        Ok(policy) => policy,
        Err(reason) => return held(reason),
    };
    if let (Document::Approve, Some(credential)) = (request.document, &request.credential) {
        return approve(ports, &policy, request, credential, now).await;
    }
    // INVARIANT (approvals): only approvers that the policy names count, so only they are ever written down.
    let mut request = request.clone();
    request.approvers.retain(|approver| policy.counts_approval_of(approver));
    let lease = match ports.ledger.acquire_lease(&request, &invocation.run, now).await? {
        Acquired::Ours(lease) => lease,
        Acquired::Busy { until, execution } => {
            let reason = format!("another run is at this user, until {until} at most, for execution `{execution}`");
            return Ok(Answer::unchanged(Status::Waiting, reason));
        }
    };
    // INVARIANT (liveness): a fault leaves the lease to expire, so the schedule finds it and starts the document again.
    let answer = under_lease(remedy, ports, settings, invocation, &policy, &lease).await?;
    if let Err(error) = ports.ledger.release_lease(&lease, now).await {
        warn!(user.id = %lease.user, error = &error as &dyn Error, "the lease is left to expire");
    }
    Ok(answer)
}

async fn under_lease<S: ReadSsm, C: ReadConfig, R: ReadIam, W: WriteIam, T: Table, V: Secrets>(
    remedy: &Remedy,
    ports: &Ports<S, C, R, W, T, V>,
    settings: &Settings,
    invocation: &Invocation,
    policy: &Policy,
    lease: &Lease,
) -> Result<Answer, Fault> {
    let now = invocation.now;
    let record = match ports.ledger.record(&lease.user).await {
        Ok(record) => record,
        Err(error) => {
            let reason = format!("exceptions and holds are unreadable: {}", chain(&error));
            return Ok(Answer::unchanged(Status::Held, reason));
        }
    };
    let user = match find(ports, &lease.user, now).await? {
        Found::User(user) => with_evidence(remedy, ports, settings, lease, &record, user, now).await?,
        Found::Gone(reason) => return settle_gone(ports, lease, &record, reason, now).await,
    };
    let run = Run { remedy, ports, settings, policy, lease, record: &record, user: &user, now, ends: invocation.ends };
    match (lease.request.document, &lease.request.credential, remedy.rotation) {
        (Document::Undo(_), Some(credential), _) => Ok(Box::pin(run.undo(credential)).await?.about(credential)),
        (Document::Undo(_), None, _) => Ok(Answer::unchanged(Status::NothingToDo, "no credential is named")),
        (Document::Rule(_) | Document::AcknowledgeRotation | Document::ForceRotation, _, Some(rotating)) => {
            Box::pin(run.rotate(rotating)).await
        }
        (Document::Rule(rule), _, None) => Box::pin(run.answer_findings(rule)).await,
        (Document::AcknowledgeRotation | Document::ForceRotation, _, None) => {
            Ok(Answer::unchanged(Status::NothingToDo, "this remedy rotates nothing"))
        }
        (Document::Approve, ..) => Ok(Answer::unchanged(Status::Refused, "no credential is named")),
    }
}

/// Writes down a person's approval of what was announced of one credential, or refuses it with the reasons. It needs no lease:
/// what changes meanwhile is read again.
async fn approve<S, C: ReadConfig, R: ReadIam, W, T: Table, V>(
    ports: &Ports<S, C, R, W, T, V>,
    policy: &Policy,
    request: &Request,
    credential: &CredentialId,
    now: Timestamp,
) -> Result<Answer, Fault> {
    let refused = |reason: String| Ok(Answer::unchanged(Status::Refused, format!("{credential}: {reason}")));
    let user = match find(ports, &request.user, now).await? {
        Found::User(user) => user,
        Found::Gone(reason) => return refused(reason),
    };
    for _ in 0..APPROVAL_ATTEMPTS {
        let record = ports.ledger.record(&request.user).await?;
        let (kept, approval) = match approved(&record, &user, credential, request, policy, now) {
            Ok(Approved::Now(kept, approval)) => (kept, approval),
            Ok(Approved::Already(kept)) => return Ok(approval_answer(kept)),
            Err(reason) => return refused(reason),
        };
        match ports.ledger.approve(&request.user, kept, approval, now).await {
            Ok(()) => return Ok(approval_answer(kept)),
            Err(LedgerError::Superseded { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    refused("what was announced changed again and again meanwhile; start the document again".to_owned())
}

/// How often an approval is tried again that meets a run at the same user.
const APPROVAL_ATTEMPTS: usize = 5;

fn approval_answer(kept: &KeptAnnouncement) -> Answer {
    let Announcement { credential, remedy, from, .. } = &kept.announcement;
    let reason = format!("{credential}: {remedy} is approved, and done once every guard lets it, not before {from}");
    Answer::unchanged(Status::Approved, reason)
}

/// The user with what the rule judges by besides.
async fn with_evidence<S, C, R, W, T: Table, V>(
    remedy: &Remedy,
    ports: &Ports<S, C, R, W, T, V>,
    settings: &Settings,
    lease: &Lease,
    record: &UserRecord,
    mut user: Box<User>,
    now: Timestamp,
) -> Result<Box<User>, Fault> {
    let Document::Rule(rule) = lease.request.document else { return Ok(user) };
    if remedy.answered(rule).is_some_and(|answered| answered.evidence == Evidence::Provenance) {
        let listings = CredentialKind::OF_USERS.into_iter().filter_map(|kind| user.listing(kind));
        let credentials: Vec<_> = listings.flat_map(Listing::all).map(|credential| credential.id).collect();
        let installed = ports.ledger.installed(now).await?;
        let backfill = ports.ledger.backfill(rule).await?.backfill;
        let recorded = ports.ledger.creations_of(&credentials, &user.name).await?;
        let provenance = recorded.provenance(installed, &backfill, settings.own_roles.clone());
        let intents = ports.ledger.all_intended(&user.id, record).await?;
        user.provenance = Some(Arc::new(Provenance { intents, ..provenance }));
    }
    Ok(user)
}

enum Found {
    User(Box<User>),
    Gone(String),
}

/// Finds the user with this id, and reads it live. A name may have passed to another user since AWS Config
/// recorded it: only the id decides.
async fn find<S, C: ReadConfig, R: ReadIam, W, T, V>(
    ports: &Ports<S, C, R, W, T, V>,
    id: &UserId,
    now: Timestamp,
) -> Result<Found, Fault> {
    let recorded = ports.config.user_name(id).await.unwrap_or_else(|error| {
        warn!(user.id = %id, error = &error as &dyn Error, "the name of {id} is looked for in the list of users");
        None
    });
    let mut other: Option<(UserName, User)> = None;
    if let Some(name) = recorded {
        match read_user(&ports.reader, &name, now).await? {
            Some(user) if user.id == *id => return Ok(Found::User(Box::new(user))),
            Some(user) => other = Some((name, user)),
            None => {}
        }
    }
    if let Some(name) = find_user_by_id(&ports.reader, id).await?
        && let Some(user) = read_user(&ports.reader, &name, now).await?.filter(|user| user.id == *id)
    {
        return Ok(Found::User(Box::new(user)));
    }
    Ok(Found::Gone(match other {
        Some((name, user)) => format!("{id} was deleted; `{name}` is another user now, {}", user.id),
        None => format!("{id} was deleted"),
    }))
}

/// Nothing is left to do for a user who is gone: open work ends, or the schedule would take it up for ever.
async fn settle_gone<S, C, R, W, T: Table, V>(
    ports: &Ports<S, C, R, W, T, V>,
    lease: &Lease,
    record: &UserRecord,
    reason: String,
    now: Timestamp,
) -> Result<Answer, Fault> {
    for work in record.works.iter().filter(|work| work.is_open()) {
        let work = ports.ledger.take_over(lease, work.clone(), false, now).await?;
        ports.ledger.keep_work(lease, work.settled(Outcome::Gone { reason: reason.clone() }, now), now).await?;
    }
    for kept in record.rotations.iter().filter(|kept| kept.is_open()) {
        ports.ledger.end_rotation(lease, kept, &reason, now).await?;
    }
    for kept in record.announcements.iter().filter(|kept| kept.is_open()) {
        ports.ledger.end_announcement(lease, kept, &reason, now).await?;
    }
    let status = match lease.request.document {
        Document::AcknowledgeRotation | Document::ForceRotation | Document::Approve => Status::Refused,
        Document::Rule(_) | Document::Undo(_) => Status::NothingToDo,
    };
    Ok(Answer::unchanged(status, reason))
}

/// Notes a fault, as well as it goes: AWS Config's own remediation exceptions are told by it.
async fn note_failure<S, C, R, W, T: Table, V>(
    ports: &Ports<S, C, R, W, T, V>,
    request: &Request,
    fault: &Fault,
    now: Timestamp,
) {
    let failure =
        Failure { document: request.document, execution: request.execution.clone(), at: now, message: chain(fault) };
    if let Err(error) = ports.ledger.note_failure(&request.user, &failure).await {
        warn!(user.id = %request.user, error = &error as &dyn Error, "the failure is not noted in the ledger");
    }
}
