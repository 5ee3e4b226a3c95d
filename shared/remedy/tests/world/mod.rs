//! A deployment in memory: an estate behind IAM, the ledger in a table, executions of documents.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "what a test prepares may fail it")]
#![expect(unreachable_pub, dead_code, reason = "every file of tests uses its own part of the world")]

pub mod compromise;
pub mod gate;
mod given;
pub mod vault;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use credwarden_credential::id::{UserId, UserName};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{KeyStatus, LastUse, Status};
use credwarden_credential::usage::{Use, Uses};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_estate::fake::FakeIam;
use credwarden_ledger::Ledger;
use credwarden_ledger::due::DueItem;
use credwarden_ledger::exception::ExceptionAct;
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::notice::{Notice, NoticeKind};
use credwarden_ledger::pass::CompletePass;
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::table::Value;
use credwarden_ledger::work::{Act, Work};
use credwarden_policy::exception::{Change, Exception};
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{Effect, RemedyName, RuleName};
use credwarden_policy::rotation::Rotation;
use credwarden_remedy::answer::{Answer, Status as Ended};
use credwarden_remedy::fault::Fault;
use credwarden_remedy::remedy::{Answered, Evidence, Remedy, Rotating};
use credwarden_remedy::run::{Invocation, Ports, Settings, handle};
use credwarden_remedy::ssm::{Execution, ExecutionStatus};
use credwarden_remedy::usage::Usage;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use self::gate::{Gate, GatedConfig, GatedReader, GatedSsm, GatedTable, GatedWriter};
pub use self::given::*;
use self::vault::{GatedSecrets, Vault};

pub const AGE: Document = Document::Rule(RuleName::AccessKeyAge);
pub const UNDO: Document = Document::Undo(RemedyName::DeactivateCredential);
pub const ACT: Act = Act::Remedy(RemedyName::DeactivateCredential);
pub const UNDO_ACT: Act = Act::Undo(RemedyName::DeactivateCredential);
pub const RULE: RuleName = RuleName::AccessKeyAge;

/// Who AWS Config's remediation executes as, and the schedule, and a person.
pub const CONFIG: &str = "arn:aws:sts::123456789012:assumed-role/AWSServiceRoleForConfigRemediation/config";
pub const SCHEDULE: &str = "arn:aws:sts::123456789012:assumed-role/advance-work/credwarden-advance-work";
pub const PERSON: &str = "arn:aws:sts::123456789012:assumed-role/security/bob";

/// The stack's policy that refuses sessions.
pub const SESSION_POLICY: &str = "arn:aws:iam::123456789012:policy/credwarden-refuse-sessions";

const POLICY: &str = "/credwarden/policy";
const KILL_SWITCH: &str = "/credwarden/kill-switch";

pub const REMEDY: Remedy = Remedy {
    name: RemedyName::DeactivateCredential,
    rules: &[
        Answered { rule: access_key_age::RULE, judge: access_key_age::judge, evidence: Evidence::User },
        Answered { rule: unused_credentials::RULE, judge: unused_credentials::judge, evidence: Evidence::User },
        Answered {
            rule: unauthorized_key_creation::RULE,
            judge: unauthorized_key_creation::judge,
            evidence: Evidence::Provenance,
        },
    ],
    act: |found| {
        let effect = if found.id.kind().has_status() { Effect::Status(KeyStatus::Inactive) } else { Effect::Deleted };
        (found.status == Status::Active).then_some(effect)
    },
    undo: |found| (found.status == Status::Inactive).then_some(KeyStatus::Active),
    rotation: None,
};

/// The function `rotate-key`, as it is deployed.
pub const ROTATION: Remedy = Remedy {
    name: RemedyName::RotateKey,
    rules: &[Answered { rule: access_key_age::RULE, judge: access_key_age::judge, evidence: Evidence::User }],
    rotation: Some(Rotating { plan: rotate_key::plan, advice: |_, uses| format!("use a role in place of {uses:?}") }),
    ..REMEDY
};

pub const ACKNOWLEDGE: Document = Document::AcknowledgeRotation;
pub const FORCE: Document = Document::ForceRotation;
pub const ROTATE_UNDO: Document = Document::Undo(RemedyName::RotateKey);
pub const ROTATE: Act = Act::Remedy(RemedyName::RotateKey);

pub type Parameters = Arc<Mutex<BTreeMap<String, String>>>;
pub type Deleted = Arc<Mutex<Vec<(UserName, Timestamp)>>>;
pub type Writes = Arc<Mutex<Vec<(CredentialId, KeyStatus)>>>;

pub struct World {
    pub iam: FakeIam,
    pub table: MemoryTable,
    pub parameters: Parameters,
    pub executions: Arc<Mutex<BTreeMap<String, Execution>>>,
    /// The names that AWS Config has recorded.
    pub recorded: Arc<Mutex<BTreeMap<UserId, UserName>>>,
    /// What was written to IAM, in order.
    pub writes: Writes,
    /// Whose console passwords were deleted, and when.
    pub passwords: Deleted,
    /// What the lists of keys show in place of the truth.
    pub stale: Arc<Mutex<Option<FakeIam>>>,
    pub lists_lag: Arc<Mutex<bool>>,
    /// The secret.
    pub vault: Arc<Mutex<Vault>>,
    /// The keys that were deleted, in order.
    pub deleted: Arc<Mutex<Vec<CredentialId>>>,
    pub now: Cell<Timestamp>,
    pub time_left: Cell<Duration>,
    /// What uses every key.
    pub uses: Arc<Mutex<Vec<Use>>>,
    serial: Cell<u32>,
}

impl World {
    /// The estate, whose 60 users a complete pass reported two days ago by the enforcing policy.
    pub async fn new(estate: Estate) -> Self {
        let world = Self::just_installed(estate);
        world.reported(&policy_with(&[]), age_days(2)).await;
        world
    }

    /// The estate, of which nothing was reported yet.
    pub fn just_installed(estate: Estate) -> Self {
        let recorded = estate.users.iter().map(|user| (user.id().clone(), user.name().clone())).collect();
        let parameters = [(POLICY, policy_with(&[])), (KILL_SWITCH, "run".to_owned())];
        Self {
            now: Cell::new(estate.now),
            iam: FakeIam::new(estate),
            table: MemoryTable::default(),
            parameters: Arc::new(Mutex::new(parameters.map(|(name, value)| (name.to_owned(), value)).into())),
            executions: Arc::default(),
            recorded: Arc::new(Mutex::new(recorded)),
            writes: Arc::default(),
            passwords: Arc::default(),
            stale: Arc::default(),
            lists_lag: Arc::default(),
            vault: Arc::default(),
            deleted: Arc::default(),
            time_left: Cell::new(Duration::from_secs(290)),
            uses: Arc::default(),
            serial: Cell::new(0),
        }
    }

    /// A complete pass has reported by `policy` that long ago.
    pub async fn reported(&self, policy: &str, ago: SignedDuration) {
        self.reported_of(RULE, policy, ago).await;
    }

    /// A complete pass of a rule has reported by `policy` that long ago.
    pub async fn reported_of(&self, rule: RuleName, policy: &str, ago: SignedDuration) {
        let policy = Policy::parse(policy).unwrap();
        let at = self.now.get() - ago;
        let ledger = self.ledger();
        ledger.record_reported(rule, &policy, at).await.unwrap();
        let complete = CompletePass {
            started: at,
            finished: at,
            population: 60,
            gaps: 0,
            report_made: Some(at),
            policy: policy.id(),
        };
        let mut passes = ledger.passes(rule).await.unwrap();
        passes.complete = Some(complete);
        ledger.keep_passes(rule, &passes, at).await.unwrap();
    }

    /// The same of a policy that has access keys rotated; `more` stands in its entry.
    pub async fn rotating(estate: Estate, more: &str) -> Self {
        let (world, policy) = (Self::just_installed(estate), rotating_policy(more));
        world.set_policy(&policy);
        world.reported(&policy, age_days(2)).await;
        world
    }

    pub fn set_policy(&self, policy: &str) {
        self.parameters.lock().unwrap().insert(POLICY.to_owned(), policy.to_owned());
    }

    pub fn set_kill_switch(&self, value: &str) {
        self.parameters.lock().unwrap().insert(KILL_SWITCH.to_owned(), value.to_owned());
    }

    pub fn without_parameter(&self, name: &str) {
        self.parameters.lock().unwrap().remove(&format!("/credwarden/{name}"));
    }

    pub fn ledger(&self) -> Ledger<MemoryTable> {
        Ledger::new(self.table.clone())
    }

    /// An exception is changed, and its user's tags follow.
    pub async fn change_exception(&self, change: Change, exception: &Exception) {
        let Exception { user, rule, credential, approver, justification, .. } = exception;
        let (ledger, at) = (self.ledger(), self.now.get());
        let seen = ledger.exception(user, *rule, credential.as_ref()).await.unwrap();
        let act = ExceptionAct {
            change,
            execution: format!("{change}-{at}"),
            requester: PERSON.to_owned(),
            approver: Some(approver.clone()),
            justification: justification.clone(),
            at,
            user: user.clone(),
            rule: *rule,
            credential: credential.clone(),
            before: seen.as_ref().map(|entry| entry.exception.clone()),
            after: (change != Change::Revoke).then(|| exception.clone()),
        };
        ledger.change_exception(&act, seen.as_ref()).await.unwrap();
        assert!(ledger.settle_tags(user, Some(&act.execution), at).await.unwrap());
    }

    pub fn pass_time(&self, time: SignedDuration) {
        self.now.set(self.now.get() + time);
        let now = self.now.get();
        self.iam.change(|estate| estate.now = now);
    }

    pub fn id(&self, name: &str) -> UserId {
        self.iam.estate().find(name).unwrap().id().clone()
    }

    pub fn key(&self, name: &str, place: usize) -> CredentialId {
        CredentialId::AccessKey(self.iam.estate().find(name).unwrap().keys[place].key.id.clone())
    }

    /// The first credential of another kind.
    pub fn other(&self, name: &str, kind: CredentialKind) -> CredentialId {
        self.iam.estate().find(name).unwrap().of(kind)[0].id.clone()
    }

    pub fn status(&self, credential: &CredentialId) -> Status {
        let estate = self.iam.estate();
        let mut held = estate.users.iter().flat_map(|user| user.of(credential.kind()));
        held.find(|found| found.id == *credential).unwrap().status
    }

    /// Whether a user's sessions are refused.
    pub fn are_sessions_refused(&self, name: &str) -> bool {
        let policy = SESSION_POLICY.parse().unwrap();
        self.iam.estate().find(name).unwrap().detail.attached_policies.contains(&policy)
    }

    pub fn by_hand(&self, key: &CredentialId, status: KeyStatus) {
        assert!(self.iam.change(|estate| estate.set_status(key, status)));
    }

    pub fn writes(&self) -> Vec<(String, KeyStatus)> {
        self.writes.lock().unwrap().iter().map(|(key, status)| (key.to_string(), *status)).collect()
    }

    /// An execution of a document that is under way; gives its id.
    pub fn execution(&self, document: Document, user: &UserId, credential: Option<&CredentialId>, by: &str) -> String {
        self.serial.set(self.serial.get() + 1);
        let id = format!("execution-{}", self.serial.get());
        let mut parameters = BTreeMap::from([("ResourceId".to_owned(), vec![user.to_string()])]);
        if let Some(credential) = credential {
            parameters.insert("CredentialId".to_owned(), vec![credential.to_string()]);
        }
        if document == FORCE {
            parameters.entry("CredentialId".to_owned()).or_insert_with(|| vec!["all".to_owned()]);
            parameters.insert("Reason".to_owned(), vec!["it may have leaked".to_owned()]);
        }
        let execution = Execution {
            id: id.clone(),
            document_name: document.name("credwarden"),
            status: ExecutionStatus::UnderWay,
            parameters,
            executed_by: Some(by.to_owned()),
            started: Some(self.now.get()),
            approvers: Vec::new(),
        };
        self.executions.lock().unwrap().insert(id.clone(), execution);
        id
    }

    /// Does what the document of an execution does: invokes its function, and the one that this hands on to, through a
    /// gate.
    pub async fn invoke(&self, execution: &str, gate: &Gate) -> Result<Answer, Fault> {
        let document = self.executions.lock().unwrap().get(execution).map(|found| found.document_name.clone());
        let named = document.and_then(|name| Document::named(&name, "credwarden").ok());
        let first = match named.map(Document::remedy) {
            Some(RemedyName::RotateKey) => &ROTATION,
            _ => &REMEDY,
        };
        let answer = self.invoke_remedy(first, execution, gate).await?;
        match (answer.status, answer.to) {
            (Ended::HandedOn, Some(RemedyName::RotateKey)) => self.invoke_remedy(&ROTATION, execution, gate).await,
            _ => Ok(answer),
        }
    }

    async fn invoke_remedy(&self, remedy: &Remedy, execution: &str, gate: &Gate) -> Result<Answer, Fault> {
        self.serial.set(self.serial.get() + 1);
        let ports = Ports {
            ssm: GatedSsm {
                gate: gate.clone(),
                parameters: self.parameters.clone(),
                executions: self.executions.clone(),
            },
            config: GatedConfig { gate: gate.clone(), recorded: self.recorded.clone() },
            reader: GatedReader { gate: gate.clone(), iam: self.iam.clone(), stale: self.stale.clone() },
            writer: GatedWriter {
                gate: gate.clone(),
                iam: self.iam.clone(),
                writes: self.writes.clone(),
                passwords: self.passwords.clone(),
                now: self.now.get(),
                stale: self.stale.clone(),
                lists_lag: self.lists_lag.clone(),
                deleted: self.deleted.clone(),
            },
            ledger: Ledger::new(GatedTable { gate: gate.clone(), table: self.table.clone() }),
            secrets: GatedSecrets { gate: gate.clone(), vault: self.vault.clone() },
            usage: Usage::Known(Uses::Read(self.uses.lock().unwrap().clone())),
        };
        let settings = Settings {
            prefix: "credwarden".to_owned(),
            policy_parameter: POLICY.to_owned(),
            kill_switch_parameter: KILL_SWITCH.to_owned(),
            own_roles: BTreeSet::new(),
        };
        let invocation = Invocation {
            execution_id: execution.to_owned(),
            run: RunId(format!("{execution}/{}", self.serial.get())),
            now: self.now.get(),
            ends: Instant::now() + self.time_left.get(),
        };
        Box::pin(handle(remedy, &ports, &settings, &invocation)).await
    }

    /// Invokes the remedy from an execution; `None` if the process died.
    pub async fn invoke_mortal(&self, execution: &str, gate: &Gate) -> Option<Result<Answer, Fault>> {
        // Time is paused, and a dead process waits for ever, so this is over at once.
        tokio::time::timeout(Duration::from_secs(100_000), self.invoke(execution, gate)).await.ok()
    }

    /// AWS Config remediates a user.
    pub async fn remediate(&self, name: &str) -> Answer {
        let execution = self.execution(AGE, &self.id(name), None, CONFIG);
        self.invoke(&execution, &Gate::open()).await.unwrap()
    }

    /// Bob asks for an approval, and these principals give it.
    pub async fn approve(&self, name: &str, credential: &CredentialId, approvers: &[&str]) -> Answer {
        let execution = self.approval(name, credential, approvers);
        self.invoke(&execution, &Gate::open()).await.unwrap()
    }

    /// The execution in which Bob asks for an approval, and these principals have given it.
    pub fn approval(&self, name: &str, credential: &CredentialId, approvers: &[&str]) -> String {
        let execution = self.execution(Document::Approve, &self.id(name), Some(credential), PERSON);
        let approvers = approvers.iter().map(|approver| (*approver).to_owned()).collect();
        self.executions.lock().unwrap().get_mut(&execution).unwrap().approvers = approvers;
        execution
    }

    /// A person undoes what was done to a key.
    pub async fn undo(&self, name: &str, key: &CredentialId) -> Answer {
        let execution = self.execution(UNDO, &self.id(name), Some(key), PERSON);
        self.invoke(&execution, &Gate::open()).await.unwrap()
    }

    /// A person asks for something that is about a key of a user; `None` stands for all.
    pub async fn ask(&self, document: Document, name: &str, key: Option<&CredentialId>) -> Answer {
        let execution = self.execution(document, &self.id(name), key, PERSON);
        self.invoke(&execution, &Gate::open()).await.unwrap()
    }

    /// A user creates a key now.
    pub fn create_key(&self, name: &str) -> CredentialId {
        self.iam.change(|estate| {
            // A key goes to the user who was added last.
            let place = estate.users.iter().position(|user| user.name().as_str() == name).unwrap();
            let user = estate.users.remove(place);
            estate.users.push(user);
            *estate = estate.clone().key(SignedDuration::ZERO);
        });
        let keys = self.iam.estate().find(name).unwrap().keys.len();
        self.key(name, keys - 1)
    }

    /// A user deletes a key.
    pub fn delete_key(&self, name: &str, key: &CredentialId) {
        self.iam.change(|estate| estate.find_mut(name).keys.retain(|held| held.key.id.as_str() != key.as_str()));
    }

    /// A key is used now.
    pub fn use_key(&self, key: &CredentialId) {
        let used = LastUse::At { at: self.now.get(), service: "s3".to_owned(), region: "us-east-1".to_owned() };
        self.iam.change(|estate| {
            let mut keys = estate.users.iter_mut().flat_map(|user| &mut user.keys);
            keys.find(|held| held.key.id.as_str() == key.as_str()).unwrap().key.last_use = used;
        });
    }

    pub async fn rotation(&self, name: &str, key: &CredentialId) -> Option<Rotation> {
        let record = self.ledger().record(&self.id(name)).await.unwrap();
        record.rotation(key).map(|kept| kept.rotation.clone())
    }

    /// Days of the schedule: it comes every hour, and starts what is due.
    pub async fn days(&self, days: i64) -> Vec<Answer> {
        let mut answers = Vec::new();
        for _ in 0..days * 24 {
            answers.extend(self.hour().await);
        }
        answers
    }

    /// The notice of that kind that waits to be told.
    pub async fn notice(&self, kind: NoticeKind) -> Notice {
        let untold = self.ledger().untold(Timestamp::MAX).await.unwrap();
        let mut notices = untold.into_iter().map(|item| item.unwrap().notice);
        notices.find(|notice| notice.kind == kind).unwrap()
    }

    /// What waits to be told, as kinds.
    pub async fn told(&self) -> Vec<(NoticeKind, String)> {
        let untold = self.ledger().untold(Timestamp::MAX).await.unwrap();
        let told = untold.into_iter().map(|item| item.unwrap().notice);
        told.map(|notice| (notice.kind, notice.credential.unwrap().to_string())).collect()
    }

    /// Six hours of the schedule.
    pub async fn settle(&self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.extend(self.hour().await);
        }
        answers
    }

    /// An hour passes, lists catch up, and the schedule starts the document of what is due.
    pub async fn hour(&self) -> Vec<Answer> {
        self.pass_time(SignedDuration::from_hours(1));
        *self.stale.lock().unwrap() = None;
        let mut errands: BTreeMap<String, Request> = BTreeMap::new();
        for due in self.ledger().due(self.now.get()).await.unwrap() {
            let due = due.unwrap();
            let request = match &due.what {
                DueItem::Work(work) => work.request.clone(),
                DueItem::Rotation(kept) => kept.request.clone(),
                DueItem::Announcement(kept) => kept.request.clone(),
                DueItem::LeftLease { request, .. } | DueItem::Waiting { request } => request.clone(),
                DueItem::Pass(_) | DueItem::ExceptionTags(_) => continue,
            };
            let next = self.now.get() + SignedDuration::from_mins(55);
            assert!(self.ledger().put_off(&due, next).await.unwrap());
            errands.insert(format!("{} {} {:?}", request.document, request.user, request.credential), request);
        }
        let mut answers = Vec::new();
        for request in errands.into_values() {
            let Request { document, user, credential, .. } = request;
            let execution = self.execution(document, &user, credential.as_ref(), SCHEDULE);
            answers.push(self.invoke(&execution, &Gate::open()).await.unwrap());
        }
        answers
    }

    /// Whether nothing is open.
    pub async fn is_settled(&self) -> bool {
        self.ledger().due(Timestamp::MAX).await.unwrap().is_empty()
    }

    pub async fn work(&self, name: &str, act: Act, key: &CredentialId) -> Option<Work> {
        self.ledger().record(&self.id(name)).await.unwrap().work(act, key).cloned()
    }

    /// What was spent of a purse, on all days.
    pub fn spent(&self, purse: &str) -> i64 {
        let items = self.table.items();
        let purses = items.iter().filter(|(key, _)| key.pk.starts_with("BUDGET#") && key.sk == purse);
        purses
            .map(|(_, attributes)| match attributes.get("spent") {
                Some(Value::Number(spent)) => *spent,
                _ => 0,
            })
            .sum()
    }
}
