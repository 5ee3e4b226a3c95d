//! Users whose keys come into a secret, and what happens of them. Every story is a file to read, in `snapshots`.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

mod story;

use credwarden_credential::age::Days;
use credwarden_credential::snapshot::{Gap, GapReason, LastUse, Status};
use credwarden_policy::mint::MintStep;
use credwarden_policy::rotation::{Broken, Delivery, Enrolled, Forced, Idle, Standing, Tell};

use self::story::{SECRET, Story, at, id};

impl Story {
    /// The same, of a user whose keys come into a secret.
    fn enrolled() -> Self {
        let mut story = Self::begin();
        story.delivery = Delivery::Secret;
        let (user, secret) = ("AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(), SECRET.parse().unwrap());
        story.enrolled = Some(Enrolled { user, secret, standing: Standing::Stands, mint: None, fetched: None });
        story
    }

    fn enrolment(&mut self) -> &mut Enrolled {
        self.enrolled.as_mut().unwrap()
    }

    /// The retriever fetches what the secret holds, and everything uses that.
    fn fetches(&mut self, key: &'static str) {
        self.say(&format!("the retriever fetches `{key}`"));
        let now = at(self.day, 8);
        self.enrolment().fetched = Some(now);
        self.moves_to(key);
    }
}

/// A key that the ledger's own act made inactive on the first day before this one.
fn with_idle(days_ago: u32) -> Story {
    let mut story = Story::enrolled();
    story.add("older", at(0, 0) - Days(300).duration());
    story.key("older").status = Status::Inactive;
    story.idle = Some(Idle { key: id("older"), since: at(0, 0) - Days(days_ago).duration() });
    story
}

#[test]
fn a_retriever_that_fetches_in_time() {
    let mut story = Story::enrolled();
    story.until_day(3);
    story.fetches("new");
    story.until_day(14);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_retriever_that_fetches_late() {
    let mut story = Story::enrolled();
    story.until_day(30);
    story.fetches("new");
    story.until_day(42);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_retriever_that_never_fetches() {
    let mut story = Story::enrolled();
    story.until_day(30);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_speaks_for_a_retriever_that_was_not_seen() {
    let mut story = Story::enrolled();
    story.until_day(3);
    story.moves_to("new");
    story.until_day(4);
    story.acknowledges();
    story.until_day(14);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_person_who_cannot_wait() {
    let mut story = Story::enrolled();
    story.forced = Some(Forced { by: "arn:aws:iam::123456789012:user/olivia".to_owned(), reason: "a leak".to_owned() });
    story.until_day(1);
    story.fetches("new");
    story.until_day(12);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_user_whose_idle_key_is_deleted_to_make_room() {
    let mut story = with_idle(40);
    story.until_day(3);
    story.fetches("new");
    story.until_day(5);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_user_whose_idle_key_may_still_be_wanted() {
    for change in [
        // It can still be undone.
        |story: &mut Story| story.idle = Some(Idle { key: id("older"), since: at(0, 0) - Days(20).duration() }),
        // Whoever made it inactive, the ledger did not.
        |story: &mut Story| story.idle = None,
        // It is active.
        |story: &mut Story| story.key("older").status = Status::Active,
        // It was used since.
        |story: &mut Story| {
            let at = at(0, 0) - Days(1).duration();
            story.key("older").last_use =
                LastUse::At { at, service: "s3".to_owned(), region: "eu-central-1".to_owned() };
        },
        // Whether it was is not known.
        |story: &mut Story| story.key("older").last_use = LastUse::Unread(gap()),
    ] {
        let mut story = with_idle(40);
        change(&mut story);
        story.until_day(5);
        assert!(!story.text.contains("deletes"), "{}", story.text);
        assert!(!story.text.contains("asks for a new key"), "{}", story.text);
        assert!(story.text.contains("told: delete"), "{}", story.text);
    }
}

fn gap() -> Gap {
    Gap::new(GapReason::Throttled, "read it")
}

#[test]
fn a_secret_whose_policy_changes_before_anything_is_minted() {
    let mut story = Story::enrolled();
    story.enrolment().standing = Standing::Broken(Broken::PolicyChanged);
    story.until_day(3);
    story.say("the secret is as it was approved again");
    story.enrolment().standing = Standing::Stands;
    story.until_day(5);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_secret_that_is_deleted_when_the_key_is_there() {
    let mut story = Story::enrolled();
    story.until_day(3);
    story.fetches("new");
    story.until_day(4);
    story.say("the secret is deleted");
    story.enrolment().standing = Standing::Broken(Broken::SecretGone);
    story.until_day(14);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_enrolment_that_is_withdrawn_when_the_key_is_there() {
    let mut story = Story::enrolled();
    story.until_day(3);
    story.say("the enrolment is withdrawn");
    story.enrolled = None;
    story.until_day(5);
    story.moves_to("new");
    story.acknowledges();
    story.until_day(16);
    insta::assert_snapshot!(story.text);
}

#[test]
fn nothing_is_minted_while_it_is_not_known_whether_it_may_be() {
    let mut story = Story::enrolled();
    story.enrolment().standing = Standing::Unknown(gap());
    story.until_day(5);
    assert!(!story.text.contains("asks for"), "{}", story.text);
    assert!(story.text.contains("it is not known whether a key may be minted"), "{}", story.text);
}

#[test]
fn a_mint_that_fails_is_asked_for_again_and_again() {
    let mut story = Story::enrolled();
    story.mints = false;
    story.until_day(20);
    story.say("`mint-key` is mended");
    story.mints = true;
    story.until_day(22);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_deletes_the_minted_key() {
    let mut story = Story::enrolled();
    story.until_day(3);
    story.fetches("new");
    story.until_day(4);
    story.deletes("new");
    story.until_day(7);
    story.fetches("second");
    story.until_day(20);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_makes_the_minted_key_inactive() {
    let mut story = Story::enrolled();
    story.until_day(3);
    story.key("new").status = Status::Inactive;
    story.say("the owner makes `new` inactive");
    story.until_day(5);
    story.makes_active("new");
    story.until_day(6);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_owner_who_creates_a_key_by_hand() {
    let mut story = Story::enrolled();
    story.creates("third");
    story.moves_to("third");
    story.until_day(2);
    story.acknowledges();
    story.until_day(20);
    story.say("it is another key than the one that nobody but the secret holds: nothing is made inactive");
    story.deletes("third");
    story.until_day(22);
    insta::assert_snapshot!(story.text);
}

#[test]
fn what_a_dead_run_of_the_mint_has_left_is_seen_to_whatever_has_changed_since() {
    for (standing, is_asked) in [
        (Standing::Broken(Broken::PolicyChanged), true),
        (Standing::Unknown(gap()), true),
        (Standing::Broken(Broken::SecretGone), false),
    ] {
        let mut story = Story::enrolled();
        story.until_day(2);
        story.enrolment().mint.as_mut().unwrap().step = MintStep::Intended { at: at(1, 10), run: "r".to_owned() };
        story.enrolment().standing = standing.clone();
        story.mints = false;
        story.text.clear();
        story.until_day(3);
        assert_eq!(story.text.contains("asks for a new key"), is_asked, "{standing:?}: {}", story.text);
    }
}

#[test]
fn what_is_not_known_does_not_announce_a_mint_that_was_called_off() {
    let mut story = Story::enrolled();
    story.enrolment().standing = Standing::Broken(Broken::PolicyChanged);
    story.until_day(2);
    story.enrolment().standing = Standing::Unknown(gap());
    story.until_day(3);
    story.enrolment().standing = Standing::Stands;
    story.until_day(4);
    assert!(!story.text.contains("asks for"), "{}", story.text);
    story.until_day(5);
    assert!(story.text.contains("asks for"), "{}", story.text);
}

#[test]
fn a_mint_that_is_not_over_goes_on_in_the_next_rotation_of_the_key() {
    for (step, goes_on) in [
        (MintStep::Asked, true),
        (MintStep::Intended { at: at(1, 10), run: "r".to_owned() }, true),
        (MintStep::Created { key: id("new"), at: at(1, 10) }, true),
        (MintStep::Stored { key: id("new"), at: at(1, 10) }, true),
        (MintStep::Delivered { key: id("new"), at: at(1, 10) }, false),
        (MintStep::GivenUp { at: at(1, 10), why: "it was".to_owned() }, false),
    ] {
        let mut story = Story::enrolled();
        story.until_day(2);
        let opened = story.rotation.clone().unwrap();
        story.enrolment().mint.as_mut().unwrap().step = step.clone();
        story.deactivated = Some(at(1, 12));
        story.until_day(3);
        let anew = story.rotation.clone().unwrap();
        assert!(anew.opened > opened.opened, "{step:?}: {}", story.text);
        assert_eq!(anew.mint == opened.mint, goes_on, "{step:?}: {}", story.text);
    }
}

#[test]
fn an_owner_who_was_told_that_no_key_is_minted_is_told_of_one_that_was_fetched() {
    let mut story = Story::enrolled();
    story.until_day(2);
    story.fetches("new");
    story.until_day(4);
    story.rotation.as_mut().unwrap().told = Some(Tell::NotMinted(Broken::Withdrawn));
    story.text.clear();
    story.until_day(5);
    assert!(story.text.contains("told: `new` is in the secret"), "{}", story.text);
}

#[test]
fn a_mint_that_is_given_up_begins_anew() {
    let mut story = Story::enrolled();
    story.mints = false;
    story.until_day(2);
    let opened = story.rotation.clone().unwrap();
    let token = opened.mint.clone().unwrap();
    story.mints = true;
    story.mint(token, at(2, 0));
    story.deletes("new");
    story.enrolment().mint.as_mut().unwrap().step = MintStep::GivenUp { at: at(2, 0), why: "it was".to_owned() };
    story.until_day(3);
    let anew = story.rotation.clone().unwrap();
    assert!(anew.opened > opened.opened && anew.mint != opened.mint, "{}", story.text);
}
