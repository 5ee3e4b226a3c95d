//! What is not minted, and what is changed then: nothing.

use credwarden_policy::enrolment::PolicyDigest;
use mint_key::run::Fault;

use crate::world::{World, old};

/// The first step is refused; why.
async fn refused(world: &World) -> String {
    let fault = world.step("createSecret", None).await.unwrap().unwrap_err();
    assert!(matches!(fault, Fault::Refused(_)), "{fault:?}");
    assert!(!world.calls().contains(&"create a key") && !world.calls().contains(&"write an item"), "{fault}");
    assert_eq!(world.state.borrow().keys.len(), 1);
    fault.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_nobody_asked_the_ledger_for_is_refused_before_anything_is_read() {
    let world = World::without_mint().await;
    let why = refused(&world).await;
    assert!(why.contains("credwarden-force-rotation") && why.contains("AWSPENDING"), "{why}");
    assert_eq!(world.calls(), ["get an item"]);
}

#[tokio::test(start_paused = true)]
async fn the_kill_switch_stops_the_next_step() {
    for switch in ["stop", "undo-only", "anything"] {
        let world = World::ready().await;
        world.state.borrow_mut().switch = switch;
        assert!(refused(&world).await.contains("kill switch"), "{switch}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_changes_midway_keeps_the_key_from_being_delivered() {
    let world = World::ready().await;
    world.state.borrow_mut().policy = Some(PolicyDigest::of("{}").unwrap());
    assert!(refused(&world).await.contains("resource policy"));
    world.state.borrow_mut().policy = None;
    world.step("createSecret", None).await.unwrap().unwrap();
    world.state.borrow_mut().policy = Some(PolicyDigest::of("{}").unwrap());
    for step in ["testSecret", "finishSecret"] {
        let fault = world.step(step, None).await.unwrap().unwrap_err();
        assert!(fault.to_string().contains("resource policy"), "{step}: {fault}");
    }
    assert!(world.unheld().is_empty(), "the key is in the secret");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_none_of_a_rotation_is_refused() {
    let world = World::ready().await;
    let fault = world.step("deleteSecret", None).await.unwrap().unwrap_err();
    assert_eq!(fault.name(), "InvocationRefused");
    assert!(world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_user_that_was_made_anew_under_the_name_gets_no_key() {
    let world = World::ready().await;
    world.state.borrow_mut().user.as_mut().unwrap().id = "AIDAI44QH8DHBOEXAMPLE".parse().unwrap();
    assert!(refused(&world).await.contains("bears another name"));
    assert_eq!(world.state.borrow().keys[0].id, old());
}
