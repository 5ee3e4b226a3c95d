//! Which layer sets a limit, and the policy spelled out.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use credwarden_credential::age::Days;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Known, User};
use credwarden_estate::single;
use credwarden_policy::document::{DEFAULT, Document};
use credwarden_policy::layers::{Layer, SetBy};
use credwarden_policy::policy::Policy;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const MAX_AGE: Layer = Layer::Tag("credwarden:max-age-days");
const UNUSED: Layer = Layer::Tag("credwarden:unused-days");

/// A policy of the default classes with these limits.
fn policy(limits: Value) -> Policy {
    let mut document: Value = serde_json::from_str(DEFAULT).unwrap();
    document.as_object_mut().unwrap().insert("limits".to_owned(), limits);
    Policy::parse(&document.to_string()).unwrap()
}

/// A user of the class `human` with these tags.
fn human(tags: &[(&str, u32)]) -> User {
    User {
        tags: tags.iter().map(|(key, days)| ((*key).to_owned(), days.to_string())).collect(),
        console_password: Known::Yes(true),
        ..single::user("alice", "2026-01-01T00:00:00Z".parse().unwrap())
    }
}

fn set_by<T>(value: T, layer: Layer) -> SetBy<T> {
    SetBy { value, layer }
}

#[test]
fn each_limit_names_the_layer_that_set_it() {
    let policy = policy(json!({
        "default": { "access-key": { "maxAgeDays": 80, "warnDays": 10, "undoDays": 20 } },
        "human": { "access-key": { "maxAgeDays": 60, "inUseDays": 7 } }
    }));
    let alice = human(&[("credwarden:unused-days", 30)]);
    let class = policy.class(&alice).unwrap();
    let layers = policy.limit_layers(&alice, class, CredentialKind::AccessKey);
    assert_eq!(layers.max_age, set_by(Some(Days(60)), Layer::Class));
    assert_eq!(layers.warn, set_by(Days(10), Layer::Default));
    assert_eq!(layers.unused, set_by(Some(Days(30)), UNUSED));
    assert_eq!(layers.never_used, set_by(Some(Days(14)), Layer::BuiltIn), "the tag asks for more");
    assert_eq!(layers.in_use, set_by(Days(7), Layer::Class), "the class said it, if only what holds anyway");
    assert_eq!(layers.undo, set_by(Days(20), Layer::Default));
}

#[test]
fn a_tag_that_lowers_an_age_below_the_warning_sets_both() {
    let policy = Policy::default();
    let alice = human(&[("credwarden:max-age-days", 10)]);
    let class = policy.class(&alice).unwrap();
    let layers = policy.limit_layers(&alice, class, CredentialKind::AccessKey);
    assert_eq!(layers.max_age, set_by(Some(Days(10)), MAX_AGE));
    assert_eq!(layers.warn, set_by(Days(9), MAX_AGE));
    let of_password = policy.limit_layers(&alice, class, CredentialKind::ConsolePassword);
    assert_eq!(of_password.max_age, set_by(None, Layer::BuiltIn), "a tag switches no limit on");
}

#[test]
fn where_nobody_wrote_a_policy_all_is_built_in() {
    let policy = Policy::default();
    let alice = human(&[]);
    let layers = policy.limit_layers(&alice, policy.class(&alice).unwrap(), CredentialKind::AccessKey);
    assert_eq!(layers.max_age, set_by(Some(Days(90)), Layer::BuiltIn));
    assert_eq!(layers.undo, set_by(Days(30), Layer::BuiltIn));
}

#[test]
fn a_limit_that_is_off_names_who_switched_it_off() {
    let policy = policy(json!({ "human": { "access-key": { "unusedDays": "off" } } }));
    let alice = human(&[]);
    let class = policy.class(&alice).unwrap();
    assert_eq!(policy.limit_layers(&alice, class, CredentialKind::AccessKey).unused, set_by(None, Layer::Class));
    let of_password = policy.limit_layers(&alice, class, CredentialKind::ConsolePassword);
    assert_eq!(of_password.max_age, set_by(None, Layer::BuiltIn));
}

#[test]
fn layers_are_written_as_people_read_them() {
    let alice = human(&[("credwarden:max-age-days", 30)]);
    let policy = Policy::default();
    let layers = policy.limit_layers(&alice, policy.class(&alice).unwrap(), CredentialKind::AccessKey);
    let written = serde_json::to_string_pretty(&layers).unwrap();
    insta::assert_snapshot!(written.replace("{\n    ", "{ ").replace(",\n    ", ", ").replace("\n  }", " }"), @r#"
    {
      "maxAgeDays": { "value": 30, "layer": "tag credwarden:max-age-days" },
      "warnDays": { "value": 14, "layer": "built-in" },
      "unusedDays": { "value": 45, "layer": "built-in" },
      "neverUsedDays": { "value": 14, "layer": "built-in" },
      "inUseDays": { "value": 7, "layer": "built-in" },
      "undoDays": { "value": 30, "layer": "built-in" }
    }
    "#);
}

#[test]
fn the_policy_spelled_out_leaves_nothing_to_a_default() {
    let policy = policy(json!({ "human": { "access-key": { "maxAgeDays": 30 } } }));
    let Document { limits, remedies, .. } = policy.effective();
    assert_eq!(limits.keys().collect::<Vec<_>>(), ["human", "privileged", "service-account"]);
    for (class, kinds) in &limits {
        assert_eq!(kinds.len(), CredentialKind::ALL.len(), "{class}");
        let text = serde_json::to_value(kinds).unwrap();
        assert!(text.as_object().unwrap().values().all(|entry| entry.as_object().unwrap().len() == 6), "{class}");
    }
    assert!(!remedies.is_empty() && remedies.values().all(|by_class| by_class.len() == 3));
}

/// The class and kind of a limit, and what a policy may write of it.
fn entries() -> impl Strategy<Value = Value> {
    let limit = prop_oneof![(40u32..400).prop_map(|days| json!(days)), Just(json!("off"))];
    let entry = (
        proptest::option::of(limit.clone()),
        proptest::option::of(0u32..30),
        proptest::option::of(limit.clone()),
        proptest::option::of(limit),
        proptest::option::of(1u32..30),
        proptest::option::of(1u32..90),
    )
        .prop_map(|(max_age, warn, unused, never_used, in_use, undo)| {
            let fields = [
                ("maxAgeDays", max_age),
                ("warnDays", warn.map(Into::into)),
                ("unusedDays", unused),
                ("neverUsedDays", never_used),
                ("inUseDays", in_use.map(Into::into)),
                ("undoDays", undo.map(Into::into)),
            ];
            Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
        });
    let kind = select(CredentialKind::ALL).prop_map(CredentialKind::as_str);
    let kinds = proptest::collection::btree_map(kind, entry, 0..4);
    let class = select(vec!["default", "human", "service-account"]);
    proptest::collection::btree_map(class, kinds, 0..4).prop_map(|limits| json!(limits))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_the_layers_say_is_what_the_policy_says(
        limits in entries(),
        max_age in proptest::option::of(0u32..500),
        unused in proptest::option::of(0u32..500),
    ) {
        let policy = policy(limits);
        let tags = [("credwarden:max-age-days", max_age), ("credwarden:unused-days", unused)];
        let tags: Vec<_> = tags.into_iter().filter_map(|(key, days)| Some((key, days?))).collect();
        let alice = human(&tags);
        for class in policy.class_names() {
            for kind in CredentialKind::ALL {
                let layers = policy.limit_layers(&alice, class, *kind);
                prop_assert_eq!(layers.limits(), policy.limits(&alice, class, *kind));
            }
        }
    }

    #[test]
    fn the_layer_that_set_a_limit_says_that_number(limits in entries()) {
        let policy = policy(limits.clone());
        let built_in: Value = serde_json::from_str(DEFAULT).unwrap();
        let alice = human(&[]);
        for class in policy.class_names() {
            for kind in CredentialKind::ALL {
                let layers = policy.limit_layers(&alice, class, *kind);
                let says = |layer, field: &str| match layer {
                    Layer::Class => limits[class.as_str()][kind.as_str()][field].clone(),
                    Layer::Default => limits["default"][kind.as_str()][field].clone(),
                    Layer::BuiltIn => built_in["limits"]["default"][kind.as_str()][field].clone(),
                    Layer::Tag(_) => Value::Null,
                };
                let off = |days: Option<Days>| days.map_or(json!("off"), |days| json!(days.0));
                prop_assert_eq!(says(layers.max_age.layer, "maxAgeDays"), off(layers.max_age.value));
                prop_assert_eq!(says(layers.warn.layer, "warnDays"), json!(layers.warn.value));
                prop_assert_eq!(says(layers.unused.layer, "unusedDays"), off(layers.unused.value));
                prop_assert_eq!(says(layers.never_used.layer, "neverUsedDays"), off(layers.never_used.value));
                prop_assert_eq!(says(layers.in_use.layer, "inUseDays"), json!(layers.in_use.value));
                prop_assert_eq!(says(layers.undo.layer, "undoDays"), json!(layers.undo.value));
            }
        }
    }

    #[test]
    fn the_policy_spelled_out_is_the_same_policy(limits in entries(), days in 0u32..500) {
        let policy = policy(limits);
        let spelled_out = Policy::parse(&serde_json::to_string(&policy.effective()).unwrap()).unwrap();
        prop_assert_eq!(spelled_out.effective(), policy.effective());
        let alice = human(&[("credwarden:max-age-days", days)]);
        for class in policy.class_names() {
            for kind in CredentialKind::ALL {
                prop_assert_eq!(spelled_out.limits(&alice, class, *kind), policy.limits(&alice, class, *kind));
            }
            for rule in credwarden_policy::remedy::RuleName::ALL {
                for kind in CredentialKind::OF_USERS {
                    prop_assert_eq!(spelled_out.remedy(*rule, class, kind), policy.remedy(*rule, class, kind));
                }
            }
        }
    }
}
