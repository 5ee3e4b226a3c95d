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

fn alice() -> Row {
    Row {
        user_created: Some("2020-01-01T00:00:00Z".parse().unwrap()),
        console_password: Some(true),
        keys: [Slot::Active, Slot::Empty],
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
    assert_eq!(row, Row { console_password: Some(false), keys: [Slot::Active, Slot::Inactive], ..alice() });
}

#[test]
fn a_23rd_column_says_that_there_are_more_credentials() {
    let header = format!("{HEADER},additional_credentials_info");
    for (cell, more) in [("N/A", false), ("", false), ("false", false), ("1 additional access key", true)] {
        assert_eq!(row(&[&header, &format!("{ALICE},{cell}")]).more_credentials, more, "{cell:?}");
    }
    assert!(!row(&[&header, ALICE]).more_credentials, "a row may be shorter than the header");
    let more = Row { keys: [Slot::Inactive; 2], more_credentials: true, ..alice() };
    assert!(more.may_hold_active_key());
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
    assert_eq!(slot("true,2020-02-01T00:00:00Z,N/A"), Slot::Active);
    assert_eq!(slot("true,N/A,N/A"), Slot::Active);
    assert_eq!(slot("false,2020-02-01T00:00:00Z,N/A"), Slot::Inactive, "inactive keys keep their date");
    assert_eq!(slot("false,N/A,2020-02-01T00:00:00Z"), Slot::Inactive);
    assert_eq!(slot("false,N/A,N/A"), Slot::Empty);
    assert_eq!(slot("false,no_information,not_supported"), Slot::Empty);
    assert_eq!(slot("N/A,N/A,N/A"), Slot::Unreadable, "it claims nothing");
}

#[test]
fn a_missing_column_or_cell_claims_nothing() {
    let row = row(&["user,user_creation_time,access_key_1_active", "alice,2020-01-01T00:00:00Z"]);
    assert_eq!((row.console_password, row.keys, row.key_counts()), (None, [Slot::Unreadable; 2], None));
    let not_a_date = self::row(&[HEADER, &ALICE.replacen("2020-01-01T00:00:00Z", "yesterday", 1)]);
    assert_eq!(not_a_date.user_created, None);
}

#[test]
fn a_row_given_twice_counts_once_and_rows_that_contradict_each_other_not_at_all() {
    assert_eq!(row(&[HEADER, ALICE, ALICE]), alice());
    let other = ALICE.replacen("true", "false", 1);
    assert_eq!(names(&[HEADER, ALICE, &other]), [""; 0]);
    assert_eq!(names(&[HEADER, ALICE, &other, ALICE]), [""; 0], "whichever comes last");
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

fn any_row() -> impl Strategy<Value = Row> {
    let slot = prop_oneof![Just(Slot::Empty), Just(Slot::Active), Just(Slot::Inactive), Just(Slot::Unreadable)];
    let created = proptest::option::of((0_i64..4_000_000_000).prop_map(|at| Timestamp::from_second(at).unwrap()));
    (created, any::<Option<bool>>(), [slot.clone(), slot], any::<bool>()).prop_map(
        |(user_created, console_password, keys, more_credentials)| Row {
            user_created,
            console_password,
            keys,
            more_credentials,
        },
    )
}

fn any_report() -> impl Strategy<Value = Report> {
    let name = "[A-Za-z0-9_+=,.@-]{1,64}".prop_map(|name| name.parse::<UserName>().unwrap());
    btree_map(name, any_row(), 0..20).prop_map(|rows| Report { rows })
}

/// Writes a report with its columns turned round by `turn` places.
fn render(report: &Report, turn: usize, dates_end_in_z: bool, newline: &str) -> String {
    let mut lines = vec![turned(
        [
            "user",
            "user_creation_time",
            "password_enabled",
            "access_key_1_active",
            "access_key_1_last_rotated",
            "access_key_2_active",
            "access_key_2_last_rotated",
            "additional_credentials_info",
        ]
        .map(str::to_owned),
        turn,
    )];
    for (name, row) in &report.rows {
        let created = row.user_created.map_or_else(
            || "N/A".to_owned(),
            |at| at.strftime("%Y-%m-%dT%H:%M:%S").to_string() + if dates_end_in_z { "Z" } else { "+00:00" },
        );
        let password = row.console_password.map_or_else(|| "not_supported".to_owned(), |has_one| has_one.to_string());
        let [(active_1, rotated_1), (active_2, rotated_2)] = row.keys.map(|slot| match slot {
            Slot::Empty => ("false", "N/A"),
            Slot::Active => ("TRUE", "2020-01-01T00:00:00Z"),
            Slot::Inactive => ("false", "2020-01-01T00:00:00Z"),
            Slot::Unreadable => ("", "N/A"),
        });
        let more = if row.more_credentials { "1" } else { "N/A" };
        let cells = [
            format!("\"{name}\""),
            created,
            password,
            active_1.to_owned(),
            rotated_1.to_owned(),
            active_2.to_owned(),
            rotated_2.to_owned(),
            more.to_owned(),
        ];
        lines.push(turned(cells, turn));
    }
    lines.join(newline)
}

fn turned(mut cells: [String; 8], turn: usize) -> String {
    cells.rotate_left(turn);
    cells.join(",")
}

proptest! {
    #[test]
    fn what_was_written_is_what_is_read(
        report in any_report(),
        turn in 0_usize..8,
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
