//! Runs one command and tells how it went.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A command with its arguments, in a folder below the clone.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) folder: &'static str,
    pub(crate) words: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Line {
    /// A command in the clone's own folder, its words separated by spaces.
    pub(crate) fn new(text: &str) -> Self {
        let words = text.split_whitespace().map(str::to_owned).collect();
        Self { folder: ".", words, environment: Vec::new() }
    }

    /// The same in another folder.
    pub(crate) fn below(self, folder: &'static str) -> Self {
        Self { folder, ..self }
    }

    /// The same with a variable of the environment.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Runs it; what it prints is shown as it comes.
    pub(crate) fn run(&self, root: &Path) -> Result<(), String> {
        let text = self.words.join(" ");
        let Some((program, arguments)) = self.words.split_first() else { return Ok(()) };
        let status = Command::new(program)
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(root.join(self.folder))
            .status()
            .map_err(|error| format!("failed to start `{text}`: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("`{text}` in `{}` ended with {status}", self.folder)) }
    }
}

/// Says something to the person who waits.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// How long `act` took, beside what it gave.
pub(crate) fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let outcome = act();
    (outcome, start.elapsed())
}
