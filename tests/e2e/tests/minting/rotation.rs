//! Whole rotations through a secret, by nothing but documents and the schedule; and what keeps one from happening.

use credwarden_e2e::exception::CAROL;
use credwarden_e2e::mint::{EnrolmentAsked, RETRIEVER, enrol, hours_pass};
use credwarden_e2e::remedy::{UNDO_ROTATION, assert_sound, execute, id, key, merge, noon, ready_with, remedy};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use serde_json::{Value, json};

/// A deployment that has old keys replaced through secrets; ids of the user's and of its old key, ARN of its secret.
async fn ready(estate: &Estate) -> (Sandbox, String, String, String) {
    let rotates = json!({ "remedy": "rotate-key", "mode": "enforce", "delivery": "secret" });
    let sandbox = ready_with(Options::at(noon()), estate, |policy| {
        merge(policy, json!({ "remedies": { "access-key-age": { "default": rotates } } }));
    });
    let sandbox = sandbox.await.unwrap();
    let secret = sandbox.create_secret("credwarden/shop", "before the first key").await.unwrap();
    (sandbox, id(estate, "shop").unwrap(), key(estate, "shop").unwrap(), secret)
}

fn shop() -> Estate {
    Estate::new(noon()).user("shop").path("/enrolled/").key(age_days(120)).used(age_days(30), "s3")
}

/// Keys of the account besides one.
async fn others(sandbox: &Sandbox, key: &str) -> Vec<String> {
    sandbox.active_keys().await.unwrap().into_iter().filter(|one| one != key).collect()
}

async fn is_enrolled(sandbox: &Sandbox) -> bool {
    sandbox.ledger().await.unwrap().iter().any(|item| item["sk"] == "ENROLMENT")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolled_user_gets_its_key_through_its_secret_and_loses_the_old_one_once_nothing_needs_it() {
    let (sandbox, shop, old, secret) = ready(&shop()).await;
    let enrolled = enrol(&sandbox, &EnrolmentAsked::of(&shop, &secret)).await.unwrap();
    assert_eq!(enrolled.status, "done", "{enrolled:?}");
    let begun = remedy(&sandbox, &shop).await.unwrap();
    assert_eq!(begun.status, "rotating", "{begun:?}");
    hours_pass(&sandbox, 18).await.unwrap();
    assert!(others(&sandbox, &old).await.is_empty(), "its owner has a day");
    hours_pass(&sandbox, 24).await.unwrap();
    let [new]: [String; 1] = others(&sandbox, &old).await.try_into().unwrap();

    // As long as nobody has fetched it, the old one stays, however silent it is.
    hours_pass(&sandbox, 24 * 4).await.unwrap();
    assert_eq!(sandbox.key_status(&old).await.unwrap().as_deref(), Some("Active"));
    let value = sandbox.fetch_secret(&Person::role(RETRIEVER, "i-1"), &secret).await.unwrap();
    let value: Value = serde_json::from_str(&value).unwrap();
    assert_eq!(value["AccessKeyId"], json!(new));
    sandbox.use_key(&new).await.unwrap();
    hours_pass(&sandbox, 24 * 3).await.unwrap();
    assert_eq!(sandbox.key_status(&old).await.unwrap().as_deref(), Some("Inactive"));
    assert_eq!(sandbox.key_status(&new).await.unwrap().as_deref(), Some("Active"));

    let of_the_old = [("ResourceId", shop.as_str()), ("CredentialId", &old)];
    let undone = execute(&sandbox, UNDO_ROTATION, &of_the_old).await.unwrap();
    assert_eq!(undone.status, "undone", "{undone:?}");
    assert_eq!(sandbox.key_status(&old).await.unwrap().as_deref(), Some("Active"));
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_by_which_one_person_could_take_a_key_is_refused_with_the_reason() {
    let (sandbox, shop, _, secret) = ready(&shop()).await;
    let elsewhere = sandbox.create_secret("other/shop", "somebody else's").await.unwrap();
    let good = EnrolmentAsked::of(&shop, &secret);
    let itself = "arn:aws:iam::123456789012:user/enrolled/shop";
    let gone = secret.replace("shop-", "gone-");
    for (asked, reason) in [
        (EnrolmentAsked { retriever: itself, ..good.clone() }, "is the user itself"),
        (EnrolmentAsked { by: CAROL, ..good.clone() }, "somebody else must approve it"),
        (EnrolmentAsked { secret: &elsewhere, ..good.clone() }, "does not begin with `credwarden/`"),
        (EnrolmentAsked { secret: &gone, ..good.clone() }, "there is no secret"),
        (EnrolmentAsked { user_id: "AIDAGONEGONEGONEGONE", ..good.clone() }, "was deleted"),
    ] {
        let refused = enrol(&sandbox, &asked).await.unwrap();
        assert_eq!(refused.status, "refused", "{asked:?}: {refused:?}");
        assert!(refused.reason.contains(reason), "{reason}: {refused:?}");
    }
    // What the document's own patterns refuse is not even started.
    let anybody = EnrolmentAsked { retriever: "arn:aws:iam::123456789012:role/*", ..good.clone() };
    assert!(enrol(&sandbox, &anybody).await.is_err());
    assert!(!is_enrolled(&sandbox).await);
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_changes_or_goes_midway_gets_no_key_and_its_owner_is_told_why() {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*" }],
    });
    for (action, more, reason) in [
        (
            "PutResourcePolicy",
            json!({ "ResourcePolicy": policy.to_string() }),
            "the secret's resource policy is not the one that was approved",
        ),
        ("DeleteSecret", json!({ "ForceDeleteWithoutRecovery": true }), "the secret was deleted"),
    ] {
        let (sandbox, shop, old, secret) = ready(&shop()).await;
        let enrolled = enrol(&sandbox, &EnrolmentAsked::of(&shop, &secret)).await.unwrap();
        assert_eq!(enrolled.status, "done", "{enrolled:?}");
        assert_eq!(remedy(&sandbox, &shop).await.unwrap().status, "rotating");
        let mut change = json!({ "SecretId": secret });
        merge(&mut change, more);
        sandbox.secrets_manager(action, change).await.unwrap();
        hours_pass(&sandbox, 48).await.unwrap();
        assert!(others(&sandbox, &old).await.is_empty(), "{action}: nothing is minted");
        let events = sandbox.published().events();
        let told = events.iter().filter(|event| event.detail["kind"] == "not-minted");
        let told: Vec<_> = told.filter_map(|event| event.detail["what"].as_str()).collect();
        assert!(matches!(told.as_slice(), [what] if what.contains(reason)), "{action}: {told:#?}");
        assert_eq!(sandbox.key_status(&old).await.unwrap().as_deref(), Some("Active"));
        assert_sound(&sandbox).await.unwrap();
    }
}
