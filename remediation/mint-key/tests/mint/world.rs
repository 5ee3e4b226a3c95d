//! A user, a secret and a ledger, in which calls can be counted, lost, and be the last of their run.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use credwarden_credential::creation::{Creation, CreationAct, Creator, Principal};
use credwarden_credential::id::{AccessKeyId, UserId, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_inventory::parameter::{ParameterError, ReadParameter};
use credwarden_inventory::read::{Failure, ReadError};
use credwarden_ledger::Ledger;
use credwarden_ledger::enrolment::EnrolmentAct;
use credwarden_ledger::lease::Acquired;
use credwarden_ledger::memory::MemoryTable;
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::table::{Item, Key as ItemKey, Query, Table, TableError, Write};
use credwarden_policy::enrolment::{Enrolment, EnrolmentChange, PolicyDigest, RequestToken, SecretArn};
use credwarden_policy::mint::{Mint, MintStep};
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::rotation::{Delivery, Rotation};
use jiff::{SignedDuration, Timestamp};
use mint_key::aws::{CallError, Certainty, Described, Secrets, WriteKeys};
use mint_key::run::{Asked, Fault, Ports, ReadUsers, Settings, handle};
use mint_key::value::{NewKey, look_at};
use mint_key::{Key, Label, LiveUser, Value};
use secrecy::{ExposeSecret as _, SecretString};

pub(crate) const OWN: &str = "arn:aws:iam::123456789012:role/credwarden-mint-key";
const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// The run dies before it.
    DieBefore,
    /// The run dies after it, unanswered.
    DieAfter,
    /// It is done, and its answer lost.
    Lose,
    /// It is refused.
    Refuse,
}

/// How a call ended for its caller.
enum Met {
    Answered,
    Lost,
    Refused,
}

/// What is true. Clones share it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) state: Rc<RefCell<State>>,
    calls: Rc<RefCell<Vec<&'static str>>>,
    /// What happens to the call of this place, counted from zero.
    blow: Rc<Cell<Option<(usize, Blow)>>>,
    pub(crate) table: MemoryTable,
}

pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) switch: &'static str,
    pub(crate) user: Option<LiveUser>,
    pub(crate) keys: Vec<Key>,
    /// Most keys that there ever were at once.
    pub(crate) most: usize,
    pub(crate) created: usize,
    pub(crate) label: Label,
    /// What the version of the token holds.
    pub(crate) value: Option<String>,
    pub(crate) policy: Option<PolicyDigest>,
}

pub(crate) fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(crate) fn user() -> UserId {
    "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap()
}

pub(crate) fn name() -> UserName {
    "shop".parse().unwrap()
}

pub(crate) fn old() -> CredentialId {
    "AKIAIOSFODNN7EXAMPLE".parse().unwrap()
}

pub(crate) fn secret() -> SecretArn {
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:credwarden/shop-a1B2c3".parse().unwrap()
}

pub(crate) fn token() -> RequestToken {
    RequestToken::of(&user(), &old(), noon())
}

impl World {
    /// Everything is ready for the four steps.
    pub(crate) async fn ready() -> Self {
        let world = Self::without_mint().await;
        let request = request();
        let ledger = Ledger::new(world.table.clone());
        let run = RunId("r-0".to_owned());
        let Acquired::Ours(lease) = ledger.acquire_lease(&request, &run, noon()).await.unwrap() else {
            unreachable!("nobody else holds it")
        };
        ledger.ask_for_mint(&lease, mint()).await.unwrap();
        let rotation = Rotation {
            key: old(),
            opened: noon(),
            deadline: noon() + SignedDuration::from_hours(240),
            delivery: Delivery::Secret,
            told: None,
            forced: None,
            replacement: None,
            silence: None,
            acknowledged: None,
            fetched: None,
            escalated: None,
            mint: Some(token()),
            ended: None,
        };
        ledger.keep_rotation(&lease, None, rotation, &request, None, noon()).await.unwrap();
        world
    }

    /// The same, but nobody has asked for a mint.
    pub(crate) async fn without_mint() -> Self {
        let arn = "arn:aws:iam::123456789012:user/enrolled/shop".parse().unwrap();
        let created = noon() - SignedDuration::from_hours(3_000);
        let state = State {
            now: noon() + SignedDuration::from_hours(24),
            switch: "run",
            user: Some(LiveUser { id: user(), arn, path: "/enrolled/".to_owned() }),
            keys: vec![Key { id: old(), is_active: true, created }],
            most: 1,
            created: 0,
            label: Label::Pending,
            value: None,
            policy: None,
        };
        let table = MemoryTable::default();
        let world = Self {
            state: Rc::new(RefCell::new(state)),
            calls: Rc::default(),
            blow: Rc::default(),
            table: table.clone(),
        };
        Ledger::new(table).change_enrolment(&enrol()).await.unwrap();
        world
    }

    pub(crate) fn pass(&self, minutes: i64) {
        self.state.borrow_mut().now += SignedDuration::from_mins(minutes);
    }

    /// One step, whose call of this place meets a blow. `None`: the run has died.
    pub(crate) async fn step(&self, step: &str, blow: Option<(usize, Blow)>) -> Option<Result<&'static str, Fault>> {
        self.calls.borrow_mut().clear();
        self.blow.set(blow);
        let ports = Ports {
            parameters: self.clone(),
            reader: self.clone(),
            aws: self.clone(),
            ledger: Ledger::new(self.clone()),
        };
        let asked =
            Asked { secret_id: secret().to_string(), client_request_token: token().to_string(), step: step.to_owned() };
        let run = format!("run-{}", self.state.borrow().now);
        let clock = || self.state.borrow().now;
        // Time is not real here, so whoever waits for nothing is found out at once.
        let hour = Duration::from_hours(1);
        tokio::time::timeout(hour, handle(&ports, &settings(), &asked, &run, clock)).await.ok()
    }

    /// How many calls the last step has made.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.calls.borrow().clone()
    }

    /// `CloudTrail` has told of every key that was created.
    pub(crate) async fn told(&self) {
        let keys = self.state.borrow().keys.clone();
        for key in keys.into_iter().filter(|key| key.id != old()) {
            let creator = Creator {
                principal: Principal::Role(OWN.parse().unwrap()),
                session: None,
                source_identity: None,
                invoked_by: None,
            };
            let creation = Creation {
                event: format!("event-{}", key.id),
                act: CreationAct::CreateAccessKey,
                credential: key.id,
                user: name(),
                user_id: None,
                creator,
                source: "198.51.100.10".to_owned(),
                mfa: None,
                at: key.created,
                region: "us-east-1".to_owned(),
            };
            Ledger::new(self.table.clone()).record_creation(&creation).await.unwrap();
        }
    }

    /// All steps in their order, as often as it takes, a quarter of an hour apart.
    pub(crate) async fn to_the_end(&self) {
        for _ in 0..6 {
            self.told().await;
            let mut all_done = true;
            for step in STEPS {
                if !matches!(self.step(step, None).await, Some(Ok(_))) {
                    all_done = false;
                    break;
                }
                self.no_third_key();
            }
            if all_done {
                return;
            }
            self.pass(16);
        }
        unreachable!("it does not end: {:?}", self.mint());
    }

    pub(crate) fn no_third_key(&self) {
        assert!(self.state.borrow().most <= 2, "a third key was created");
    }

    /// The active keys besides the old one whose secrets nobody holds.
    pub(crate) fn unheld(&self) -> Vec<CredentialId> {
        let state = self.state.borrow();
        let held = state.value.clone().map(|value| look_at(&SecretString::from(value)));
        let is_held = |key: &Key| matches!(&held, Some(Value::Key { key: held, .. }) if *held == key.id);
        state.keys.iter().filter(|key| key.id != old() && !is_held(key)).map(|key| key.id.clone()).collect()
    }

    /// What the ledger says of the mint.
    pub(crate) fn mint(&self) -> MintStep {
        let items = self.table.items();
        let (_, item) = items.iter().find(|(key, _)| key.pk.starts_with("MINT#")).unwrap();
        let Some(credwarden_ledger::table::Value::Text(body)) = item.get("body") else { unreachable!("no body") };
        serde_json::from_str::<Mint>(body).unwrap().step
    }

    /// How it must end, whatever happened before.
    pub(crate) fn assert_delivered(&self, story: &str) {
        let keys = self.state.borrow().keys.clone();
        assert_eq!(keys.len(), 2, "{story}: {keys:?}");
        assert!(self.unheld().is_empty(), "{story}: nobody holds {:?}", self.unheld());
        assert_eq!(self.state.borrow().label, Label::Current, "{story}");
        let new = keys.iter().map(|key| &key.id).find(|key| **key != old()).unwrap().clone();
        assert!(matches!(self.mint(), MintStep::Delivered { key, .. } if key == new), "{story}: {:?}", self.mint());
        self.no_third_key();
        let told = format!("{:?}", self.table.items());
        assert!(!told.contains("half-of"), "{story}: the ledger holds a secret");
    }

    async fn meet(&self, call: &'static str) -> Met {
        let place = self.calls.borrow().len();
        self.calls.borrow_mut().push(call);
        match self.blow.get().filter(|(at, _)| *at == place) {
            Some((_, Blow::DieBefore)) => pending().await,
            Some((_, Blow::Lose)) => Met::Lost,
            Some((_, Blow::Refuse)) => Met::Refused,
            _ => Met::Answered,
        }
    }

    async fn after(&self) {
        let place = self.calls.borrow().len() - 1;
        if self.blow.get() == Some((place, Blow::DieAfter)) {
            pending::<()>().await;
        }
    }

    async fn call<O>(&self, name: &'static str, act: impl FnOnce() -> Result<O, CallError>) -> Result<O, CallError> {
        let failed = |certainty| CallError { doing: name.to_owned(), why: "so".to_owned(), certainty };
        match self.meet(name).await {
            Met::Refused => Err(failed(Certainty::Refused)),
            Met::Lost => act().and(Err(failed(Certainty::Unknown))),
            Met::Answered => {
                let done = act();
                self.after().await;
                done
            }
        }
    }

    async fn read<O>(&self, name: &'static str, act: impl FnOnce() -> O) -> Result<O, ReadError> {
        let done = self.call(name, || Ok(act())).await;
        done.map_err(|_| ReadError::new(Failure::Failed, name))
    }

    async fn on_table<O>(
        &self,
        name: &'static str,
        act: impl Future<Output = Result<O, TableError>>,
    ) -> Result<O, TableError> {
        let failed = || TableError::Failed("no answer".into());
        match self.meet(name).await {
            Met::Refused => Err(failed()),
            Met::Lost => act.await.and(Err(failed())),
            Met::Answered => {
                let done = act.await;
                self.after().await;
                done
            }
        }
    }
}

fn request() -> Request {
    Request {
        document: Document::Rule(RuleName::AccessKeyAge),
        user: user(),
        credential: None,
        reason: None,
        requester: "somebody".to_owned(),
        asked: None,
        approvers: Vec::new(),
        execution: "e-2".to_owned(),
    }
}

fn mint() -> Mint {
    Mint {
        token: token(),
        user: user(),
        name: name(),
        secret: secret(),
        replaces: old(),
        asked: noon(),
        step: MintStep::Asked,
    }
}

fn enrol() -> EnrolmentAct {
    let enrolment = Enrolment {
        user: user(),
        secret: secret(),
        retriever: "arn:aws:iam::123456789012:role/shop".parse().unwrap(),
        resource_policy: None,
        owner: "team-shop".to_owned(),
        by: "arn:aws:iam::123456789012:user/carol".to_owned(),
        approver: "arn:aws:iam::123456789012:user/dave".to_owned(),
        justification: "the shop reads its key there".to_owned(),
        at: noon(),
        execution: "e-1".to_owned(),
    };
    EnrolmentAct {
        change: EnrolmentChange::Enrol,
        execution: "e-1".to_owned(),
        requester: enrolment.by.clone(),
        approver: Some(enrolment.approver.clone()),
        justification: enrolment.justification.clone(),
        at: noon(),
        user: user(),
        before: None,
        after: Some(enrolment),
    }
}

fn settings() -> Settings {
    Settings {
        prefix: "credwarden".to_owned(),
        policy_parameter: "policy".to_owned(),
        kill_switch_parameter: "switch".to_owned(),
        enrolled_path: "/enrolled/".to_owned(),
        own_roles: [OWN.parse().unwrap()].into(),
    }
}

impl ReadParameter for World {
    async fn read_parameter(&self, name: &str) -> Result<String, ParameterError> {
        let value = match name {
            "policy" => Policy::default().to_json(),
            _ => self.state.borrow().switch.to_owned(),
        };
        let read = self.call("read a parameter", || Ok(value)).await;
        read.map_err(|error| ParameterError { name: name.to_owned(), why: error.why })
    }
}

impl ReadUsers for World {
    async fn user(&self, _: &UserName) -> Result<Option<LiveUser>, ReadError> {
        self.read("get the user", || self.state.borrow().user.clone()).await
    }

    async fn keys(&self, _: &UserName) -> Result<Vec<Key>, ReadError> {
        self.read("list keys", || self.state.borrow().keys.clone()).await
    }
}

impl WriteKeys for World {
    async fn create(&self, _: &UserName) -> Result<NewKey, CallError> {
        let create = || {
            let mut state = self.state.borrow_mut();
            if state.keys.len() >= 2 {
                let (doing, why) = ("create a key".to_owned(), "LimitExceeded".to_owned());
                return Err(CallError { doing, why, certainty: Certainty::Refused });
            }
            state.created += 1;
            let id: AccessKeyId = format!("AKIANEW{:013}", state.created).parse().unwrap();
            let created = state.now;
            state.keys.push(Key { id: CredentialId::AccessKey(id.clone()), is_active: true, created });
            state.most = state.most.max(state.keys.len());
            Ok(NewKey::new(id.clone(), SecretString::from(format!("half-of-{id}"))))
        };
        self.call("create a key", create).await
    }

    async fn delete(&self, _: &UserName, key: &AccessKeyId) -> Result<bool, CallError> {
        let delete = || {
            let mut state = self.state.borrow_mut();
            let before = state.keys.len();
            state.keys.retain(|one| one.id.as_str() != key.as_str());
            Ok(state.keys.len() < before)
        };
        self.call("delete a key", delete).await
    }
}

impl Secrets for World {
    async fn describe(&self, _: &SecretArn, _: &RequestToken) -> Result<Described, CallError> {
        let describe = || {
            let current = Some("before".to_owned());
            let label = self.state.borrow().label;
            Ok(Described { arn: secret(), is_deleted: false, rotates: true, label, current })
        };
        self.call("describe the secret", describe).await
    }

    async fn resource_policy(&self, _: &SecretArn) -> Result<Option<PolicyDigest>, CallError> {
        self.call("get the resource policy", || Ok(self.state.borrow().policy.clone())).await
    }

    async fn value(&self, _: &SecretArn, _: &RequestToken) -> Result<Value, CallError> {
        let look = || {
            let held = self.state.borrow().value.clone();
            Ok(held.map_or(Value::Empty, |held| look_at(&SecretString::from(held))))
        };
        self.call("look at the version", look).await
    }

    async fn put(&self, _: &SecretArn, _: &RequestToken, value: &SecretString) -> Result<(), CallError> {
        let put = || {
            let mut state = self.state.borrow_mut();
            if state.value.as_deref().is_some_and(|held| held != value.expose_secret()) {
                let (doing, why) = ("put".to_owned(), "ResourceExistsException".to_owned());
                return Err(CallError { doing, why, certainty: Certainty::Refused });
            }
            state.value = Some(value.expose_secret().to_owned());
            Ok(())
        };
        self.call("put the value", put).await
    }

    async fn promote(&self, _: &SecretArn, _: &RequestToken, _: Option<&str>) -> Result<(), CallError> {
        let promote = || {
            let mut state = self.state.borrow_mut();
            state.label = Label::Current;
            state.now += SignedDuration::from_secs(1);
            Ok(())
        };
        self.call("move the label", promote).await
    }
}

impl Table for World {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, TableError> {
        self.on_table("get an item", self.table.get(key)).await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, TableError> {
        self.on_table("query items", self.table.query(query)).await
    }

    async fn write(&self, write: &Write) -> Result<(), TableError> {
        self.on_table("write an item", self.table.write(write)).await
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), TableError> {
        self.on_table("write items", self.table.transact(writes)).await
    }
}
