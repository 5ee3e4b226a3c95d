//! What is to be reached, and by how much it is not.

use crate::billing::Billed;
use crate::binaries::Judged;
use crate::comparison::{Pair, Run};
use crate::table::{Table, percent, thousands, times};

/// On the first day, calls beyond the least that can do are at most so many to one.
const SPARE_CALLS: f64 = 1.15;
/// How many times as fast as the Python rule.
const FASTER_FIRST_DAY: f64 = 6.0;
const FASTER_STEADY_DAY: f64 = 30.0;
/// Calls of a rule on a day on which nothing has changed.
const STEADY_CALLS: f64 = 120.0;
const PEAK_MIB: f64 = 32.0;
/// The part of all evaluations that may be billed.
const BILLED_SHARE: f64 = 0.06;
/// Credentials that the core judges in a second, on one core.
const JUDGED_PER_SECOND: f64 = 1_000_000.0;
/// By how much the time for one credential may differ between numbers of credentials and still count as linear: what a
/// cache more or less explains.
const LINEAR: f64 = 1.5;
/// A zipped function, in MB of 1,000,000 bytes.
const ZIPPED_MB: f64 = 3.0;
/// From the start of a process to its first poll for work.
const FIRST_POLL_MS: f64 = 12.0;

/// One thing to reach.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// What is measured, with its unit.
    what: String,
    bound: Bound,
    measured: f64,
}

/// How the measured number must lie.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn at_most(what: String, bound: f64, measured: f64) -> Self {
        Self { what, bound: Bound::AtMost(bound), measured }
    }

    fn at_least(what: String, bound: f64, measured: f64) -> Self {
        Self { what, bound: Bound::AtLeast(bound), measured }
    }

    /// `reached`, or by how much not.
    fn outcome(&self) -> String {
        match self.bound {
            Bound::AtMost(bound) if self.measured >= 2.0 * bound => format!("no: {}", times(self.measured, bound)),
            Bound::AtMost(bound) if self.measured > bound => {
                format!("no: {} too much", percent(self.measured / bound - 1.0))
            }
            Bound::AtLeast(bound) if self.measured < bound => {
                format!("no: {} of it", percent(self.measured / bound))
            }
            Bound::AtMost(_) | Bound::AtLeast(_) => "reached".to_owned(),
        }
    }
}

/// The targets of evaluating accounts, for the largest of them.
pub(crate) fn of_pairs(pairs: &[Pair]) -> Vec<Target> {
    let largest = pairs.iter().map(|pair| pair.users).max().unwrap_or_default();
    let mut targets = Vec::new();
    for pair in pairs.iter().filter(|pair| pair.users == largest) {
        let Pair { rule, credwarden, python, .. } = pair;
        let calls = number(credwarden.tally.total());
        let faster = python.measured.wall.as_secs_f64() / credwarden.measured.wall.as_secs_f64();
        let (day, most_calls, least_faster) = match pair.day {
            1 => ("first day", SPARE_CALLS * least_calls(credwarden), FASTER_FIRST_DAY),
            _ => ("steady day", STEADY_CALLS, FASTER_STEADY_DAY),
        };
        targets.push(Target::at_most(format!("{rule}, {day}: calls"), most_calls.round(), calls));
        targets.push(Target::at_least(format!("{rule}, {day}: times as fast"), least_faster, faster));
        let what = format!("{rule}, {day}: peak memory, MiB");
        targets.push(Target::at_most(what, PEAK_MIB, mib(credwarden.measured.peak_kib)));
    }
    targets
}

/// The least calls that can do on a first day: the report, the pages of lists and of stored results, one live read of each
/// user that was read live, and one call for 100 evaluations.
fn least_calls(run: &Run) -> f64 {
    let lists = run.tally.of(&[
        "iam:GenerateCredentialReport",
        "iam:GetCredentialReport",
        "iam:GetAccountAuthorizationDetails",
        "config:GetComplianceDetailsByConfigRule",
    ]);
    number(lists) + number(run.tally.billed.div_ceil(100)) + number(run.tally.read_live.len() as u64)
}

/// The target of what is billed.
pub(crate) fn of_billed(billed: Billed) -> Target {
    let what = format!("{}, {} days: % of all evaluations billed", billed.rule, billed.days);
    Target::at_most(what, 100.0 * BILLED_SHARE, 100.0 * billed.share())
}

/// The targets of the core.
pub(crate) fn of_core(judged: &[Judged]) -> Vec<Target> {
    let rates = || judged.iter().map(|judged| judged.per_second());
    let (slowest, fastest) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    vec![
        Target::at_least("core: credentials a second, at the slowest".to_owned(), JUDGED_PER_SECOND, slowest.round()),
        Target::at_most("core: slowest credential to fastest, 10^3 to 10^7".to_owned(), LINEAR, fastest / slowest),
    ]
}

/// The targets of one release binary.
pub(crate) fn of_binary(rule: &str, zipped_bytes: u64, first_poll_ms: f64) -> Vec<Target> {
    vec![
        Target::at_most(format!("{rule}: zipped, MB"), ZIPPED_MB, number(zipped_bytes) / 1e6),
        Target::at_most(format!("{rule}: ms from start to first poll"), FIRST_POLL_MS, first_poll_ms),
    ]
}

/// All targets and their outcomes.
pub(crate) fn table(targets: &[Target]) -> Table {
    let mut table = Table::new(&["what", "measured", "target", "outcome"]);
    for target in targets {
        let bound = match target.bound {
            Bound::AtMost(bound) => format!("at most {}", shown(bound)),
            Bound::AtLeast(bound) => format!("at least {}", shown(bound)),
        };
        table.row([target.what.clone(), shown(target.measured), bound, target.outcome()]);
    }
    table
}

/// Large numbers whole, small ones with what matters behind the point.
fn shown(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts and rates, far below 2^64")]
    let whole = number.round() as u64;
    if number >= 100.0 || number.fract().abs() < 1e-9 { thousands(whole) } else { format!("{number:.2}") }
}

/// KiB in MiB.
pub(crate) fn mib(kib: u64) -> f64 {
    number(kib) / 1024.0
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::endpoint::Tally;
    use crate::process::Measured;

    fn run(calls: &[(&str, u64)], read_live: u64, wall: u64) -> Run {
        let tally = Tally {
            calls: calls.iter().map(|&(action, count)| (action.to_owned(), count)).collect::<BTreeMap<_, _>>(),
            read_live: (0..read_live).map(|number| number.to_string()).collect::<BTreeSet<_>>(),
            billed: 250,
            late: Duration::ZERO,
        };
        let measured =
            Measured { wall: Duration::from_secs(wall), cpu: Duration::ZERO, peak_kib: 32 * 1024, answer: Value::Null };
        Run { tally, measured, findings: 0 }
    }

    #[test]
    fn what_is_exactly_at_its_bound_is_reached() {
        assert_eq!(Target::at_most(String::new(), 6.0, 6.0).outcome(), "reached");
        assert_eq!(Target::at_least(String::new(), 6.0, 6.0).outcome(), "reached");
    }

    #[test]
    fn what_is_not_reached_says_by_how_much() {
        assert_eq!(Target::at_most(String::new(), 120.0, 240.0).outcome(), "no: 2.0 x");
        assert_eq!(Target::at_most(String::new(), 3.0, 3.66).outcome(), "no: 22.0 % too much");
        assert_eq!(Target::at_least(String::new(), 6.0, 4.5).outcome(), "no: 75.0 % of it");
    }

    #[test]
    fn the_least_calls_of_a_first_day_read_each_suspect_once() {
        let calls = [
            ("iam:GetCredentialReport", 2),
            ("iam:GenerateCredentialReport", 1),
            ("iam:GetAccountAuthorizationDetails", 5),
            ("iam:ListAccessKeys", 40),
            ("iam:ListSSHPublicKeys", 40),
            ("config:GetComplianceDetailsByConfigRule", 1),
        ];
        // 2 + 1 + 5 + 1, 3 for 250 evaluations, and 40 users rather than 80 calls.
        assert!((least_calls(&run(&calls, 40, 1)) - 52.0).abs() < 1e-9);
    }

    #[test]
    fn only_the_largest_account_has_targets() {
        let pair = |users, day| Pair {
            users,
            rule: "rule",
            day,
            credwarden: run(&[("iam:ListAccessKeys", 100)], 100, 2),
            python: run(&[("iam:ListAccessKeys", 5_000)], 5_000, 100),
        };
        let targets = of_pairs(&[pair(1_000, 1), pair(1_000, 2), pair(5_000, 1), pair(5_000, 2)]);
        let outcomes: Vec<_> = targets.iter().map(Target::outcome).collect();
        assert_eq!(outcomes, ["reached", "reached", "reached", "reached", "reached", "reached"]);
        assert!(
            targets.iter().any(|target| target.what == "rule, steady day: times as fast" && (target.measured - 50.0).abs() < 1e-9)
        );
    }

    #[test]
    fn the_slowest_rate_of_the_core_counts() {
        let judged =
            [Judged { credentials: 1_000, seconds: 0.0005 }, Judged { credentials: 10_000_000, seconds: 20.0 }];
        let outcomes: Vec<_> = of_core(&judged).iter().map(Target::outcome).collect();
        assert_eq!(outcomes, ["no: 50.0 % of it", "no: 2.7 x"]);
    }
}
