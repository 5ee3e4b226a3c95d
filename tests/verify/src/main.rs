//! `cargo verify`: every check of the project, from a bare clone.
//!
//! `cargo verify` runs all steps, `cargo verify NAME…` those whose names contain one of the given words, and
//! `cargo verify --mutations [NAME…]` takes each guard out in turn and shows that its test fails.

mod mutations;
mod run;
mod steps;
mod tools;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = root();
    let outcome = match arguments.split_first() {
        Some((first, names)) if first == "--mutations" => mutations::run(&root, names),
        Some((first, _)) if first.starts_with('-') => {
            Err(format!("unknown option `{first}`\nusage: cargo verify [NAME…] | cargo verify --mutations [NAME…]"))
        }
        _ => tools::check().and_then(|()| steps::run(&root, &arguments)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

/// The clone that this program was built from.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
