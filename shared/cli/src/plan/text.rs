//! A plan, for people.

use std::fmt::Write as _;

use comfy_table::{Cell, Color, Row};
use credwarden_credential::age::date;
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::KeyStatus;
use credwarden_ledger::notice::Owner;
use credwarden_policy::remedy::Effect;
use credwarden_remedy::answer::Status;

use super::{Budget, Left, Plan, Step, Told};
use crate::output::{Look, rows};

/// Whom and by what, each step in a line, and what would be told of it.
pub(super) fn render(plan: &Plan, look: Look) -> String {
    let mut text = heading(plan);
    if plan.steps.is_empty() {
        text.push_str("\nnothing would be done: no credential breaks the policy, and nothing is under way\n");
        return text;
    }
    text.push('\n');
    text.push_str(&table(&plan.steps, look));
    for step in &plan.steps {
        for told in &step.told {
            text.push_str(&told_of(step, told));
        }
    }
    text
}

fn heading(plan: &Plan) -> String {
    let Plan { as_of, prefix, name, id, class, policy, reported, kill_switch, budget, .. } = plan;
    let mut text = format!(
        "{name} ({id}), class {class}, as of {}\nDeployment {prefix}, kill switch: {kill_switch}, policy {}\n",
        as_of.strftime("%Y-%m-%d %H:%M:%S UTC"),
        short(&policy.0)
    );
    let reported = reported.iter().map(|(rule, policy)| {
        let policy = policy.as_ref().map_or("none yet", |policy| short(&policy.0));
        format!("{rule} {policy}")
    });
    // Writing into a text cannot fail.
    let _ = writeln!(text, "Policy a day ago: {}", reported.collect::<Vec<_>>().join(", "));
    let Budget { findings, compromises } = budget;
    let findings = findings.iter().map(|(rule, left)| match left {
        Some(Left { limit, left }) => format!("{rule} {left} of {limit}"),
        None => format!("{rule} not known before a complete pass"),
    });
    let Left { limit, left } = compromises;
    let findings = findings.collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "Left of the day's budget: {findings}; of compromises {left} of {limit}");
    text
}

/// So much of an identity as tells it from others.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn table(steps: &[Step], look: Look) -> String {
    let head = ["would be", "credential", "document", "remedy", "mode", "deadline", "why"];
    let line = |step: &Step| {
        let colour = if step.becomes.is_some() { Color::Red } else { Color::Yellow };
        Row::from([
            Cell::new(would_be(step)).fg(colour),
            Cell::new(step.credential.as_ref().map_or("", CredentialId::as_str)),
            Cell::new(&step.document),
            Cell::new(step.remedy),
            Cell::new(step.mode.map(|mode| mode.to_string()).unwrap_or_default()),
            Cell::new(step.deadline.map(date).unwrap_or_default()),
            Cell::new(why(step)),
        ])
    };
    rows(head, steps.iter().map(line), look)
}

fn would_be(step: &Step) -> &'static str {
    match (step.becomes, step.status) {
        (Some(Effect::Status(KeyStatus::Inactive)), _) => "made inactive",
        (Some(Effect::Status(KeyStatus::Active)), _) => "made active",
        (Some(Effect::Deleted), _) => "deleted for good",
        (None, Status::HandedOn) => "handed on",
        (None, Status::Done | Status::Undone | Status::NothingToDo) => "left: settled",
        (None, Status::Approved) => "left: approved",
        (None, Status::Waiting) => "left: waiting",
        (None, Status::Refused) => "left: refused",
        (None, Status::Rotating) => "left: rotating",
        (None, Status::Held) => "left: held",
        (None, Status::OverBudget) => "left: over budget",
        (None, Status::Excepted) => "left: excepted",
        (None, Status::Warned) => "left: warned",
        (None, Status::Observed) => "left: observed",
    }
}

fn why(step: &Step) -> String {
    let sessions = if step.refuses_sessions { "; its user's sessions would be refused for 36 hours" } else { "" };
    let undo = step.undo_until.map(|until| format!("; can be undone until {}", date(until))).unwrap_or_default();
    format!("{}{sessions}{undo}", step.why)
}

fn told_of(step: &Step, Told { kind, owner, what, to_do, do_by }: &Told) -> String {
    let credential = step.credential.as_ref().map_or("all credentials", CredentialId::as_str);
    let owner = owner.as_ref().map_or("the account's contact", Owner::as_str);
    let by = do_by.map(|by| format!("\n  by:   {}", by.strftime("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
    format!("\n{owner} would be told of {credential} ({kind}):\n  what: {what}\n  do:   {to_do}{by}\n")
}

#[cfg(test)]
mod tests {
    use credwarden_ledger::notice::NoticeKind;
    use credwarden_policy::policy::PolicyId;
    use credwarden_policy::remedy::{Mode, RemedyName, RuleName};
    use jiff::Timestamp;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn plan(steps: Vec<Step>) -> Plan {
        let policy = PolicyId("0123456789abcdef".repeat(4));
        Plan {
            format: 1,
            as_of: at("2026-11-24T12:00:00Z"),
            prefix: "credwarden".to_owned(),
            name: "alice".parse().unwrap(),
            id: "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap(),
            class: "human".to_owned(),
            policy: policy.clone(),
            reported: [(RuleName::AccessKeyAge, Some(policy)), (RuleName::UnusedCredentials, None)].into(),
            kill_switch: "run".to_owned(),
            budget: Budget {
                findings: [
                    (RuleName::AccessKeyAge, Some(Left { limit: 10, left: 3 })),
                    (RuleName::UnusedCredentials, None),
                ]
                .into(),
                compromises: Left { limit: 10, left: 10 },
            },
            steps,
        }
    }

    fn step(credential: &str, status: Status, becomes: Option<Effect>, why: &str) -> Step {
        Step {
            credential: Some(credential.parse().unwrap()),
            document: "credwarden-unused-credentials".to_owned(),
            remedy: RemedyName::DeactivateCredential,
            mode: Some(Mode::Enforce),
            status,
            becomes,
            why: why.to_owned(),
            refuses_sessions: false,
            deadline: None,
            undo_until: None,
            told: Vec::new(),
        }
    }

    #[test]
    fn what_would_be_done_what_would_be_left_and_what_would_be_told() {
        let inactive = Some(Effect::Status(KeyStatus::Inactive));
        let told = Told {
            kind: NoticeKind::InUse,
            owner: Some("team-a@example.com".parse().unwrap()),
            what: "it is too old and in use".to_owned(),
            to_do: "replace it".to_owned(),
            do_by: Some(at("2026-12-08T12:00:00Z")),
        };
        let steps = vec![
            Step {
                refuses_sessions: true,
                undo_until: Some(at("2026-12-24T12:00:00Z")),
                ..step("AKIAIOSFODNN7EXAMPLE", Status::Done, inactive, "dana created it, who may not")
            },
            step("console-password", Status::Done, Some(Effect::Deleted), "unused for 45 days, told a day ago"),
            Step {
                deadline: Some(at("2026-12-08T12:00:00Z")),
                told: vec![told.clone(), Told { owner: None, do_by: None, ..told }],
                ..step("AKIAI44QH8DHBEXAMPLE", Status::Held, None, "it is in use")
            },
        ];
        insta::assert_snapshot!(render(&plan(steps), Look { colour: false, width: Some(140) }));
    }

    #[test]
    fn a_user_about_whom_nothing_is_to_be_done() {
        insta::assert_snapshot!(render(&plan(Vec::new()), Look { colour: false, width: Some(140) }));
    }
}
