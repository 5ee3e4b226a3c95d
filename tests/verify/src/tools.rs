//! What must be on the machine, and how to get it.

use std::process::{Command, Stdio};

const NEEDED: [(&str, &[&str], &str); 7] = [
    ("cargo fmt", &["cargo", "fmt", "--version"], "rustup component add rustfmt"),
    ("cargo clippy", &["cargo", "clippy", "--version"], "rustup component add clippy"),
    ("git", &["git", "--version"], "install git with the system's package manager"),
    (
        "Node.js 20 or later",
        &["node", "--eval", "process.exit(Number(process.versions.node.split('.')[0]) < 20 ? 1 : 0)"],
        "install Node.js, see https://nodejs.org",
    ),
    ("npm", &["npm", "--version"], "it comes with Node.js, see https://nodejs.org"),
    (
        "Python 3.11 or later",
        &["python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
        "install Python, see https://www.python.org",
    ),
    ("Python's venv", &["python3", "-c", "import venv, ensurepip"], "on Debian: apt install python3-venv"),
];

/// Names everything that is missing at once.
pub(crate) fn check() -> Result<(), String> {
    let missing: Vec<String> = NEEDED
        .iter()
        .filter(|(_, words, _)| !answers(words))
        .map(|(name, _, remedy)| format!("missing: {name}\nhint: {remedy}"))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}

fn answers(words: &[&str]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
