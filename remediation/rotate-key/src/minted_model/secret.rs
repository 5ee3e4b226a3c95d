//! The secret and its versions, the mints of the ledger, and what Secrets Manager makes of a call.

use std::sync::LazyLock;

use credwarden_credential::id::{Arn, UserId, UserName};
use credwarden_policy::enrolment::{Enrolment, PolicyDigest, RequestToken, SecretArn};
use credwarden_policy::mint::{Mint, MintStep};
use jiff::{SignedDuration, Timestamp};
use mint_key::{LiveUser, Value};

use crate::model::account::{Tick, id, instant};

/// What never changes, parsed once.
pub(super) struct Names {
    pub(super) user: UserId,
    pub(super) name: UserName,
    pub(super) live: LiveUser,
    pub(super) secret: SecretArn,
    pub(super) enrolment: Enrolment,
    /// What a policy says that nobody has approved.
    pub(super) another_policy: PolicyDigest,
    /// The role of the function that mints, and somebody else's.
    pub(super) own: Arn,
    pub(super) somebody: Arn,
    /// The token of a rotation that was opened at this tick.
    pub(super) tokens: Vec<RequestToken>,
}

pub(super) static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let user: UserId = "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap();
    let secret: SecretArn =
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/shop-a1B2c3".parse().unwrap();
    let enrolment = Enrolment {
        user: user.clone(),
        secret: secret.clone(),
        retriever: "arn:aws:iam::123456789012:role/shop".parse().unwrap(),
        resource_policy: None,
        owner: "team-shop".to_owned(),
        by: "arn:aws:iam::123456789012:user/carol".to_owned(),
        approver: "arn:aws:iam::123456789012:user/dave".to_owned(),
        justification: "the shop reads its key there".to_owned(),
        at: Timestamp::UNIX_EPOCH - SignedDuration::from_hours(24 * 300),
        execution: "e-1".to_owned(),
    };
    Names {
        name: "shop".parse().unwrap(),
        live: LiveUser {
            id: user.clone(),
            arn: "arn:aws:iam::123456789012:user/enrolled/shop".parse().unwrap(),
            path: "/enrolled/".to_owned(),
        },
        tokens: (0..128).map(|opened| RequestToken::of(&user, &id(1), instant(opened))).collect(),
        another_policy: PolicyDigest::of("{}").unwrap(),
        own: "arn:aws:iam::123456789012:role/credwarden-mint-key".parse().unwrap(),
        somebody: "arn:aws:iam::123456789012:role/somebody".parse().unwrap(),
        user,
        secret,
        enrolment,
    }
});

/// How far a mint came, as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Progress {
    Asked,
    Intended(Tick),
    Created(u8, Tick),
    Stored(u8, Tick),
    Delivered(u8, Tick),
}

impl Progress {
    pub(super) fn may_have_left_a_key(self) -> bool {
        matches!(self, Self::Intended(_) | Self::Created(..))
    }

    fn step(self) -> MintStep {
        match self {
            Self::Asked => MintStep::Asked,
            Self::Intended(at) => MintStep::Intended { at: instant(at), run: "r".to_owned() },
            Self::Created(key, at) => MintStep::Created { key: id(key), at: instant(at) },
            Self::Stored(key, at) => MintStep::Stored { key: id(key), at: instant(at) },
            Self::Delivered(key, at) => MintStep::Delivered { key: id(key), at: instant(at) },
        }
    }
}

/// A mint, and the version of the secret that its token names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Minting {
    /// When the rotation was opened that has asked for it: that makes its token.
    pub(super) opened: Tick,
    pub(super) asked: Tick,
    pub(super) progress: Progress,
    /// Counts the writes: each names the one that it has read.
    pub(super) revision: u8,
    /// The key that the version holds.
    pub(super) holds: Option<u8>,
}

impl Minting {
    pub(super) fn new(opened: Tick, asked: Tick) -> Self {
        Self { opened, asked, progress: Progress::Asked, revision: 0, holds: None }
    }

    pub(super) fn token(&self) -> &'static RequestToken {
        &NAMES.tokens[usize::try_from(self.opened).unwrap()]
    }

    pub(super) fn mint(&self) -> Mint {
        Mint {
            token: self.token().clone(),
            user: NAMES.user.clone(),
            name: NAMES.name.clone(),
            secret: NAMES.secret.clone(),
            replaces: id(1),
            asked: instant(self.asked),
            step: self.progress.step(),
        }
    }

    pub(super) fn value(&self) -> Value {
        self.holds.map_or(Value::Empty, |key| Value::Key { user: NAMES.name.clone(), key: id(key) })
    }
}

/// The labels of the secret's versions, and what is asked of it. Versions are known by the places of their mints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Secret {
    /// `AWSCURRENT`; `None`: the version that was there before, with the old key.
    pub(super) current: Option<u8>,
    /// `AWSPENDING`.
    pub(super) pending: Option<u8>,
    /// Which rotation Secrets Manager is about to begin, or to try again.
    pub(super) requested: Option<u8>,
    pub(super) is_deleted: bool,
    /// Its resource policy is not what was approved.
    pub(super) is_opened: bool,
}

impl Secret {
    pub(super) const NEW: Self =
        Self { current: None, pending: None, requested: None, is_deleted: false, is_opened: false };

    /// `RotateSecret`: where an earlier rotation is not complete, that one is tried again. One by the token of the current
    /// version is begun as any other, and finds nothing to do but to say so.
    pub(super) fn rotate(&mut self, version: u8) {
        if self.is_deleted {
            return;
        }
        if self.pending.is_none() && self.current != Some(version) {
            self.pending = Some(version);
        }
        self.requested = self.pending.or(Some(version));
    }

    /// `UpdateSecretVersionStage`: refused unless `from` is the current one.
    pub(super) fn promote(&mut self, version: u8, from: Option<u8>) -> bool {
        let is_done = !self.is_deleted && self.current == from;
        if is_done {
            self.current = Some(version);
            self.pending = self.pending.filter(|pending| *pending != version);
        }
        is_done
    }
}
