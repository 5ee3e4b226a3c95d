//! Access keys that are rotated, by the functions' own binaries and the schedule.

use credwarden_e2e::remedy::{
    ACKNOWLEDGE_ROTATION, Ended, FORCE_ROTATION, UNDO_ROTATION, assert_sound, ended_on, execute, id, key, key_changes,
    noon, ready_with, remedy, spent, work,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// One user with one key, whose access keys are rotated; `entry` stands in the policy besides.
struct Scene {
    sandbox: Sandbox,
    user: String,
    old: String,
}

impl Scene {
    async fn of(key_age: i64, used: i64, entry: Value) -> Self {
        let alice = Estate::new(noon()).user("alice").tag("owner", "alice@example.com");
        let estate = alice.key(age_days(key_age)).used(age_days(used), "s3");
        let mut rotated = json!({ "remedy": "rotate-key", "mode": "enforce" });
        credwarden_e2e::remedy::merge(&mut rotated, entry);
        let change = |policy: &mut Value| policy["remedies"]["access-key-age"] = json!({ "default": rotated });
        let sandbox = ready_with(Options::at(noon()), &estate, change).await.unwrap();
        Self { sandbox, user: id(&estate, "alice").unwrap(), old: key(&estate, "alice").unwrap() }
    }

    async fn status(&self, key: &str) -> String {
        self.sandbox.key_status(key).await.unwrap().unwrap()
    }

    /// The owner creates a key, and uses it an hour later: IAM tells a use by its quarter of an hour.
    async fn moves(&self) -> String {
        self.sandbox.iam("CreateAccessKey", &[("UserName", "alice")]).await.unwrap();
        let keys = self.sandbox.active_keys().await.unwrap();
        let new = keys.into_iter().find(|key| *key != self.old).unwrap();
        self.sandbox.advance(SignedDuration::from_hours(1)).await.unwrap();
        self.sandbox.use_key(&new).await.unwrap();
        new
    }

    async fn asks(&self, document: &str, key: &str, more: &[(&str, &str)]) -> Ended {
        let parameters = [&[("ResourceId", self.user.as_str()), ("CredentialId", key)], more].concat();
        execute(&self.sandbox, document, &parameters).await.unwrap()
    }

    /// Hours of the schedule alone, six at once; gives how the executions on the user ended.
    async fn goes_on(&self, hours: i64) -> Vec<Ended> {
        let mut ended = Vec::new();
        for _ in 0..hours / 6 {
            self.sandbox.advance(SignedDuration::from_hours(6)).await.unwrap();
            self.sandbox.fire_schedules().await.unwrap();
            ended.extend(ended_on(&self.sandbox.run_automations().await.unwrap(), &self.user));
        }
        ended
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_moves_loses_the_old_key_and_can_have_it_back() {
    let scene = Scene::of(120, 30, json!({})).await;
    let first = remedy(&scene.sandbox, &scene.user).await.unwrap();
    assert_eq!(first.status, "rotating", "{first:?}");
    scene.sandbox.advance(SignedDuration::from_hours(1)).await.unwrap();
    let new = scene.moves().await;
    scene.goes_on(30).await;
    let said = scene.asks(ACKNOWLEDGE_ROTATION, &scene.old, &[]).await;
    assert!(["rotating", "done"].contains(&said.status.as_str()), "{said:?}");
    let ended = scene.goes_on(96).await;
    assert_eq!(
        (scene.status(&scene.old).await, scene.status(&new).await),
        ("Inactive".into(), "Active".into()),
        "{ended:?}"
    );
    let done = work(&scene.sandbox, &scene.user, "rotate-key", &scene.old).await.unwrap();
    assert!(done.is_some(), "the act is the rotation's");
    assert!(scene.sandbox.open_work().await.unwrap().is_empty());
    let changes: Vec<_> = key_changes(&scene.sandbox).into_iter().map(|change| (change.key, change.to)).collect();
    assert_eq!(changes, [(scene.old.clone(), "Inactive".to_owned())]);

    let undone = scene.asks(UNDO_ROTATION, &scene.old, &[]).await;
    assert_eq!((undone.status.as_str(), scene.status(&scene.old).await.as_str()), ("undone", "Active"), "{undone:?}");
    let held = remedy(&scene.sandbox, &scene.user).await.unwrap();
    assert_eq!(held.status, "held", "{held:?}");
    assert_eq!((spent(&scene.sandbox, "act").await.unwrap(), spent(&scene.sandbox, "undo").await.unwrap()), (1, 1));
    assert_sound(&scene.sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_never_moves_keeps_the_key_and_is_told_that_it_is_overdue() {
    let scene = Scene::of(120, 30, json!({ "force": true })).await;
    remedy(&scene.sandbox, &scene.user).await.unwrap();
    scene.goes_on(15 * 24).await;
    let held = remedy(&scene.sandbox, &scene.user).await.unwrap();
    assert_eq!((held.status.as_str(), scene.status(&scene.old).await.as_str()), ("held", "Active"), "{held:?}");
    let told = format!("{:?}", scene.sandbox.published().messages());
    assert!(told.contains("it was to be replaced by"), "{told}");
    assert_sound(&scene.sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_use_past_its_deadline_goes_where_the_class_opted_for_it() {
    let scene = Scene::of(120, 0, json!({ "force": true })).await;
    remedy(&scene.sandbox, &scene.user).await.unwrap();
    let new = scene.moves().await;
    for _ in 0..15 {
        if scene.status(&scene.old).await == "Active" {
            scene.sandbox.use_key(&scene.old).await.unwrap();
        }
        scene.goes_on(24).await;
    }
    assert_eq!((scene.status(&scene.old).await, scene.status(&new).await), ("Inactive".into(), "Active".into()));
    assert_sound(&scene.sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_role_would_do_nothing_is_changed() {
    let scene = Scene::of(120, 30, json!({ "delivery": "replace" })).await;
    let at = scene.sandbox.now() - SignedDuration::from_hours(3);
    let event = json!({
        "eventVersion": "1.09", "eventID": "00000000-0000-4000-8002-00000000ffff", "eventTime": at.to_string(),
        "eventSource": "ecr.amazonaws.com", "eventName": "DescribeImages", "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7", "readOnly": true,
        "userAgent": "aws-sdk-nodejs/2.1400.0 linux/v18 configure-aws-credentials-for-github-actions promise",
        "userIdentity": { "type": "IAMUser", "accessKeyId": scene.old },
    });
    scene.sandbox.cloudtrail().record_event(at, event);
    let advised = remedy(&scene.sandbox, &scene.user).await.unwrap();
    assert_eq!(advised.status, "rotating", "{advised:?}");
    scene.goes_on(48).await;
    assert_eq!(key_changes(&scene.sandbox), []);
    let told = format!("{:?}", scene.sandbox.published().messages());
    assert!(told.contains("a role would do in its place"), "{told}");
    for words in ["GitHub Actions (ecr in us-east-1 from 198.51.100.7", "token.actions.githubusercontent.com"] {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
    assert_sound(&scene.sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_does_not_answer_is_no_failure_and_the_owner_is_told_so() {
    let scene = Scene::of(120, 30, json!({ "delivery": "replace" })).await;
    scene.sandbox.faults().arm(Matching::action("cloudtrail:LookupEvents").always(), Act::Deny);
    let advised = remedy(&scene.sandbox, &scene.user).await.unwrap();
    assert_eq!(advised.status, "rotating", "{advised:?}");
    scene.goes_on(6).await;
    let told = format!("{:?}", scene.sandbox.published().messages());
    assert!(told.contains("could not be read") && told.contains("IAM Roles Anywhere"), "{told}");
    assert_sound(&scene.sandbox).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_a_young_key_rotated() {
    let scene = Scene::of(20, 10, json!({})).await;
    let refused = scene.asks(ACKNOWLEDGE_ROTATION, &scene.old, &[]).await;
    assert_eq!(refused.status, "refused", "{refused:?}");
    let begun = scene.asks(FORCE_ROTATION, "all", &[("Reason", "A laptop with the key was stolen (INC-77).")]).await;
    assert_eq!(begun.status, "rotating", "{begun:?}");
    let new = scene.moves().await;
    scene.goes_on(30).await;
    scene.asks(ACKNOWLEDGE_ROTATION, &scene.old, &[]).await;
    scene.goes_on(48).await;
    assert_eq!((scene.status(&scene.old).await, scene.status(&new).await), ("Inactive".into(), "Active".into()));
    let done = work(&scene.sandbox, &scene.user, "rotate-key", &scene.old).await.unwrap().unwrap();
    let because = done["because"].as_str().unwrap();
    assert!(because.contains("user/olivia asked for it") && because.contains("INC-77"), "{done}");
    assert!(done["request"]["requester"].as_str().unwrap().ends_with("user/olivia"), "whoever asked first: {done}");
    assert_sound(&scene.sandbox).await.unwrap();
}
