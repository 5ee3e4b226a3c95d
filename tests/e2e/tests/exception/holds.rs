//! Holds that people ask for.

use credwarden_e2e::exception::{Ask, ask};
use credwarden_e2e::remedy::{Ended, assert_sound, id, noon, ready, remedy};
use credwarden_e2e::terminal::Terminal;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::SignedDuration;

async fn status(sandbox: &Sandbox, key: &str) -> String {
    sandbox.key_status(key).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_key_is_left_alone_until_it_is_released_or_the_time_is_over() {
    let estate = Estate::new(noon()).user("migrating").key(age_days(120)).key(age_days(130));
    let user_id = id(&estate, "migrating").unwrap();
    let keys: Vec<_> = estate.users[0].keys.iter().map(|owned| owned.key.id.to_string()).collect();
    let (held, other) = (keys[0].as_str(), keys[1].as_str());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let ask_for = Ask::grant(&user_id, held, "2026-12-14").operation("hold");
    let asked = async |what: &Ask<'_>| Ended::of(&ask(&sandbox, what).await.unwrap());

    // What may not be is refused, and holds nothing.
    for (wrong, reason) in [
        (Ask { credential: "all", ..ask_for.clone() }, "no credential is named"),
        (Ask { justification: "none", ..ask_for.clone() }, "no reason is given"),
        (Ask { until: "none", ..ask_for.clone() }, "no end is given"),
        (Ask { until: "2026-11-23", ..ask_for.clone() }, "it would have ended on 2026-11-23"),
        (Ask { until: "2026-12-25", ..ask_for.clone() }, "the policy lets a hold last for 30 days, until 2026-12-24"),
        (Ask { user_id: "AIDAGONEGONEGONEGONE", ..ask_for.clone() }, "was deleted"),
        (ask_for.clone().operation("release"), "nobody holds it"),
    ] {
        let ended = asked(&wrong).await;
        assert_eq!(ended.status, "refused", "{wrong:?}: {ended:?}");
        assert!(ended.reason.contains(reason), "{reason}: {ended:?}");
    }

    // Nobody has to approve it; the other key is none of its business.
    let done = asked(&ask_for).await;
    assert_eq!(
        (done.status.as_str(), done.reason.as_str()),
        ("done", format!("{held} is left alone until 2026-12-14T23:59:59Z").as_str())
    );
    let answer = remedy(&sandbox, &user_id).await.unwrap();
    assert!(
        answer.reason.contains(&format!("{held}: arn:aws:iam::123456789012:user/olivia holds it until")),
        "{answer:?}"
    );
    assert_eq!((status(&sandbox, held).await, status(&sandbox, other).await), ("Active".into(), "Inactive".into()));
    let shorter = asked(&Ask { until: "2026-12-01", ..ask_for.clone() }).await;
    assert!(shorter.reason.contains("holds it until 2026-12-14 already"), "{shorter:?}");

    // Released, it is acted upon; held again, it is left alone until the time is over.
    assert_eq!(asked(&ask_for.clone().operation("release")).await.status, "done");
    let again = asked(&Ask { until: "2026-11-30", by: "dana", ..ask_for.clone() }).await;
    assert_eq!(again.status, "done", "{again:?}");
    sandbox.advance(SignedDuration::from_hours(24)).await.unwrap();
    assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "held");
    sandbox.advance(SignedDuration::from_hours(6 * 24)).await.unwrap();
    assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "done");
    assert_eq!(status(&sandbox, held).await, "Inactive");
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_has_a_key_held_and_released_by_the_document() {
    let estate = Estate::new(noon()).user("migrating").key(age_days(120));
    let (user_id, key_id) = (id(&estate, "migrating").unwrap(), estate.users[0].keys[0].key.id.to_string());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let terminal = Terminal::of(&sandbox).await.unwrap();
    let role = terminal.automation_role;
    let run = async |arguments: &[&str]| terminal.run(arguments).await.unwrap();

    let of = ["--credential", &key_id, "--justification", "Late vendor.", "--automation-role", role];
    let set = run(&[["hold", "set", &user_id, "--until", "2026-12-14"].as_slice(), &of].concat()).await;
    assert!(set.status == 0 && set.out.contains("needs no approval"), "{set:?}");
    let show = ["hold", "show", &user_id];
    assert_eq!(run(&show).await.out, "nothing is held\n", "it asks, and changes nothing itself");
    sandbox.run_automations().await.unwrap();
    let olivias = "by arn:aws:iam::123456789012:user/olivia";
    assert_eq!(run(&show).await.out, format!("{key_id}  until 2026-12-14T23:59:59Z  {olivias}  Late vendor.\n"));
    assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "held");

    let released = run(&[["hold", "release", &user_id].as_slice(), &of].concat()).await;
    assert_eq!(released.status, 0, "{released:?}");
    sandbox.run_automations().await.unwrap();
    let shown = run(&show).await.out;
    assert!(shown.starts_with(&format!("{key_id}  ended ")) && shown.contains("released: Late vendor."), "{shown}");
    assert_eq!(remedy(&sandbox, &user_id).await.unwrap().status, "done");
    assert_sound(&sandbox).await.unwrap();
}
