//! Credential reports as they come, whole and broken: a right verdict, or unknown for that user alone.

use serde_json::{Value, json};

use crate::program::{cases, findings, run_with};

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// A user of long ago whose only key has these cells.
fn user(name: &str, active: &str, changed: &str) -> String {
    created(name, "2020-01-01T00:00:00+00:00", active, changed)
}

fn created(name: &str, at: &str, active: &str, changed: &str) -> String {
    format!(
        "\"{name}\",\"arn:aws:iam::123456789012:user/team/{name}\",{at},false,N/A,N/A,N/A,false,{active},{changed},\
         N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
    )
}

fn report(rows: &[String]) -> String {
    format!("{HEADER}\n{}", rows.join("\n"))
}

/// Status and place of each finding of the age rule.
fn said(report: &str) -> Vec<(String, String)> {
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let of_rule = findings(report).into_iter().filter(|finding| finding["rule"] == "access-key-age");
    of_rule.map(|finding| (text(&finding, "status"), text(&finding, "slot"))).collect()
}

/// The status of the only finding of one user with one key.
fn status(row: String) -> String {
    let said = said(&report(&[row]));
    assert_eq!(said.len(), 1, "{said:?}");
    said[0].0.clone()
}

#[test]
fn a_key_changed_long_ago_is_too_old_and_one_changed_lately_may_be() {
    assert_eq!(status(user("alice", "true", "2025-10-02T23:59:59Z")), "NON_COMPLIANT");
    assert_eq!(status(user("alice", "true", "2025-10-03T00:00:00Z")), "UNKNOWN", "90 days to the second, or more");
    assert_eq!(status(user("alice", "true", "2025-12-31T00:00:00Z")), "UNKNOWN");
    assert_eq!(status(user("alice", "true", "N/A")), "UNKNOWN", "nothing is known but the user's age");
}

#[test]
fn the_key_of_a_young_user_is_young() {
    assert_eq!(status(created("bob", "2025-12-01T00:00:00Z", "true", "2025-12-02T00:00:00Z")), "COMPLIANT");
    assert_eq!(status(created("bob", "2025-10-03T00:00:00Z", "true", "N/A")), "COMPLIANT");
}

#[test]
fn users_whose_rows_a_quotation_mark_swallows_are_not_passed_over_in_silence() {
    let young = |name: &str| created(name, "2025-12-01T00:00:00Z", "true", "2025-12-02T00:00:00Z");
    let status = |report: &str| {
        let scan = ["scan", "--credential-report", "-", "--as-of", "2026-01-01T00:00:00Z", "--rule", "access-key-age"];
        run_with(&scan, report.as_bytes()).status
    };
    let whole = report(&[young("alice"), young("bob"), young("carol")]);
    assert_eq!(status(&whole), 0);
    // In the last cell of a row, which the rule does not judge by.
    let open = whole.replacen("false,N/A,false,N/A\n", "false,N/A,false,\"N/A\n", 1);
    assert_eq!(status(&open), 3, "bob and carol are nobody's rows");
}

#[test]
fn an_inactive_key_is_nothing_to_speak_of() {
    assert_eq!(said(&report(&[user("alice", "false", "2020-01-01T00:00:00Z")])), []);
}

#[test]
fn a_date_of_the_future_and_cells_without_sense_are_unknown() {
    assert_eq!(status(user("alice", "true", "2026-01-02T00:00:00Z")), "UNKNOWN");
    assert_eq!(status(user("alice", "perhaps", "2020-01-01T00:00:00Z")), "UNKNOWN");
    assert_eq!(status(user("alice", "true", "yesterday")), "UNKNOWN");
    let unknown_user = created("alice", "N/A", "true", "2025-12-01T00:00:00Z");
    assert_eq!(status(unknown_user), "UNKNOWN");
    let old_key = created("alice", "not_supported", "true", "2020-11-01T00:00:00Z");
    assert_eq!(status(old_key), "NON_COMPLIANT");
}

#[test]
fn however_a_report_is_written_it_says_the_same() {
    let plain = report(&[user("alice", "true", "2025-02-01T00:00:00Z"), user("bob", "true", "2025-12-01T00:00:00Z")]);
    let expected = said(&plain);
    assert_eq!(expected.len(), 2);
    let more = plain
        .lines()
        .map(|line| if line == HEADER { format!("{line},additional_credentials_info") } else { format!("{line},N/A") });
    for other in [
        format!("\u{feff}{plain}"),
        plain.replace('\n', "\r\n") + "\r\n",
        plain.replace("true", "TRUE").replace("false", "False"),
        plain.replace("+00:00", "Z"),
        plain.replace(",N/A", ",no_information"),
        format!("{plain}\n{}", plain.lines().last().unwrap()),
        more.collect::<Vec<_>>().join("\n"),
    ] {
        assert_eq!(said(&other), expected, "{other}");
    }
}

#[test]
fn rows_that_contradict_each_other_are_unknown_for_that_user_alone() {
    let rows = [
        user("alice", "true", "2025-02-01T00:00:00Z"),
        user("alice", "false", "2025-02-01T00:00:00Z"),
        user("bob", "true", "2025-02-01T00:00:00Z"),
    ];
    let unknown = ("UNKNOWN".to_owned(), String::new());
    let found = ("NON_COMPLIANT".to_owned(), "access-key-1".to_owned());
    assert_eq!(said(&report(&rows)), [found, unknown]);
}

#[test]
fn more_credentials_than_columns_are_said_to_be_unknown() {
    let row = user("alice", "true", "2025-02-01T00:00:00Z");
    let report = format!("{HEADER},additional_credentials_info\n{row},1 additional access key");
    assert_eq!(said(&report).iter().filter(|(status, _)| status == "UNKNOWN").count(), 1, "{report}");
}

#[test]
fn a_report_cut_short_is_not_a_clean_one() {
    let whole = report(&[created("bob", "2025-12-01T00:00:00Z", "false", "N/A")]);
    let arguments = ["scan", "--credential-report", "-", "--as-of", "2026-01-01T00:00:00Z"];
    assert_eq!(run_with(&arguments, whole.as_bytes()).status, 0);
    let cut = run_with(&arguments, format!("{whole}\nhalf a na").as_bytes());
    assert_eq!(cut.status, 3);
    assert!(cut.out.contains("1 row of the report without a user's name"), "{}", cut.out);
}

#[test]
fn names_that_look_like_values_or_hold_every_character_are_names() {
    let long = "a-name-as-long-as-iam-allows-which-is-sixty-four-characters-long";
    for name in ["true", "FALSE", "no_information", "not_supported", "N_A", "a+b=c,d.e@f_g-h", long] {
        let found = findings(&report(&[user(name, "true", "2025-02-01T00:00:00Z")]));
        assert_eq!(found[0]["resourceName"], json!(name));
        assert_eq!(found[0]["resourceArn"], json!(format!("arn:aws:iam::123456789012:user/team/{name}")));
        assert_eq!(found[0]["status"], "NON_COMPLIANT");
    }
}

#[test]
fn no_id_is_invented_for_what_a_report_does_not_name() {
    let text = std::fs::read_to_string(cases().join("credential-report.csv")).unwrap();
    let found = findings(&text);
    assert!(found.iter().all(|finding| finding["resourceId"].is_null() && finding["credentialId"].is_null()));
    let written = serde_json::to_string(&found).unwrap();
    assert!(!written.contains("0000000000000"), "{written}");
}
