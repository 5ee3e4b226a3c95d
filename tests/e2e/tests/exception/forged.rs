//! Tags that somebody else has written.

use credwarden_e2e::exception::{Ask, ask, ask_and_approve, tags};
use credwarden_e2e::remedy::{RULE, assert_sound, id, noon, ready, remedy};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance;
use credwarden_sandbox::sandbox::Options;

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_without_its_entry_loosens_nothing_and_is_reported_as_forged() {
    let estate = Estate::new(noon()).user("cheater").key(age_days(120)).user("vendor").key(age_days(120));
    let keys: Vec<_> = estate.users.iter().map(|user| user.keys[0].key.id.to_string()).collect();
    let (cheater, vendor) = (id(&estate, "cheater").unwrap(), id(&estate, "vendor").unwrap());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let write = async |user: &str, key: &str, value: &str| {
        let tag = [("UserName", user), ("Tags.member.1.Key", key), ("Tags.member.1.Value", value)];
        sandbox.iam("TagUser", &tag).await.unwrap();
    };
    assert_eq!(ask_and_approve(&sandbox, &Ask::grant(&vendor, &keys[1], "2026-12-14")).await.unwrap().status, "done");
    let granted = tags(&sandbox, "vendor").await.unwrap();
    let (tag, value) = granted.first_key_value().unwrap();

    // A tag like that of another user, and one that claims a later end than was granted.
    let forged = format!("credwarden:exception/access-key-age/{}", keys[0]);
    write("cheater", &forged, value).await;
    write("vendor", tag, &value.replace("2026", "2030")).await;
    sandbox.evaluate(RULE).await.unwrap();
    let row = sandbox.compliance_of(RULE, "cheater").unwrap();
    assert_eq!(row.compliance, Compliance::NonCompliant);
    assert!(row.annotation.ends_with(&format!("FORGED: no exception is granted as tag {forged} says")), "{row:?}");
    let row = sandbox.compliance_of(RULE, "vendor").unwrap();
    assert_eq!(row.compliance, Compliance::Compliant);
    assert!(row.annotation.starts_with(&format!("FORGED: no exception is granted as tag {tag} says")), "{row:?}");
    assert!(row.annotation.contains("until 2026-12-14"), "{row:?}");
    assert_eq!(remedy(&sandbox, &cheater).await.unwrap().status, "done");

    // Mirroring puts right what it finds.
    let mirror = Ask::grant(&vendor, &keys[1], "2026-12-14").operation("mirror");
    ask(&sandbox, &mirror).await.unwrap();
    assert_eq!(tags(&sandbox, "vendor").await.unwrap(), granted);
    sandbox.evaluate(RULE).await.unwrap();
    assert!(!sandbox.compliance_of(RULE, "vendor").unwrap().annotation.contains("FORGED"));
    assert_sound(&sandbox).await.unwrap();
}
