//! One parser, tried for a while.

use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::target::Target;

/// How many inputs are tried between two looks at the clock.
const BATCH: u32 = 200;

/// What a run has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The smallest input that fails.
    pub input: Vec<u8>,
    /// What does not hold of it.
    pub what: String,
}

/// Tries inputs for that long, or until one fails: how many were tried, and what was found. The same seed gives the same
/// inputs in the same order.
pub fn run(target: &Target, time: Duration, seed: u64) -> (u64, Option<Found>) {
    let inputs = target.inputs();
    let start = Instant::now();
    let mut batches = 0;
    while batches == 0 || start.elapsed() < time {
        // A runner stops for good once it has tried its cases.
        let outcome = runner(seed, batches).run(&inputs, |input| target.check(&input).map_err(TestCaseError::fail));
        batches += 1;
        let (input, what) = match outcome {
            Ok(()) => continue,
            Err(TestError::Fail(what, input)) => (input, what),
            Err(TestError::Abort(what)) => (Vec::new(), what),
        };
        return (batches * u64::from(BATCH), Some(Found { input, what: what.to_string() }));
    }
    (batches * u64::from(BATCH), None)
}

fn runner(seed: u64, batch: u64) -> TestRunner {
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().zip(seed.to_le_bytes().into_iter().chain(batch.to_le_bytes())) {
        *place = byte;
    }
    let config = Config { cases: BATCH, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}
