//! What was measured, as tables.

use std::collections::BTreeSet;

use crate::billing::Billed;
use crate::binaries::Judged;
use crate::comparison::{Pair, Run};
use crate::table::{Table, percent, thousands, times};
use crate::target::mib;

/// Every rule, account and day: what Credwarden took, and what the Python rule took.
pub(crate) fn runs(pairs: &[Pair]) -> Table {
    let mut table = Table::new(&[
        "rule",
        "users",
        "day",
        "by",
        "calls",
        "wall s",
        "faster",
        "CPU s",
        "peak MiB",
        "evaluations sent",
        "NON_COMPLIANT",
        "emulator late s",
    ]);
    for Pair { users, rule, day, credwarden, python } in pairs {
        for (by, run) in [("Credwarden", credwarden), ("Python", python)] {
            let faster = times(python.measured.wall.as_secs_f64(), run.measured.wall.as_secs_f64());
            table.row([
                (*rule).to_owned(),
                thousands(*users as u64),
                day.to_string(),
                by.to_owned(),
                thousands(run.tally.total()),
                format!("{:.1}", run.measured.wall.as_secs_f64()),
                faster,
                format!("{:.2}", run.measured.cpu.as_secs_f64()),
                format!("{:.1}", mib(run.measured.peak_kib)),
                thousands(run.tally.billed),
                thousands(run.findings as u64),
                format!("{:.2}", run.tally.late.as_secs_f64()),
            ]);
        }
    }
    table
}

/// Calls by action on the largest account.
pub(crate) fn calls(pairs: &[Pair]) -> Table {
    let largest = pairs.iter().map(|pair| pair.users).max().unwrap_or_default();
    let pairs: Vec<_> = pairs.iter().filter(|pair| pair.users == largest).collect();
    let mut headings = vec!["call".to_owned()];
    let mut runs: Vec<&Run> = Vec::new();
    for pair in &pairs {
        for (by, run) in [("", &pair.credwarden), (", Python", &pair.python)] {
            headings.push(format!("{} day {}{by}", pair.rule, pair.day));
            runs.push(run);
        }
    }
    let mut table = Table::new(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    let actions: BTreeSet<_> = runs.iter().flat_map(|run| run.tally.calls.keys()).collect();
    for action in actions {
        let counts =
            runs.iter().map(|run| run.tally.calls.get(action).map(|count| thousands(*count)).unwrap_or_default());
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
