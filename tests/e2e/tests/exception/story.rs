//! From a grant to its end.

use credwarden_e2e::exception::{Ask, CAROL, EXCEPTIONS, approve, ask, ask_and_approve, entries, tags};
use credwarden_e2e::remedy::{Ended, Ledger, RULE, SCHEDULE, assert_sound, id, metric, noon, ready, remedy};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::automation::Status;
use credwarden_sandbox::config::Compliance;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::{SignedDuration, Timestamp};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What Config holds of a user: the result and the annotation.
async fn evaluated(sandbox: &Sandbox, user: &str) -> (Compliance, String) {
    sandbox.evaluate(RULE).await.unwrap();
    let row = sandbox.compliance_of(RULE, user).unwrap();
    (row.compliance, row.annotation)
}

/// The schedule fires, and what it starts runs.
async fn scheduled(sandbox: &Sandbox) -> Vec<Ended> {
    sandbox.fire_all_schedules().await.unwrap();
    sandbox.run_automations().await.unwrap().iter().map(Ended::of).collect()
}

fn days_later(days: i32) -> Timestamp {
    noon() + DAY * days
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_is_granted_extended_announced_and_ends_by_itself() {
    let estate = Estate::new(noon()).user("vendor").key(age_days(120));
    let (user_id, key_id) = (id(&estate, "vendor").unwrap(), estate.users[0].keys[0].key.id.to_string());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    assert_eq!(evaluated(&sandbox, "vendor").await.0, Compliance::NonCompliant);

    // Until somebody approves it nothing is granted.
    let grant = Ask::grant(&user_id, &key_id, "2026-12-14");
    let waiting = ask(&sandbox, &grant).await.unwrap();
    assert_eq!(waiting.status, Status::Waiting);
    assert!(entries(&sandbox, &user_id).await.unwrap().is_empty());
    let granted = approve(&sandbox, &waiting).await.unwrap();
    assert_eq!(granted.status, "done", "{granted:?}");
    let exception = "EX-000000000001";
    let execution = waiting.id;

    // The rule knows it, the remedy leaves it alone, the tag shows it.
    let (compliance, annotation) = evaluated(&sandbox, "vendor").await;
    assert_eq!(compliance, Compliance::Compliant);
    assert_eq!(annotation, format!("{key_id} EXCEPTED {exception} until 2026-12-14"));
    assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "excepted");
    let tag = format!("credwarden:exception/access-key-age/{key_id}");
    let shows = |until: &str| [(tag.clone(), format!("{exception} until {until}"))].into();
    assert_eq!(tags(&sandbox, "vendor").await.unwrap(), shows("2026-12-14"));
    let known = entries(&sandbox, &user_id).await.unwrap();
    let (act, _) = &known[&format!("EXCEPTION-ACT#{execution}")];
    assert_eq!(act["change"], "grant");
    assert_eq!(act["requester"], "arn:aws:iam::123456789012:user/olivia");
    assert_eq!(act["approver"], CAROL);
    assert_eq!(act["before"], serde_json::Value::Null);
    assert_eq!(act["after"]["until"], "2026-12-14T23:59:59Z");
    assert_eq!(known.len(), 2, "nothing is owed: {known:?}");

    // Extended, it holds longer, and keeps its id and its owner.
    let extend = Ask { owner: "none", ..Ask::grant(&user_id, &key_id, "2026-12-31").operation("extend") };
    let extended = ask_and_approve(&sandbox, &extend).await.unwrap();
    assert_eq!(extended.status, "done", "{extended:?}");
    assert_eq!(tags(&sandbox, "vendor").await.unwrap(), shows("2026-12-31"));
    sandbox.set_time(days_later(21)).await.unwrap();
    assert_eq!(evaluated(&sandbox, "vendor").await.1, format!("{key_id} EXCEPTED {exception} until 2026-12-31"));

    // Its end is announced once, and when it has come the rule is asked and the tag goes.
    scheduled(&sandbox).await;
    sandbox.set_time(days_later(25)).await.unwrap();
    scheduled(&sandbox).await;
    sandbox.set_time(days_later(26)).await.unwrap();
    scheduled(&sandbox).await;
    assert_eq!(metric(&sandbox, SCHEDULE, "ExceptionsAnnounced"), [0, 1, 0]);
    assert!(!sandbox.config().asked().contains(&RULE.to_owned()));
    sandbox.set_time(days_later(38)).await.unwrap();
    let ended = scheduled(&sandbox).await;
    assert_eq!(ended.iter().map(|ended| ended.status.as_str()).collect::<Vec<_>>(), ["done"], "{ended:?}");
    assert!(sandbox.config().asked().contains(&RULE.to_owned()), "the rule is asked to evaluate");
    assert!(tags(&sandbox, "vendor").await.unwrap().is_empty());
    let (compliance, annotation) = evaluated(&sandbox, "vendor").await;
    assert_eq!(compliance, Compliance::NonCompliant, "{annotation}");
    assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "done");
    assert_eq!(sandbox.key_status(&key_id).await.unwrap().unwrap(), "Inactive");

    // What was is still known, and nobody looks for it.
    let known = entries(&sandbox, &user_id).await.unwrap();
    let (ended, is_looked_for) = &known[&format!("EXCEPTION#access-key-age#{key_id}")];
    assert_eq!((ended["until"].as_str(), is_looked_for), (Some("2026-12-31T23:59:59Z"), &false));
    assert_eq!(ended["owner"], "payments@example.com");
    assert!(scheduled(&sandbox).await.is_empty());
    assert!(Ledger::of(&sandbox).await.unwrap().open().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_covers_one_credential_and_revoking_it_needs_nobody() {
    let estate = Estate::new(noon()).user("two").key(age_days(120)).key(age_days(130));
    let user_id = id(&estate, "two").unwrap();
    let keys: Vec<_> = estate.users[0].keys.iter().map(|owned| owned.key.id.to_string()).collect();
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let grant = Ask::grant(&user_id, &keys[0], "2026-12-14T12:00:00Z");
    assert_eq!(ask_and_approve(&sandbox, &grant).await.unwrap().status, "done");

    // The other credential breaks the rule as before, and is acted upon.
    let (compliance, annotation) = evaluated(&sandbox, "two").await;
    assert_eq!(compliance, Compliance::NonCompliant);
    assert!(annotation.starts_with(&keys[1]), "{annotation}");
    assert!(annotation.contains(&format!("{} EXCEPTED EX-", keys[0])), "{annotation}");
    let ended = remedy(&sandbox, &user_id).await.unwrap();
    assert_eq!((ended.status.as_str(), ended.changed.as_slice()), ("done", &keys[1..]), "{ended:?}");
    assert_eq!(evaluated(&sandbox, "two").await.0, Compliance::Compliant);

    // Whoever takes the tag off changes nothing by it, and the next change of an exception writes it again.
    let tag = format!("credwarden:exception/access-key-age/{}", keys[0]);
    sandbox.iam("UntagUser", &[("UserName", "two"), ("TagKeys.member.1", &tag)]).await.unwrap();
    assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "excepted");
    let mirrored = ask(&sandbox, &grant.clone().operation("mirror")).await.unwrap();
    assert_eq!(Ended::of(&mirrored).status, "done");
    assert_eq!(tags(&sandbox, "two").await.unwrap().keys().collect::<Vec<_>>(), [&tag]);

    let revoke = Ask { owner: "none", until: "none", ..grant.operation("revoke") };
    let revoked = ask(&sandbox, &revoke).await.unwrap();
    assert_eq!((revoked.status, Ended::of(&revoked).status.as_str()), (Status::Success, "done"));
    assert!(tags(&sandbox, "two").await.unwrap().is_empty());
    assert_eq!(evaluated(&sandbox, "two").await.0, Compliance::NonCompliant);
    // Another day has a budget of its own.
    sandbox.advance(DAY).await.unwrap();
    let acted = remedy(&sandbox, &user_id).await.unwrap();
    assert_eq!(acted.changed, keys[..1], "{acted:?}");
    let known = entries(&sandbox, &user_id).await.unwrap();
    let acts: Vec<_> = known.keys().filter(|sk| sk.starts_with("EXCEPTION-ACT#")).collect();
    assert_eq!((acts.len(), known.len()), (2, 2), "{known:?}");
    let again = ask(&sandbox, &revoke).await.unwrap();
    assert_eq!(Ended::of(&again).status, "refused", "there is none any more");
    assert!(sandbox.invocations().iter().any(|invoked| invoked.function == EXCEPTIONS));
    assert_sound(&sandbox).await.unwrap();
}
