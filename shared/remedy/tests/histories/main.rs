//! Random histories of an account over the fakes: 10,000 of them, or as many as `PROPTEST_CASES` says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints allow these in test functions only, and here stands what those share"
)]

mod deactivation;
mod rotation;
#[path = "../world/mod.rs"]
mod world;

use credwarden_credential::kind::CredentialId;
use credwarden_policy::exception::{Change, Exception, Hold};
use jiff::SignedDuration;
use proptest::prelude::*;

use self::world::gate::{Effect, Gate};
use self::world::{RULE, World};

/// What happens at which call of an invocation, if anything does.
type Fault = Option<(usize, Effect)>;

fn fault() -> impl Strategy<Value = Fault> + Clone {
    let effect =
        prop::sample::select(vec![Effect::DieBefore, Effect::DieAfter, Effect::Fail, Effect::Lose, Effect::Retry]);
    prop::option::weighted(0.5, (0..40_usize, effect))
}

/// Invokes what an execution invokes. Where nothing goes wrong on the way it answers.
async fn invoked(world: &World, execution: &str, fault: Fault) {
    let gate = fault.map_or_else(Gate::open, |(number, effect)| Gate::at(number, effect));
    let outcome = world.invoke_mortal(execution, &gate).await;
    if fault.is_none() {
        outcome.unwrap().unwrap();
    }
}

/// Somebody holds a credential for 30 hours.
async fn is_held(world: &World, name: &str, credential: CredentialId) {
    let until = world.now.get() + SignedDuration::from_hours(30);
    let hold = Hold { credential, until, reason: "asked".to_owned(), by: "carol".to_owned() };
    let (ledger, user) = (world.ledger(), world.id(name));
    let holds = ledger.record(&user).await.unwrap().holds;
    let seen = holds.iter().find(|seen| seen.credential == hold.credential);
    ledger.change_hold(&user, seen, &hold).await.unwrap();
}

/// A user may break the rule for 50 hours.
async fn is_excepted(world: &World, name: &str) {
    let exception = Exception {
        id: "EX-1".to_owned(),
        user: world.id(name),
        rule: RULE,
        credential: None,
        until: world.now.get() + SignedDuration::from_hours(50),
        owner: "carol".to_owned(),
        justification: "migration".to_owned(),
        approver: "bob".to_owned(),
    };
    world.change_exception(Change::Grant, &exception).await;
}

/// So many tenths of all histories.
#[expect(clippy::disallowed_methods, reason = "whoever starts a test says how long it may take")]
fn tenths(tenths: u32) -> ProptestConfig {
    let all: u32 = std::env::var("PROPTEST_CASES").map_or(10_000, |cases| cases.parse().unwrap());
    ProptestConfig { cases: (all / 10).max(1) * tenths, failure_persistence: None, ..ProptestConfig::default() }
}

/// Lives through something in which nobody waits for real time.
fn in_paused_time(life: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(Box::pin(life));
}
