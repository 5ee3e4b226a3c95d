//! One invocation, from what it is told to what it has done.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use credwarden_credential::creation::Creations;
use credwarden_credential::id::{Arn, InvalidId, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::KeyStatus;
use credwarden_inventory::iam::Iam;
use credwarden_inventory::parameter::ReadParameter;
use credwarden_inventory::read::{AccessKeyMetadata, Failure, ReadError, ReadIam as _, SingleUser, every_page};
use credwarden_ledger::mint::KeptMint;
use credwarden_ledger::table::Table;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::enrolment::RequestToken;
use credwarden_policy::mint::MintStep;
use credwarden_policy::policy::Policy;
use credwarden_remedy::kill_switch::KillSwitch;
use jiff::Timestamp;
use serde::Deserialize;

use crate::aws::{CallError, Certainty, Secrets, WriteKeys};
use crate::{Facts, Key, LiveUser, Plan, Refusal, Secret, Step, UnknownStep, plan, suspects};

/// How long the two lists of [`Step::Test`] lie apart: IAM tells all its places of a new key within seconds.
pub const LISTS_APART: Duration = Duration::from_secs(2);

/// What is read of users. All methods are written as `async fn`.
pub trait ReadUsers {
    /// The user that bears a name now (`GetUser`).
    fn user(&self, name: &UserName) -> impl Future<Output = Result<Option<LiveUser>, ReadError>>;

    /// Its access keys, all of them (`ListAccessKeys`).
    fn keys(&self, name: &UserName) -> impl Future<Output = Result<Vec<Key>, ReadError>>;
}

impl ReadUsers for Iam {
    async fn user(&self, name: &UserName) -> Result<Option<LiveUser>, ReadError> {
        match self.get_user(name).await {
            Ok(SingleUser { record, .. }) => Ok(Some(LiveUser { id: record.id, arn: record.arn, path: record.path })),
            Err(ReadError { failure: Failure::NoSuchEntity, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn keys(&self, name: &UserName) -> Result<Vec<Key>, ReadError> {
        let doing = format!("list access keys of `{name}`");
        let listed = every_page(&doing, |marker| self.list_access_keys(name, marker)).await?;
        let key = |listed: AccessKeyMetadata| Key {
            id: CredentialId::AccessKey(listed.id),
            is_active: listed.status == KeyStatus::Active,
            created: listed.created,
        };
        Ok(listed.into_iter().map(key).collect())
    }
}

/// All that is read and written.
#[derive(Clone, Debug)]
pub struct Ports<P, R, A, T> {
    /// Parameters.
    pub parameters: P,
    /// IAM, to read.
    pub reader: R,
    /// Keys and secrets.
    pub aws: A,
    /// The ledger.
    pub ledger: Ledger<T>,
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
    /// The path below which keys may be minted.
    pub enrolled_path: String,
    /// The roles of our own functions.
    pub own_roles: BTreeSet<Arn>,
}

/// What Secrets Manager sends: which step of which rotation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Asked {
    /// The secret's ARN.
    pub secret_id: String,
    /// The version that is made.
    pub client_request_token: String,
    /// The step.
    pub step: String,
}

/// What makes a step fail. Secrets Manager takes the rotation as failed, and its version stays pending.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The event is none that Secrets Manager sends.
    #[error("the event is none of a rotation: {0}")]
    Event(String),
    /// It may not be done, or not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// IAM did not answer.
    #[error("the user is not known")]
    Read(#[from] ReadError),
    /// The ledger did not answer, or another run has taken the mint further.
    #[error("the ledger is not available, or another run has gone on")]
    Ledger(#[from] LedgerError),
    /// IAM or Secrets Manager did not do what was asked.
    #[error("{}", left(*.0))]
    Call(Left, #[source] CallError),
    /// A key cannot be written as a value.
    #[error("the new key cannot be written as the value of a secret")]
    Unwritable,
}

/// What a call that failed has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Left {
    /// Nothing is changed.
    Nothing,
    /// What was asked for may have been done.
    Unsure,
    /// A key may be there whose secret nobody holds.
    Orphan,
}

fn left(left: Left) -> &'static str {
    match left {
        Left::Nothing => "nothing is changed; it is tried again",
        Left::Unsure => "it may have been done; the next try finds out",
        Left::Orphan => {
            "a key may have been created whose secret nobody holds; it is deleted in a quarter of an hour, when it is \
             tried again"
        }
    }
}

impl Fault {
    /// The name by which the failed invocation is known.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "InvocationRefused",
            Self::Refused(Refusal::NotAsked { .. }) => "NotAsked",
            Self::Refused(_) => "NotMinted",
            Self::Read(_) => "UserUnreadable",
            Self::Ledger(_) => "LedgerUnavailable",
            Self::Call(..) | Self::Unwritable => "MintUncertain",
        }
    }
}

impl From<UnknownStep> for Fault {
    fn from(error: UnknownStep) -> Self {
        Self::Event(error.to_string())
    }
}

impl From<InvalidId> for Fault {
    fn from(error: InvalidId) -> Self {
        Self::Event(error.to_string())
    }
}

/// Does what a step asks, and says what was done. `run` names the invocation; `clock` is read when it begins, and after what
/// others date their evidence by.
///
/// # Errors
/// The step is not done: it may not be, or something did not answer.
pub async fn handle<P, R, A, T>(
    ports: &Ports<P, R, A, T>,
    settings: &Settings,
    asked: &Asked,
    run: &str,
    clock: impl Fn() -> Timestamp,
) -> Result<&'static str, Fault>
where
    P: ReadParameter,
    R: ReadUsers,
    A: WriteKeys + Secrets,
    T: Table,
{
    let step: Step = asked.step.parse()?;
    let token: RequestToken = asked.client_request_token.parse()?;
    if step == Step::Set {
        return Ok("IAM knows a key as soon as it has created it");
    }
    let now = clock();
    let invocation = Invocation { ports, settings, token, now };
    let kept = invocation.kept(asked).await?;
    let facts = invocation.facts(step, &kept).await?;
    let plan = plan(step, &facts, now)?;
    invocation.carry_out(plan, kept, run, clock).await
}

struct Invocation<'a, P, R, A, T> {
    ports: &'a Ports<P, R, A, T>,
    settings: &'a Settings,
    token: RequestToken,
    now: Timestamp,
}

impl<P: ReadParameter, R: ReadUsers, A: WriteKeys + Secrets, T: Table> Invocation<'_, P, R, A, T> {
    /// The mint that was asked for with this token, and with this secret.
    async fn kept(&self, asked: &Asked) -> Result<KeptMint, Fault> {
        let document = format!("{}-force-rotation", self.settings.prefix);
        // INVARIANT (nobody else mints): without a mint that a rotation has asked for, not even IAM is read.
        let kept = self.ports.ledger.mint(&self.token).await?.ok_or(Refusal::NotAsked { document })?;
        if asked.secret_id.parse().ok().as_ref() == Some(&kept.mint.secret) {
            return Ok(kept);
        }
        Err(Refusal::AnotherSecret { asked: kept.mint.secret.clone() }.into())
    }

    /// Everything that the plan decides by.
    async fn facts(&self, step: Step, kept: &KeptMint) -> Result<Facts, Fault> {
        let (Ports { parameters, reader, ledger, aws }, mint) = (self.ports, &kept.mint);
        let policy = match parameters.read_parameter(&self.settings.policy_parameter).await {
            Ok(document) => Policy::parse(&document).map_err(|problems| problems.to_string()),
            Err(error) => Err(format!("the policy cannot be read: {error}")),
        };
        let stopped = match KillSwitch::read(parameters, &self.settings.kill_switch_parameter).await {
            Ok(KillSwitch::Run) => policy.as_ref().err().cloned(),
            Ok(other) => Some(format!("the kill switch is at `{other}`")),
            Err(reason) => Some(reason),
        };
        if let Some(why) = stopped {
            return Err(Refusal::Stopped(why).into());
        }
        let nothing = |error| Fault::Call(Left::Nothing, error);
        let described = aws.describe(&mint.secret, &self.token).await.map_err(nothing)?;
        let resource_policy = aws.resource_policy(&mint.secret).await.map_err(nothing)?;
        let value = aws.value(&mint.secret, &self.token).await.map_err(nothing)?;
        let record = ledger.record(&mint.user).await?;
        let user = reader.user(&mint.name).await?;
        let keys = if user.is_some() { reader.keys(&mint.name).await? } else { Vec::new() };
        let keys_again = if step == Step::Test {
            tokio::time::sleep(LISTS_APART).await;
            reader.keys(&mint.name).await?
        } else {
            Vec::new()
        };
        let protects = |user: &LiveUser| policy.as_ref().ok()?.protects(&user.arn).map(ToString::to_string);
        let rotations = || record.rotations.iter().map(|kept| &kept.rotation);
        let replacements = rotations().filter_map(|rotation| rotation.replacement.as_ref()).map(|one| one.key.clone());
        let worked = record.works.iter().map(|work| work.credential.clone());
        let mut facts = Facts {
            stopped: None,
            is_awaited: rotations().any(|rotation| {
                rotation.ended.is_none() && rotation.mint.as_ref() == Some(&self.token) && rotation.key == mint.replaces
            }),
            mint: mint.clone(),
            enrolment: record.enrolment.clone(),
            secret: Secret {
                arn: described.arn,
                is_deleted: described.is_deleted,
                rotates: described.rotates,
                label: described.label,
                value,
                current: described.current,
                resource_policy,
            },
            protected_by: user.as_ref().and_then(protects),
            user,
            keys,
            keys_again,
            known: rotations().map(|rotation| rotation.key.clone()).chain(replacements).chain(worked).collect(),
            creations: Creations::default(),
            own_roles: self.settings.own_roles.clone(),
            enrolled_path: self.settings.enrolled_path.clone(),
        };
        if let MintStep::Intended { at, .. } = &mint.step {
            let suspected: Vec<_> = suspects(&facts, *at).map(|key| key.id.clone()).collect();
            facts.creations = ledger.creations_of(&suspected, &mint.name).await?.creations;
        }
        Ok(facts)
    }

    async fn carry_out(
        &self,
        plan: Plan,
        kept: KeptMint,
        run: &str,
        clock: impl Fn() -> Timestamp,
    ) -> Result<&'static str, Fault> {
        let (Ports { ledger, aws, .. }, mint) = (self.ports, kept.mint.clone());
        match plan {
            Plan::Nothing => Ok("nothing was left to do"),
            Plan::NoteStored(key) => {
                ledger.keep_mint(&kept, MintStep::Stored { key, at: self.now }).await?;
                Ok("the key was in the secret already")
            }
            Plan::NoteDelivered(key) => {
                ledger.keep_mint(&kept, MintStep::Delivered { key, at: self.now }).await?;
                Ok("the key was delivered already")
            }
            Plan::Promote { key, from } => {
                let promoted = aws.promote(&mint.secret, &self.token, from.as_deref()).await;
                promoted.map_err(|error| Fault::Call(Left::Unsure, error))?;
                // INVARIANT (evidence): who fetches the secret before this may get the old value.
                ledger.keep_mint(&kept, MintStep::Delivered { key, at: clock() }).await?;
                Ok("the new key is delivered")
            }
            Plan::Discard { key, why } => {
                self.discard(&mint.name, &key).await?;
                ledger.keep_mint(&kept, MintStep::Asked).await?;
                Err(why.into())
            }
            Plan::Mint { discard } => {
                if let Some(key) = &discard {
                    self.discard(&mint.name, key).await?;
                }
                self.mint(&kept, run, clock).await?;
                Ok("a new key is in the secret")
            }
        }
    }

    /// Deletes a key of ours whose secret nobody holds. That IAM does not know it is as good: it is old enough to be known.
    async fn discard(&self, user: &UserName, key: &CredentialId) -> Result<(), Fault> {
        tracing::warn!("{key} of `{user}` is deleted: we created it, and nobody holds its secret");
        self.delete(user, key).await.map(drop).map_err(|error| Fault::Call(Left::Orphan, error))
    }

    async fn delete(&self, user: &UserName, key: &CredentialId) -> Result<bool, CallError> {
        match key {
            CredentialId::AccessKey(id) => self.ports.aws.delete(user, id).await,
            _ => Ok(false),
        }
    }

    /// Writes the intent down, creates a key, and puts it into the secret.
    async fn mint(&self, kept: &KeptMint, run: &str, clock: impl Fn() -> Timestamp) -> Result<(), Fault> {
        let (Ports { ledger, aws, .. }, mint) = (self.ports, &kept.mint);
        // INVARIANT (intent first): whoever finds a key without a holder knows that it may be ours, and since when.
        let intended = ledger.keep_mint(kept, MintStep::Intended { at: self.now, run: run.to_owned() }).await?;
        let new = match aws.create(&mint.name).await {
            Ok(new) => new,
            Err(error) if error.certainty == Certainty::Refused => {
                ledger.keep_mint(&intended, MintStep::Asked).await?;
                return Err(Fault::Call(Left::Nothing, error));
            }
            Err(error) => return Err(Fault::Call(Left::Orphan, error)),
        };
        let (id, at) = (CredentialId::AccessKey(new.id.clone()), clock());
        let created = match ledger.keep_mint(&intended, MintStep::Created { key: id.clone(), at }).await {
            Ok(created) => created,
            Err(error) => {
                // Nobody may be told of a key that the ledger does not know, so it goes as it came.
                self.delete(&mint.name, &id).await.map_err(|error| Fault::Call(Left::Orphan, error))?;
                return Err(error.into());
            }
        };
        let value = new.value(&mint.name).map_err(|_| Fault::Unwritable)?;
        match aws.put(&mint.secret, &self.token, &value).await {
            Ok(()) => {
                ledger.keep_mint(&created, MintStep::Stored { key: id, at: clock() }).await?;
                Ok(())
            }
            Err(error) if error.certainty == Certainty::Refused => {
                let deleted = self.delete(&mint.name, &id).await;
                // A key that was created a moment ago may not be known everywhere: only one that IAM has deleted is gone.
                if deleted.map_err(|error| Fault::Call(Left::Orphan, error))? {
                    ledger.keep_mint(&created, MintStep::Asked).await?;
                    return Err(Fault::Call(Left::Nothing, error));
                }
                Err(Fault::Call(Left::Orphan, error))
            }
            Err(error) => Err(Fault::Call(Left::Orphan, error)),
        }
    }
}
