//! Exceptions asked for and looked at from a terminal.

use credwarden_e2e::exception::{CAROL, EXCEPTED_RULE};
use credwarden_e2e::remedy::{assert_sound, id, noon, ready};
use credwarden_e2e::terminal::Terminal;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::automation::Status;
use credwarden_sandbox::sandbox::Options;

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_asks_by_the_document_and_shows_what_the_ledger_holds() {
    let estate = Estate::new(noon()).user("vendor").key(age_days(120));
    let (user_id, key_id) = (id(&estate, "vendor").unwrap(), estate.users[0].keys[0].key.id.to_string());
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let terminal = Terminal::of(&sandbox).await.unwrap();
    let role = terminal.automation_role;
    let run = async |arguments: &[&str]| terminal.run(arguments).await.unwrap();

    let of = [
        "--rule",
        EXCEPTED_RULE,
        "--credential",
        &key_id,
        "--justification",
        "Late vendor.",
        "--automation-role",
        role,
    ];
    let ask = async |operation: &str, more: &[&str]| {
        run(&[["exception", operation, &user_id].as_slice(), &of, more].concat()).await
    };
    let granted = ask("grant", &["--until", "2026-12-14", "--owner", "payments@example.com"]).await;
    assert_eq!(granted.status, 0, "{granted:?}");
    assert!(granted.out.contains("waits until an approver"), "{granted:?}");
    let waiting = sandbox.run_automations().await.unwrap().pop().unwrap();
    assert_eq!(waiting.status, Status::Waiting);
    assert_eq!(run(&["exception", "list"]).await.out, "no exception holds\n", "it asks, and changes nothing itself");
    sandbox.decide(&waiting.id, CAROL, true).unwrap();
    sandbox.run_automations().await.unwrap();

    let listed = run(&["exception", "list"]).await;
    let line = format!(
        "EX-000000000001  access-key-age  {user_id}  {key_id}  until 2026-12-14T23:59:59Z  owner payments@example.com  \
         approved by {CAROL}  Late vendor.\n"
    );
    assert_eq!(listed.out, line);
    assert_eq!(ask("extend", &["--until", "2026-12-31"]).await.status, 0);
    let waiting = sandbox.run_automations().await.unwrap().pop().unwrap();
    sandbox.decide(&waiting.id, CAROL, true).unwrap();
    sandbox.run_automations().await.unwrap();
    assert_eq!(run(&["exception", "list"]).await.out, line.replace("12-14", "12-31"));

    let revoked = ask("revoke", &[]).await;
    assert!(revoked.status == 0 && revoked.out.contains("needs no approval"), "{revoked:?}");
    assert_eq!(sandbox.run_automations().await.unwrap().pop().unwrap().status, Status::Success);
    assert_eq!(run(&["exception", "list"]).await.out, "no exception holds\n");
    let shown = run(&["exception", "show", &user_id]).await.out;
    let changes: Vec<_> =
        shown.lines().filter(|line| line.contains("asked by arn:aws:iam::123456789012:user/olivia")).collect();
    assert_eq!((changes.len(), shown.lines().count()), (3, 4), "{shown}");
    assert!(shown.starts_with("no exception is known\n"), "revoked, only its changes are left: {shown}");
    for (line, change) in changes.iter().zip(["grant", "extend", "revoke"]) {
        assert!(line.contains(&format!("  {change}  EX-000000000001  ")), "{line}");
    }
    assert_sound(&sandbox).await.unwrap();
    let elsewhere = run(&["exception", "list", "--prefix", "another"]).await;
    assert_eq!((elsewhere.status, elsewhere.out.as_str()), (5, ""), "{elsewhere:?}");
}
