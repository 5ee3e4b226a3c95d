//! The parsers, and what must hold of each whatever it is given.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use credwarden_creation::{Event, of_event_bridge, of_lookup, of_record};
use credwarden_credential::creation::Creation;
use credwarden_credential::id::UserName;
use credwarden_credential::kind::CredentialKind;
use credwarden_inventory::report::{Report, Slot};
use credwarden_policy::policy::Policy;
use jiff::Timestamp;
use proptest::strategy::{BoxedStrategy, Strategy as _};
use serde_json::{Value, json};

use crate::{corpus, mutation};

/// The longest that a parser may take for one input: a hundred times what the longest takes.
const PATIENCE: Duration = Duration::from_secs(1);

/// A parser.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of the folder of what was found.
    pub name: &'static str,
    corpus: &'static [&'static str],
    is_json: bool,
    holds: fn(&[u8]) -> Result<(), String>,
}

/// All parsers of what others write.
pub const TARGETS: [Target; 3] = [
    Target { name: "credential-report", corpus: corpus::REPORTS, is_json: false, holds: report },
    Target { name: "creation-event", corpus: corpus::EVENTS, is_json: true, holds: event },
    Target { name: "policy", corpus: corpus::POLICIES, is_json: true, holds: policy },
];

impl Target {
    /// Inputs to try.
    pub fn inputs(&self) -> BoxedStrategy<Vec<u8>> {
        if self.is_json { mutation::documents(self.corpus).boxed() } else { mutation::bytes(self.corpus).boxed() }
    }

    /// What this parser begins with: as AWS and people write it.
    pub fn corpus(&self) -> &'static [&'static str] {
        self.corpus
    }

    /// Tries one input.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self, input: &[u8]) -> Result<(), String> {
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.holds)(input)));
        let took = start.elapsed();
        outcome.unwrap_or_else(|panic| Err(format!("it panics: {}", message(panic.as_ref()))))?;
        ensure(took <= PATIENCE, || format!("it takes {took:?}"))
    }
}

/// A user is read or contradicted, never both, and nobody comes from nowhere; a row shows what it has room for.
fn report(input: &[u8]) -> Result<(), String> {
    let Ok(report) = Report::parse(input) else { return Ok(()) };
    let lines = input.split(|byte| *byte == b'\n' || *byte == b'\r').count();
    let told = report.rows.len() + report.contradicted.len() + report.nameless;
    ensure(told <= lines, || format!("{told} rows in {lines} lines"))?;
    let both = report.rows.keys().find(|name| report.contradicted.contains(*name));
    ensure(both.is_none(), || format!("{both:?} is both read and contradicted"))?;
    is_nobody_lost(input, &report)?;
    is_no_active_key_lost(input, &report)?;
    for row in report.rows.values() {
        let active = |kind| row.reported(kind, Timestamp::UNIX_EPOCH).map_or(0, |reported| reported.active.len());
        let most = CredentialKind::OF_USERS.into_iter().map(active).max().unwrap_or_default();
        ensure(most <= 2, || format!("{most} active credentials of a kind in {row:?}"))?;
        let has_password = active(CredentialKind::ConsolePassword) > 0;
        ensure(!has_password || row.console_password() == Some(true), || {
            format!("an active password that is not there in {row:?}")
        })?;
    }
    Ok(())
}

/// Whoever reads line by line, knowing nothing of quotation marks, finds nobody of whom the report says nothing, unless it
/// says that rows are missing.
fn is_nobody_lost(input: &[u8], report: &Report) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split(['\n', '\r']);
    if report.nameless > 0 || !lines.next().is_some_and(|header| header.starts_with("user,")) {
        return Ok(());
    }
    let names = lines.filter_map(|line| line.split(',').next()?.trim().parse::<UserName>().ok());
    for name in names {
        let is_told = report.rows.contains_key(&name) || report.contradicted.contains(&name);
        ensure(is_told, || format!("`{name}` has a line, and neither a row nor a mention"))?;
    }
    Ok(())
}

/// Where whoever reads cell by cell, knowing nothing of quotation marks, finds an active key, the report has one, or says
/// that it cannot tell, or that rows are missing.
fn is_no_active_key_lost(input: &[u8], report: &Report) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split(['\n', '\r']).filter(|line| !line.contains('"'));
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    if report.nameless > 0 || header.first() != Some(&"user") {
        return Ok(());
    }
    for line in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let name = cells.first().and_then(|name| name.parse::<UserName>().ok());
        let Some(row) = name.and_then(|name| report.rows.get(&name)) else { continue };
        for (slot, column) in row.keys.iter().zip(["access_key_1_active", "access_key_2_active"]) {
            let cell = header.iter().position(|name| *name == column).and_then(|place| cells.get(place));
            let is_active = cell.is_some_and(|cell| cell.eq_ignore_ascii_case("true"));
            let is_told = matches!(slot, Slot::Active(_) | Slot::Unreadable);
            ensure(!is_active || is_told, || format!("`{column}` of `{line}` is read as {slot:?}"))?;
        }
    }
    Ok(())
}

/// Both ways by which an event comes agree; a creation outlives the ledger, and only a known call makes one.
fn event(input: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(()) };
    let by_lookup = of_lookup(text);
    let Ok(record) = serde_json::from_str::<Value>(text) else {
        return ensure(by_lookup.is_err(), || "what is no JSON was read".to_owned());
    };
    let by_record = of_record(&record);
    ensure(by_lookup == by_record, || format!("a lookup says {by_lookup:?}, and the record {by_record:?}"))?;
    let by_bus = of_event_bridge(&json!({ "detail": record }));
    ensure(by_bus == by_record, || format!("the bus says {by_bus:?}, and the record {by_record:?}"))?;
    if let Err(unknown) = &by_record {
        let longest = 4 * 2048;
        let said = unknown.to_string().len();
        return ensure(said <= longest, || format!("an error of {said} bytes"));
    }
    let Ok(Event::Creation(creation)) = by_record else { return Ok(()) };
    let source = record.get("eventSource").and_then(Value::as_str);
    ensure(source == Some("iam.amazonaws.com"), || format!("a creation by {source:?}"))?;
    let at = record.get("eventTime").and_then(Value::as_str).and_then(|at| at.parse().ok());
    ensure(at == Some(creation.at), || format!("a creation at {}, and the event's time is {at:?}", creation.at))?;
    let has_failed = record.get("errorCode").is_some_and(|code| !code.is_null());
    ensure(!has_failed, || "a creation by a call that failed".to_owned())?;
    let kept = serde_json::to_string(&creation).map_err(|error| format!("a creation cannot be kept: {error}"))?;
    let read: Creation = serde_json::from_str(&kept).map_err(|error| format!("`{kept}` cannot be read: {error}"))?;
    ensure(read == *creation, || format!("{creation:?} is kept as {read:?}"))
}

/// What is refused says why; what is accepted has a normal form that says the same, and answers for every class and kind.
fn policy(input: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(()) };
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(problems) => {
            let is_said = !problems.0.is_empty() && problems.0.iter().all(|problem| !problem.what.is_empty());
            return ensure(is_said, || format!("refused without a reason: {problems:?}"));
        }
    };
    let normal = policy.to_json();
    let again = Policy::parse(&normal).map_err(|problems| format!("`{normal}` is refused: {problems}"))?;
    ensure(again.to_json() == normal, || format!("`{normal}` becomes `{}`", again.to_json()))?;
    ensure(again.effective() == policy.effective(), || format!("`{normal}` works otherwise than the document"))?;
    ensure(policy.class_names().next().is_some(), || "a policy without a class".to_owned())
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}
