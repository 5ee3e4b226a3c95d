//! What `credwarden plan` says beforehand is what the remedies then do, with the functions' own binaries; and it changes
//! nothing, in a role that may only read.

use credwarden_e2e::remedy::{Ended, RULE, assert_sound, execute, id, key, key_changes, noon, ready_with};
use credwarden_e2e::terminal::Terminal;
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use serde_json::{Value, json};

/// The steps that the terminal tells for one document of a user.
async fn planned(terminal: &Terminal<'_>, user: &str) -> Value {
    let ran = terminal.run(&["plan", user, "--format", "json"]).await.unwrap();
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{ran:?}");
    serde_json::from_str(&ran.out).unwrap()
}

/// The steps of the rule on ages.
fn steps(plan: &Value) -> Vec<Value> {
    let all = plan["steps"].as_array().unwrap();
    all.iter().filter(|step| step["document"] == RULE).cloned().collect()
}

/// Plans, executes the document, and holds one against the other; gives the only step.
async fn held_against_the_act(sandbox: &Sandbox, terminal: &Terminal<'_>, estate: &Estate, user: &str) -> Value {
    let user_id = id(estate, user).unwrap();
    let (ledger, changes) = (sandbox.ledger().await.unwrap(), key_changes(sandbox).len());
    let plan = planned(terminal, user).await;
    assert_eq!(sandbox.ledger().await.unwrap(), ledger, "a plan writes nothing");
    assert_eq!(key_changes(sandbox).len(), changes, "and changes nothing");
    let [step]: [Value; 1] = steps(&plan).try_into().unwrap();

    let Ended { status, changed, .. } = execute(sandbox, RULE, &[("ResourceId", &user_id)]).await.unwrap();
    assert_eq!(step["status"], json!(status), "{step}");
    let becomes: Vec<_> = step["credential"].as_str().filter(|_| step["becomes"] == "inactive").into_iter().collect();
    assert_eq!(becomes, changed, "{step}");
    step
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_terminal_plans_is_what_the_remedies_do() {
    let old = |estate: Estate, name: &str| estate.user(name).key(age_days(120)).used(age_days(40), "s3");
    let mut estate = Estate::new(noon()).user("busy").tag("owner", "team-a@example.com");
    estate = estate.key(age_days(120)).used(age_days(2), "s3");
    for name in ["acted-on", "held", "too-many"] {
        estate = old(estate, name);
    }
    estate = old(estate, "rotating").tag("credwarden:class", "service-account");
    let estate = estate.user("fine").key(age_days(5)).used(age_days(1), "s3");
    let sandbox = ready_with(Options::at(noon()), &estate, |policy| {
        policy["budget"] = json!({ "perDay": 1, "percentPerDay": 100 });
    })
    .await
    .unwrap();
    let terminal = Terminal::of(&sandbox).await.unwrap();

    let busy = held_against_the_act(&sandbox, &terminal, &estate, "busy").await;
    assert_eq!((&busy["status"], &busy["told"][0]["kind"]), (&json!("held"), &json!("in-use")), "{busy}");
    assert_eq!(busy["told"][0]["owner"], "team-a@example.com");

    let (held, held_key) = (id(&estate, "held").unwrap(), key(&estate, "held").unwrap());
    let asks =
        ["hold", "set", &held, "--credential", &held_key, "--until", "2026-11-30", "--justification", "an audit"];
    let asked =
        terminal.run(&[asks.as_slice(), &["--automation-role", terminal.automation_role]].concat()).await.unwrap();
    assert_eq!(asked.status, 0, "{asked:?}");
    sandbox.run_automations().await.unwrap();
    let held = held_against_the_act(&sandbox, &terminal, &estate, "held").await;
    assert!(held["why"].as_str().unwrap().contains("an audit"), "{held}");

    let acted_on = held_against_the_act(&sandbox, &terminal, &estate, "acted-on").await;
    assert_eq!((&acted_on["status"], &acted_on["mode"]), (&json!("done"), &json!("enforce")), "{acted_on}");
    assert_eq!(acted_on["told"][0]["kind"], "done");

    let too_many = held_against_the_act(&sandbox, &terminal, &estate, "too-many").await;
    assert_eq!(too_many["status"], "over-budget", "{too_many}");
    let fine = planned(&terminal, "fine").await;
    assert_eq!(
        (steps(&fine), &fine["budget"]["findings"]["access-key-age"]),
        (vec![], &json!({ "limit": 1, "left": 0 }))
    );

    let mut policy = sandbox.deployed_policy().unwrap();
    policy["remedies"]["access-key-age"] =
        json!({ "default": { "remedy": "deactivate-credential", "mode": "observe" } });
    sandbox.set_policy(&policy.to_string()).await.unwrap();
    let observed = held_against_the_act(&sandbox, &terminal, &estate, "too-many").await;
    assert_eq!((&observed["status"], &observed["mode"]), (&json!("observed"), &json!("observe")), "{observed}");

    policy["remedies"]["access-key-age"] = json!({ "default": { "remedy": "rotate-key", "mode": "enforce" } });
    sandbox.set_policy(&policy.to_string()).await.unwrap();
    for kind in ["create-key", "nothing new"] {
        let rotating = held_against_the_act(&sandbox, &terminal, &estate, "rotating").await;
        assert_eq!(
            (&rotating["status"], &rotating["remedy"]),
            (&json!("rotating"), &json!("rotate-key")),
            "{rotating}"
        );
        assert!(rotating["deadline"].is_string(), "{rotating}");
        let told = rotating["told"][0]["kind"].as_str().unwrap_or("nothing new");
        assert_eq!(told, kind, "each step is told once");
    }
    let table = terminal.run(&["plan", &id(&estate, "rotating").unwrap()]).await.unwrap().out;
    assert!(table.contains("left: rotating") && table.contains("Left of the day's budget: "), "{table}");

    sandbox.set_kill_switch("stop").await.unwrap();
    let stopped = held_against_the_act(&sandbox, &terminal, &estate, "busy").await;
    assert_eq!((&stopped["status"], &stopped["credential"]), (&json!("held"), &Value::Null), "{stopped}");
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_cannot_be_made_says_what_is_missing() {
    let estate = Estate::new(noon()).user("alice").key(age_days(120)).used(age_days(40), "s3");
    let sandbox = ready_with(Options::at(noon()), &estate, |_| ()).await.unwrap();
    let terminal = Terminal::of(&sandbox).await.unwrap();
    for (arguments, status, words) in [
        (&["plan", "nobody"][..], 2, "has no user `nobody`"),
        (&["plan", "alice", "--prefix", "other"], 5, "`/other/policy`"),
        (&["plan", "alice", "--ledger-table", "other-ledger"], 5, "failed to read the ledger"),
    ] {
        let ran = terminal.run(arguments).await.unwrap();
        assert_eq!(ran.status, status, "{ran:?}");
        assert!(ran.err.contains(words) && ran.err.contains("hint: "), "{ran:?}");
    }
}
