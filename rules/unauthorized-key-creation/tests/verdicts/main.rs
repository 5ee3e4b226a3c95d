//! What the rule decides, case by case, and for generated users against a second, naive implementation.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

mod generated;
mod world;

use std::collections::BTreeSet;

use credwarden_credential::creation::{CreationAct, Unreadable};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{GapReason, KeyStatus, Known, Listing, Reported, ReportedCredential};
use credwarden_policy::exception::{Exception, Exceptions};
use credwarden_policy::policy::Policy;
use credwarden_policy::verdict::{Note, Verdict, Why};
use unauthorized_key_creation::{RULE, judge, undecided};
use world::{
    DAY, HOUR, INSTALLED, ago, by, created, key, key_id, known, now, offending, only_key_vending, policy, reactivated,
    reactivated_other, user, verdict, with_other, word, workshop, workshop_on,
};

#[test]
fn a_key_passes_whose_creator_is_allowed_and_breaks_the_policy_otherwise() {
    let by_whom = |creator| verdict(&user(vec![key(1, DAY)], known([created(1, DAY, creator)])));
    assert_eq!(by_whom(by("role/key-vending")), Verdict::Compliant(vec![]));
    let refused = by_whom(by("role/developer"));
    assert_eq!(offending(&refused), [key_id(1).to_string()]);
    insta::assert_snapshot!(
        refused.findings().next().unwrap(),
        @"AKIAEXAMPLE000000001 created 2026-09-20T14:13:20Z by arn:aws:iam::123456789012:role/developer (session dana) from 198.51.100.7, without MFA: not an allowed creator (service-account)"
    );
}

#[test]
fn a_class_of_which_the_policy_says_nothing_has_no_verdict() {
    let stranger = user(vec![key(1, DAY)], known([created(1, DAY, by("role/developer"))]));
    let silent = judge(&stranger, &Policy::default(), &Exceptions::default(), now());
    assert_eq!(silent, Verdict::NotApplicable(Why::NothingSaid));
    assert!(undecided(&stranger, &Policy::default(), now()).is_empty(), "nothing is read for it either");
    let others_only = policy(r#"{ "human": { "creators": ["arn:*:iam::*:role/key-vending"] } }"#);
    assert_eq!(judge(&stranger, &others_only, &Exceptions::default(), now()), Verdict::NotApplicable(Why::NothingSaid));
}

#[test]
fn an_event_that_is_missing_proves_nothing_until_cloudtrail_was_asked_for_it() {
    let young = |age| verdict(&user(vec![key(1, age)], known([])));
    assert!(matches!(young(2 * HOUR - 1), Verdict::Unknown(_)), "it may still come");
    let unknown = young(2 * HOUR);
    insta::assert_snapshot!(
        unknown.findings().next().unwrap(),
        @"AKIAEXAMPLE000000001 created 2026-09-21: creator unknown (service-account)"
    );

    let mut not_asked = known([]);
    not_asked.coverage.remove(&CreationAct::CreateAccessKey);
    assert!(matches!(verdict(&user(vec![key(1, 9 * DAY)], not_asked)), Verdict::Unknown(_)));
    let mut asked_before = known([]);
    asked_before.coverage.get_mut(&CreationAct::CreateAccessKey).unwrap().asked = ago(9 * DAY);
    assert!(matches!(verdict(&user(vec![key(1, 9 * DAY)], asked_before)), Verdict::Unknown(_)));
}

#[test]
fn an_event_that_cannot_be_read_hides_its_own_time_only_and_not_for_ever() {
    let mut provenance = known([]);
    provenance.coverage.get_mut(&CreationAct::CreateAccessKey).unwrap().unreadable =
        vec![Unreadable { at: ago(3 * DAY), event: "e-1".to_owned() }];
    let of_age = |age| verdict(&user(vec![key(1, age)], provenance.clone()));
    let Verdict::Unknown(gap) = of_age(3 * DAY) else { panic!("it may be the one") };
    assert_eq!((gap.reason, gap.since), (GapReason::Failed, Some(ago(3 * DAY))));
    assert!(gap.doing.contains("`e-1`"), "{gap}");
    assert_eq!(word(&of_age(4 * DAY)), "broken");
    provenance.coverage.get_mut(&CreationAct::CreateAccessKey).unwrap().unreadable[0].at = ago(8 * DAY);
    let after_a_week = verdict(&user(vec![key(1, 8 * DAY)], provenance));
    assert!(
        after_a_week.findings().next().unwrap().to_string().starts_with("not verifiable since"),
        "{after_a_week:?}"
    );
}

#[test]
fn without_provenance_nothing_is_claimed() {
    let mut nobody_asked = user(vec![key(1, DAY)], known([]));
    nobody_asked.provenance = None;
    assert!(matches!(verdict(&nobody_asked), Verdict::Unknown(_)));
    nobody_asked.access_keys = Listing::Live(vec![]);
    assert_eq!(verdict(&nobody_asked), Verdict::NotApplicable(Why::NoCredential));
}

#[test]
fn what_is_older_than_the_installation_passes_with_a_note_unless_the_policy_judges_it() {
    let older = user(vec![key(1, INSTALLED + 1)], known([created(1, INSTALLED + 1, by("role/developer"))]));
    let Verdict::Compliant(notes) = verdict(&older) else { panic!("it passes") };
    insta::assert_snapshot!(
        notes[0],
        @"AKIAEXAMPLE000000001 created 2026-08-22: baseline, by arn:aws:iam::123456789012:role/developer (session dana)"
    );
    let strict = policy(r#"{ "default": { "creators": ["arn:*:iam::*:role/key-vending"], "baseline": false } }"#);
    let judged = judge(&older, &strict, &Exceptions::default(), now());
    assert_eq!(offending(&judged), [key_id(1).to_string()]);

    let older_than_events = user(vec![key(1, 400 * DAY)], known([]));
    assert!(matches!(verdict(&older_than_events), Verdict::Compliant(notes) if notes.len() == 1));
    let judged = judge(&older_than_events, &strict, &Exceptions::default(), now());
    insta::assert_snapshot!(
        judged.findings().next().unwrap(),
        @"AKIAEXAMPLE000000001 created 2025-08-17: baseline, creator unknown (service-account)"
    );
}

#[test]
fn whoever_re_activates_a_key_must_be_allowed_to_and_a_later_one_makes_nothing_good() {
    let old = key(1, 400 * DAY);
    let developer = reactivated(1, DAY, by("role/developer"));
    assert_eq!(word(&verdict(&user(vec![old.clone()], known([developer.clone()])))), "broken");
    let allowed = reactivated(1, HOUR, by("role/key-vending"));
    assert_eq!(word(&verdict(&user(vec![old.clone()], known([allowed.clone()])))), "fine");
    assert_eq!(word(&verdict(&user(vec![old.clone()], known([developer, allowed])))), "broken");
    let before = reactivated(1, INSTALLED + 1, by("role/developer"));
    assert_eq!(word(&verdict(&user(vec![old], known([before])))), "fine", "it is as old as the installation");
}

#[test]
fn what_our_own_functions_do_needs_an_intent_in_the_ledger_and_no_permission() {
    let own = user(vec![key(1, 400 * DAY)], known([reactivated(1, DAY, by("role/deactivate-credential"))]));
    assert_eq!(word(&verdict(&workshop(own.clone(), None))), "broken");
    let refused = verdict(&workshop(own.clone(), None));
    assert!(refused.findings().next().unwrap().to_string().contains("without an intent"), "{refused:?}");
    assert_eq!(word(&verdict(&workshop(own.clone(), Some(DAY)))), "fine");
    assert_eq!(word(&verdict(&workshop(own, Some(DAY + HOUR)))), "broken", "that intent was settled an hour before");
}

#[test]
fn what_is_made_active_again_of_any_kind_is_judged_like_a_key() {
    for (act, id) in [
        (CreationAct::UpdateServiceSpecificCredential, "ACCAEXAMPLE123EXAMPLE"),
        (CreationAct::UpdateSshPublicKey, "APKAEXAMPLE123EXAMPLE"),
        (CreationAct::UpdateSigningCertificate, "TA7SMP42TDN5Z26OBPJE7EXAMPLE"),
    ] {
        let id: CredentialId = id.parse().unwrap();
        let held = |creator| {
            with_other(user(vec![], known([reactivated_other(act, &id, DAY, creator)])), id.clone(), 400 * DAY)
        };
        assert_eq!(word(&verdict(&held(by("role/developer")))), "broken", "{act}");
        assert_eq!(word(&verdict(&held(by("role/key-vending")))), "fine", "{act}");
        let own = held(by("role/deactivate-credential"));
        assert_eq!(word(&verdict(&workshop_on(own.clone(), &id, Some(DAY)))), "fine", "{act}");
        assert_eq!(word(&verdict(&workshop_on(own, &id, None))), "broken", "{act}");
    }
}

#[test]
fn an_inactive_key_is_nobodys_to_create() {
    let mut inactive = key(1, DAY);
    inactive.status = KeyStatus::Inactive;
    let stranger = user(vec![inactive], known([created(1, DAY, by("role/developer"))]));
    assert_eq!(verdict(&stranger), Verdict::Compliant(vec![]));
}

#[test]
fn of_too_many_credentials_those_created_last_are_too_many() {
    let one = policy(r#"{ "default": { "kinds": { "access-key": 1 } } }"#);
    let none = policy(r#"{ "default": { "kinds": { "access-key": 0 } } }"#);
    let two = user(vec![key(1, DAY), key(2, 3 * DAY)], known([]));
    let judged = |policy| judge(&two, policy, &Exceptions::default(), now());
    assert_eq!(offending(&judged(&one)), [key_id(1).to_string()]);
    let texts: Vec<_> = judged(&none).findings().map(ToString::to_string).collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    AKIAEXAMPLE000000002 created 2026-09-18: no access-key is allowed (service-account)
    AKIAEXAMPLE000000001 created 2026-09-20: no access-key is allowed (service-account)
    ");
}

#[test]
fn a_creator_is_the_worse_finding_of_one_credential_that_is_also_too_many() {
    let policy =
        policy(r#"{ "default": { "creators": ["arn:*:iam::*:role/key-vending"], "kinds": { "access-key": 0 } } }"#);
    let stranger = user(vec![key(1, DAY)], known([created(1, DAY, by("role/developer"))]));
    let judged = judge(&stranger, &policy, &Exceptions::default(), now());
    assert_eq!(offending(&judged), [key_id(1).to_string()], "it is said once");
    assert!(judged.findings().next().unwrap().to_string().contains("not an allowed creator"));
}

#[test]
fn an_exception_covers_its_own_credential_only() {
    let events = [created(1, DAY, by("role/developer")), created(2, DAY, by("role/developer"))];
    let both = user(vec![key(1, DAY), key(2, DAY)], known(events));
    let exceptions = Exceptions(vec![Exception {
        id: "E-7".to_owned(),
        user: both.id.clone(),
        rule: RULE,
        credential: Some(key_id(2).to_string().parse().unwrap()),
        until: now(),
        owner: "payments".to_owned(),
        justification: "migration".to_owned(),
        approver: "arn:aws:iam::123456789012:role/security".to_owned(),
    }]);
    let judged = judge(&both, &only_key_vending(), &exceptions, now());
    assert_eq!(offending(&judged), [key_id(1).to_string()]);
    assert!(matches!(judged, Verdict::NonCompliant { notes, .. } if matches!(&notes[..], [Note::Excepted { .. }])));
}

fn reported(changed: i64) -> Listing<credwarden_credential::snapshot::AccessKey> {
    let active = vec![ReportedCredential { slot: 1, changed: Some(ago(changed)), last_used: None }];
    Listing::Reported(Reported { active, inactive: 0, report_made: ago(4 * HOUR) })
}

#[test]
fn the_report_clears_what_is_older_than_the_installation_until_an_event_tells_of_more() {
    let looked_at = |changed, provenance| {
        let mut user = user(vec![], provenance);
        user.access_keys = reported(changed);
        undecided(&user, &only_key_vending(), now())
    };
    let a_look: BTreeSet<_> = [CredentialKind::AccessKey].into();
    assert_eq!(looked_at(INSTALLED + 1, known([])), BTreeSet::new());
    assert_eq!(looked_at(INSTALLED, known([])), a_look);
    let younger_than_the_report = known([created(1, HOUR, by("role/key-vending"))]);
    assert_eq!(looked_at(INSTALLED + 1, younger_than_the_report), a_look);
    let in_the_report = known([created(1, 5 * HOUR, by("role/key-vending"))]);
    assert_eq!(looked_at(INSTALLED + 1, in_the_report), BTreeSet::new());

    let mut shown = user(vec![], known([]));
    shown.access_keys = reported(INSTALLED + 1);
    assert!(
        matches!(verdict(&shown), Verdict::Compliant(notes) if notes[0].to_string() == "1 of access-key: baseline")
    );
}

#[test]
fn the_report_clears_what_events_tell_of_the_time_of_its_last_change() {
    let strict = policy(r#"{ "default": { "creators": ["arn:*:iam::*:role/key-vending"], "baseline": false } }"#);
    let is_cleared = |changed: i64, inactive: u8, provenance| {
        let mut user = user(vec![], provenance);
        user.access_keys = reported(changed);
        if let Listing::Reported(reported) = &mut user.access_keys {
            reported.inactive = inactive;
        }
        let cleared = undecided(&user, &strict, now()).is_empty();
        let verdict = judge(&user, &strict, &Exceptions::default(), now());
        assert_eq!(verdict == Verdict::Compliant(vec![]), cleared, "{verdict:?}");
        cleared
    };
    let vended = |number, age| created(number, age, by("role/key-vending"));
    assert!(is_cleared(DAY, 0, known([vended(1, DAY)])));
    assert!(is_cleared(DAY, 0, known([vended(1, DAY + 2), vended(2, 9 * DAY)])), "another key is gone");
    assert!(!is_cleared(DAY, 0, known([])), "nobody tells of it");
    assert!(!is_cleared(DAY, 0, known([vended(1, DAY + 3)])), "it may be another");
    assert!(!is_cleared(DAY, 0, known([vended(1, DAY), vended(2, DAY + 1)])), "it may be either");
    assert!(!is_cleared(DAY, 1, known([vended(1, DAY)])), "that may be the inactive one");
    assert!(!is_cleared(DAY, 0, known([created(1, DAY, by("role/developer"))])), "who may not");
    for age in [9 * DAY, DAY, HOUR * 5] {
        let again = reactivated(3, age, by("role/key-vending"));
        assert!(!is_cleared(DAY, 0, known([vended(1, DAY), again])), "an older one may be active again");
    }
    for act in [CreationAct::CreateAccessKey, CreationAct::UpdateAccessKey] {
        let mut not_asked = known([vended(1, DAY)]);
        not_asked.coverage.get_mut(&act).unwrap().asked = ago(DAY - HOUR);
        assert!(!is_cleared(DAY, 0, not_asked), "another {act} may be told yet");
    }
}

#[test]
fn a_user_whose_class_is_not_known_is_read_and_not_judged() {
    let mut unclear = user(vec![key(1, DAY)], known([]));
    unclear.console_password = Known::No(credwarden_credential::snapshot::Gap::new(GapReason::Denied, "get it"));
    let by_class = policy(r#"{ "service-account": { "creators": ["arn:*:iam::*:role/key-vending"] } }"#);
    assert!(matches!(judge(&unclear, &by_class, &Exceptions::default(), now()), Verdict::Unknown(_)));
    assert!(!undecided(&unclear, &by_class, now()).is_empty());
}

#[test]
fn a_password_is_judged_by_the_event_of_its_own_name_and_date() {
    let people = policy(r#"{ "default": { "creators": ["arn:*:iam::*:role/key-vending"] } }"#);
    let with = |event| {
        let user = world::with_password(user(vec![], known([event])), 3 * DAY);
        word(&judge(&user, &people, &Exceptions::default(), now()))
    };
    assert_eq!(with(world::password_created("build-robot", 3 * DAY, by("role/key-vending"))), "fine");
    assert_eq!(with(world::password_created("build-robot", 3 * DAY, by("role/developer"))), "broken");
    let of_another = world::password_created("somebody-else", 3 * DAY, by("role/key-vending"));
    assert_eq!(with(of_another), "broken", "its own creator is unknown");
}
