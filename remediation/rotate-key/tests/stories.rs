//! Owners, and what each of them is told and sees happen. Every story is a file to read, in `snapshots`.

mod story;

use credwarden_credential::age::Days;
use credwarden_credential::snapshot::{LastUse, Status};
use credwarden_policy::rotation::Delivery;

use self::story::{Story, at};

#[test]
fn an_owner_who_moves_in_time() {
    let mut story = Story::begin();
    story.until_day(2);
    story.creates("new");
    story.until_day(3);
    story.moves_to("new");
    story.until_day(4);
    story.acknowledges();
    story.until_day(14);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_late_owner() {
    let mut story = Story::begin();
    story.until_day(20);
    story.creates("new");
    story.moves_to("new");
    story.until_day(30);
    story.acknowledges();
    story.until_day(32);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_never_moves() {
    let mut story = Story::begin();
    story.until_day(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_never_moves_in_a_class_that_forces() {
    let mut story = Story::begin();
    story.may_force = true;
    story.until_day(20);
    story.say("still nothing is done: there is no new key");
    story.creates("new");
    story.until_day(23);
    story.say("still nothing is done: the new key was never used");
    story.in_use = vec![("old", 1), ("new", 1)];
    story.until_day(26);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_quarterly_job_that_its_owner_forgot() {
    let mut story = Story::begin();
    (story.in_use, story.longest_gap) = (vec![("old", 90)], Some(Days(90)));
    let used = at(0, 6);
    story.key("old").last_use = LastUse::At { at: used, service: "s3".to_owned(), region: "eu-central-1".to_owned() };
    story.until_day(1);
    story.creates("new");
    story.in_use.push(("new", 1));
    story.until_day(2);
    story.acknowledges();
    story.until_day(100);
    story.say("the job has run with `old`, which its owner thought was not needed");
    story.until_day(120);
    story.moves_to("new");
    story.until_day(280);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_deletes_the_new_key() {
    let mut story = Story::begin();
    story.until_day(1);
    story.creates("new");
    story.moves_to("new");
    story.until_day(3);
    story.acknowledges();
    story.until_day(5);
    story.deletes("new");
    story.until_day(20);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_needs_three_tries() {
    let mut story = Story::begin();
    for (day, key) in [(1, "new"), (3, "second"), (5, "third")] {
        story.until_day(day);
        story.creates(key);
        story.until_day(day + 1);
        if key != "third" {
            story.deletes(key);
        }
    }
    story.moves_to("third");
    story.acknowledges();
    story.until_day(16);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_makes_the_old_key_active_again() {
    let mut story = Story::begin();
    story.until_day(1);
    story.creates("new");
    story.moves_to("new");
    story.until_day(2);
    story.acknowledges();
    story.until_day(12);
    story.makes_active("old");
    story.until_day(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_user_without_room_for_a_new_key() {
    let mut story = Story::begin();
    story.add("older", at(0, 0) - Days(300).duration());
    story.key("older").status = Status::Inactive;
    story.until_day(3);
    story.deletes("older");
    story.until_day(5);
    story.creates("new");
    story.until_day(6);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_shall_use_a_role() {
    let mut story = Story::begin();
    story.delivery = Delivery::Replace;
    story.may_force = true;
    story.until_day(2);
    story.creates("new");
    story.moves_to("new");
    story.until_day(3);
    story.acknowledges();
    story.until_day(30);
    insta::assert_snapshot!(story.text);
}
