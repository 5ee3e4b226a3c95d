//! The sandbox as a whole, on the real template and the real binaries.

#![expect(clippy::expect_used, reason = "the lints allow it in test functions only, and here stands what those share")]

use credwarden_estate::estate::{Estate, age_days, age_hours};
use credwarden_estate::seed::Seed;
use credwarden_sandbox::automation::Status;
use credwarden_sandbox::config::Compliance;
use credwarden_sandbox::emulator::installation_folder;
use credwarden_sandbox::functions::Ended;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use credwarden_sandbox::tricks::Trick;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const RULE: &str = "credwarden-access-key-age";

fn now() -> Timestamp {
    "2026-11-24T08:00:00Z".parse().expect("a time")
}

fn seed(estate: &Estate) -> Value {
    serde_json::to_value(Seed::from(estate)).expect("a seed is JSON")
}

fn one_old_key(user: &str) -> Estate {
    Estate::new(now()).user(user).created(age_days(400)).key(age_days(200)).used(age_days(100), "s3")
}

async fn start(options: Options, estate: &Estate) -> Sandbox {
    let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
    sandbox.seed(&seed(estate)).await.expect("the seed is taken");
    sandbox
}

/// All that a sandbox does, once, in one test: starting one takes seconds.
#[tokio::test(flavor = "multi_thread")]
async fn the_services_are_played_around_the_real_functions() {
    let sandbox = start(Options::at(now()), &one_old_key("alice")).await;
    assert!(sandbox.rules().iter().any(|rule| rule == RULE));

    let tested = sandbox.evaluate_in_test_mode(RULE).await.unwrap();
    assert!(matches!(tested.result, Ended::Answered(_)), "{tested:?}");
    assert_eq!((sandbox.compliance(RULE), sandbox.billed_evaluations()), (Vec::new(), 0));

    sandbox.evaluate(RULE).await.unwrap();
    let row = sandbox.compliance_of(RULE, "alice").unwrap();
    assert_eq!(row.compliance, Compliance::NonCompliant);
    assert_eq!(sandbox.billed_evaluations(), 1);

    let executions = sandbox.run_automations().await.unwrap();
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0].status, Status::Success, "{executions:?}");
    let steps: Vec<_> = executions[0].steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["Remedy", "Judge", "Done"]);
    assert_eq!(executions[0].remedy_answer().unwrap()["status"], "observed");

    assert!(sandbox.fire_schedules().await.unwrap().is_empty(), "an hour has not gone by");
    sandbox.advance(SignedDuration::from_hours(24)).await.unwrap();
    assert_eq!(sandbox.fire_schedules().await.unwrap().len(), 1);
    // Of two rules' documents at one user at once, one waits: this is about one.
    sandbox.evaluate(RULE).await.unwrap();
    let executions = sandbox.run_automations().await.unwrap();
    assert_eq!(executions.len(), 1, "{executions:?}");
    assert_eq!(executions[0].remedy_answer().unwrap()["status"], "done", "{executions:?}");
    assert!(sandbox.active_keys().await.unwrap().is_empty());
    assert!(!sandbox.ledger().await.unwrap().is_empty());

    let refused = sandbox.start_document(RULE, &[("ResourceId", "alice")], "olivia").unwrap_err();
    assert!(format!("{refused:#}").contains("allowed pattern"), "{refused:#}");
    assert_eq!(sandbox.access().refusals(), []);
    assert_eq!(sandbox.violations().await.unwrap(), []);
    let (proxy, folder) = (sandbox.endpoint(), sandbox.folder().to_owned());
    assert!(folder.starts_with(installation_folder()) && folder.exists());
    drop(sandbox);
    assert!(!folder.exists(), "files are left behind");
    // The runtime ends the listener's task when it is that task's turn, which on a busy machine is a little later.
    let closed = async {
        while tokio::net::TcpStream::connect(&proxy).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    assert!(
        tokio::time::timeout(std::time::Duration::from_secs(20), closed).await.is_ok(),
        "the proxy goes on listening"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sandboxes_at_once_know_nothing_of_each_other() {
    let young = Estate::new(now()).user("bob").created(age_days(400)).key(age_hours(1));
    let (old, young) = (one_old_key("alice"), young);
    let (first, second) = tokio::join!(start(Options::at(now()), &old), start(Options::at(now()), &young));
    let (one, other) = tokio::join!(first.evaluate(RULE), second.evaluate(RULE));
    one.unwrap();
    other.unwrap();
    let users = |sandbox: &Sandbox| sandbox.compliance(RULE).into_iter().map(|row| row.user).collect::<Vec<_>>();
    assert_eq!((users(&first), users(&second)), (vec!["alice".to_owned()], vec!["bob".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_fails_is_told_and_fails_its_automation_both_ways() {
    for tricks in [[].into(), [Trick::FunctionErrorPassesOn].into()] {
        let sandbox = start(Options { tricks, ..Options::at(now()) }, &one_old_key("alice")).await;
        sandbox.set_policy("no policy").await.unwrap();
        let ended = sandbox.evaluate(RULE).await.unwrap();
        assert!(matches!(&ended[0].result, Ended::Failed(_)), "{ended:?}");
        assert_eq!(sandbox.compliance(RULE), []);

        let id = sandbox.truth().await.unwrap()["users"][0]["id"].as_str().unwrap().to_owned();
        sandbox.start_document(RULE, &[("ResourceId", &id), ("FunctionName", "nobody")], "olivia").unwrap();
        let executions = sandbox.run_automations().await.unwrap();
        assert_eq!(executions[0].status, Status::Failed);
        let failure = executions[0].failure.clone().unwrap();
        assert!(failure.contains("not authorized to perform: lambda:InvokeFunction"), "{failure}");
        let direct = sandbox.invoke("credwarden-deactivate-credential", &json!({})).await.unwrap();
        assert!(matches!(direct.result, Ended::Failed(_)), "{direct:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_profile_starts_and_its_remediation_is_manual() {
    let options = Options { profile: "default".to_owned(), ..Options::at(now()) };
    let sandbox = start(options, &one_old_key("alice")).await;
    sandbox.evaluate(RULE).await.unwrap();
    assert_eq!(sandbox.compliance_of(RULE, "alice").unwrap().compliance, Compliance::NonCompliant);
    assert!(sandbox.run_automations().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_lets_time_go_by_until_nothing_is_open() {
    let sandbox = start(Options::at(now()), &one_old_key("alice")).await;
    let settled = sandbox.settle(SignedDuration::from_hours(72)).await.unwrap();
    assert_eq!(settled.open, Vec::<Value>::new());
    sandbox.silence_config(true);
    let evaluations = sandbox.counts()["config:PutEvaluations"];
    sandbox.advance(SignedDuration::from_hours(48)).await.unwrap();
    sandbox.tick().await.unwrap();
    assert_eq!(sandbox.counts()["config:PutEvaluations"], evaluations, "a silent Config evaluates");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_item_stays_unless_dynamodb_is_quick() {
    for (tricks, left) in [([].into(), 2), ([Trick::ExpiredItemsRemoved].into(), 1)] {
        let sandbox = start(Options { tricks, ..Options::at(now()) }, &Estate::new(now())).await;
        for (sk, expires) in [("soon", 60), ("later", 7_200)] {
            let expires = (now().as_second() + expires).to_string();
            let item = json!({ "pk": { "S": "TEST" }, "sk": { "S": sk }, "expires_at": { "N": expires } });
            let request = json!({ "TableName": "credwarden-ledger", "Item": item });
            sandbox.emulator().json("us-east-1", "DynamoDB_20120810.PutItem", &request).await.unwrap();
        }
        sandbox.advance(SignedDuration::from_hours(1)).await.unwrap();
        assert_eq!(sandbox.ledger().await.unwrap().len(), left);
    }
}
