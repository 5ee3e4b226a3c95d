//! `cargo sandbox`: the whole loop on this machine, told as it goes. Data go to stdout, progress to stderr.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use credwarden_sandbox::progress::Progress;
use credwarden_sandbox::story;

fn main() -> ExitCode {
    if let Some(argument) = std::env::args().nth(1) {
        return failed(&format!("unknown argument `{argument}`\nusage: cargo sandbox"));
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("failed to start: {error}")),
    };
    let progress = Progress::default();
    let mut out = std::io::stdout();
    let told = runtime.block_on(async {
        tokio::select! {
            told = story::tell(&mut out, &progress) => Some(told),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    // What was started is stopped by now; a build that is still under way has had the terminal's signal itself.
    runtime.shutdown_timeout(Duration::from_secs(5));
    match told {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => failed(&format!("{error:#}")),
        None => ExitCode::from(INTERRUPTED),
    }
}

fn failed(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "sandbox: {message}");
    ExitCode::FAILURE
}

/// What a shell reports of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;
