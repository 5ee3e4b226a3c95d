//! What a remedy does where something is missing, wrong, gone or somebody else's.

use std::time::Duration;

use credwarden_e2e::remedy::{
    REMEDY, RULE, assert_sound, ended_on, id, key, key_changes, noon, ready, ready_with, record, remedy, seed, spent,
    until,
};
use credwarden_estate::estate::{ADMINISTRATOR_ACCESS, Estate, age_days, age_hours};
use credwarden_sandbox::config::Compliance;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::functions::Ended;
use credwarden_sandbox::sandbox::{Options, Sandbox};
use credwarden_sandbox::tricks::Trick;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const REGION: &str = "us-east-1";
const POLICY: &str = "/credwarden/policy";

fn calls(sandbox: &Sandbox, action: &str) -> usize {
    sandbox.calls().iter().filter(|call| call.call.action == action).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_nothing_is_reported_and_nothing_done() {
    let estate = Estate::new(noon()).user("silent").key(age_days(120));
    let user_id = id(&estate, "silent").unwrap();
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let good = sandbox.deployed_policy().unwrap();
    let reported = calls(&sandbox, "config:PutEvaluations");
    let mut unknown_field = good.clone();
    unknown_field["maxAgeDays"] = json!(1);
    let mut contradiction = good.clone();
    contradiction["limits"]["default"]["access-key"]["warnDays"] = json!(91);
    let too_long = format!("{good}{}", " ".repeat(8_193));
    let missing = || async {
        let name = json!({ "Name": POLICY });
        sandbox.emulator().json(REGION, "AmazonSSM.DeleteParameter", &name).await.unwrap();
    };
    for (what, policy) in [
        ("malformed", Some("{")),
        ("empty object", Some("{}")),
        ("unknown field", Some(unknown_field.to_string().as_str())),
        ("contradiction", Some(contradiction.to_string().as_str())),
        ("over 8 KB", Some(too_long.as_str())),
        ("missing", None),
    ] {
        match policy {
            Some(policy) => sandbox.set_policy(policy).await.unwrap(),
            None => missing().await,
        }
        let evaluated = sandbox.evaluate(RULE).await.unwrap();
        assert!(matches!(evaluated[0].result, Ended::Failed(_)), "{what}: the rule fails loudly: {evaluated:?}");
        let ended = remedy(&sandbox, &user_id).await.unwrap();
        assert_eq!(ended.status, "held", "{what}: {ended:?}");
        assert!(!ended.reason.is_empty(), "{what}");
        assert!(record(&sandbox, &user_id).await.unwrap().is_empty(), "{what}: not even the ledger is touched");
    }
    assert_eq!(calls(&sandbox, "config:PutEvaluations"), reported);
    assert_eq!(key_changes(&sandbox), []);
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_edited_to_one_day_does_nothing_for_a_day() {
    let estate = Estate::new(noon()).user("at-80-days").key(age_days(80)).user("at-120-days").key(age_days(120));
    let (young, young_key) = (id(&estate, "at-80-days").unwrap(), key(&estate, "at-80-days").unwrap());
    let old = id(&estate, "at-120-days").unwrap();
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let mut policy = sandbox.deployed_policy().unwrap();
    policy["limits"]["default"]["access-key"]["maxAgeDays"] = json!(1);
    policy["limits"]["default"]["access-key"]["warnDays"] = json!(0);
    policy["budget"] = json!({ "perDay": 50, "percentPerDay": 100 });
    sandbox.set_policy(&policy.to_string()).await.unwrap();

    sandbox.silence_config(false);
    sandbox.evaluate(RULE).await.unwrap();
    let row = sandbox.compliance_of(RULE, "at-80-days").unwrap();
    assert_eq!(row.compliance, Compliance::NonCompliant, "the edit shows at once: {row:?}");
    let executions = sandbox.run_automations().await.unwrap();
    assert_eq!(ended_on(&executions, &old)[0].status, "done", "what broke the policy of yesterday too is acted on");
    let ended = ended_on(&executions, &young);
    assert_eq!(ended[0].status, "observed", "{ended:?}");
    assert!(ended[0].reason.contains("edited since"), "{ended:?}");

    sandbox.advance(DAY - SignedDuration::from_hours(1)).await.unwrap();
    sandbox.evaluate(RULE).await.unwrap();
    let ended = ended_on(&sandbox.run_automations().await.unwrap(), &young);
    assert_eq!(ended[0].status, "observed", "{ended:?}");
    assert_eq!(sandbox.key_status(&young_key).await.unwrap().unwrap(), "Active");
    sandbox.advance(SignedDuration::from_hours(2)).await.unwrap();
    sandbox.evaluate(RULE).await.unwrap();
    let ended = ended_on(&sandbox.run_automations().await.unwrap(), &young);
    assert_eq!(ended[0].status, "done", "a day later it is the policy: {ended:?}");
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_of_a_day_is_kept() {
    let names: Vec<_> = (0..5).map(|number| format!("silent-{number}")).collect();
    let estate = names.iter().fold(Estate::new(noon()), |estate, name| estate.user(name).key(age_days(120)));
    let options = Options { automations_at_once: 5, ..Options::at(noon()) };
    let sandbox =
        ready_with(options, &estate, |policy| policy["budget"] = json!({ "perDay": 3, "percentPerDay": 100 }));
    let sandbox = sandbox.await.unwrap();
    for name in &names {
        let user_id = id(&estate, name).unwrap();
        sandbox.start_document(RULE, &[("ResourceId", &user_id)], "olivia").unwrap();
    }
    // All five at once: the purse itself decides, not what a run has read before.
    let executions = sandbox.run_automations().await.unwrap();
    let mut statuses: Vec<_> = executions.iter().map(|one| credwarden_e2e::remedy::Ended::of(one).status).collect();
    statuses.sort();
    assert_eq!(statuses, ["done", "done", "done", "over-budget", "over-budget"]);
    assert_eq!((spent(&sandbox, "act").await.unwrap(), key_changes(&sandbox).len()), (3, 3));
    assert!(sandbox.open_work().await.unwrap().is_empty(), "what is over budget leaves no work behind");

    sandbox.silence_config(false);
    sandbox.advance(DAY).await.unwrap();
    // This rule alone: at the same hour another rule's document may be at the user, and this one waits.
    sandbox.evaluate(RULE).await.unwrap();
    sandbox.run_automations().await.unwrap();
    assert_eq!((spent(&sandbox, "act").await.unwrap(), key_changes(&sandbox).len()), (5, 5), "the next day goes on");
    assert!(sandbox.active_keys().await.unwrap().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_held_excepted_protected_or_in_use_is_left_alone() {
    let estate = Estate::new(noon())
        .user("busy")
        .tag("owner", "platform-team@example.com")
        .key(age_days(120))
        .used(age_hours(5), "sqs")
        .user("just-silent")
        .key(age_days(120))
        .used(age_days(7) + SignedDuration::from_mins(10), "sqs")
        .user("emergency")
        .path("/break-glass/")
        .key(age_days(120))
        .user("excepted")
        .key(age_days(120))
        .user("excepted-until-yesterday")
        .key(age_days(120))
        .user("held")
        .key(age_days(120))
        .user("unreadable-exception")
        .key(age_days(120))
        .user("person")
        .password(age_days(350))
        .key(age_days(120))
        .user("administrator")
        .attached(ADMINISTRATOR_ACCESS)
        .key(age_days(120))
        .user("used-at-the-last-moment")
        .key(age_days(120));
    let sandbox = ready_with(Options::at(noon()), &estate, |policy| {
        policy["remedies"]["access-key-age"]["human"] = json!({ "remedy": "deactivate-credential", "mode": "observe" });
        policy["remedies"]["access-key-age"]["privileged"] =
            json!({ "remedy": "deactivate-credential", "mode": "warn" });
    });
    let sandbox = sandbox.await.unwrap();
    let of = |user: &str| id(&estate, user).unwrap();
    let (later, earlier) = (sandbox.now() + DAY, sandbox.now() - DAY);
    let exception = |user: &str, until: Timestamp| {
        json!({
            "id": "EX-7", "user": of(user), "rule": "access-key-age", "credential": null, "until": until.to_string(),
            "owner": "release-team@example.com", "justification": "the vendor rotates it", "approver": "olivia",
        })
    };
    grant(&sandbox, &of("excepted"), "EXCEPTION#access-key-age#*", exception("excepted", later)).await;
    let over = exception("excepted-until-yesterday", earlier);
    grant(&sandbox, &of("excepted-until-yesterday"), "EXCEPTION#access-key-age#*", over).await;
    grant(&sandbox, &of("unreadable-exception"), "EXCEPTION#access-key-age#*", json!({ "id": "EX-8" })).await;
    let held_key = key(&estate, "held").unwrap();
    let hold = json!({ "credential": held_key, "until": later.to_string(), "reason": "asked for time", "by": "held" });
    grant(&sandbox, &of("held"), &format!("HOLD#{held_key}"), hold).await;

    for (user, status, says) in [
        ("busy", "held", "platform-team@example.com must replace it"),
        ("emergency", "held", "the policy protects"),
        ("excepted", "excepted", "EX-7"),
        ("held", "held", "asked for time"),
        ("unreadable-exception", "held", "exceptions and holds are unreadable"),
        ("person", "observed", "the policy says `observe`"),
        ("administrator", "warned", "the policy says `warn`"),
        ("just-silent", "done", "is done"),
        ("excepted-until-yesterday", "done", "is done"),
    ] {
        let ended = remedy(&sandbox, &of(user)).await.unwrap();
        assert_eq!(ended.status, status, "{user}: {ended:?}");
        assert!(ended.reason.contains(says), "{user}: {ended:?}");
        let expected = if status == "done" { "Inactive" } else { "Active" };
        let key_id = key(&estate, user).unwrap();
        assert_eq!(sandbox.key_status(&key_id).await.unwrap().unwrap(), expected, "{user}");
    }
    assert_eq!((key_changes(&sandbox).len(), spent(&sandbox, "act").await.unwrap()), (2, 2));

    // Its owner uses a key after all was decided, and before it is changed.
    let (user_id, key_id) = (of("used-at-the-last-moment"), key(&estate, "used-at-the-last-moment").unwrap());
    let before_the_change = Act::Barrier { callers: 2, patience: Duration::from_secs(3) };
    let before_the_change = sandbox.faults().arm(Matching::action("dynamodb:TransactWriteItems"), before_the_change);
    let (ended, ()) = tokio::join!(remedy(&sandbox, &user_id), async {
        until(|| before_the_change.fired() == 1).await;
        sandbox.use_key(&key_id).await.unwrap();
    });
    sandbox.faults().clear();
    let ended = ended.unwrap();
    assert!(ended.status == "held" && ended.reason.contains("it is in use"), "{ended:?}");
    assert_eq!(key_changes(&sandbox).len(), 2);
    assert!(sandbox.open_work().await.unwrap().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

/// Writes an item on a user as the ledger has it.
async fn grant(sandbox: &Sandbox, user_id: &str, sk: &str, body: Value) {
    let until: Option<Timestamp> = body["until"].as_str().map(|until| until.parse().unwrap());
    let mut item = json!({
        "pk": { "S": format!("USER#{user_id}") }, "sk": { "S": sk }, "body": { "S": body.to_string() },
    });
    if let Some(until) = until {
        item["until"] = json!({ "N": until.as_second().to_string() });
        if sk.starts_with("EXCEPTION#") {
            item["open"] = json!({ "S": "exception" });
            item["due"] = json!({ "N": until.as_second().to_string() });
        }
    }
    let put = json!({ "TableName": "credwarden-ledger", "Item": item });
    sandbox.emulator().json(REGION, "DynamoDB_20120810.PutItem", &put).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_user_is_denied_by_the_role_too() {
    let estate = Estate::new(noon()).user("emergency").path("/break-glass/").key(age_days(120));
    let estate = estate.user("silent").key(age_days(120));
    let user_id = id(&estate, "emergency").unwrap();
    let key_id = key(&estate, "emergency").unwrap();
    // The live policy protects nobody, and has been reported for a day.
    let sandbox = ready_with(Options::at(noon()), &estate, |policy| policy["protected"] = json!([])).await.unwrap();
    let ended = remedy(&sandbox, &user_id).await.unwrap();
    assert_eq!(ended.status, "Failed", "{ended:?}");
    let denied = sandbox.access().refusals();
    assert_eq!(denied.len(), 1, "{denied:?}");
    assert!(denied[0].action == "iam:UpdateAccessKey" && denied[0].explicit, "{denied:?}");
    assert_eq!(sandbox.key_status(&key_id).await.unwrap().unwrap(), "Active");

    // What the live policy adds to the protected holds at once.
    let mut policy = sandbox.deployed_policy().unwrap();
    policy["protected"] = json!(["arn:*:iam::*:user/silent"]);
    sandbox.set_policy(&policy.to_string()).await.unwrap();
    let ended = remedy(&sandbox, &id(&estate, "silent").unwrap()).await.unwrap();
    assert!(ended.status == "held" && ended.reason.contains("protects"), "{ended:?}");
    assert_eq!(key_changes(&sandbox), []);
    assert!(sandbox.violations().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_gone_or_another_is_left_alone() {
    let before = Estate::new(noon())
        .user("deleted")
        .key(age_days(120))
        .user("created-again")
        .key(age_days(120))
        .user("fine")
        .key(age_days(10));
    let tricks = [Trick::DeletedStillRecorded, Trick::RemediatesCompliant].into();
    let sandbox = ready(Options { tricks, ..Options::at(noon()) }, &before).await.unwrap();
    let (deleted, again) = (id(&before, "deleted").unwrap(), id(&before, "created-again").unwrap());
    let estate = before.clone().without("deleted").without("created-again").user("created-again").key(age_days(120));
    assert_ne!(id(&estate, "created-again").unwrap(), again);
    seed(&sandbox, &estate).await.unwrap();

    for (user_id, says) in [(&deleted, "was deleted"), (&again, "`created-again` is another user now")] {
        let ended = remedy(&sandbox, user_id).await.unwrap();
        assert_eq!(ended.status, "nothing-to-do", "{ended:?}");
        assert!(ended.reason.contains(says), "{ended:?}");
    }
    assert_eq!(key_changes(&sandbox), [], "nobody asked for the new user of that name");

    // AWS Config passes on a user who complies, too.
    sandbox.silence_config(false);
    sandbox.evaluate(RULE).await.unwrap();
    let executions = sandbox.run_automations().await.unwrap();
    let fine = ended_on(&executions, &id(&estate, "fine").unwrap());
    assert_eq!(fine.iter().map(|ended| ended.status.as_str()).collect::<Vec<_>>(), ["nothing-to-do"], "{fine:?}");
    assert_eq!(ended_on(&executions, &id(&estate, "created-again").unwrap())[0].status, "done");
    assert_eq!(key_changes(&sandbox).len(), 1);
    assert!(sandbox.open_work().await.unwrap().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_config_does_not_know_is_found_in_the_list_of_users() {
    let estate = Estate::new(noon()).user("silent").key(age_days(120)).user("other").key(age_days(120));
    let tricks = [Trick::UsersUnrecorded].into();
    let sandbox = ready(Options { tricks, ..Options::at(noon()) }, &estate).await.unwrap();
    assert_eq!(remedy(&sandbox, &id(&estate, "silent").unwrap()).await.unwrap().status, "done");
    assert_eq!(calls(&sandbox, "iam:ListUsers"), 1);
    // The same where AWS Config does not answer.
    sandbox.faults().arm(Matching::action("config:BatchGetResourceConfig").caller(REMEDY).always(), Act::Deny);
    assert_eq!(remedy(&sandbox, &id(&estate, "other").unwrap()).await.unwrap().status, "done");
    assert_eq!(calls(&sandbox, "iam:ListUsers"), 2);
    assert_sound(&sandbox).await.unwrap();
}
