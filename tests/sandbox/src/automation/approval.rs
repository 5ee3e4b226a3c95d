//! `aws:approve`: an execution waits until those who are listed have said what they think of it.
//!
//! Played after AWS Systems Manager, "`aws:approve` - Pause an automation for manual approval": users by name or ARN, roles and
//! sessions by ARN may decide; one rejection fails the step, the least number of approvals ends it, and a time limit, of 7 days
//! where none is given, times it out. Its output `ApproverDecisions` names each who decided.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::document::{Action, Rejected, Step};
use super::execution::Decision;
use super::run::{Failure, Outcome, begun, failed, known};
use super::{Automation, Status};

impl Automation {
    /// Somebody approves or rejects what an execution waits for (`SendAutomationSignal`), and it is queued to go on.
    pub fn signal(&self, id: &str, approver: &str, is_approved: bool) -> Result<(), Rejected> {
        let refused = |message: String| Rejected { code: "InvalidAutomationSignalException".to_owned(), message };
        let execution = self.execution(id).ok_or_else(|| refused(format!("there is no execution {id}")))?;
        let waiting = execution.steps.iter().find(|step| step.status == Status::Waiting);
        let waiting = waiting.ok_or_else(|| refused(format!("execution {id} does not wait for an approval")))?;
        let step = self.documents.get(&execution.document).and_then(|document| document.step(&waiting.name));
        let Some(Action::Approve { approvers, .. }) = step.map(|step| &step.action) else {
            return Err(refused(format!("step {} takes no approval", waiting.name)));
        };
        let listed = known(&execution, &self.scope).fill(approvers).unwrap_or_default();
        let listed: Vec<_> = listed.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !listed.iter().any(|listed| names(listed, approver)) {
            return Err(refused(format!("{approver} is none of the approvers {}", listed.join(", "))));
        }
        self.change(id, |execution| {
            execution.decisions.push(Decision { approver: approver.to_owned(), approves: is_approved });
        });
        self.queue(id);
        Ok(())
    }

    /// How the step stands with what was decided so far.
    pub(super) fn approval(&self, id: &str, step: &Step, least: usize, now: Timestamp) -> Outcome {
        let Some(execution) = self.execution(id) else { return failed(Status::Failed, format!("{id} is gone")) };
        let running = execution.steps.iter().find(|running| running.name == step.name);
        if running.is_none() {
            let mut begun = begun(step, now);
            begun.status = Status::Waiting;
            self.change(id, |execution| execution.steps.push(begun));
        }
        let since = running.map_or(now, |running| running.started);
        let seconds = step.timeout_seconds.unwrap_or(DEFAULT_SECONDS);
        let limit = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let decisions: Vec<_> = execution
            .decisions
            .iter()
            .map(|Decision { approver, approves }| {
                json!({ "approver": approver, "decision": if *approves { "Approve" } else { "Reject" } })
            })
            .collect();
        let outputs = |status: &str| {
            BTreeMap::from([
                ("ApprovalStatus".to_owned(), Value::from(status)),
                ("ApproverDecisions".to_owned(), Value::from(Value::from(decisions.clone()).to_string())),
            ])
        };
        let fails = |status: Status, message: &str| Some(Failure { status, message: message.to_owned() });
        if execution.decisions.iter().any(|decision| !decision.approves) {
            let failure = fails(Status::Failed, "an approver has rejected it");
            return Outcome { outputs: outputs("Rejected"), failure, ..Outcome::default() };
        }
        if execution.decisions.len() >= least {
            return Outcome { outputs: outputs("Approved"), ..Outcome::default() };
        }
        if now.duration_since(since) > limit {
            return Outcome {
                failure: fails(Status::TimedOut, "nobody has approved it in time"),
                ..Outcome::default()
            };
        }
        Outcome { is_waiting: true, ..Outcome::default() }
    }
}

/// Whether a listed approver is who decides: the same ARN, the user of that name, or the role of the session.
fn names(listed: &str, approver: &str) -> bool {
    let session_of = |arn: &str| {
        let (account, resource) = arn.strip_prefix("arn:aws:sts::")?.split_once(':')?;
        let role = resource.strip_prefix("assumed-role/")?.split('/').next()?;
        Some((account.to_owned(), role.to_owned()))
    };
    let role_of = |arn: &str| {
        let (account, resource) = arn.strip_prefix("arn:aws:iam::")?.split_once(':')?;
        let role = resource.strip_prefix("role/")?.rsplit('/').next()?;
        Some((account.to_owned(), role.to_owned()))
    };
    let user = approver.split_once(":user/").and_then(|(_, name)| name.rsplit('/').next());
    listed == approver
        || user == Some(listed)
        || (session_of(approver).is_some() && session_of(approver) == role_of(listed))
}

/// Where the document says nothing.
const DEFAULT_SECONDS: u64 = 7 * 24 * 3_600;
