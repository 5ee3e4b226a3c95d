use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

const ROOT: &str = "<root_account>,arn:aws:iam::123456789012:root,2019-03-01T09:00:00+00:00,not_supported,\
    2025-02-03T10:11:12+00:00,not_supported,not_supported,true,true,2019-03-02T09:00:00+00:00,N/A,N/A,N/A,false,\
    2019-03-03T09:00:00+00:00,N/A,N/A,N/A,false,N/A,false,N/A";

const ALICE: &str = "alice,arn:aws:iam::123456789012:user/alice,2020-01-01T00:00:00Z,true,no_information,\
    2020-01-01T00:00:00Z,N/A,false,true,2020-02-01T00:00:00Z,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A credential that was changed then and never used.
fn changed(slot: u8, text: &str) -> ReportedCredential {
    ReportedCredential { slot, changed: Some(at(text)), last_used: None }
}

fn alice() -> Row {
    Row {
        arn: Some("arn:aws:iam::123456789012:user/alice".parse().unwrap()),
        user_created: Some(at("2020-01-01T00:00:00Z")),
        password: Slot::Active(changed(1, "2020-01-01T00:00:00Z")),
        keys: [Slot::Active(changed(1, "2020-02-01T00:00:00Z")), Slot::Empty],
        certificates: [Slot::Empty; 2],
        more_credentials: false,
    }
}

fn parse(lines: &[&str]) -> BTreeMap<UserName, Row> {
    Report::parse(lines.join("\n").as_bytes()).unwrap().rows
}

/// The only row of a report of one user.
fn row(lines: &[&str]) -> Row {
    let rows = parse(lines);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_values().next().unwrap()
}

fn names(lines: &[&str]) -> Vec<String> {
    parse(lines).into_keys().map(String::from).collect()
}

#[test]
fn users_have_rows_and_the_root_user_has_none() {
    let rows = parse(&[HEADER, ROOT, ALICE]);
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), [("alice".parse().unwrap(), alice())]);
}

#[test]
fn a_row_that_bears_no_name_is_counted_and_the_root_users_is_not() {
    let report = Report::parse([HEADER, ROOT, ALICE, "half a na"].join("\n").as_bytes()).unwrap();
    assert_eq!((report.rows.len(), report.nameless), (1, 1));
}

#[test]
fn rows_that_an_open_quotation_mark_swallows_are_counted() {
    let (alice, bob) = (ALICE.replacen("alice,", "alice,\"", 1), ALICE.replace("alice", "bob"));
    let report = Report::parse([HEADER, &alice, &bob, ROOT].join("\n").as_bytes()).unwrap();
    assert_eq!((report.nameless, report.rows.len()), (2, 1));
    let alice = &report.rows[&"alice".parse::<UserName>().unwrap()];
    assert_eq!((alice.password, alice.keys), (Slot::Unreadable, [Slot::Unreadable; 2]), "what is left of the row");
    let header = format!("{HEADER},\"additional");
    let report = Report::parse([&header, ALICE, &bob].join("\r\n").as_bytes()).unwrap();
    assert_eq!((report.nameless, report.rows.len()), (2, 0));
}

#[test]
fn a_newline_at_the_end_adds_nothing_and_its_lack_loses_nothing() {
    for end in ["", "\n", "\r\n", "\n\n"] {
        assert_eq!(row(&[HEADER, &format!("{ALICE}{end}")]), alice(), "{end:?}");
    }
    assert_eq!(Report::parse(format!("{HEADER}\r\n{ALICE}\r\n").as_bytes()).unwrap().rows.len(), 1);
}

#[test]
fn columns_are_found_by_name_wherever_they_are() {
    let header = "additional_credentials_info,user_creation_time,access_key_2_active,password_enabled,\
        access_key_1_active,new_column,user,access_key_2_last_rotated";
    let row = row(&[header, "N/A,2020-01-01T00:00:00Z,FALSE,FALSE,TRUE,whatever,alice,2024-01-01T00:00:00Z"]);
    let undated = ReportedCredential { slot: 1, changed: None, last_used: None };
    let keys = [Slot::Active(undated), Slot::Inactive(changed(2, "2024-01-01T00:00:00Z"))];
    assert_eq!(row, Row { password: Slot::Empty, keys, certificates: [Slot::Unreadable; 2], arn: None, ..alice() });
}

#[test]
fn a_23rd_column_says_that_there_are_more_credentials() {
    let header = format!("{HEADER},additional_credentials_info");
    for (cell, more) in [("N/A", false), ("", false), ("false", false), ("1 additional access key", true)] {
        assert_eq!(row(&[&header, &format!("{ALICE},{cell}")]).more_credentials, more, "{cell:?}");
    }
    assert!(!row(&[&header, ALICE]).more_credentials, "a row may be shorter than the header");
    let inactive = Slot::Inactive(changed(1, "2020-02-01T00:00:00Z"));
    let more = Row { keys: [inactive; 2], more_credentials: true, ..alice() };
    assert!(more.may_hold_active(CredentialKind::AccessKey));
    assert_eq!(more.reported(CredentialKind::AccessKey, at("2024-01-01T00:00:00Z")), None, "it does not show all");
}

#[test]
fn dates_may_end_in_z_or_in_an_offset_of_zero() {
    let offset = ALICE.replace('Z', "+00:00");
    assert_eq!(row(&[HEADER, &offset]), row(&[HEADER, ALICE]));
}

#[test]
fn true_and_false_may_be_written_in_capitals() {
    for written in ["TRUE", "True", "true"] {
        assert_eq!(row(&[HEADER, &ALICE.replace("true", written)]), alice(), "{written}");
    }
}

#[test]
fn users_may_be_named_like_the_values_of_other_columns() {
    for name in ["true", "FALSE", "no_information", "not_supported", "user"] {
        assert_eq!(names(&[HEADER, &ALICE.replacen("alice", name, 1)]), [name]);
    }
    // `N/A` itself cannot be a name: a name holds no slash.
    assert_eq!(names(&[HEADER, &ALICE.replacen("alice", "N/A", 1)]), [""; 0]);
}

#[test]
fn a_name_with_a_comma_is_quoted_and_stays_one_name() {
    let quoted = ALICE.replacen("alice", "\"a,b=c+d@e.f_g-h\"", 1);
    assert_eq!(names(&[HEADER, &quoted]), ["a,b=c+d@e.f_g-h"]);
}

#[test]
fn a_key_is_active_inactive_or_not_there() {
    let header = "user,user_creation_time,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date";
    let slot = |cells: &str| row(&[header, &format!("alice,2020-01-01T00:00:00Z,{cells}")]).keys[0];
    let date = "2020-02-01T00:00:00Z";
    let used = ReportedCredential { slot: 1, changed: None, last_used: Some(at(date)) };
    assert_eq!(slot(&format!("true,{date},N/A")), Slot::Active(changed(1, date)));
    assert_eq!(slot("true,N/A,N/A"), Slot::Active(ReportedCredential { last_used: None, ..used }));
    assert_eq!(slot(&format!("true,N/A,{date}")), Slot::Active(used));
    assert_eq!(slot(&format!("false,{date},N/A")), Slot::Inactive(changed(1, date)), "inactive keys keep their date");
    assert_eq!(slot(&format!("false,N/A,{date}")), Slot::Inactive(used));
    assert_eq!(slot("false,N/A,N/A"), Slot::Empty);
    assert_eq!(slot("false,no_information,not_supported"), Slot::Empty);
    assert_eq!(slot("N/A,N/A,N/A"), Slot::Unreadable, "it claims nothing");
    assert_eq!(slot("true,N/A,yesterday"), Slot::Unreadable, "a use at an unknown time is no disuse");
}

#[test]
fn a_missing_column_or_cell_claims_nothing() {
    let row = row(&["user,user_creation_time,access_key_1_active", "alice,2020-01-01T00:00:00Z"]);
    assert_eq!((row.console_password(), row.keys), (None, [Slot::Unreadable; 2]));
    assert_eq!(row.reported(CredentialKind::AccessKey, at("2024-01-01T00:00:00Z")), None);
    let not_a_date = self::row(&[HEADER, &ALICE.replacen("2020-01-01T00:00:00Z", "yesterday", 1)]);
    assert_eq!(not_a_date.user_created, None);
}

#[test]
fn a_row_given_twice_counts_once_and_rows_that_contradict_each_other_not_at_all() {
    assert_eq!(row(&[HEADER, ALICE, ALICE]), alice());
    let other = ALICE.replacen("true", "false", 1);
    assert_eq!(names(&[HEADER, ALICE, &other]), [""; 0]);
    assert_eq!(names(&[HEADER, ALICE, &other, ALICE]), [""; 0], "whichever comes last");
    let report = Report::parse([HEADER, ALICE, &other].join("\n").as_bytes()).unwrap();
    assert_eq!(report.contradicted, BTreeSet::from(["alice".parse().unwrap()]));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_column() {
    assert_eq!(row(&[&format!("\u{feff}{HEADER}"), ALICE]), alice());
}

#[test]
fn what_is_no_report_is_an_error_that_names_the_missing_column() {
    for (content, missing) in [
        ("", "user"),
        ("<?xml version=\"1.0\"?><ErrorResponse/>", "user"),
        ("user,arn\nalice,arn", "user_creation_time"),
        (ALICE, "user"),
    ] {
        assert_eq!(Report::parse(content.as_bytes()).unwrap_err().missing, missing, "{content}");
    }
    let long = Report::parse("ö".repeat(1000).as_bytes()).unwrap_err();
    assert_eq!(long.beginning.chars().count(), 80);
}

fn any_date() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000).prop_map(|at| Timestamp::from_second(at).unwrap())
}

fn any_credential(slot: u8) -> impl Strategy<Value = ReportedCredential> {
    (proptest::option::of(any_date()), proptest::option::of(any_date()))
        .prop_map(move |(changed, last_used)| ReportedCredential { slot, changed, last_used })
}

fn any_slot(slot: u8) -> impl Strategy<Value = Slot> {
    let is_dated = |credential: &ReportedCredential| credential.changed.or(credential.last_used).is_some();
    prop_oneof![
        Just(Slot::Empty),
        any_credential(slot).prop_map(Slot::Active),
        any_credential(slot).prop_filter("without dates there is none", is_dated).prop_map(Slot::Inactive),
        Just(Slot::Unreadable)
    ]
}

fn any_row() -> impl Strategy<Value = Row> {
    let password = any_slot(1).prop_map(|slot| if let Slot::Inactive(_) = slot { Slot::Empty } else { slot });
    (proptest::option::of(any_date()), password, [any_slot(1), any_slot(2)], any::<bool>()).prop_map(
        |(user_created, password, keys, more_credentials)| Row {
            arn: None,
            user_created,
            password,
            keys,
            certificates: [Slot::Unreadable; 2],
            more_credentials,
        },
    )
}

fn any_report() -> impl Strategy<Value = Report> {
    let name = "[A-Za-z0-9_+=,.@-]{1,64}".prop_map(|name| name.parse::<UserName>().unwrap());
    btree_map(name, any_row(), 0..20).prop_map(|rows| Report { rows, ..Report::default() })
}

const COLUMNS: [&str; 12] = [
    "user",
    "user_creation_time",
    "password_enabled",
    "password_last_changed",
    "password_last_used",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "additional_credentials_info",
];

/// Writes a report with its columns turned round by `turn` places.
fn render(report: &Report, turn: usize, dates_end_in_z: bool, newline: &str) -> String {
    let date = |at: Option<Timestamp>| {
        at.map_or_else(
            || "N/A".to_owned(),
            |at| at.strftime("%Y-%m-%dT%H:%M:%S").to_string() + if dates_end_in_z { "Z" } else { "+00:00" },
        )
    };
    let slot = |slot: Slot| match slot {
        Slot::Empty => ["false".to_owned(), "N/A".to_owned(), "no_information".to_owned()],
        Slot::Active(dates) => ["TRUE".to_owned(), date(dates.changed), date(dates.last_used)],
        Slot::Inactive(dates) => ["false".to_owned(), date(dates.changed), date(dates.last_used)],
        Slot::Unreadable => ["not_supported".to_owned(), "N/A".to_owned(), "N/A".to_owned()],
    };
    let mut lines = vec![turned(COLUMNS.map(str::to_owned).to_vec(), turn)];
    for (name, row) in &report.rows {
        let more = if row.more_credentials { "1" } else { "N/A" };
        let mut cells = vec![format!("\"{name}\""), date(row.user_created)];
        cells.extend([row.password, row.keys[0], row.keys[1]].into_iter().flat_map(slot));
        cells.push(more.to_owned());
        lines.push(turned(cells, turn));
    }
    lines.join(newline)
}

fn turned(mut cells: Vec<String>, turn: usize) -> String {
    cells.rotate_left(turn);
    cells.join(",")
}

proptest! {
    #[test]
    fn what_was_written_is_what_is_read(
        report in any_report(),
        turn in 0_usize..COLUMNS.len(),
        dates_end_in_z in any::<bool>(),
        newline in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let text = render(&report, turn, dates_end_in_z, newline);
        prop_assert_eq!(Report::parse(text.as_bytes()).unwrap(), report);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in vec(any::<u8>(), 0..400)) {
        let _ = Report::parse(&bytes);
        let mut below_a_header = format!("{HEADER}\n").into_bytes();
        below_a_header.extend(bytes);
        prop_assert!(Report::parse(&below_a_header).is_ok());
    }
}
