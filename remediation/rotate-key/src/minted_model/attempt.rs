//! What Secrets Manager has `mint-key` do, call by call, as its `run` does it: each step reads, decides and acts.

use credwarden_credential::creation::{Creation, CreationAct, Creations, Creator, Principal};
use mint_key::{Facts, Key, Label, Plan, Secret, Step, plan};

use super::secret::{Minting, NAMES, Progress};
use super::state::State;
use super::system::{Rotations, ShellGuard};
use crate::model::account::{Keys, id, instant};

/// How far a rotation of the secret came: what is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Read(At),
    /// A key of a dead run is deleted; whether one is minted after that.
    Discard {
        key: u8,
        mints: bool,
    },
    Intend,
    Create,
    NoteCreated {
        key: u8,
    },
    Put {
        key: u8,
    },
    NoteStored {
        key: u8,
    },
    /// The key that could not be put into the secret is deleted; whether that is noted.
    Clear {
        key: u8,
        is_noted: bool,
    },
    NoteAsked,
    Promote {
        key: u8,
        from: Option<u8>,
    },
    NoteDelivered {
        key: u8,
    },
}

/// A step of a rotation that reads something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum At {
    Create,
    Test,
    Finish,
}

impl At {
    fn step(self) -> Step {
        match self {
            Self::Create => Step::Create,
            Self::Test => Step::Test,
            Self::Finish => Step::Finish,
        }
    }

    /// What follows once it is done.
    fn next(self) -> Option<Phase> {
        match self {
            Self::Create => Some(Phase::Read(Self::Test)),
            Self::Test => Some(Phase::Read(Self::Finish)),
            Self::Finish => None,
        }
    }
}

/// A rotation of the secret that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    /// The place of its mint.
    pub(super) mint: u8,
    /// The write of the ledger that was read last.
    pub(super) seen: u8,
    /// Whether what was approved was so when this step read it.
    pub(super) was_approved: bool,
    pub(super) phase: Phase,
}

impl Attempt {
    pub(super) fn new(mint: u8) -> Self {
        Self { mint, seen: 0, was_approved: false, phase: Phase::Read(At::Create) }
    }
}

impl Rotations {
    /// Does what comes next. `is_late`: lists show the keys as they were before the last change.
    pub(super) fn attempt(&self, state: &mut State, slot: usize, is_late: bool) -> Option<()> {
        let mut attempt = state.attempts[slot].take()?;
        if let Some(phase) = self.phase(state, slot, &mut attempt, is_late) {
            state.attempts[slot] = Some(Attempt { phase, ..attempt });
        }
        Some(())
    }

    fn phase(&self, state: &mut State, slot: usize, attempt: &mut Attempt, is_late: bool) -> Option<Phase> {
        let (now, mint) = (state.now, attempt.mint);
        match attempt.phase {
            Phase::Read(at) => read(state, attempt, at, is_late),
            Phase::Discard { key, mints } => {
                state.discard(key, slot);
                Some(if mints { Phase::Intend } else { Phase::NoteAsked })
            }
            Phase::Intend if self.without == Some(ShellGuard::IntentFirst) => Some(Phase::Create),
            Phase::Intend => self.keep(state, attempt, Progress::Intended(now)).then_some(Phase::Create),
            Phase::Create => {
                state.wrong = state.wrong.or(state.judge_creating(mint, attempt.was_approved));
                if state.keys.other.is_some() {
                    // IAM refuses it: the limit is reached.
                    return Some(Phase::NoteAsked);
                }
                state.newest += 1;
                let key = state.newest;
                let new = crate::model::account::Key::new(key, now);
                state.change(|keys| keys.other = Some(new));
                state.made_by = Some(mint);
                Some(Phase::NoteCreated { key })
            }
            Phase::NoteCreated { key } => Some(if self.keep(state, attempt, Progress::Created(key, now)) {
                Phase::Put { key }
            } else {
                Phase::Clear { key, is_noted: false }
            }),
            Phase::Put { key } => Some(if state.put(mint, key) {
                Phase::NoteStored { key }
            } else {
                Phase::Clear { key, is_noted: true }
            }),
            Phase::NoteStored { key } => {
                self.keep(state, attempt, Progress::Stored(key, now)).then_some(Phase::Read(At::Test))
            }
            Phase::Clear { key, is_noted } => {
                // One that IAM does not know may still come to be known.
                let is_deleted = state.discard(key, slot);
                (is_deleted && is_noted).then_some(Phase::NoteAsked)
            }
            Phase::NoteAsked => {
                self.keep(state, attempt, Progress::Asked);
                None
            }
            Phase::Promote { key, from } => {
                if !attempt.was_approved {
                    state.wrong = state.wrong.or(Some(super::truth::Wrong::Unapproved));
                }
                state.secret.promote(mint, from).then_some(Phase::NoteDelivered { key })
            }
            Phase::NoteDelivered { key } => {
                if self.keep(state, attempt, Progress::Delivered(key, now)) {
                    state.is_delivered();
                }
                None
            }
        }
    }

    /// Takes the mint a step further, unless another run has.
    fn keep(&self, state: &mut State, attempt: &mut Attempt, progress: Progress) -> bool {
        let minting = &mut state.mints[usize::from(attempt.mint)];
        let is_seen = minting.revision == attempt.seen || self.without == Some(ShellGuard::NamesWhatWasRead);
        if is_seen {
            minting.progress = progress;
            minting.revision += 1;
            attempt.seen = minting.revision;
        }
        is_seen
    }
}

impl State {
    /// Deletes a key that was minted; whether IAM knew it.
    fn discard(&mut self, key: u8, slot: usize) -> bool {
        self.wrong = self.wrong.or(self.judge_discarding(key, slot));
        let is_there = self.keys.other.is_some_and(|other| other.number == key);
        if is_there {
            self.delete_other();
            self.has_cleared = true;
        }
        is_there
    }

    /// Puts a key into the version of a mint, which is the pending one then.
    fn put(&mut self, mint: u8, key: u8) -> bool {
        let minting = &mut self.mints[usize::from(mint)];
        let is_done = !self.secret.is_deleted && minting.holds.is_none_or(|held| held == key);
        if is_done {
            minting.holds = Some(key);
            self.secret.pending = Some(mint);
        }
        is_done
    }
}

/// Reads all that a step is decided by, and decides it. `None`: nothing is left to do, or something stands against it.
fn read(state: &State, attempt: &mut Attempt, at: At, is_late: bool) -> Option<Phase> {
    let minting = state.mints.get(usize::from(attempt.mint))?;
    attempt.seen = minting.revision;
    attempt.was_approved = state.is_approved();
    let keys = if is_late { state.keys_before? } else { state.keys };
    let facts = facts(state, attempt.mint, minting, &keys, at);
    let number = |key| (0..=state.newest).find(|number| id(*number) == key);
    Some(match plan(at.step(), &facts, instant(state.now)).ok()? {
        Plan::Nothing => at.next()?,
        Plan::NoteStored(key) => Phase::NoteStored { key: number(key)? },
        Plan::Mint { discard: None } => Phase::Intend,
        Plan::Mint { discard: Some(key) } => Phase::Discard { key: number(key)?, mints: true },
        Plan::Discard { key, .. } => Phase::Discard { key: number(key)?, mints: false },
        Plan::Promote { key, .. } => Phase::Promote { key: number(key)?, from: state.secret.current },
        Plan::NoteDelivered(key) => Phase::NoteDelivered { key: number(key)? },
    })
}

fn facts(state: &State, mint: u8, minting: &Minting, keys: &Keys, at: At) -> Facts {
    let rotation = state.rotation.as_ref();
    let is_awaited =
        rotation.is_some_and(|rotation| rotation.ended.is_none() && rotation.mint.as_ref() == Some(minting.token()));
    let shown: Vec<_> = [keys.old, keys.other]
        .into_iter()
        .flatten()
        .map(|key| Key { id: id(key.number), is_active: key.is_active, created: instant(key.created) })
        .collect();
    let label = if state.secret.current == Some(mint) {
        Label::Current
    } else if state.secret.pending == Some(mint) {
        Label::Pending
    } else {
        Label::None
    };
    let version = |place: u8| state.mints.get(usize::from(place)).map_or("before", |mint| mint.token().as_str());
    let known = rotation.and_then(|rotation| rotation.replacement.as_ref()).map(|replacement| replacement.key.clone());
    Facts {
        stopped: state.is_stopped.then(|| "the kill switch is at `stop`".to_owned()),
        mint: minting.mint(),
        is_awaited,
        enrolment: state.is_enrolled.then(|| NAMES.enrolment.clone()),
        secret: Secret {
            arn: NAMES.secret.clone(),
            is_deleted: state.secret.is_deleted,
            rotates: true,
            label,
            value: minting.value(),
            current: Some(state.secret.current.map_or("before", version).to_owned()),
            resource_policy: state.secret.is_opened.then(|| NAMES.another_policy.clone()),
        },
        user: Some(NAMES.live.clone()),
        protected_by: None,
        keys_again: if at == At::Test { shown.clone() } else { Vec::new() },
        keys: shown,
        known: [id(0), id(1)].into_iter().chain(known).collect(),
        creations: creations(state, keys),
        own_roles: [NAMES.own.clone()].into(),
        enrolled_path: "/enrolled/".to_owned(),
    }
}

/// What events have told of who created the other key.
fn creations(state: &State, keys: &Keys) -> Creations {
    let told = keys.other.filter(|other| other.number > 1 && state.is_known(other.created));
    let creation = |key: crate::model::account::Key| Creation {
        event: "e-1".to_owned(),
        act: CreationAct::CreateAccessKey,
        credential: id(key.number),
        user: NAMES.name.clone(),
        user_id: None,
        creator: Creator {
            principal: Principal::Role(if state.made_by.is_some() { &NAMES.own } else { &NAMES.somebody }.clone()),
            session: None,
            source_identity: None,
            invoked_by: None,
        },
        source: "198.51.100.10".to_owned(),
        mfa: None,
        at: instant(key.created),
        region: "us-east-1".to_owned(),
    };
    told.map(creation).into_iter().collect()
}
