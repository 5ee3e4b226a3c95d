//! Calls that are throttled, fail, are refused, or are never answered.

use credwarden_e2e::remedy::{
    Ledger, REMEDY, RULE, assert_sound, id, key, key_changes, noon, ready, remedy, settle_by_schedule, spent, work,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance;
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use credwarden_sandbox::tricks::Trick;

/// Old enough, and silent.
fn crowd(count: usize) -> Estate {
    (0..count).fold(Estate::new(noon()), |estate, number| estate.user(&format!("user-{number}")).key(age_days(120)))
}

fn calls_of_the_remedy(sandbox: &Sandbox) -> Vec<String> {
    let calls = sandbox.calls().into_iter().filter(|call| call.call.caller == REMEDY);
    calls.map(|call| call.call.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_once_is_sent_again() {
    let estate = crowd(60);
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let mut users = estate.users.iter().map(|user| user.id().to_string());
    assert_eq!(remedy(&sandbox, &users.next().unwrap()).await.unwrap().status, "done");
    let calls = calls_of_the_remedy(&sandbox);
    for (place, action) in calls.iter().enumerate() {
        // Each call meets one of them; the next round of the same action meets the next.
        let act = [Act::Throttle, Act::ServerError(500), Act::ServerError(503), Act::Reset][place % 4];
        let fault = sandbox.faults().arm(Matching::any().caller(REMEDY).nth(place as u64 + 1), act);
        let ended = remedy(&sandbox, &users.next().unwrap()).await.unwrap();
        assert_eq!(fault.fired(), 1, "{act:?} at {action}");
        assert_eq!(ended.status, "done", "{act:?} at {action}: {ended:?}");
        sandbox.faults().clear();
    }
    let done = calls.len() + 1;
    assert_eq!(key_changes(&sandbox).len(), done);
    assert_eq!(spent(&sandbox, "act").await.unwrap(), i64::try_from(done).unwrap());
    assert!(sandbox.open_work().await.unwrap().is_empty());
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_refused_for_good_nothing_is_changed_without_a_record() {
    let estate = crowd(80);
    let sandbox = ready(Options::at(noon()), &estate).await.unwrap();
    let mut users = estate.users.iter().map(|user| (user.id().to_string(), user.keys[0].key.id.to_string()));
    assert_eq!(remedy(&sandbox, &users.next().unwrap().0).await.unwrap().status, "done");
    let calls = calls_of_the_remedy(&sandbox);
    let mut touched = Vec::new();
    for (place, action) in calls.iter().enumerate() {
        let from_here = Matching::any().caller(REMEDY).nth(place as u64 + 1);
        for (matching, what) in [(from_here.clone().always(), "all calls from"), (from_here, "only")] {
            let (user_id, key_id) = users.next().unwrap();
            let fault = sandbox.faults().arm(matching, Act::Deny);
            let ended = remedy(&sandbox, &user_id).await.unwrap();
            sandbox.faults().clear();
            assert!(fault.fired() > 0, "{what} {action}");
            let is_inactive = sandbox.key_status(&key_id).await.unwrap().unwrap() == "Inactive";
            let work = work(&sandbox, &user_id, "deactivate-credential", &key_id).await.unwrap();
            assert!(!is_inactive || work.is_some(), "{what} {action}: {ended:?}");
            assert!(ended.status != "done" || is_inactive, "{what} {action}: {ended:?}");
            assert!(!ended.reason.is_empty(), "{what} {action}: {ended:?}");
            if ended.status == "held" || ended.status == "nothing-to-do" {
                assert!(!is_inactive, "{what} {action}: {ended:?}");
            }
            touched.push((user_id, key_id, format!("{what} {action} (call {})", place + 1)));
        }
    }
    settle_by_schedule(&sandbox).await.unwrap();
    let (ledger, changes) = (Ledger::of(&sandbox).await.unwrap(), key_changes(&sandbox));
    let active = sandbox.active_keys().await.unwrap();
    let mut paid = 1;
    for (user_id, key_id, what) in &touched {
        let work = ledger.work(user_id, "deactivate-credential", key_id);
        let done = work.as_ref().is_some_and(|work| work.pointer("/step/settled/outcome/done").is_some());
        assert_eq!(!active.contains(key_id), done, "{what}: {work:?}");
        assert!(changes.iter().filter(|change| change.key == *key_id).count() <= 1, "{what}");
        paid += work.map_or(0, |work| 1 + work["earlier"].as_array().map_or(0, Vec::len));
    }
    assert_eq!(ledger.spent("act"), i64::try_from(paid).unwrap(), "each intent is paid for once");
    assert_sound(&sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_use_that_cannot_be_read_is_no_disuse() {
    let estate = Estate::new(noon())
        .user("denied")
        .key(age_days(120))
        .key(age_days(110))
        .user("throttled")
        .key(age_days(120))
        .user("hanging")
        .key(age_days(120))
        .user("slow-to-change")
        .key(age_days(120))
        .user("slow-to-read")
        .key(age_days(120));
    let options =
        Options { automations_at_once: 8, tricks: [Trick::FunctionErrorPassesOn].into(), ..Options::at(noon()) };
    let sandbox = ready(options, &estate).await.unwrap();
    let last_use = |user: &str| {
        let key_id = key(&estate, user).unwrap();
        Matching::action("iam:GetAccessKeyLastUsed").caller(REMEDY).with("AccessKeyId", &key_id)
    };
    sandbox.faults().arm(last_use("denied").always(), Act::Deny);
    sandbox.faults().arm(last_use("throttled").always(), Act::Throttle);
    sandbox.faults().arm(last_use("hanging").always(), Act::Timeout);
    let change = Matching::action("iam:UpdateAccessKey").user("slow-to-change");
    let change = sandbox.faults().arm(change, Act::Timeout);
    let read = sandbox.faults().arm(Matching::action("iam:GetUser").user("slow-to-read"), Act::Timeout);

    // The rule does not judge by use, and reports.
    sandbox.silence_config(false);
    sandbox.evaluate(RULE).await.unwrap();
    let rows = sandbox.compliance(RULE);
    let bad = rows.iter().filter(|row| row.compliance == Compliance::NonCompliant).count();
    assert_eq!(bad, estate.users.len(), "{rows:?}");
    let executions = sandbox.run_automations().await.unwrap();
    sandbox.faults().clear();

    let status = async |user: &str| {
        let key_id = key(&estate, user).unwrap();
        sandbox.key_status(&key_id).await.unwrap().unwrap()
    };
    for user in ["denied", "throttled", "hanging"] {
        let ended = credwarden_e2e::remedy::ended_on(&executions, &id(&estate, user).unwrap());
        assert!(ended.iter().all(|ended| ended.status != "Success"), "{user}: {ended:?}");
        assert!(ended[0].reason.contains("last use") || ended[0].status == "Failed", "{user}: {ended:?}");
        assert_eq!(status(user).await, "Active", "{user}: {ended:?}");
    }
    let other = estate.find("denied").unwrap().keys[1].key.id.to_string();
    assert_eq!(sandbox.key_status(&other).await.unwrap().unwrap(), "Inactive", "one key hides only itself");
    for (user, fault) in [("slow-to-change", change), ("slow-to-read", read)] {
        assert_eq!((fault.fired(), status(user).await.as_str()), (1, "Inactive"), "{user}");
    }
    settle_by_schedule(&sandbox).await.unwrap();
    assert_eq!(spent(&sandbox, "act").await.unwrap(), i64::try_from(key_changes(&sandbox).len()).unwrap());
    assert_sound(&sandbox).await.unwrap();
}
