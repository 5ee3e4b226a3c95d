//! What was ever found stays fixed, and what is real is read.

use credwarden_creation::{Event, of_lookup};
use credwarden_fuzz::corpus::{EVENTS, REPORTS};
use credwarden_fuzz::found;
use credwarden_fuzz::run::run;
use credwarden_fuzz::target::TARGETS;
use credwarden_inventory::report::Report;
use std::time::Duration;

#[test]
fn whatever_was_found_holds_now() {
    for target in &TARGETS {
        for (file, input) in found::all(target).unwrap() {
            assert_eq!(target.check(&input), Ok(()), "{}", file.display());
        }
    }
}

#[test]
fn every_input_of_the_corpus_holds_and_is_what_it_looks_like() {
    for target in &TARGETS {
        for input in target.corpus() {
            assert_eq!(target.check(input.as_bytes()), Ok(()), "{}: {input}", target.name);
        }
    }
    for event in EVENTS {
        assert!(matches!(of_lookup(event), Ok(Event::Creation(_))), "{event}");
    }
    for report in REPORTS {
        assert!(!Report::parse(report.as_bytes()).unwrap().rows.is_empty(), "{report}");
    }
}

#[test]
fn the_same_seed_tries_the_same_inputs() {
    for target in &TARGETS {
        let (_, once) = run(target, Duration::from_millis(1), 7);
        let (_, twice) = run(target, Duration::from_millis(1), 7);
        assert_eq!(once, twice, "{}", target.name);
        assert_eq!(once, None, "{}", target.name);
    }
}
