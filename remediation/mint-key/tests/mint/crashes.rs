//! Runs that die, are answered by nobody, or meet each other.

use std::collections::BTreeMap;

use credwarden_policy::mint::MintStep;

use crate::world::{Blow, World};

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const BLOWS: [Blow; 4] = [Blow::DieBefore, Blow::DieAfter, Blow::Lose, Blow::Refuse];

/// The calls of each step where nothing goes wrong.
async fn calls() -> Vec<Vec<&'static str>> {
    let world = World::ready().await;
    let mut calls = Vec::new();
    for step in STEPS {
        assert!(matches!(world.step(step, None).await, Some(Ok(_))), "{step}");
        calls.push(world.calls());
    }
    world.assert_delivered("nothing went wrong");
    calls
}

/// The names of calls and how often each was made.
fn counted(calls: &[&'static str]) -> BTreeMap<&'static str, usize> {
    let mut counted = BTreeMap::new();
    for call in calls {
        *counted.entry(*call).or_insert(0) += 1;
    }
    counted
}

#[tokio::test(start_paused = true)]
async fn four_steps_deliver_one_new_key() {
    let calls = calls().await;
    let all = counted(&calls.concat());
    assert_eq!((all["create a key"], all["put the value"], all["move the label"]), (1, 1, 1), "{all:?}");
    assert!(!all.contains_key("delete a key"));
    assert_eq!(calls[1].len(), 0, "setSecret has nothing to do");
    assert_eq!(counted(&calls[2])["list keys"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_delivered_after_its_label_has_moved() {
    let world = World::ready().await;
    for step in &STEPS[..3] {
        world.step(step, None).await.unwrap().unwrap();
    }
    let begun = world.state.borrow().now;
    world.step("finishSecret", None).await.unwrap().unwrap();
    let MintStep::Delivered { at, .. } = world.mint() else { panic!("{:?}", world.mint()) };
    assert!(at > begun, "whoever fetched the secret before the label moved got the old value");
}

#[tokio::test(start_paused = true)]
async fn every_step_done_again_changes_nothing() {
    let world = World::ready().await;
    for step in STEPS {
        for _ in 0..3 {
            assert!(matches!(world.step(step, None).await, Some(Ok(_))), "{step}");
        }
    }
    world.assert_delivered("each step three times");
    for step in STEPS {
        assert!(matches!(world.step(step, None).await, Some(Ok(_))), "{step}");
    }
    world.assert_delivered("all steps again");
}

#[tokio::test(start_paused = true)]
async fn whatever_a_run_dies_of_the_end_is_the_same() {
    for (at, calls) in calls().await.into_iter().enumerate() {
        for (place, call) in calls.iter().enumerate() {
            for blow in BLOWS {
                let story = format!("{blow:?} at call {place}, {call}, of {}", STEPS[at]);
                let world = World::ready().await;
                for step in &STEPS[..at] {
                    world.step(step, None).await.unwrap().unwrap();
                }
                let met = world.step(STEPS[at], Some((place, blow))).await;
                let is_dead = matches!(blow, Blow::DieBefore | Blow::DieAfter);
                assert_eq!(met.is_none(), is_dead, "{story}");
                world.no_third_key();

                // The first step after the longest invocation leaves no key that nobody holds.
                world.pass(16);
                world.told().await;
                let first = world.step("createSecret", None).await.unwrap();
                assert!(first.is_ok(), "{story}: {:?}", first.err().map(|fault| fault.to_string()));
                assert!(world.unheld().is_empty(), "{story}: nobody holds {:?}", world.unheld());
                world.to_the_end().await;
                world.assert_delivered(&story);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_blows_end_no_other_way_than_one() {
    let create = calls().await.swap_remove(0);
    for first in 0..create.len() {
        for second in 0..create.len() + 3 {
            for blow in [Blow::DieAfter, Blow::Refuse] {
                let story = format!("{blow:?} at call {first}, then at call {second}");
                let world = World::ready().await;
                world.step("createSecret", Some((first, blow))).await;
                world.pass(16);
                world.told().await;
                world.step("createSecret", Some((second, blow))).await;
                world.pass(16);
                world.to_the_end().await;
                world.assert_delivered(&story);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_not_known_to_have_ended_is_waited_for() {
    let calls = calls().await.swap_remove(0);
    let create = calls.iter().position(|call| *call == "create a key").unwrap();
    let world = World::ready().await;
    assert!(world.step("createSecret", Some((create, Blow::DieAfter))).await.is_none());
    world.told().await;
    for _ in 0..7 {
        world.pass(2);
        let waits = world.step("createSecret", None).await.unwrap().unwrap_err().to_string();
        assert!(waits.contains("another run has set out"), "{waits}");
        assert_eq!(world.unheld().len(), 1, "the run may be about to store it");
    }
    world.pass(2);
    world.to_the_end().await;
    world.assert_delivered("after a quarter of an hour");
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_creator_no_event_tells_is_left_until_one_does() {
    let calls = calls().await.swap_remove(0);
    let create = calls.iter().position(|call| *call == "create a key").unwrap();
    let world = World::ready().await;
    world.step("createSecret", Some((create, Blow::DieAfter))).await;
    world.pass(60);
    let waits = world.step("createSecret", None).await.unwrap().unwrap_err().to_string();
    assert!(waits.contains("CloudTrail has not told yet"), "{waits}");
    assert_eq!(world.unheld().len(), 1);
    world.to_the_end().await;
    world.assert_delivered("once the event came");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_by_the_secret_goes_at_once() {
    let calls = calls().await.swap_remove(0);
    let put = calls.iter().position(|call| *call == "put the value").unwrap();
    let world = World::ready().await;
    let fault = world.step("createSecret", Some((put, Blow::Refuse))).await.unwrap().unwrap_err();
    assert!(fault.to_string().contains("nothing is changed"), "{fault}");
    assert_eq!((world.unheld().len(), world.mint()), (0, MintStep::Asked));
    world.to_the_end().await;
    world.assert_delivered("the next time the secret took it");
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_leave_one_new_key() {
    let world = World::ready().await;
    let (one, other) = tokio::join!(world.step("createSecret", None), world.step("createSecret", None));
    let done = [one, other].into_iter().flatten().flatten().count();
    assert!(done >= 1, "one of two goes on");
    assert!(world.unheld().is_empty(), "{:?}", world.unheld());
    world.to_the_end().await;
    world.assert_delivered("two at once");
}
