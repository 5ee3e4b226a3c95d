//! The program: the clock, the terminal and the exit status are here, and nothing else.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use credwarden_cli::arguments::{Arguments, Colour};
use credwarden_cli::failure::Failure;
use credwarden_cli::output::Look;
use credwarden_cli::run::{Outcome, run};
use jiff::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let look = look(arguments.color);
    #[expect(clippy::disallowed_methods, reason = "this is the program's main")]
    let now = Timestamp::now();
    let outcome = Box::pin(run(arguments, look, now)).await;
    match outcome.and_then(write) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => ExitCode::from(report(&failure)),
    }
}

/// Writes the output, and gives the exit status.
fn write(Outcome { text, status }: Outcome) -> Result<u8, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(status),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ClosedPipe(status)),
        Err(error) => Err(Failure::Input(anyhow::Error::new(error).context("failed to write to standard output"))),
    }
}

/// Tells on standard error what went wrong, and gives the exit status.
fn report(failure: &Failure) -> u8 {
    let (error, status) = match failure {
        Failure::ClosedPipe(status) => return *status,
        Failure::Input(error) => (error, 2),
        Failure::Account(error) => (error, 5),
    };
    // The hints stand last, whichever error they belong to.
    let (mut lines, mut hints): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for cause in error.chain() {
        for line in cause.to_string().lines() {
            if line.starts_with("hint: ") { &mut hints } else { &mut lines }.push(line.to_owned());
        }
    }
    // Nobody is left to be told if this fails.
    let _ = writeln!(io::stderr(), "error: {}", [vec![lines.join("\n  ")], hints].concat().join("\n"));
    status
}

fn look(colour: Colour) -> Look {
    let is_terminal = io::stdout().is_terminal();
    #[expect(clippy::disallowed_methods, reason = "this is the program's main")]
    let is_wanted = std::env::var("NO_COLOR").map_or(true, |value| value.is_empty());
    Look {
        colour: match colour {
            Colour::Auto => is_terminal && is_wanted,
            Colour::Always => true,
            Colour::Never => false,
        },
        width: if is_terminal { comfy_table::Table::new().width() } else { None },
    }
}
