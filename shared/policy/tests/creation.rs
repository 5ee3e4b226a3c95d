//! What the policy says of who may create credentials, and what is said of a section that is refused.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use credwarden_credential::creation::{Creation, CreationAct, Creator, Principal};
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialKind;
use credwarden_estate::single;
use credwarden_policy::creation::{Allowed, AtMost, CreationLimits, CreatorRefusal};
use credwarden_policy::document::DEFAULT;
use credwarden_policy::layers::{CreationLayers, Layer, SetBy};
use credwarden_policy::policy::Policy;
use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

fn policy(creation: &Value) -> Result<Policy, String> {
    let mut document: Value = serde_json::from_str(DEFAULT).unwrap();
    document.as_object_mut().unwrap().insert("creation".to_owned(), creation.clone());
    Policy::parse(&document.to_string()).map_err(|problems| problems.to_string())
}

/// What the section says of a class of the default document.
fn limits(creation: &Value, class: &str) -> CreationLimits {
    let policy = policy(creation).unwrap();
    let class = policy.class_names().find(|name| name.as_str() == class).unwrap();
    policy.creation(class)
}

/// What the section says of a class of the default document, and which layer said it.
fn layers(creation: &Value, class: &str) -> CreationLayers {
    let policy = policy(creation).unwrap();
    let class = policy.class_names().find(|name| name.as_str() == class).unwrap();
    policy.creation_layers(class)
}

fn alice() -> UserId {
    "AIDAEXAMPLE00000ALICE".parse().unwrap()
}

fn by(principal: Principal, source_identity: Option<&str>) -> Creation {
    let creator =
        Creator { principal, session: None, source_identity: source_identity.map(str::to_owned), invoked_by: None };
    let key = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    single::creation(CreationAct::CreateAccessKey, key, "alice", creator, "2026-01-01T00:00:00Z".parse().unwrap())
}

fn role(name: &str) -> Principal {
    Principal::Role(format!("arn:aws:iam::123456789012:role/{name}").parse().unwrap())
}

fn alice_herself() -> Principal {
    Principal::User { id: alice(), arn: "arn:aws:iam::123456789012:user/alice".parse().unwrap() }
}

fn refusal(creation: &Value, principal: Principal, source_identity: Option<&str>) -> Option<CreatorRefusal> {
    limits(creation, "human").refuses(&by(principal, source_identity), &alice())
}

#[test]
fn the_default_document_refuses_nobody() {
    let policy = Policy::default();
    for class in policy.class_names() {
        let limits = policy.creation(class);
        assert!(limits.is_silent() && !limits.judges_baseline);
        assert_eq!(limits.refuses(&by(role("anyone"), None), &alice()), None);
    }
}

#[test]
fn only_listed_roles_and_users_may_create() {
    let listed = json!({ "default": { "creators": ["arn:*:iam::*:role/key-vending"] } });
    assert_eq!(refusal(&listed, role("key-vending"), None), None);
    assert_eq!(refusal(&listed, role("ci-deployer"), None), Some(CreatorRefusal::Creator));
    assert_eq!(refusal(&listed, alice_herself(), None), Some(CreatorRefusal::Creator));
    let root = Principal::Root("arn:aws:iam::123456789012:root".parse().unwrap());
    assert_eq!(refusal(&listed, root, None), Some(CreatorRefusal::Creator));
    assert_eq!(refusal(&json!({ "default": { "creators": [] } }), role("any"), None), Some(CreatorRefusal::Creator));
}

#[test]
fn a_path_with_colons_does_not_pass_for_a_listed_role() {
    let listed = json!({ "default": { "creators": ["arn:*:iam::*:role/key-vending"] } });
    assert_eq!(refusal(&listed, role("x:iam::1:role/key-vending"), None), Some(CreatorRefusal::Creator));
}

#[test]
fn self_service_is_judged_before_the_list_and_left_out_it_is_judged_by_it() {
    let with = |self_service: Value| json!({ "default": { "creators": ["arn:*:iam::*:user/*"], "selfService": self_service } });
    assert_eq!(refusal(&with(json!(true)), alice_herself(), None), None);
    assert_eq!(refusal(&with(json!(false)), alice_herself(), None), Some(CreatorRefusal::SelfService));
    assert_eq!(refusal(&with(Value::Null), alice_herself(), None), None);
    let unlisted = json!({ "default": { "creators": [], "selfService": true } });
    assert_eq!(refusal(&unlisted, alice_herself(), None), None);
    let only = json!({ "default": { "selfService": false } });
    assert_eq!(refusal(&only, alice_herself(), None), Some(CreatorRefusal::SelfService));
    assert_eq!(refusal(&only, role("anyone"), None), None);
}

#[test]
fn a_user_who_bears_the_name_of_another_is_not_that_user() {
    let namesake = Principal::User {
        id: "AIDAEXAMPLE00000OTHER".parse().unwrap(),
        arn: "arn:aws:iam::123456789012:user/alice".parse().unwrap(),
    };
    let own = json!({ "default": { "creators": [], "selfService": true } });
    assert_eq!(refusal(&own, namesake, None), Some(CreatorRefusal::Creator));
}

#[test]
fn a_session_needs_an_allowed_source_identity_where_the_policy_lists_them() {
    let listed = json!({ "default": { "sourceIdentities": ["*@example.com"] } });
    assert_eq!(refusal(&listed, role("admin"), Some("dana@example.com")), None);
    for identity in [None, Some("dana@example.org"), Some("")] {
        assert_eq!(refusal(&listed, role("admin"), identity), Some(CreatorRefusal::SourceIdentity));
    }
}

#[test]
fn what_a_class_leaves_out_is_as_under_default() {
    let section = json!({
        "default": { "creators": ["arn:*:iam::*:role/key-vending"], "baseline": false, "kinds": { "access-key": 1, "ssh-public-key": 0 } },
        "human": { "creators": "any", "kinds": { "access-key": "any" } },
    });
    let human = limits(&section, "human");
    assert!(!human.judges_creators() && human.judges_baseline);
    assert_eq!(human.at_most, [(CredentialKind::SshPublicKey, 0)].into());
    let robot = limits(&section, "service-account");
    assert!(robot.judges_creators());
    assert_eq!(robot.at_most.get(&CredentialKind::AccessKey), Some(&1));
}

#[test]
fn everything_wrong_with_the_section_is_reported_at_once_with_place_and_remedy() {
    let refused = policy(&json!({
        "humans": {},
        "default": {
            "creators": ["key-vending", "arn:aws:sts::123456789012:assumed-role/admin/dana", "arn:*:iam::*:role/fine"],
            "sourceIdentities": [""],
            "kinds": { "acess-key": 1, "access-key": 101, "tls-certificate": 0 },
            "creator": [],
        },
    }))
    .unwrap_err();
    insta::assert_snapshot!(refused);
}

#[test]
fn what_is_no_list_and_no_number_is_refused_with_what_it_should_be() {
    let refused = |section: Value| policy(&section).unwrap_err();
    assert!(refused(json!({ "default": { "creators": "anybody" } })).contains("a list of patterns, or \"any\""));
    assert!(refused(json!({ "default": { "kinds": { "access-key": "off" } } })).contains("a number of credentials"));
    assert!(refused(json!({ "default": { "kinds": { "access-key": -1 } } })).contains("a number of credentials"));
    assert!(refused(json!({ "default": { "baseline": "yes" } })).contains("`creation.default.baseline`"));
    let twice = DEFAULT.replacen("\"limits\"", "\"creation\": { \"human\": {}, \"human\": {} }, \"limits\"", 1);
    assert!(Policy::parse(&twice).unwrap_err().to_string().contains("`human` stands twice"));
}

#[test]
fn the_normal_form_keeps_the_section_and_a_document_without_it_stays_as_it_was() {
    let section = json!({ "default": { "creators": "any", "kinds": { "access-key": "any", "console-password": 1 } } });
    let written = policy(&section).unwrap();
    let normal: Value = serde_json::from_str(&written.to_json()).unwrap();
    assert_eq!(normal["creation"], section);
    assert_eq!(Policy::parse(&written.to_json()).unwrap(), written);
    assert!(!Policy::default().to_json().contains("\"creation\""));
}

#[test]
fn each_limit_of_creation_names_the_layer_that_set_it_and_what_nobody_set_is_absent() {
    let creation = json!({
        "default": { "creators": ["arn:*:iam::*:role/vending"], "kinds": { "access-key": 1, "ssh-public-key": 2 } },
        "human": { "creators": "any", "selfService": false, "kinds": { "access-key": 0 } }
    });
    let human = layers(&creation, "human");
    assert_eq!(human.creators, Some(SetBy { value: Allowed::Any, layer: Layer::Class }), "the class lifts it in words");
    assert_eq!(human.self_service, Some(SetBy { value: false, layer: Layer::Class }));
    assert_eq!((human.source_identities, human.baseline), (None, None));
    let kinds = [
        (CredentialKind::AccessKey, SetBy { value: AtMost::Number(0), layer: Layer::Class }),
        (CredentialKind::SshPublicKey, SetBy { value: AtMost::Number(2), layer: Layer::Default }),
    ];
    assert_eq!(human.kinds, kinds.into());
    let vending = Allowed::Only(vec!["arn:*:iam::*:role/vending".to_owned()]);
    let creators = layers(&creation, "service-account").creators;
    assert_eq!(creators, Some(SetBy { value: vending, layer: Layer::Default }));
    assert_eq!(layers(&json!({}), "human"), CreationLayers::default());
}

/// The limits alone, as the layers tell them.
fn of_layers(layers: CreationLayers) -> CreationLimits {
    let at_most = layers.kinds.into_iter().filter_map(|(kind, set_by)| match set_by.value {
        AtMost::Number(number) => Some((kind, number)),
        AtMost::Any => None,
    });
    CreationLimits {
        creators: layers.creators.map_or(Allowed::Any, |set_by| set_by.value),
        source_identities: layers.source_identities.map_or(Allowed::Any, |set_by| set_by.value),
        self_service: layers.self_service.map(|set_by| set_by.value),
        at_most: at_most.collect(),
        judges_baseline: layers.baseline.is_some_and(|set_by| !set_by.value),
    }
}

/// What a policy may write of one class.
fn entries() -> impl Strategy<Value = Value> {
    let allowed = prop_oneof![Just(json!("any")), Just(json!([])), Just(json!(["arn:*:iam::*:role/vending"]))];
    let at_most = prop_oneof![Just(json!("any")), (0u32..3).prop_map(|number| json!(number))];
    let kind = select(CredentialKind::OF_USERS.as_slice()).prop_map(CredentialKind::as_str);
    let fields = (
        option::of(allowed.clone()),
        option::of(allowed),
        option::of(any::<bool>()),
        option::of(btree_map(kind, at_most, 0..3)),
        option::of(any::<bool>()),
    );
    fields.prop_map(|(creators, source_identities, self_service, kinds, baseline)| {
        let fields = [
            ("creators", creators),
            ("sourceIdentities", source_identities),
            ("selfService", self_service.map(Value::from)),
            ("kinds", kinds.map(|kinds| json!(kinds))),
            ("baseline", baseline.map(Value::from)),
        ];
        Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    })
}

proptest! {
    #[test]
    fn one_more_pattern_never_refuses_more(name in "[a-z]{1,3}", pattern in "[a-z*]{1,3}", more in "[a-z*]{1,3}") {
        let arn = |name: &str| format!("arn:aws:iam::*:role/{name}");
        let few = json!({ "default": { "creators": [arn(&pattern)] } });
        let many = json!({ "default": { "creators": [arn(&pattern), arn(&more)] } });
        if refusal(&few, role(&name), None).is_none() {
            prop_assert_eq!(refusal(&many, role(&name), None), None);
        }
    }

    #[test]
    fn what_the_layers_say_of_creation_is_what_the_policy_says(
        creation in btree_map(select(vec!["default", "human"]), entries(), 0..3),
    ) {
        let creation = json!(creation);
        for class in ["human", "service-account"] {
            prop_assert_eq!(of_layers(layers(&creation, class)), limits(&creation, class));
        }
    }
}
