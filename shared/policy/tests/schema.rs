//! The JSON Schema agrees with the parser on what single values may be.

#![expect(clippy::unwrap_used, reason = "what a test prepares may fail it")]

use credwarden_policy::document::DEFAULT;
use credwarden_policy::policy::Policy;
use credwarden_policy::preset::Preset;
use credwarden_policy::schema::document_schema;
use serde_json::{Value, json};

/// What the schema holds against a document; nothing where it is valid.
fn refusals(document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&document_schema()).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The default document with the value at `pointer` set, or a field added there.
fn changed(object: &str, field: &str, value: Value) -> Value {
    let mut document: Value = serde_json::from_str(DEFAULT).unwrap();
    let object = document.pointer_mut(object).unwrap().as_object_mut().unwrap();
    object.insert(field.to_owned(), value);
    document
}

/// Asserts that schema and parser both accept, or both refuse.
fn check(document: &Value, valid: bool) {
    assert_eq!(refusals(document).is_empty(), valid, "schema: {:?}", refusals(document));
    let parsed = Policy::parse(&document.to_string());
    assert_eq!(parsed.is_ok(), valid, "parser: {parsed:?}");
}

#[test]
fn the_default_policy_and_every_preset_are_valid_also_spelled_out() {
    let presets = Preset::ALL.iter().map(|preset| preset.document());
    for text in presets.chain([DEFAULT.to_owned()]) {
        check(&serde_json::from_str(&text).unwrap(), true);
        check(&serde_json::to_value(Policy::parse(&text).unwrap().effective()).unwrap(), true);
    }
}

#[test]
fn what_a_policy_may_leave_out_the_schema_lets_it_leave_out() {
    check(
        &json!({
            "format": 1,
            "classes": [{ "name": "all", "match": [{}] }],
            "limits": { "all": { "access-key": { "maxAgeDays": "off" } } },
            "remedies": {},
            "budget": { "perDay": 1, "percentPerDay": 1 }
        }),
        true,
    );
}

#[test]
fn a_misspelt_field_is_refused_wherever_it_stands() {
    let places = [
        ("", "clases"),
        ("/budget", "perWeek"),
        ("/classes/0", "mach"),
        ("/classes/0/match/0", "nam"),
        ("/limits/default/access-key", "maxAge"),
        ("/remedies/access-key-age/default", "moode"),
    ];
    for (object, field) in places {
        check(&changed(object, field, json!(1)), false);
    }
}

#[test]
fn a_name_that_nobody_knows_is_refused() {
    check(&changed("/limits/default", "acess-key", json!({})), false);
    check(&changed("/remedies", "acess-key-age", json!({})), false);
    check(&changed("/remedies/access-key-age/default", "mode", json!("enfroce")), false);
    check(&changed("/remedies/access-key-age/default", "remedy", json!("deactivate")), false);
    check(&changed("/remedies/access-key-age/default", "delivery", json!("store")), false);
    check(&changed("/remedies/access-key-age/default", "force", json!("yes")), false);
}

#[test]
fn a_rotation_says_how_a_user_gets_its_key() {
    let mut document = changed("/remedies/access-key-age/default", "remedy", json!("rotate-key"));
    for (field, value) in [("delivery", json!("owner")), ("delivery", json!("secret")), ("force", json!(true))] {
        document["remedies"]["access-key-age"]["default"][field] = value;
        check(&document, true);
    }
}

#[test]
fn a_limit_is_a_number_of_days_or_off() {
    for limit in ["maxAgeDays", "unusedDays", "neverUsedDays"] {
        let set = |days: Value| changed("/limits/default/access-key", limit, days);
        check(&set(json!(15)), true);
        check(&set(json!("off")), true);
        check(&set(json!(3650)), true);
        for wrong in [json!(0), json!(3651), json!("never"), json!(1.5), json!(-1), json!(true)] {
            check(&set(wrong), false);
        }
    }
    check(&changed("/limits/default/access-key", "undoDays", json!("off")), false);
    check(&changed("/limits/default/access-key", "inUseDays", json!(0)), false);
    check(&changed("/budget", "percentPerDay", json!(101)), false);
    check(&changed("", "format", json!(2)), false);
}
