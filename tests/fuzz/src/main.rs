//! `cargo fuzz-parsers [SECONDS] [NAME…] [--seed N]`: tries every parser for so many seconds, and keeps what fails.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use credwarden_fuzz::found;
use credwarden_fuzz::run::run;
use credwarden_fuzz::target::TARGETS;

/// How long each parser is tried where nothing is said.
const TEN_MINUTES: Duration = Duration::from_mins(10);

const USAGE: &str = "usage: cargo fuzz-parsers [SECONDS] [NAME…] [--seed N]";

fn main() -> ExitCode {
    match request(std::env::args().skip(1)).and_then(|request| try_all(&request)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            say(&message);
            ExitCode::from(2)
        }
    }
}

struct Request {
    time: Duration,
    names: Vec<String>,
    seed: u64,
}

fn request(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut request =
        Request { time: TEN_MINUTES, names: Vec::new(), seed: RandomState::new().build_hasher().finish() };
    while let Some(argument) = arguments.next() {
        if argument == "--seed" {
            let seed = arguments.next().and_then(|seed| seed.parse().ok());
            request.seed = seed.ok_or_else(|| format!("`--seed` needs a number\n{USAGE}"))?;
        } else if argument.starts_with('-') {
            return Err(format!("unknown option `{argument}`\n{USAGE}"));
        } else if let Ok(seconds) = argument.parse() {
            request.time = Duration::from_secs(seconds);
        } else {
            request.names.push(argument);
        }
    }
    Ok(request)
}

/// Whether nothing was found.
fn try_all(Request { time, names, seed }: &Request) -> Result<bool, String> {
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|word| name.contains(word.as_str()));
    let targets: Vec<_> = TARGETS.iter().filter(|target| is_wanted(target.name)).collect();
    if targets.is_empty() {
        let known: Vec<_> = TARGETS.iter().map(|target| format!("`{}`", target.name)).collect();
        return Err(format!("no parser is called like that; there are {}", known.join(", ")));
    }
    // A panic is a finding, and is told once, at the end.
    std::panic::set_hook(Box::new(|_| {}));
    let mut is_sound = true;
    for target in targets {
        let (tried, found) = run(target, *time, *seed);
        say(&format!("{}: {tried} inputs in {} s, seed {seed}", target.name, time.as_secs()));
        let Some(found) = found else { continue };
        is_sound = false;
        let file =
            found::keep(target, &found.input).map_err(|error| format!("failed to keep what was found: {error}"))?;
        say(&format!(
            "{}: {}\n  kept as `{}`:\n  {}",
            target.name,
            found.what,
            file.display(),
            found.input.escape_ascii()
        ));
    }
    Ok(is_sound)
}

/// Tells whoever waits.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
