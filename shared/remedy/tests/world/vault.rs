//! Secrets Manager in memory, and what `mint-key` does when it is asked.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]
#![expect(unreachable_pub, reason = "every file of tests uses its own part of the world")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use credwarden_credential::creation::{Creation, CreationAct, Creator, Principal};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::Status;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_ledger::enrolment::EnrolmentAct;
use credwarden_policy::enrolment::{Enrolment, EnrolmentChange, PolicyDigest, RequestToken, SecretArn};
use credwarden_policy::exception::Hold;
use credwarden_policy::mint::{Mint, MintStep};
use credwarden_remedy::secret::{Delivery, Secret, SecretError, Secrets};
use jiff::{SignedDuration, Timestamp};

use super::gate::Gate;
use super::{ACKNOWLEDGE, PERSON, World, noon, rotating_policy};

/// What the policy says of keys that are minted.
pub const MINTED: &str = r#", "delivery": "secret""#;

pub const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/alice-a1B2c3";

/// The one secret there is.
#[derive(Debug, Default)]
pub struct Vault {
    pub is_gone: bool,
    pub resource_policy: Option<PolicyDigest>,
    /// By which tokens it shall be rotated.
    pub asked: BTreeSet<RequestToken>,
    /// When its retriever fetched it last.
    pub fetched: Option<Timestamp>,
}

pub struct GatedSecrets {
    pub gate: Gate,
    pub vault: Arc<Mutex<Vault>>,
}

impl Secrets for GatedSecrets {
    async fn read_secret(&self, secret: &SecretArn) -> Result<Option<Secret>, SecretError> {
        let call = async || {
            let vault = self.vault.lock().unwrap();
            let secret = Secret { resource_policy: vault.resource_policy.clone() };
            Ok((!vault.is_gone).then_some(secret))
        };
        self.gate.pass(format!("secretsmanager:DescribeSecret {secret}"), call, no_answer).await
    }

    async fn rotate(&self, secret: &SecretArn, token: &RequestToken) -> Result<(), SecretError> {
        let call = async || {
            self.vault.lock().unwrap().asked.insert(token.clone());
            Ok(())
        };
        self.gate.pass(format!("secretsmanager:RotateSecret {secret}"), call, no_answer).await
    }

    async fn fetched(&self, delivery: &Delivery<'_>, _now: Timestamp) -> Result<Option<Timestamp>, SecretError> {
        let since = delivery.since;
        let call = async || Ok(self.vault.lock().unwrap().fetched.filter(|at| *at > since));
        self.gate.pass("cloudtrail:LookupEvents".to_owned(), call, no_answer).await
    }
}

fn no_answer() -> SecretError {
    SecretError { doing: "ask Secrets Manager".to_owned(), why: "no answer".to_owned() }
}

pub fn enrolment(world: &World) -> Enrolment {
    Enrolment {
        user: world.id("alice"),
        secret: SECRET.parse().unwrap(),
        retriever: "arn:aws:iam::123456789012:role/shop".parse().unwrap(),
        resource_policy: None,
        owner: "team-shop".to_owned(),
        by: PERSON.to_owned(),
        approver: "arn:aws:iam::123456789012:user/dave".to_owned(),
        justification: "the shop reads its key there".to_owned(),
        at: world.now.get(),
        execution: "enrol-1".to_owned(),
    }
}

/// Alice's older key, which a remedy made inactive that many days ago, and her old one.
pub async fn with_idle(days: i64) -> (World, CredentialId, CredentialId) {
    let estate = Estate::new(noon() - age_days(days)).user("alice").tag("owner", "alice@example.com");
    let world = World::just_installed(estate.key(age_days(200)).used(age_days(100), "s3"));
    world.now.set(noon() - age_days(days));
    world.set_policy(&rotating_policy(MINTED));
    world.reported(&rotating_policy(MINTED), age_days(2)).await;
    let idle = world.key("alice", 0);
    // Her owner, who is not enrolled yet, creates the next key, moves to it, and says so.
    world.remediate("alice").await;
    let old = world.create_key("alice");
    world.pass_time(SignedDuration::from_hours(1));
    world.use_key(&old);
    world.remediate("alice").await;
    world.ask(ACKNOWLEDGE, "alice", Some(&idle)).await;
    world.days(3).await;
    assert_eq!(world.status(&idle), Status::Inactive);
    world.enrol(Some(enrolment(&world))).await;
    world.pass_time(noon().duration_since(world.now.get()));
    (world, idle, old)
}

impl World {
    /// A world in which alice's keys come into a secret.
    pub async fn minting(estate: Estate) -> Self {
        let world = Self::rotating(estate, MINTED).await;
        world.enrol(Some(enrolment(&world))).await;
        world
    }

    /// Alice is enrolled, or no more.
    pub async fn enrol(&self, after: Option<Enrolment>) {
        let (ledger, user, at) = (self.ledger(), self.id("alice"), self.now.get());
        let change = if after.is_some() { EnrolmentChange::Enrol } else { EnrolmentChange::Withdraw };
        let act = EnrolmentAct {
            change,
            execution: format!("{change}-{at}"),
            requester: PERSON.to_owned(),
            approver: None,
            justification: "so".to_owned(),
            at,
            before: ledger.enrolment(&user).await.unwrap(),
            user,
            after,
        };
        ledger.change_enrolment(&act).await.unwrap();
    }

    /// What `mint-key` does of what was asked: the keys that it minted.
    pub async fn mint(&self) -> Vec<CredentialId> {
        let asked: Vec<_> = self.vault.lock().unwrap().asked.iter().cloned().collect();
        let mut minted = Vec::new();
        for token in asked {
            let kept = self.ledger().mint(&token).await.unwrap().unwrap();
            let Mint { step: MintStep::Asked, .. } = kept.mint else { continue };
            assert_eq!(self.iam.estate().find("alice").unwrap().keys.len(), 1, "a user has two keys at most");
            let key = self.create_key("alice");
            let step = MintStep::Delivered { key: key.clone(), at: self.now.get() };
            self.ledger().keep_mint(&kept, step).await.unwrap();
            minted.push(key);
        }
        minted
    }

    /// The retriever fetches the new key, and it is used.
    pub fn fetch(&self, key: &CredentialId) {
        self.vault.lock().unwrap().fetched = Some(self.now.get());
        self.use_key(key);
    }

    /// A person has a key of alice left alone for that long.
    pub async fn hold(&self, key: &CredentialId, time: SignedDuration) {
        let until = self.now.get() + time;
        let hold = Hold { credential: key.clone(), until, reason: "so".to_owned(), by: PERSON.to_owned() };
        self.ledger().change_hold(&self.id("alice"), None, &hold).await.unwrap();
    }

    /// Somebody made a key of alice active then, and inactive again.
    pub async fn made_active(&self, key: &CredentialId, at: Timestamp) {
        let creation = Creation {
            event: "e-1".to_owned(),
            act: CreationAct::UpdateAccessKey,
            credential: key.clone(),
            user: "alice".parse().unwrap(),
            user_id: None,
            creator: Creator {
                principal: Principal::Role("arn:aws:iam::123456789012:role/developer".parse().unwrap()),
                session: None,
                source_identity: None,
                invoked_by: None,
            },
            source: "203.0.113.9".to_owned(),
            mfa: None,
            at,
            region: "us-east-1".to_owned(),
        };
        self.ledger().record_creation(&creation).await.unwrap();
    }

    /// How many keys alice has.
    pub fn keys(&self) -> usize {
        self.iam.estate().find("alice").unwrap().keys.len()
    }

    /// Somebody deletes a key by hand.
    pub fn delete_by_hand(&self, key: &CredentialId) {
        self.iam.change(|estate| {
            for user in &mut estate.users {
                user.keys.retain(|held| held.key.id.as_str() != key.as_str());
            }
        });
    }
}
