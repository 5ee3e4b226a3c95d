//! What the function does not mint.

use credwarden_e2e::mint::{begin, crowd, fault, keys, ready, rotate};
use credwarden_e2e::rule::{FIRST_DAY, all_is_well};
use credwarden_estate::estate::age_days;
use serde_json::json;

const BY_HAND: &str = "ffffffff-ffff-4fff-8fff-ffffffffffff";

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_a_person_starts_is_refused_with_what_to_do_instead() {
    let (sandbox, users) = ready(&crowd(FIRST_DAY, 1)).await.unwrap();
    let shop = &users[0];
    let rotation = begin(&sandbox, &shop.secret, BY_HAND).await.unwrap();
    for step in ["createSecret", "testSecret", "finishSecret"] {
        let why = fault(&sandbox.rotation_step(&rotation, step).await.unwrap()).unwrap();
        assert!(why.contains("credwarden-force-rotation") && why.contains("AWSPENDING"), "{step}: {why}");
    }
    assert_eq!(keys(&sandbox, shop).await.unwrap(), std::slice::from_ref(&shop.old));

    // The empty version is in the way of the rotation that was asked for, until its label is taken off.
    assert!(rotate(&sandbox, shop).await.is_err());
    let off = json!({ "SecretId": shop.secret, "VersionStage": "AWSPENDING", "RemoveFromVersionId": BY_HAND });
    sandbox.secrets_manager("UpdateSecretVersionStage", off).await.unwrap();
    assert!(rotate(&sandbox, shop).await.unwrap().succeeded());
    all_is_well(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_elsewhere_or_protected_gets_no_key_whatever_the_ledger_says() {
    let estate = crowd(FIRST_DAY, 1).user("elsewhere").path("/people/").key(age_days(120));
    let estate = estate.user("root-like").path("/break-glass/").key(age_days(120));
    let (sandbox, users) = ready(&estate).await.unwrap();
    for user in &users[1..] {
        let rotated = rotate(&sandbox, user).await.unwrap();
        // The role itself does not let the function even read such a user.
        let why = fault(rotated.steps.last().unwrap()).unwrap();
        assert!(why.contains("not authorized to perform: iam:GetUser"), "{why}");
        assert_eq!(keys(&sandbox, user).await.unwrap(), std::slice::from_ref(&user.old));
    }
    assert!(!sandbox.access().refusals().is_empty());
    assert!(rotate(&sandbox, &users[0]).await.unwrap().succeeded());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kill_switch_and_another_resource_policy_stop_a_rotation_midway() {
    let (sandbox, users) = ready(&crowd(FIRST_DAY, 2)).await.unwrap();
    let (stopped, opened) = (&users[0], &users[1]);
    sandbox.set_kill_switch("stop").await.unwrap();
    let why = fault(rotate(&sandbox, stopped).await.unwrap().steps.last().unwrap()).unwrap();
    assert!(why.contains("kill switch"), "{why}");
    sandbox.set_kill_switch("run").await.unwrap();
    assert!(rotate(&sandbox, stopped).await.unwrap().succeeded());

    let everybody =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
    let policy = json!({ "SecretId": opened.secret, "ResourcePolicy": everybody });
    sandbox.secrets_manager("PutResourcePolicy", policy).await.unwrap();
    let why = fault(rotate(&sandbox, opened).await.unwrap().steps.last().unwrap()).unwrap();
    assert!(why.contains("resource policy"), "{why}");
    assert_eq!(keys(&sandbox, opened).await.unwrap(), std::slice::from_ref(&opened.old));
    all_is_well(&sandbox).await.unwrap();
}
