//! The steps, in the order of how soon they tell.

use std::path::Path;

use crate::run::{Line, say, timed};

struct Step {
    name: &'static str,
    lines: Vec<Line>,
}

/// Runs the steps whose names contain one of the words, or all.
pub(crate) fn run(root: &Path, words: &[String]) -> Result<(), String> {
    let steps: Vec<Step> = all(root)
        .into_iter()
        .filter(|step| words.is_empty() || words.iter().any(|word| step.name.contains(word.as_str())))
        .collect();
    if steps.is_empty() {
        return Err(format!("no step is called like that; there are: {}", names(&all(root))));
    }
    let mut summary = Vec::new();
    let mut failures = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        say(&format!("verify: [{}/{}] {}", number + 1, steps.len(), step.name));
        let (outcome, took) = timed(|| step.lines.iter().try_for_each(|line| line.run(root)));
        let word = if outcome.is_ok() { "passed" } else { "FAILED" };
        summary.push(format!("verify: {word} {} in {} s", step.name, took.as_secs()));
        if let Err(message) = outcome {
            say(&format!("verify: {message}"));
            failures.push(message);
        }
    }
    for line in &summary {
        say(line);
    }
    say(&format!("verify: {} passed, {} failed", steps.len() - failures.len(), failures.len()));
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

fn names(steps: &[Step]) -> String {
    steps.iter().map(|step| format!("`{}`", step.name)).collect::<Vec<_>>().join(", ")
}

fn all(root: &Path) -> Vec<Step> {
    let bin = root.join("target/verify/venv/bin");
    let tool = |name: &str| bin.join(name).display().to_string();
    let checker = root.join("target/debug/credwarden-catalogue").display().to_string();
    let cdk = |text: &str| Line::new(text).below("cdk").with("CREDWARDEN_POLICY_CHECKER", checker.clone());
    let mut deny = Line::new("--config .deny.toml check licenses bans sources");
    deny.words.insert(0, tool("cargo-deny"));
    let mut install = Line::new("-m pip install --quiet -r tests/verify/requirements.txt -r cdk/requirements.txt");
    install.words.insert(0, tool("python"));
    vec![
        Step { name: "format", lines: vec![Line::new("cargo fmt --all --check")] },
        Step { name: "tools", lines: vec![Line::new("python3 -m venv target/verify/venv"), install] },
        Step { name: "licences, bans and sources", lines: vec![deny] },
        Step {
            name: "lints",
            lines: vec![Line::new("cargo clippy --workspace --all-targets --locked -- -D warnings")],
        },
        Step {
            name: "documentation",
            lines: vec![
                Line::new("cargo doc --workspace --no-deps --document-private-items --locked")
                    .with("RUSTDOCFLAGS", "-D warnings".to_owned()),
            ],
        },
        Step { name: "build", lines: vec![Line::new("cargo build --workspace --all-targets --locked")] },
        Step {
            name: "cdk",
            lines: vec![
                cdk("npm ci --no-audit --no-fund"),
                cdk("npm run format:check"),
                cdk("npm run lint"),
                cdk("npm test"),
                cdk("npm run synth -- --quiet"),
                cdk("npm run lint:template").with("CFN_LINT", tool("cfn-lint")),
            ],
        },
        // Ten minutes for each parser are `cargo fuzz-parsers`.
        Step { name: "fuzz", lines: vec![Line::new("cargo fuzz-parsers 3 --seed 1")] },
        Step { name: "tests", lines: vec![Line::new("cargo test --workspace --no-fail-fast --locked")] },
    ]
}
