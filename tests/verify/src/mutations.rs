//! Takes each guard out in turn and shows that the test which holds it fails.
//!
//! A mutation is a patch in `tests/mutations/`. Its text before the patch says what is taken out, and one line
//! `test: PACKAGE NAME` names the test that must fail, and the package that holds it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::run::{say, timed};

struct Mutation {
    name: String,
    patch: PathBuf,
    test: String,
}

/// Applies the mutations whose names contain one of the words, or all, each to a clone of the last commit.
pub(crate) fn run(root: &Path, words: &[String]) -> Result<(), String> {
    let mutations: Vec<Mutation> = read(&root.join("tests/mutations"))?
        .into_iter()
        .filter(|mutation| words.is_empty() || words.iter().any(|word| mutation.name.contains(word.as_str())))
        .collect();
    let clone = root.join("target/mutations/clone");
    prepare(root, &clone)?;
    let mut survivors = Vec::new();
    for mutation in &mutations {
        let (outcome, took) = timed(|| is_caught(&clone, mutation));
        restore(&clone)?;
        match outcome {
            Ok(()) => {
                say(&format!("mutations: {} is caught by {} ({} s)", mutation.name, mutation.test, took.as_secs()));
            }
            Err(reason) => {
                say(&format!("mutations: {} is NOT caught: {reason}", mutation.name));
                survivors.push(mutation.name.clone());
            }
        }
    }
    say(&format!("mutations: {} passed, {} failed", mutations.len() - survivors.len(), survivors.len()));
    if mutations.is_empty() {
        Err("no mutation is called like that".to_owned())
    } else if survivors.is_empty() {
        Ok(())
    } else {
        Err(format!("not caught: {}", survivors.join(", ")))
    }
}

fn read(folder: &Path) -> Result<Vec<Mutation>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("failed to list `{}`: {error}", folder.display()))?;
    let mut mutations = Vec::new();
    for entry in entries {
        let patch = entry.map_err(|error| format!("failed to list `{}`: {error}", folder.display()))?.path();
        if patch.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let content =
            fs::read_to_string(&patch).map_err(|error| format!("failed to read `{}`: {error}", patch.display()))?;
        let Some((_, test)) =
            content.lines().find_map(|line| line.strip_prefix("test: ")).and_then(|line| line.split_once(' '))
        else {
            return Err(format!("`{}` has no line `test: PACKAGE NAME`", patch.display()));
        };
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        mutations.push(Mutation { name, test: test.trim().to_owned(), patch });
    }
    mutations.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(mutations)
}

/// A clone of the last commit with the dependencies of the CDK app, and a build of its own.
fn prepare(root: &Path, clone: &Path) -> Result<(), String> {
    if clone.exists() {
        fs::remove_dir_all(clone).map_err(|error| format!("failed to remove `{}`: {error}", clone.display()))?;
    }
    let clone_text = clone.display().to_string();
    expect(&output(root, "git", &["clone", "--quiet", ".", &clone_text])?)
}

fn restore(clone: &Path) -> Result<(), String> {
    expect(&output(clone, "git", &["checkout", "--quiet", "--", "."])?)
}

/// A mutation is caught when the mutated tree builds, and its test runs and fails.
fn is_caught(clone: &Path, mutation: &Mutation) -> Result<(), String> {
    let patch = mutation.patch.display().to_string();
    expect(&output(clone, "git", &["apply", &patch])?)?;
    // Always the whole workspace: another choice of packages would have the dependencies built with other features.
    let targets = ["--workspace", "--exclude", "verify", "--lib", "--bins", "--tests"];
    expect(&output(clone, "cargo", &[["test", "--quiet", "--no-run"].as_slice(), &targets].concat())?)?;
    let arguments = [["test", "--no-fail-fast"].as_slice(), &targets, &[mutation.test.as_str()]].concat();
    let tested = output(clone, "cargo", &arguments)?;
    let printed = String::from_utf8_lossy(&tested.stdout).into_owned();
    let ended = |how: &str| printed.lines().any(|line| line.contains(&mutation.test) && line.ends_with(how));
    if ended("FAILED") {
        Ok(())
    } else if ended("ok") {
        Err(format!("{} passes without the guard", mutation.test))
    } else {
        Err(format!("{} did not run: {}", mutation.test, String::from_utf8_lossy(&tested.stderr)))
    }
}

fn output(folder: &Path, program: &str, arguments: &[&str]) -> Result<Output, String> {
    let target = folder.parent().unwrap_or(folder).join("target");
    let mut command = Command::new(program);
    if program == "cargo" {
        command.env("CARGO_TARGET_DIR", target);
    }
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|error| format!("failed to start `{program} {}`: {error}", arguments.join(" ")))
}

fn expect(output: &Output) -> Result<(), String> {
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A patch that no longer applies takes nothing out, and nobody would notice but once in a while.
    #[test]
    fn every_mutation_fits_the_code_that_stands() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mutations = read(&root.join("tests/mutations")).unwrap();
        assert!(!mutations.is_empty());
        for mutation in mutations {
            let patch = mutation.patch.display().to_string();
            let checked = output(&root, "git", &["apply", "--check", &patch]).unwrap();
            assert!(checked.status.success(), "{}: {}", mutation.name, String::from_utf8_lossy(&checked.stderr));
        }
    }
}
