//! What happens in a history, by chance, and the same in every run.

use credwarden_sandbox::faults::Act;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How many users live at once: each lives its own history, all share time, schedule and budget.
pub(super) const LIVES: usize = 10;

/// How many events a history has.
const EVENTS: usize = 8;

/// What happens to one user.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Remediate(Fault),
    /// Two executions at once.
    Twice,
    Acknowledge {
        key: usize,
        fault: Fault,
    },
    Force(Fault),
    Undo {
        key: usize,
        fault: Fault,
    },
    Creates,
    Deletes(usize),
    Uses(usize),
    Toggles(usize),
    Nothing,
}

pub(super) type Fault = Option<(u64, Act)>;

/// What happens to everybody between two events.
#[derive(Clone, Debug)]
pub(super) enum Meanwhile {
    Hours(i64),
    KillSwitch(&'static str),
}

#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) lives: Vec<Vec<Event>>,
    pub(super) meanwhile: Vec<Meanwhile>,
}

fn event(rotates: bool) -> impl Strategy<Value = Event> {
    let act = prop::sample::select(vec![
        Act::DieBefore,
        Act::DieAfter,
        Act::LoseResponse,
        Act::Throttle,
        Act::ServerError(500),
    ]);
    let fault = prop::option::weighted(0.6, (1..40_u64, act));
    let weight = u32::from(rotates);
    prop_oneof![
        5 => fault.clone().prop_map(Event::Remediate),
        1 => Just(Event::Twice),
        4 * weight => (0..2_usize, fault.clone()).prop_map(|(key, fault)| Event::Acknowledge { key, fault }),
        weight => fault.clone().prop_map(Event::Force),
        1 => (0..2_usize, fault).prop_map(|(key, fault)| Event::Undo { key, fault }),
        1 + 3 * weight => Just(Event::Creates),
        1 => (0..2_usize).prop_map(Event::Deletes),
        1 + 3 * weight => (0..2_usize).prop_map(Event::Uses),
        1 => (0..2_usize).prop_map(Event::Toggles),
        1 => Just(Event::Nothing),
    ]
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        6 => (1..100_i64).prop_map(Meanwhile::Hours),
        1 => prop::sample::select(vec!["undo-only", "stop"]).prop_map(Meanwhile::KillSwitch),
    ]
}

/// The same round for the same number, in every run.
pub(super) fn round(number: usize, rotates: bool) -> Round {
    let mut bytes = [u8::from(rotates); 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let lives = prop::collection::vec(prop::collection::vec(event(rotates), EVENTS), LIVES);
    let round = (lives, prop::collection::vec(meanwhile(), EVENTS));
    let (lives, meanwhile) = round.new_tree(&mut runner).unwrap().current();
    Round { lives, meanwhile }
}

/// How many rounds each test lives through: 200 histories in all tests, or as many as `PROPTEST_CASES` says.
#[expect(clippy::disallowed_methods, reason = "whoever starts a test says how long it may take")]
pub(super) fn rounds() -> usize {
    let histories: usize = std::env::var("PROPTEST_CASES").map_or(200, |cases| cases.parse().unwrap());
    histories.div_ceil(4 * LIVES)
}
