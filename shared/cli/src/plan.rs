//! `credwarden plan`: what a deployment's remedies would do about one user now. Their own code says so, rehearsed over the true
//! account and ledger, of which it changes nothing.

use std::collections::BTreeMap;

use anyhow::Context as _;
use credwarden_credential::id::{Arn, UserId, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::User;
use credwarden_inventory::iam::Iam;
use credwarden_inventory::live::{find_user_by_id, read_user};
use credwarden_inventory::parameter::{Parameters, ReadParameter};
use credwarden_inventory::read::{ReadError, ReadIam};
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_ledger::notice::{Notice, NoticeKind, Owner};
use credwarden_ledger::rehearsed::RehearsedTable;
use credwarden_ledger::request::Document;
use credwarden_ledger::table::Table;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::class::ClassName;
use credwarden_policy::policy::{Policy, PolicyId};
use credwarden_policy::remedy::{Effect, Mode, RemedyName, RuleName};
use credwarden_remedy::answer::Status;
use credwarden_remedy::fault::Fault;
use credwarden_remedy::guard::REPORTED_FOR;
use credwarden_remedy::kill_switch::KillSwitch;
use credwarden_remedy::rehearsal::{On, Planned, Stage, documents, purses, rehearse};
use credwarden_remedy::remedy::Remedy;
use credwarden_remedy::run::Settings;
use credwarden_remedy::secret::{Secrets, SecretsManager};
use credwarden_remedy::usage::Usage;
use jiff::Timestamp;
use serde::Serialize;

use crate::arguments::{self, PlanFormat};
use crate::deployment::table_name;
use crate::failure::Failure;
use crate::finding::FORMAT;
use crate::input::account::sdk_config;
use crate::input::progress::Watched;
use crate::output::{Look, json};

mod text;

/// The remedies of a deployment that answer findings.
const REMEDIES: &[Remedy] = &[deactivate_credential::wiring::REMEDY, rotate_key::wiring::REMEDY];

/// What would be done about one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The format of the document.
    pub format: u32,
    /// The time of the plan.
    pub as_of: Timestamp,
    /// How the deployment's names begin.
    pub prefix: String,
    /// The user's name.
    pub name: UserName,
    /// Its unique id.
    pub id: UserId,
    /// Its class, or why it is not known.
    pub class: String,
    /// The deployment's policy.
    pub policy: PolicyId,
    /// By rule, the policy that a complete pass had reported by a day ago; `None`: none had.
    pub reported: BTreeMap<RuleName, Option<PolicyId>>,
    /// What the kill switch lets.
    pub kill_switch: String,
    /// What is left of the day's budget.
    pub budget: Budget,
    /// What would be done, or would not be and why.
    pub steps: Vec<Step>,
}

/// A day's budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// What may be changed today that breaks a rule's policy. Each rule's limit goes by the users that hold what it is
    /// about; all share what is spent. `None`: no complete pass of the rule has counted them yet.
    pub findings: BTreeMap<RuleName, Option<Left>>,
    /// What may be changed today that is compromised.
    pub compromises: Left,
}

/// A part of a day's budget, in credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// How many may be changed today.
    pub limit: u32,
    /// How many of these are left.
    pub left: u32,
}

impl Left {
    fn of(limit: u32, spent: u32) -> Self {
        Self { limit, left: limit.saturating_sub(spent) }
    }
}

/// What one document would do about one credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Which; `None`: nothing is said of a single one.
    pub credential: Option<CredentialId>,
    /// The document.
    pub document: String,
    /// The remedy that it comes to.
    pub remedy: RemedyName,
    /// How far the policy lets that remedy go; `None` where it does not name it, or a person asks.
    pub mode: Option<Mode>,
    /// How the execution would end.
    pub status: Status,
    /// `active` or `inactive`, where the credential would be made so, or `deleted`.
    pub becomes: Option<Effect>,
    /// Why it would be, or would not be.
    pub why: String,
    /// Whether the user's sessions would be refused with it.
    pub refuses_sessions: bool,
    /// The deadline of its rotation.
    pub deadline: Option<Timestamp>,
    /// The last instant at which the change could be undone.
    pub undo_until: Option<Timestamp>,
    /// What would be told now; what was told within a week is not told again.
    pub told: Vec<Told>,
}

/// Something that would be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// What it is about.
    pub kind: NoticeKind,
    /// To whom; `None`: to the account's contact.
    pub owner: Option<Owner>,
    /// What was or will be done, and why.
    pub what: String,
    /// What to do.
    pub to_do: String,
    /// The last instant to do it.
    pub do_by: Option<Timestamp>,
}

/// Plans, and tells it.
///
/// # Errors
/// There is no such user, or account, ledger or parameters could not be read.
pub async fn run(request: &arguments::Plan, look: Look, now: Timestamp) -> Result<String, Failure> {
    let arguments::Plan { user, format, ledger } = request;
    let aws = sdk_config(&ledger.account).await;
    let iam = Watched::new(Iam::of(&aws));
    let table = DynamoTable::new(&aws, table_name(ledger));
    let reads = Reads {
        parameters: &Parameters::new(&aws),
        reader: &iam,
        table: &table,
        secrets: &SecretsManager::reading(&aws),
        usage: &Usage::of(&aws),
    };
    let plan = Box::pin(plan(user, &ledger.prefix, &reads, now)).await;
    iam.finish();
    Ok(match format {
        PlanFormat::Table => text::render(&plan?, look),
        PlanFormat::Json => json::render(&plan?)?,
    })
}

/// All that a plan reads.
#[derive(Debug)]
pub struct Reads<'a, P, R, T, V> {
    /// Systems Manager's parameters.
    pub parameters: &'a P,
    /// IAM.
    pub reader: &'a R,
    /// The ledger's table.
    pub table: &'a T,
    /// Secrets Manager.
    pub secrets: &'a V,
    /// Where it is looked up what uses a key.
    pub usage: &'a Usage,
}

/// What the remedies of the deployment with this prefix would do about a user at `now`.
///
/// # Errors
/// As [`run`].
pub async fn plan<P: ReadParameter, R: ReadIam, T: Table, V: Secrets>(
    user: &str,
    prefix: &str,
    &Reads { parameters, reader, table, secrets, usage }: &Reads<'_, P, R, T, V>,
    now: Timestamp,
) -> Result<Plan, Failure> {
    let ledger = Ledger::new(RehearsedTable::over(table));
    let (policy_parameter, kill_switch_parameter) = (format!("/{prefix}/policy"), format!("/{prefix}/kill-switch"));
    let policy = parameter(parameters, &policy_parameter).await?;
    let policy = Policy::parse(&policy).map_err(|problems| {
        Failure::input(format!("the deployment's policy `{policy_parameter}` cannot be used: {problems}"))
    })?;
    parameter(parameters, &kill_switch_parameter).await?;
    let kill_switch = KillSwitch::read(parameters, &kill_switch_parameter).await;
    let user = found(user, reader, now).await?;
    let record = read(ledger.record(&user.id).await)?;
    let mut reported = BTreeMap::new();
    for rule in RuleName::ALL {
        let at = now.checked_sub(REPORTED_FOR).unwrap_or(now);
        let policy = read(ledger.newest_reported_before(*rule, at).await)?;
        reported.insert(*rule, policy.map(|policy| policy.id()));
    }
    let settings = Settings {
        prefix: prefix.to_owned(),
        policy_parameter,
        kill_switch_parameter,
        own_roles: read(ledger.own_roles().await)?.unwrap_or_default(),
    };
    let stage = Stage { parameters, reader, table, secrets, settings: &settings, remedies: REMEDIES, usage };
    let on = On { id: user.id.clone(), name: user.name.clone() };
    let class = policy.class(&user);
    let mut steps = Vec::new();
    for (document, credential) in documents(&record) {
        let planned = rehearse(&stage, document, &on, credential.as_ref(), now).await.map_err(fault)?;
        steps.extend(planned.into_iter().map(|planned| step(planned, &policy, class.as_ref().ok().copied(), prefix)));
    }
    let mut findings = BTreeMap::new();
    for rule in RuleName::ALL {
        let purses = read(purses(&ledger, *rule, &policy, now).await)?;
        findings.insert(*rule, purses.limit.map(|limit| Left::of(limit, purses.spent)));
    }
    let compromised = read(purses(&ledger, RuleName::UnauthorizedKeyCreation, &policy, now).await)?;
    Ok(Plan {
        format: FORMAT,
        as_of: now,
        prefix: prefix.to_owned(),
        class: class.map_or_else(|gap| format!("not known: {gap}"), |class| class.as_str().to_owned()),
        policy: policy.id(),
        reported,
        kill_switch: kill_switch.map_or_else(|why| why, |switch| switch.to_string()),
        budget: Budget {
            findings,
            compromises: Left::of(compromised.compromises_limit, compromised.compromises_spent),
        },
        steps,
        name: user.name,
        id: user.id,
    })
}

fn step(planned: Planned, policy: &Policy, class: Option<&ClassName>, prefix: &str) -> Step {
    let Planned { document, remedy, credential, status, reason, becomes, refuses_sessions, .. } = planned;
    let mode = match (document, class, &credential) {
        (Document::Rule(rule), Some(class), Some(credential)) => {
            policy.remedy(rule, class, credential.kind()).filter(|named| named.name == remedy).map(|named| named.mode)
        }
        _ => None,
    };
    // The credential has a field of its own.
    let why = match &credential {
        Some(credential) => reason.strip_prefix(&format!("{credential}: ")).unwrap_or(&reason).to_owned(),
        None => reason,
    };
    Step {
        document: document.name(prefix),
        remedy,
        mode,
        status,
        becomes,
        why,
        refuses_sessions,
        deadline: planned.deadline,
        undo_until: planned.undo_until,
        told: planned.told.into_iter().map(told).collect(),
        credential,
    }
}

fn told(notice: Notice) -> Told {
    let Notice { kind, owner, what, to_do, do_by, .. } = notice;
    Told { kind, owner, what, to_do, do_by }
}

/// The user that is meant.
async fn found<R: ReadIam>(user: &str, reader: &R, now: Timestamp) -> Result<User, Failure> {
    let nobody =
        || Failure::input(format!("the account has no user `{user}`\nhint: `credwarden scan --all` lists the users"));
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::input(format!("`{user}` is no name, ARN or `AIDA…` id of an IAM user: {error}"))
    };
    let name: UserName = if let Ok(id) = user.parse::<UserId>() {
        find_user_by_id(reader, &id).await.map_err(unread)?.ok_or_else(nobody)?
    } else if let Ok(arn) = user.parse::<Arn>() {
        let last = arn.as_str().rsplit('/').next().unwrap_or_default();
        last.parse().map_err(|error| wrong(&error))?
    } else {
        user.parse().map_err(|error| wrong(&error))?
    };
    let found = read_user(reader, &name, now).await.map_err(unread)?;
    let is_meant = |found: &User| user.parse::<Arn>().map_or(true, |arn| arn == found.arn);
    found.filter(is_meant).ok_or_else(nobody)
}

const HINT: &str = "hint: `credwarden permissions --ledger-table NAME` prints the policy that the caller needs; `--region` and \
                    `--prefix` name the deployment";

fn unread(error: ReadError) -> Failure {
    Failure::Account(anyhow::Error::new(error).context(HINT).context("failed to read the user"))
}

fn read<V>(answer: Result<V, LedgerError>) -> Result<V, Failure> {
    answer.context(HINT).context("failed to read the ledger").map_err(Failure::Account)
}

async fn parameter<P: ReadParameter>(parameters: &P, name: &str) -> Result<String, Failure> {
    let value = parameters.read_parameter(name).await;
    value.context(HINT).context("failed to read the deployment's parameters").map_err(Failure::Account)
}

/// What would make the remedy itself fail: what it reads, the terminal reads too.
fn fault(fault: Fault) -> Failure {
    Failure::Account(anyhow::Error::new(fault).context(HINT).context("failed to tell what would be done"))
}
