//! Which documents are a policy, and what is said of those that are not.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use credwarden_credential::age::Days;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Gap, GapReason, Known, User};
use credwarden_estate::single;
use credwarden_policy::document::{DEFAULT, MAX_BYTES};
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::{Mode, Remedy, RemedyName, RuleName};
use credwarden_policy::rotation::Delivery;
use proptest::prelude::*;
use serde_json::{Value, json};

fn default_document() -> Value {
    serde_json::from_str(DEFAULT).unwrap()
}

/// The default document, changed, and what is wrong with the result, a line a problem.
fn problems(change: impl FnOnce(&mut Value)) -> String {
    let mut document = default_document();
    change(&mut document);
    Policy::parse(&document.to_string()).unwrap_err().to_string()
}

fn user() -> User {
    User {
        arn: "arn:aws:iam::123456789012:user/staff/alice".parse().unwrap(),
        path: "/staff/".to_owned(),
        ..single::user("alice", "2026-01-01T00:00:00Z".parse().unwrap())
    }
}

fn class(policy: &Policy, user: &User) -> Option<String> {
    policy.class(user).ok().map(|class| class.as_str().to_owned())
}

#[test]
fn the_default_document_is_a_policy_with_the_limits_of_sec02_bp05() {
    let policy = Policy::parse(DEFAULT).unwrap();
    let service_account = policy.class(&user()).unwrap().clone();
    let days = |kind: &CredentialKind| policy.limits(&user(), &service_account, *kind).max_age.map(|days| days.0);
    let ages: Vec<_> = CredentialKind::ALL.iter().map(days).collect();
    let of_users = [Some(90), None, Some(90), Some(90), Some(90)];
    assert_eq!(ages, [of_users.as_slice(), &[Some(90), Some(60), Some(180), Some(365)]].concat());
}

#[test]
fn the_default_document_only_observes() {
    let policy = Policy::default();
    for class in policy.class_names() {
        assert_eq!(
            policy.remedy(RuleName::AccessKeyAge, class, CredentialKind::AccessKey).unwrap().mode,
            Mode::Observe
        );
    }
}

#[test]
fn the_first_class_that_matches_decides() {
    let policy = Policy::default();
    assert_eq!(class(&policy, &user()).unwrap(), "service-account");
    let mut human = user();
    human.console_password = Known::Yes(true);
    assert_eq!(class(&policy, &human).unwrap(), "human");
    human.attached_policies.insert("arn:aws:iam::aws:policy/AdministratorAccess".parse().unwrap());
    assert_eq!(class(&policy, &human).unwrap(), "privileged");
}

#[test]
fn a_class_that_an_unknown_fact_decides_is_unknown_and_one_that_it_does_not_is_known() {
    let mut someone = user();
    someone.console_password = Known::No(Gap::new(GapReason::Denied, "get the login profile of `alice`"));
    assert_eq!(class(&Policy::default(), &someone), None);
    someone.attached_policies.insert("arn:aws:iam::aws:policy/AdministratorAccess".parse().unwrap());
    assert_eq!(class(&Policy::default(), &someone).unwrap(), "privileged");
}

#[test]
fn only_guarded_tags_choose_a_class() {
    let tagged = json!([{ "name": "vendor", "match": [{ "tag": { "key": "class", "value": "vendor" } }] },
        { "name": "everybody", "match": [{}] }]);
    let refused = problems(|document| document["classes"] = tagged.clone());
    assert!(refused.contains("`classes[0].match[0].tag.key`: `class` is not in `guardedTags`"), "{refused}");
    let mut document = default_document();
    document["classes"] = tagged;
    document["guardedTags"] = json!(["class"]);
    let policy = Policy::parse(&document.to_string()).unwrap();
    let mut vendor = user();
    assert_eq!(class(&policy, &vendor).unwrap(), "everybody");
    vendor.tags.insert("class".to_owned(), "vendor".to_owned());
    assert_eq!(class(&policy, &vendor).unwrap(), "vendor");
}

#[test]
fn a_class_overrides_only_the_days_it_names() {
    let mut document = default_document();
    document["limits"]["privileged"] = json!({ "access-key": { "maxAgeDays": 30 } });
    let policy = Policy::parse(&document.to_string()).unwrap();
    let mut admin = user();
    admin.attached_policies.insert("arn:aws-cn:iam::aws:policy/AdministratorAccess".parse().unwrap());
    let privileged = policy.class(&admin).unwrap().clone();
    let limits = policy.limits(&admin, &privileged, CredentialKind::AccessKey);
    assert_eq!((limits.max_age, limits.warn), (Some(Days(30)), Days(14)));
    assert_eq!(
        policy.unremarkable_age(&user(), CredentialKind::AccessKey),
        Some(Days(16)),
        "the strictest class counts"
    );
}

#[test]
fn what_a_document_leaves_out_is_as_in_the_default_document() {
    let mut document = default_document();
    document["limits"] = json!({ "human": { "console-password": { "maxAgeDays": 90 } } });
    let policy = Policy::parse(&document.to_string()).unwrap();
    let mut human = user();
    human.console_password = Known::Yes(true);
    let class = policy.class(&human).unwrap();
    let limits = policy.limits(&human, class, CredentialKind::ConsolePassword);
    assert_eq!((limits.max_age, limits.unused), (Some(Days(90)), Some(Days(45))));
    let service_account = policy.class(&user()).unwrap().clone();
    let limits = policy.limits(&user(), &service_account, CredentialKind::ConsolePassword);
    assert_eq!(limits.max_age, None, "the age of passwords is off by default");
}

#[test]
fn a_limit_is_a_number_of_days_or_off() {
    let changed = |days: Value| {
        let mut document = default_document();
        document["limits"]["default"]["access-key"]["unusedDays"] = days;
        Policy::parse(&document.to_string()).map(|policy| {
            let class = policy.class(&user()).unwrap().clone();
            policy.limits(&user(), &class, CredentialKind::AccessKey).unused
        })
    };
    assert_eq!(changed(json!("off")).unwrap(), None);
    assert_eq!(changed(json!(30)).unwrap(), Some(Days(30)));
    let refused = changed(json!("never")).unwrap_err().to_string();
    assert!(refused.contains("`limits.default.access-key.unusedDays`"), "{refused}");
    assert!(refused.contains("a number of days, or \"off\""), "{refused}");
    let refused = changed(json!(6)).unwrap_err().to_string();
    assert!(refused.contains("in use for 7 days cannot be unused after 6 days"), "{refused}");
}

#[test]
fn everything_wrong_is_reported_at_once_with_place_and_remedy() {
    let refused = problems(|document| {
        document["clases"] = json!([]);
        document["budget"]["perWeek"] = json!(3);
        document["budget"]["percentPerDay"] = json!(101);
        document["limits"]["default"]["access-key"]["warnDays"] = json!(90);
        document["limits"]["default"]["database-credential"]["maxAgeDays"] = json!(0);
        document["limits"]["humans"] = json!({});
        document["limits"]["human"] = json!({ "acess-key": {}, "access-key": { "inUseDays": 0 } });
        document["remedies"]["access-key-age"]["default"]["mode"] = json!("enfroce");
        document["remedies"]["acess-key-age"] = json!({});
        document["protected"] = json!(["break-glass"]);
        document["classes"] = json!([
            { "name": "Human", "match": [{}], "mach": [] },
            { "name": "bots", "match": [{ "name": "bot-*" }] },
            { "name": "bots", "match": [{ "name": "bot-*" }, { "nam": "x" }] },
            { "name": "none", "match": [] },
        ]);
    });
    insta::assert_snapshot!(refused);
}

#[test]
fn a_class_can_have_its_access_keys_rotated_and_nothing_else() {
    let mut document = default_document();
    document["remedies"]["access-key-age"]["human"] =
        json!({ "remedy": "rotate-key", "mode": "enforce", "force": true });
    document["remedies"]["access-key-age"]["service-account"] =
        json!({ "remedy": "rotate-key", "mode": "warn", "delivery": "replace" });
    document["remedies"]["access-key-age"]["privileged"] =
        json!({ "remedy": "rotate-key", "mode": "enforce", "delivery": "secret", "force": true });
    let policy = Policy::parse(&document.to_string()).unwrap();
    let of = |class: &str, kind| {
        let class = policy.class_names().find(|known| known.as_str() == class).unwrap();
        policy.remedy(RuleName::AccessKeyAge, class, kind).unwrap()
    };
    let rotate = |mode, delivery, force| Remedy { name: RemedyName::RotateKey, mode, delivery, force, approval: false };
    assert_eq!(of("human", CredentialKind::AccessKey), rotate(Mode::Enforce, Delivery::Owner, true));
    assert_eq!(of("service-account", CredentialKind::AccessKey), rotate(Mode::Warn, Delivery::Replace, false));
    assert_eq!(of("privileged", CredentialKind::AccessKey), rotate(Mode::Enforce, Delivery::Secret, true));
    assert_eq!(of("human", CredentialKind::SshPublicKey).name, RemedyName::DeactivateCredential);
    assert_eq!(
        Policy::parse(&serde_json::to_string(&policy.effective()).unwrap()).unwrap().effective(),
        policy.effective()
    );
}

#[test]
fn an_act_can_wait_for_an_approval_only_where_somebody_can_approve() {
    let asking = |approvers: Value| {
        let mut document = default_document();
        document["approvers"] = approvers;
        document["remedies"]["unused-credentials"]["human"] =
            json!({ "remedy": "deactivate-credential", "mode": "enforce", "approval": true });
        Policy::parse(&document.to_string())
    };
    let refused = asking(json!([])).unwrap_err().to_string();
    assert!(refused.contains("`remedies.unused-credentials.human.approval`: nobody could approve"), "{refused}");
    let policy = asking(json!(["arn:*:iam::*:role/approver"])).unwrap();
    let of = |class: &str| {
        let class = policy.class_names().find(|known| known.as_str() == class).unwrap();
        policy.remedy(RuleName::UnusedCredentials, class, CredentialKind::ConsolePassword).unwrap().approval
    };
    assert_eq!((of("human"), of("service-account")), (true, false), "left out, nobody has to approve");
}

#[test]
fn what_does_not_fit_a_rotation_is_refused_with_its_place() {
    for (rule, entry, expected) in [
        (
            "unused-credentials",
            json!({ "remedy": "rotate-key", "mode": "warn" }),
            "- `remedies.unused-credentials.human.remedy`: `rotate-key` does not answer findings of `unused-credentials`",
        ),
        (
            "access-key-age",
            json!({ "remedy": "deactivate-credential", "mode": "warn", "delivery": "owner" }),
            "- `remedies.access-key-age.human.delivery`: `deactivate-credential` rotates nothing",
        ),
        (
            "access-key-age",
            json!({ "remedy": "deactivate-credential", "mode": "warn", "force": false }),
            "- `remedies.access-key-age.human.force`: `deactivate-credential` rotates nothing",
        ),
        (
            "access-key-age",
            json!({ "remedy": "rotate-key", "mode": "warn", "delivery": "store" }),
            "- `remedies.access-key-age.human.delivery`: `store` is none of `owner`, `secret`, `replace`",
        ),
        (
            "access-key-age",
            json!({ "remedy": "deactivate-credential", "mode": "warn", "delivery": "secret" }),
            "- `remedies.access-key-age.human.delivery`: `deactivate-credential` rotates nothing",
        ),
        (
            "access-key-age",
            json!({ "remedy": "rotate-key", "mode": "warn", "delivery": "replace", "force": true }),
            "- `remedies.access-key-age.human.force`: a key that is replaced by a role is never made inactive",
        ),
    ] {
        let refused = problems(|document| document["remedies"][rule]["human"] = entry);
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn a_class_for_everybody_is_required_and_must_be_the_last() {
    let refused =
        problems(|document| document["classes"] = json!([{ "name": "bots", "match": [{ "name": "bot-*" }] }]));
    assert!(refused.contains("no class matches everybody"), "{refused}");
}

#[test]
fn a_document_that_is_too_large_or_no_json_or_of_another_format_is_refused() {
    let error = |text: &str| Policy::parse(text).unwrap_err().to_string();
    assert!(error(&" ".repeat(MAX_BYTES + 1)).contains("8193 bytes"));
    assert!(error("limits: 90").contains("correct the JSON document"));
    assert!(error("").contains("correct the JSON document"));
    assert!(error(&format!("{DEFAULT} {DEFAULT}")).contains("trailing characters"));
    let twice = DEFAULT.replacen("\"database-credential\"", "\"access-key\"", 1);
    assert!(error(&twice).contains("`access-key` stands twice"), "{}", error(&twice));
    assert!(problems(|document| document["format"] = json!(7)).contains("reads format 1, not 7"));
    assert!(problems(|document| document["budget"]["perDay"] = json!("many")).contains("`budget.perDay`"));
}

#[test]
fn the_normal_form_is_the_same_policy_whatever_its_spacing() {
    let spaced = serde_json::to_string_pretty(&default_document()).unwrap();
    let policy = Policy::parse(&spaced).unwrap();
    assert_eq!(policy, Policy::default());
    assert_eq!(policy.id(), Policy::parse(&policy.to_json()).unwrap().id());
    let mut stricter = default_document();
    stricter["limits"]["default"]["access-key"]["maxAgeDays"] = json!(89);
    assert_ne!(Policy::parse(&stricter.to_string()).unwrap().id(), policy.id());
}

#[test]
fn protected_principals_and_approvers_are_patterns_of_arns() {
    let mut document = default_document();
    document["protected"] = json!(["arn:*:iam::*:user/break-glass/*"]);
    document["approvers"] = json!(["arn:aws:sts::123456789012:assumed-role/security/*"]);
    let policy = Policy::parse(&document.to_string()).unwrap();
    let arn = |text: &str| text.parse().unwrap();
    assert!(policy.protects(&arn("arn:aws:iam::123456789012:user/break-glass/one")).is_some());
    assert!(policy.protects(&arn("arn:aws:iam::123456789012:user/alice")).is_none());
    assert!(policy.counts_approval_of("arn:aws:sts::123456789012:assumed-role/security/dana"));
    assert!(!policy.counts_approval_of("arn:aws:sts::123456789012:assumed-role/developer/security/dana"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        prop_assert!(Policy::parse(&text).is_err());
    }

    #[test]
    fn no_days_make_a_policy_whose_warning_is_not_shorter_than_its_age(age in 0u32..5000, warn in 0u32..5000) {
        let mut document = default_document();
        document["limits"]["default"]["access-key"] =
            json!({ "maxAgeDays": age, "warnDays": warn, "inUseDays": 7, "undoDays": 30 });
        let accepted = Policy::parse(&document.to_string()).is_ok();
        prop_assert_eq!(accepted, (1..=3650).contains(&age) && warn < age);
    }

    #[test]
    fn a_tag_never_lets_a_credential_be_unused_for_longer(days in any::<u32>()) {
        let policy = Policy::default();
        let mut tagged = user();
        tagged.tags.insert("credwarden:unused-days".to_owned(), days.to_string());
        let class = policy.class(&tagged).unwrap();
        let limits = policy.limits(&tagged, class, CredentialKind::AccessKey);
        prop_assert!(limits.unused.unwrap() <= Days(45) && limits.unused.unwrap() >= Days(1));
        prop_assert!(limits.never_used.unwrap() <= Days(14));
    }

    #[test]
    fn a_tag_never_raises_an_age(value in "[0-9]{1,6}|[ a-z-]{0,4}") {
        let policy = Policy::default();
        let mut tagged = user();
        tagged.tags.insert("credwarden:max-age-days".to_owned(), value);
        let class = policy.class(&tagged).unwrap();
        let limits = policy.limits(&tagged, class, CredentialKind::AccessKey);
        let max_age = limits.max_age.unwrap();
        prop_assert!(max_age <= Days(90));
        prop_assert!(limits.warn < max_age && max_age >= Days(1));
    }
}
