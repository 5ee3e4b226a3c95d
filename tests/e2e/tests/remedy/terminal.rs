//! Work looked at and asked for from a terminal.

use credwarden_e2e::remedy::{assert_sound, id, noon, ready, ready_with};
use credwarden_e2e::terminal::Terminal;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::sandbox::Options;

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_has_a_finding_answered_shows_what_was_done_and_has_it_undone() {
    let estate = Estate::new(noon()).user("alice").key(age_days(120));
    let (user_id, key_id) = (id(&estate, "alice").unwrap(), estate.users[0].keys[0].key.id.to_string());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let terminal = Terminal::of(&sandbox).await.unwrap();
    let role = terminal.automation_role;
    let run = async |arguments: &[&str]| terminal.run(arguments).await.unwrap();
    let show = ["work", "show", &user_id];
    assert_eq!(run(&["work", "list"]).await.out, "nothing is under way\n");
    assert_eq!(run(&show).await.out, "nothing was ever done\n");

    let undo = ["work", "undo", &user_id, "--credential", &key_id, "--automation-role", role];
    let nothing = run(&undo).await;
    assert_eq!(nothing.status, 2, "{nothing:?}");
    assert!(nothing.err.contains("nothing that was done") && nothing.err.contains("hint:"), "{nothing:?}");

    let start = run(&["work", "start", &user_id, "--rule", "access-key-age", "--automation-role", role]).await;
    assert!(start.status == 0 && start.out.contains("every guard is asked"), "{start:?}");
    assert_eq!(sandbox.key_status(&key_id).await.unwrap().unwrap(), "Active", "it asks, and changes nothing itself");
    sandbox.run_automations().await.unwrap();
    assert_eq!(sandbox.key_status(&key_id).await.unwrap().unwrap(), "Inactive");
    let done = run(&show).await.out;
    for words in [
        format!("{user_id}  deactivate-credential  {key_id}  begun 2026-11-24T12:00:"),
        "  done 2026-11-24T12:00:".to_owned(),
        "  can be undone until 2026-12-24  asked by arn:aws:iam::123456789012:user/olivia  execution ".to_owned(),
        "limit 90 days passed".to_owned(),
    ] {
        assert!(done.contains(&words), "no {words:?} in {done}");
    }

    assert_eq!(run(&undo).await.status, 0);
    sandbox.run_automations().await.unwrap();
    assert_eq!(sandbox.key_status(&key_id).await.unwrap().unwrap(), "Active");
    let shown = run(&show).await.out;
    assert!(shown.contains("undo-deactivate-credential") && shown.contains("  undone by "), "{shown}");
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_has_the_keys_of_a_class_rotated_and_acknowledges_for_an_owner() {
    let estate = Estate::new(noon())
        .user("worker")
        .key(age_days(20))
        .used(age_days(10), "s3")
        .user("person")
        .password(age_days(20))
        .key(age_days(20));
    let (user_id, old) = (id(&estate, "worker").unwrap(), estate.users[0].keys[0].key.id.to_string());
    let rotated = |policy: &mut serde_json::Value| {
        let entry = serde_json::json!({ "remedy": "rotate-key", "mode": "enforce" });
        policy["remedies"]["access-key-age"] = serde_json::json!({ "default": entry });
    };
    let sandbox = ready_with(Options::at(noon()), &estate, rotated).await.unwrap();
    let terminal = Terminal::of(&sandbox).await.unwrap();
    let role = terminal.automation_role;
    let run = async |arguments: &[&str]| terminal.run(arguments).await.unwrap();

    let why = ["--reason", "A build server was stolen (INC-78).", "--automation-role", role];
    let nobody = run(&[["work", "rotate", "--class", "robot"].as_slice(), &why].concat()).await;
    assert!(nobody.status == 2 && nobody.err.contains("no class `robot`"), "{nobody:?}");
    let begun = run(&[["work", "rotate", "--class", "service-account"].as_slice(), &why].concat()).await;
    assert_eq!((begun.status, begun.out.lines().count()), (0, 1), "one user is of the class: {begun:?}");
    sandbox.run_automations().await.unwrap();
    let shown = run(&["work", "show", &user_id]).await.out;
    assert!(shown.contains(&format!("{user_id}  rotation  {old}  begun 2026-11-24T12:00:")), "{shown}");
    assert!(run(&["work", "list"]).await.out.contains("no new key yet"), "{shown}");

    let acknowledge = ["work", "acknowledge", &user_id, "--credential", &old, "--automation-role", role];
    assert_eq!(run(&acknowledge).await.status, 0);
    let said = sandbox.run_automations().await.unwrap().pop().unwrap().remedy_answer().unwrap();
    assert_eq!(said["status"], "refused", "there is no new key yet: {said}");
    assert_sound(&sandbox).await.unwrap();
}
