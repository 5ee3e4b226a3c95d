//! The four steps of a rotation.

use std::time::Duration;

use credwarden_e2e::mint::{MINT, assert_delivered, begin, crowd, fault, keys, ready, rotate, unheld};
use credwarden_e2e::rule::{FIRST_DAY, all_is_well};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::functions::Ended;
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::STEPS;

#[tokio::test(flavor = "multi_thread")]
async fn four_steps_bring_one_new_key_into_the_secret_and_doing_them_again_changes_nothing() {
    let (sandbox, users) = ready(&crowd(FIRST_DAY, 1)).await.unwrap();
    let shop = &users[0];
    let before = sandbox.fetch_secret(&Person::role("arn:aws:iam::123456789012:role/shop", "shop"), &shop.secret).await;
    assert_eq!(before.unwrap(), "before the first key");
    let rotated = rotate(&sandbox, shop).await.unwrap();
    assert!(rotated.succeeded(), "{rotated:?}");
    assert_delivered(&sandbox, shop, "once").await.unwrap();

    // Steps that come twice, or late.
    let both = keys(&sandbox, shop).await.unwrap();
    for step in STEPS.iter().chain(STEPS.iter().rev()) {
        let again = sandbox.rotation_step(&rotated.rotation, step).await.unwrap();
        assert!(matches!(again.result, Ended::Answered(_)), "{step}: {again:?}");
    }
    assert_eq!(keys(&sandbox, shop).await.unwrap(), both);
    assert_delivered(&sandbox, shop, "again").await.unwrap();

    // The retriever gets the new key; whoever looks events up sees that it did.
    let retriever = Person::role("arn:aws:iam::123456789012:role/shop", "shop");
    let value = sandbox.fetch_secret(&retriever, &shop.secret).await.unwrap();
    assert!(value.starts_with(r#"{"UserName":"shop-000","AccessKeyId":"AKIA"#), "the value names the key first");
    all_is_well(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_order_no_step_skips_another() {
    let (sandbox, users) = ready(&crowd(FIRST_DAY, 1)).await.unwrap();
    let shop = &users[0];
    let rotation = begin(&sandbox, &shop.secret, &shop.token).await.unwrap();
    for step in ["testSecret", "finishSecret"] {
        let why = fault(&sandbox.rotation_step(&rotation, step).await.unwrap()).unwrap();
        assert!(why.contains("holds nothing"), "{step}: {why}");
    }
    assert_eq!(keys(&sandbox, shop).await.unwrap(), std::slice::from_ref(&shop.old));
    assert!(rotate(&sandbox, shop).await.unwrap().succeeded());
    assert_delivered(&sandbox, shop, "in order").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_of_a_step_at_once_leave_one_new_key() {
    let (sandbox, users) = ready(&crowd(FIRST_DAY, 1)).await.unwrap();
    let shop = &users[0];
    let rotation = begin(&sandbox, &shop.secret, &shop.token).await.unwrap();
    // Both have read that nothing was created yet.
    let both = Act::Barrier { callers: 2, patience: Duration::from_secs(10) };
    sandbox.faults().arm(Matching::action("dynamodb:PutItem").caller(MINT), both);
    let (one, other) = tokio::join!(
        sandbox.rotation_step(&rotation, "createSecret"),
        sandbox.rotation_step(&rotation, "createSecret")
    );
    let ended = [one.unwrap().result, other.unwrap().result];
    let done = ended.iter().filter(|ended| matches!(ended, Ended::Answered(_))).count();
    assert_eq!(done, 1, "{ended:?}");
    assert!(unheld(&sandbox, shop).await.unwrap().is_empty());
    assert_eq!(sandbox.counts()["iam:CreateAccessKey"], 1, "whoever lost has created nothing");
    assert!(rotate(&sandbox, shop).await.unwrap().succeeded());
    assert_delivered(&sandbox, shop, "at once").await.unwrap();
    all_is_well(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_delays_a_mint_and_never_doubles_it() {
    let (sandbox, users) = ready(&crowd(FIRST_DAY, 2)).await.unwrap();
    let (once, always) = (&users[0], &users[1]);
    for action in ["iam:GetUser", "secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue"] {
        sandbox.faults().arm(Matching::action(action).caller(MINT), Act::Throttle);
    }
    assert!(rotate(&sandbox, once).await.unwrap().succeeded(), "what may be tried again is");
    assert_delivered(&sandbox, once, "throttled once").await.unwrap();

    let throttled = sandbox.faults().arm(Matching::action("iam:CreateAccessKey").always(), Act::Throttle);
    let why = fault(rotate(&sandbox, always).await.unwrap().steps.last().unwrap()).unwrap();
    assert!(why.contains("Throttling"), "{why}");
    assert_eq!(throttled.fired(), 1, "a call that creates a key is made once");
    sandbox.faults().clear();
    assert!(rotate(&sandbox, always).await.unwrap().succeeded());
    assert_delivered(&sandbox, always, "throttled").await.unwrap();
    all_is_well(&sandbox).await.unwrap();
}
