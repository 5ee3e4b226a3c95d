//! What was measured, as tables.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZero;

use crate::billing::Billed;
use crate::binaries::Judged;
use crate::comparison::{Pair, Run};
use crate::table::{Table, percent, thousands, times};
use crate::target::mib;

/// Every rule, account and day: what Credwarden took, and behind the stroke what the Python rule took.
pub(crate) fn runs(pairs: &[Pair]) -> Table {
    let mut table = Table::new(&[
        "rule",
        "users",
        "day",
        "calls",
        "wall s",
        "faster",
        "CPU s",
        "peak MiB",
        "evaluations sent",
        "NON_COMPLIANT",
    ]);
    for Pair { users, rule, day, credwarden, python } in pairs {
        let both = |shown: fn(&Run) -> String| format!("{} / {}", shown(credwarden), shown(python));
        table.row([
            (*rule).to_owned(),
            thousands(*users as u64),
            day.to_string(),
            both(|run| thousands(run.tally.total())),
            both(|run| format!("{:.1}", run.measured.wall.as_secs_f64())),
            times(python.measured.wall.as_secs_f64(), credwarden.measured.wall.as_secs_f64()),
            both(|run| format!("{:.2}", run.measured.cpu.as_secs_f64())),
            both(|run| format!("{:.1}", mib(run.measured.peak_kib))),
            both(|run| thousands(run.tally.billed)),
            both(|run| thousands(run.findings as u64)),
        ]);
    }
    table
}

/// By how much the emulator was later than the delay.
pub(crate) fn emulator(pairs: &[Pair]) -> String {
    let runs = pairs.iter().flat_map(|pair| [&pair.credwarden, &pair.python]);
    let shares = runs.map(|run| run.tally.late.as_secs_f64() / run.measured.wall.as_secs_f64());
    let most = percent(shares.fold(0.0, f64::max));
    format!("Answers that the emulator had not ready within the delay took {most} of a run's time at the most.\n")
}

/// What it was measured on.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, NonZero::get);
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    format!("Measured on {cores} cores of {}.\n", model(&about).unwrap_or("an unnamed processor"))
}

/// The processor's name in what the kernel tells of it.
fn model(about: &str) -> Option<&str> {
    let line = about.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// Calls by action on the largest account, and behind the stroke the Python rule's.
pub(crate) fn calls(pairs: &[Pair]) -> Table {
    let largest = pairs.iter().map(|pair| pair.users).max().unwrap_or_default();
    let pairs: Vec<_> = pairs.iter().filter(|pair| pair.users == largest).collect();
    let headings = pairs.iter().map(|pair| format!("{}, day {}", pair.rule, pair.day));
    let headings: Vec<_> =
        std::iter::once(format!("calls at {} users", thousands(largest as u64))).chain(headings).collect();
    let mut table = Table::new(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    let runs = pairs.iter().flat_map(|pair| [&pair.credwarden, &pair.python]);
    let actions: BTreeSet<_> = runs.flat_map(|run| run.tally.calls.keys()).collect();
    for action in actions {
        let counts = pairs.iter().map(|pair| {
            let of = |run: &Run| run.tally.of(&[action]);
            match (of(&pair.credwarden), of(&pair.python)) {
                (0, 0) => String::new(),
                (one, other) => format!("{} / {}", thousands(one), thousands(other)),
            }
        });
        table.row(std::iter::once(action.clone()).chain(counts));
    }
    table
}

/// Evaluations billed.
pub(crate) fn billed(billed: &[Billed]) -> Table {
    let mut table = Table::new(&["rule", "users", "days", "billed", "everything, every day", "share"]);
    for one in billed {
        table.row([
            one.rule.to_owned(),
            thousands(one.users as u64),
            one.days.to_string(),
            thousands(one.sent),
            thousands(one.everything),
            percent(one.share()),
        ]);
    }
    table
}

/// The core's rates.
pub(crate) fn core(judged: &[Judged]) -> Table {
    let mut table = Table::new(&["credentials", "s", "credentials a second"]);
    for one in judged {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, far below 2^64")]
        let per_second = one.per_second().round() as u64;
        table.row([thousands(one.credentials), format!("{:.4}", one.seconds), thousands(per_second)]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_by_the_kernel() {
        assert_eq!(model("processor\t: 0\nmodel name\t: A Processor @ 2.00GHz\n"), Some("A Processor @ 2.00GHz"));
        assert_eq!(model("processor\t: 0\n"), None);
    }
}
