//! Whom a reading does not read again, because an earlier one did.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use credwarden_credential::age::Days;
use credwarden_credential::creation::{Coverage, Creation, CreationAct, Creator, Principal, Provenance, Unreadable};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{KeyStatus, Listing, User};
use credwarden_estate::estate::{Estate, age_days, age_hours};
use credwarden_estate::fake::{Action, FakeIam};
use credwarden_estate::fault::Failing;
use credwarden_inventory::collect::{Collected, Wanted, collect};
use credwarden_inventory::earlier::{Earlier, Listings};
use credwarden_inventory::live::LastUses;
use credwarden_inventory::read::Failure;
use jiff::{SignedDuration, Timestamp};

const KINDS: [CredentialKind; 2] = [CredentialKind::AccessKey, CredentialKind::SshPublicKey];

fn day(day: i64) -> SignedDuration {
    age_days(day)
}

fn begin() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn nothing(_: &User) -> BTreeSet<CredentialKind> {
    BTreeSet::new()
}

fn robot() -> Estate {
    Estate::new(begin()).user("robot").key(age_days(200)).ssh_public_key(age_days(200))
}

/// One reading of a rule that must know all keys one by one, and that finds what `broken` finds.
async fn read(
    iam: &FakeIam,
    listings: &Listings,
    provenance: Option<Arc<Provenance>>,
    broken: &dyn Fn(&User) -> BTreeSet<CredentialKind>,
) -> Collected {
    let (kinds, nobody) = (BTreeSet::from(KINDS), BTreeSet::new());
    let undecided = |user: &User| {
        let is_unknown = |kind: &CredentialKind| !matches!(user.listing(*kind), Some(Listing::Live(_)));
        KINDS.into_iter().filter(is_unknown).collect()
    };
    let wanted = Wanted {
        kinds: &kinds,
        undecided,
        last_uses: LastUses::NotRead,
        previously_reported: &nobody,
        provenance,
        earlier: Some(Earlier {
            listing: &|kind, user| listings.get(&kind)?.get(user).cloned(),
            unknown_for: &|_, _| Some(Days(100)),
            broken,
        }),
        resume_after: None,
    };
    let now = iam.estate().now;
    collect(iam, wanted, now, Duration::from_secs(200)).await.unwrap()
}

/// What is listed of `estate` by a second reading, once a first has read the robot at the beginning.
async fn listed_again(estate: Estate) -> [usize; 2] {
    let first = read(&FakeIam::new(robot()), &Listings::new(), None, &nothing).await;
    let iam = FakeIam::new(estate);
    read(&iam, &first.listed, None, &nothing).await;
    calls(&iam)
}

fn calls(iam: &FakeIam) -> [usize; 2] {
    [Action::ListAccessKeys, Action::ListSshPublicKeys].map(|action| iam.calls_of(action).len())
}

#[tokio::test]
async fn who_has_not_changed_is_not_read_again_and_is_known_as_well() {
    let first = read(&FakeIam::new(robot()), &Listings::new(), None, &nothing).await;
    let iam = FakeIam::new(robot().after(day(1)));
    let second = read(&iam, &first.listed, None, &nothing).await;
    assert_eq!(calls(&iam), [0, 0]);
    assert!(second.listed.is_empty(), "nothing was seen that was not seen before");
    let users = |collected: &Collected| collected.snapshot.users.clone();
    assert_eq!(users(&second), users(&first));
}

#[tokio::test]
async fn a_key_that_the_report_shows_otherwise_is_read_again_and_nothing_else() {
    let changed = Estate::new(begin()).user("robot").key(age_days(200)).inactive_since(age_hours(1));
    assert_eq!(listed_again(changed.ssh_public_key(age_days(200)).after(day(1))).await, [1, 0]);
}

#[tokio::test]
async fn a_key_that_was_seen_inactive_after_the_report_is_read_while_the_report_shows_it_active() {
    let report = robot();
    let mut estate = robot();
    let key = estate.find("robot").unwrap().keys[0].key.id.clone();
    assert!(estate.set_status(&CredentialId::AccessKey(key.clone()), KeyStatus::Inactive));
    let first = FakeIam::new(estate.clone()).with_report_of(&report);
    let seen = read(&first, &Listings::new(), None, &nothing).await.listed;
    let second = FakeIam::new(estate.after(age_hours(1))).with_report_of(&report);
    read(&second, &seen, None, &nothing).await;
    assert_eq!(calls(&second), [1, 0], "somebody may have made it active again");
}

#[tokio::test]
async fn a_key_in_use_is_not_read_every_day_where_its_use_is_not_asked_for() {
    let used = Estate::new(begin()).user("robot").key(age_days(200)).used(age_hours(1), "s3");
    assert_eq!(listed_again(used.ssh_public_key(age_days(200)).after(day(1))).await, [0, 0]);
}

#[tokio::test]
async fn another_user_of_the_same_name_is_read() {
    let other = robot().without("robot").user("robot").key(age_days(200)).ssh_public_key(age_days(200));
    assert_eq!(listed_again(other.after(day(1))).await, [1, 1]);
}

#[tokio::test]
async fn what_the_report_does_not_show_is_listed_again_between_60_and_100_percent_of_the_time_it_may_be_unknown() {
    assert_eq!(listed_again(robot().after(day(60))).await, [0, 0]);
    assert_eq!(listed_again(robot().after(day(101))).await, [0, 1]);
}

#[tokio::test]
async fn nothing_is_found_by_what_was() {
    let first = read(&FakeIam::new(robot()), &Listings::new(), None, &nothing).await;
    let iam = FakeIam::new(robot().after(day(1)));
    let second = read(&iam, &first.listed, None, &|_| BTreeSet::from([CredentialKind::AccessKey])).await;
    assert_eq!(calls(&iam), [1, 0], "the kind that is broken, and no other");
    assert_eq!(second.suspects_read, 1);
}

#[tokio::test]
async fn an_event_of_a_later_credential_has_its_kind_read_again() {
    let first = read(&FakeIam::new(robot()), &Listings::new(), None, &nothing).await;
    let told = |at: Timestamp| {
        let mut provenance = Provenance::since(begin());
        provenance.creations.insert(Creation {
            event: "e".to_owned(),
            act: CreationAct::UploadSshPublicKey,
            credential: "APKAEXAMPLE000000009".parse::<CredentialId>().unwrap(),
            user: "robot".parse().unwrap(),
            user_id: None,
            creator: Creator {
                principal: Principal::Role("arn:aws:iam::123456789012:role/developer".parse().unwrap()),
                session: None,
                source_identity: None,
                invoked_by: None,
            },
            source: "198.51.100.7".to_owned(),
            mfa: None,
            at,
            region: "us-east-1".to_owned(),
        });
        Some(Arc::new(provenance))
    };
    for (at, expected) in [(begin() + age_hours(1), [0, 1]), (begin() - age_hours(1), [0, 0])] {
        let iam = FakeIam::new(robot().after(day(1)));
        read(&iam, &first.listed, told(at), &nothing).await;
        assert_eq!(calls(&iam), expected, "an event of {at}");
    }
}

/// Of whom the users' keys are listed in a first and in a second reading of a rule that knows of `provenance`.
async fn looked_at(estate: Estate, reported: bool, provenance: Option<Provenance>) -> [Vec<String>; 2] {
    let (kinds, nobody) =
        (BTreeSet::from([CredentialKind::AccessKey, CredentialKind::ConsolePassword]), BTreeSet::new());
    let mut seen = Listings::new();
    let mut calls = [vec![], vec![]];
    for (calls, on) in calls.iter_mut().zip(0..) {
        let iam = FakeIam::new(estate.clone().after(day(on)));
        let users = iam.estate().users.iter().map(|user| user.id().clone()).collect();
        let now = iam.estate().now;
        let wanted = Wanted {
            kinds: &kinds,
            undecided: nothing,
            last_uses: LastUses::NotRead,
            previously_reported: if reported || on > 0 { &users } else { &nobody },
            provenance: provenance.clone().map(Arc::new),
            earlier: Some(Earlier {
                listing: &|kind, user| seen.get(&kind)?.get(user).cloned(),
                unknown_for: &|_, _| None,
                broken: &nothing,
            }),
            resume_after: None,
        };
        let collected = collect(&iam, wanted, now, Duration::from_secs(200)).await.unwrap();
        seen.extend(collected.listed);
        *calls = iam.calls_of(Action::ListAccessKeys);
    }
    calls
}

#[tokio::test]
async fn who_is_reported_for_another_credential_is_asked_about_keys_once() {
    let estate = Estate::new(begin()).user("alice").password(age_days(60)).user("bob");
    assert_eq!(looked_at(estate, false, None).await, [vec!["alice".to_owned()], vec!["bob".to_owned()]]);
}

#[tokio::test]
async fn an_undo_is_looked_for_where_no_event_would_tell() {
    let estate = Estate::new(begin()).user("robot").key(age_days(200)).inactive_since(age_days(1));
    let robot = || vec!["robot".to_owned()];
    assert_eq!(looked_at(estate.clone(), true, None).await, [robot(), robot()]);
    let mut asked = Provenance::since(begin());
    assert_eq!(
        looked_at(estate.clone(), true, Some(asked.clone())).await,
        [robot(), robot()],
        "nobody asked for events"
    );
    let coverage = Coverage { from: begin() - day(90), asked: begin(), unreadable: Vec::new() };
    asked.coverage.insert(CreationAct::UpdateAccessKey, coverage);
    assert_eq!(looked_at(estate.clone(), true, Some(asked.clone())).await, [vec![], robot()], "asked on the first day");
    let unreadable = Unreadable { at: begin(), event: "e".to_owned() };
    asked.coverage.get_mut(&CreationAct::UpdateAccessKey).unwrap().unreadable = vec![unreadable];
    assert_eq!(looked_at(estate, true, Some(asked)).await, [robot(), robot()], "that may be it");
}

#[tokio::test]
async fn an_earlier_listing_never_stands_in_for_one_that_fails() {
    let first = read(&FakeIam::new(robot()), &Listings::new(), None, &nothing).await;
    let failing =
        Failing::new(FakeIam::new(robot().after(day(1)))).fail(Action::ListAccessKeys, "robot", Failure::Denied);
    let (kinds, nobody) = (BTreeSet::from(KINDS), BTreeSet::new());
    let wanted = Wanted {
        kinds: &kinds,
        undecided: |_: &User| BTreeSet::new(),
        last_uses: LastUses::NotRead,
        previously_reported: &nobody,
        provenance: None,
        earlier: Some(Earlier {
            listing: &|kind, user| first.listed.get(&kind)?.get(user).cloned(),
            unknown_for: &|_, _| None,
            broken: &|_| KINDS.into(),
        }),
        resume_after: None,
    };
    let second = collect(&failing, wanted, begin() + day(1), Duration::from_secs(200)).await.unwrap();
    let robot = second.snapshot.users.values().next().unwrap();
    assert!(matches!(robot.access_keys, Listing::Unread(_)), "{:?}", robot.access_keys);
}
