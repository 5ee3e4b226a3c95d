//! Tables, for people.

use comfy_table::{Cell, Color, Row};
use credwarden_credential::age::date;

use crate::finding::{Finding, Scan, SourceKind, Status, Summary};
use crate::output::{Look, rows};
use crate::scan::worst;

/// A scan: what was judged, the findings, and how many there are of each.
pub fn render(scan: &Scan, look: Look) -> String {
    let mut text = heading(scan);
    if !scan.findings.is_empty() {
        text.push('\n');
        text.push_str(&table(&scan.findings, look));
    }
    text.push('\n');
    text.push_str(&summary(scan));
    for limitation in &scan.limitations {
        text.push_str("note: ");
        text.push_str(limitation);
        text.push('\n');
    }
    text
}

fn heading(scan: &Scan) -> String {
    let source = match (scan.source.kind, &scan.source.file) {
        (SourceKind::Account, _) => String::new(),
        (SourceKind::Snapshot, file) => format!(", recorded in `{}`", file.as_deref().unwrap_or_default()),
        (SourceKind::CredentialReport, file) => {
            format!(", by the credential report `{}` alone", file.as_deref().unwrap_or_default())
        }
    };
    let account = scan.source.account.as_ref().map_or_else(|| "An account".to_owned(), |id| format!("Account {id}"));
    let policy = scan.policy.file.as_ref().map_or_else(|| "built-in".to_owned(), |file| format!("`{file}`"));
    format!(
        "{account}{source}\n{} as of {}, policy: {policy}\n",
        counted(scan.summary.users, "user"),
        scan.as_of.strftime("%Y-%m-%d %H:%M:%S UTC")
    )
}

fn table(findings: &[Finding], look: Look) -> String {
    let head = ["status", "user", "class", "rule", "credential", "since", "why"];
    let line = |finding: &Finding| {
        let class = finding.class.clone().unwrap_or_else(|| finding.possible_classes.join(" or "));
        let since = finding.non_compliant_since.map(date).unwrap_or_default();
        Row::from([
            Cell::new(worst(finding)).fg(colour(finding)),
            Cell::new(&finding.resource_name),
            Cell::new(class),
            Cell::new(finding.rule),
            Cell::new(finding.credential()),
            Cell::new(since),
            Cell::new(why(finding)),
        ])
    };
    rows(head, findings.iter().map(line), look)
}

/// The reason without the credential, which has a column of its own.
fn why(finding: &Finding) -> &str {
    finding.reason.strip_prefix(finding.credential()).unwrap_or(&finding.reason).trim_start()
}

fn colour(finding: &Finding) -> Color {
    match finding.status {
        Status::NonCompliant => Color::Red,
        Status::Unknown => Color::Yellow,
        Status::Compliant if finding.due_by.is_some() => Color::Yellow,
        Status::Compliant => Color::Green,
    }
}

fn summary(scan: &Scan) -> String {
    let Summary { users: _, non_compliant, unknown, due, excepted, compliant, unreadable_rows } = scan.summary;
    let excepted = if excepted > 0 { format!("{excepted} excepted, ") } else { String::new() };
    let mut text =
        format!("{non_compliant} NON_COMPLIANT, {unknown} UNKNOWN, {due} due soon, {excepted}{compliant} COMPLIANT\n");
    if unreadable_rows > 0 {
        text.push_str(&counted(unreadable_rows, "row"));
        text.push_str(" of the report without a user's name: it may be cut short; get it anew\n");
    }
    text
}

/// `1 user`, `2 users`.
fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, Command};
    use crate::rules::RULES;
    use crate::{input, scan};

    #[test]
    fn on_a_narrow_terminal_ids_stay_in_one_piece() {
        let arguments = ["credwarden", "scan", "--snapshot", "tests/cases/account.json", "--user", "two-old-keys"];
        let Command::Scan(request) = Arguments::parse_from(arguments).command else { panic!("it is a scan") };
        let (policy, used) = input::policy(None).unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/account.json");
        let facts = input::recorded::facts(&input::text(&file).unwrap(), "account.json", None).unwrap();
        let rules: Vec<_> = RULES.iter().collect();
        let scan = scan::scan(facts, &policy, used, &rules, &request).unwrap();
        let text = render(&scan, Look { colour: false, width: Some(120) });
        for id in ["AKIA4S3BGNKASVU3BQOI", "AKIATDXZWDSDNSNFUVZW", "unused-credentials", "service-account"] {
            assert!(text.contains(id), "{text}");
        }
        assert!(
            text.lines().filter(|line| !line.starts_with("note")).all(|line| line.chars().count() <= 120),
            "{text}"
        );
    }
}
