//! Which way dependencies point: what decides knows neither a client, a runtime, a clock nor the environment.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test prepares may fail it")]

use std::fs;
use std::path::{Path, PathBuf};

use credwarden_catalogue::CATALOGUE;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines of a crate's manifest that name dependencies which are linked into what ships.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = read(&format!("{folder}/Cargo.toml"));
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What a source file outside its tests must not name.
fn names(text: &str, forbidden: &[&str]) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.filter(|line| forbidden.iter().any(|word| line.contains(word))).map(str::to_owned).collect()
}

#[test]
fn what_a_rule_decides_with_names_credential_and_policy_only() {
    for rule in CATALOGUE.rules {
        let file = format!("rules/{}/src/lib.rs", rule.name);
        let wiring =
            ["aws_", "credwarden_config_rule", "credwarden_inventory", "credwarden_ledger", "credwarden_remedy"];
        let runtime = ["lambda_runtime", "tokio", "std::env", "std::fs", "Timestamp::now", "async fn"];
        assert_eq!(names(&read(&file), &[&wiring[..], &runtime[..]].concat()), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn no_rule_depends_on_the_remedy() {
    for rule in CATALOGUE.rules {
        let dependencies = dependencies(&format!("rules/{}", rule.name));
        assert!(dependencies.contains(&"credwarden-policy".to_owned()), "{dependencies:?}");
        assert!(!dependencies.contains(&"credwarden-remedy".to_owned()), "{}", rule.name);
    }
}

#[test]
fn the_pure_crates_depend_on_no_client_and_no_runtime() {
    for folder in ["shared/credential", "shared/policy"] {
        for name in dependencies(folder) {
            let impure = ["aws-", "tokio", "lambda", "hyper", "tracing"].iter().any(|prefix| name.starts_with(prefix));
            assert!(!impure, "{folder} depends on {name}");
        }
    }
}

#[test]
fn only_the_remedy_can_change_iam_and_what_decides_in_it_cannot() {
    for module in ["guard", "plan", "verify"] {
        let file = format!("shared/remedy/src/{module}.rs");
        assert_eq!(names(&read(&file), &["WriteIam", "aws_", "tokio", "async fn"]), Vec::<String>::new(), "{file}");
    }
    for folder in ["shared/config-rule", "shared/inventory", "shared/ledger"] {
        for entry in walk(&root().join(folder).join("src")) {
            let text = fs::read_to_string(&entry).unwrap();
            let found = names(&text, &["update_access_key", "delete_access_key", "create_access_key"]);
            assert_eq!(found, Vec::<String>::new(), "{}", entry.display());
        }
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}
