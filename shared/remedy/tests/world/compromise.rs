//! Somebody who may not has given a user a credential.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]
#![expect(unreachable_pub, reason = "every file of tests uses its own part of the world")]

use credwarden_credential::creation::{Creation, CreationAct, Creator, Principal};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_estate::estate::{Estate, age_days, age_hours};
use credwarden_ledger::request::Document;
use credwarden_policy::remedy::RuleName;

use super::{CONFIG, World, noon, policy_with};

const CREATION: RuleName = RuleName::UnauthorizedKeyCreation;

/// Robot's only credential, of this kind and age.
pub fn robot(kind: CredentialKind, age: jiff::SignedDuration) -> Estate {
    let estate = Estate::new(noon()).user("robot").tag("owner", "robots@example.com");
    match kind {
        CredentialKind::AccessKey => estate.key(age).used(age_hours(1), "s3"),
        CredentialKind::ServiceSpecificCredential => estate.service_specific("codecommit.amazonaws.com", age),
        CredentialKind::SshPublicKey => estate.ssh_public_key(age),
        CredentialKind::ConsolePassword => estate.password(age).signed_in(age_hours(1)),
        _ => estate.signing_certificate(age),
    }
}

pub fn policy() -> String {
    policy_with(&[
        (
            "\"unused-credentials\": {",
            "\"unauthorized-key-creation\": { \"default\": { \"remedy\": \"deactivate-credential\", \"mode\": \"enforce\" } },
             \"unused-credentials\": {",
        ),
        ("\"budget\":", "\"creation\": { \"default\": { \"creators\": [\"arn:*:iam::*:role/vending\"] } }, \"budget\":"),
    ])
}

/// Somebody who may not has given robot its only credential two hours ago, long after the account was first looked at.
pub async fn stolen(kind: CredentialKind) -> (World, CredentialId) {
    let world = World::just_installed(robot(kind, age_hours(2)));
    let credential = world.other("robot", kind);
    let (ledger, policy) = (world.ledger(), policy());
    ledger.installed(noon() - age_days(30)).await.unwrap();
    let creation = Creation {
        event: "e-1".to_owned(),
        act: CreationAct::creating(kind).unwrap(),
        credential: credential.clone(),
        user: "robot".parse().unwrap(),
        user_id: None,
        creator: Creator {
            principal: Principal::Role("arn:aws:iam::123456789012:role/developer".parse().unwrap()),
            session: None,
            source_identity: None,
            invoked_by: None,
        },
        source: "203.0.113.9".to_owned(),
        mfa: None,
        at: noon() - age_hours(2),
        region: "us-east-1".to_owned(),
    };
    ledger.record_creation(&creation).await.unwrap();
    world.set_policy(&policy);
    world.reported_of(CREATION, &policy, age_days(2)).await;
    (world, credential)
}

/// The document of the rule on creators is run on robot.
pub fn execution(world: &World) -> String {
    world.execution(Document::Rule(CREATION), &world.id("robot"), None, CONFIG)
}
