//! Starting what is due.

use std::collections::BTreeMap;

use credwarden_automation::Documents;
use credwarden_credential::id::UserId;
use credwarden_ledger::due::{Due, DueItem};
use credwarden_ledger::failure::Failure;
use credwarden_ledger::request::{Document, Request, RunId};
use credwarden_ledger::table::Table;
use credwarden_policy::remedy::RuleName;
use credwarden_remedy::kill_switch::KillSwitch;
use credwarden_remedy::request::ALL;
use jiff::SignedDuration;

use crate::Round;
use crate::aws::Rules;

/// How long what was started is left alone. A little less than the hour until the schedule comes again, so that it is
/// started once an hour, not every second hour.
const LEFT_ALONE: SignedDuration = SignedDuration::from_mins(55);

impl<P, D: Documents, R: Rules, N, T: Table> Round<'_, P, D, R, N, T> {
    /// Starts what is due, as far as the kill switch lets it. Reading goes on in any case: it changes nothing.
    pub(crate) async fn start_what_is_due(&mut self) {
        let items = match self.ports.ledger.due(self.now).await {
            Ok(items) => items,
            Err(error) => return self.fault(&error),
        };
        self.counts.due = items.len();
        // A run that died leaves its lease and its work, and both ask for the same document.
        let mut errands: BTreeMap<_, (Request, Vec<Due>)> = BTreeMap::new();
        let mut tags: BTreeMap<UserId, Vec<Due>> = BTreeMap::new();
        // So may a rule have stopped in its pass and in its look-up, and one evaluation goes on with both.
        let mut passes: BTreeMap<RuleName, Vec<Due>> = BTreeMap::new();
        for item in items {
            let due = match item {
                Ok(due) => due,
                Err(error) => {
                    self.fault(&error);
                    continue;
                }
            };
            let request = match &due.what {
                DueItem::Pass(rule) => {
                    passes.entry(*rule).or_default().push(due);
                    continue;
                }
                DueItem::ExceptionTags(user) => {
                    tags.entry(user.clone()).or_default().push(due);
                    continue;
                }
                DueItem::LeftLease { request, run } => {
                    self.note_failure(request, run).await;
                    request.clone()
                }
                DueItem::Rotation(kept) => kept.request.clone(),
                DueItem::Announcement(kept) => kept.request.clone(),
                DueItem::Waiting { request } => request.clone(),
                DueItem::Work(work) => work.request.clone(),
            };
            let errand = (request.document, request.user.clone(), request.credential.clone());
            errands.entry(errand).or_insert_with(|| (request, Vec::new())).1.push(due);
        }
        for (rule, dues) in passes {
            self.go_on_with_pass(rule, &dues).await;
        }
        for (user, dues) in tags {
            if self.kill_switch == KillSwitch::Run && self.put_off_all(&dues).await {
                self.start_mirroring(&user).await;
            }
        }
        for (request, dues) in errands.into_values() {
            if self.kill_switch.allows(request.document) {
                self.start(&request, &dues).await;
            }
        }
    }

    async fn start(&mut self, request: &Request, dues: &[Due]) {
        if !self.put_off_all(dues).await {
            return;
        }
        let prefix = &self.settings.prefix;
        let mut parameters = BTreeMap::from([
            ("AutomationAssumeRole", self.settings.automation_role.clone()),
            ("FunctionName", format!("{prefix}-{}", request.document.remedy())),
            ("ResourceId", request.user.to_string()),
        ]);
        if let Some(credential) = &request.credential {
            parameters.insert("CredentialId", credential.to_string());
        } else if request.document == Document::ForceRotation {
            parameters.insert("CredentialId", ALL.to_owned());
        }
        if let Some(reason) = &request.reason {
            parameters.insert("Reason", reason.clone());
        }
        match self.ports.documents.start(&request.document.name(prefix), parameters, None).await {
            Ok(_) => self.counts.started += 1,
            Err(error) => self.fault(&error),
        }
    }

    async fn go_on_with_pass(&mut self, rule: RuleName, dues: &[Due]) {
        if !self.put_off_all(dues).await {
            return;
        }
        match self.ports.rules.start_evaluation(&format!("{}-{rule}", self.settings.prefix)).await {
            Ok(()) => self.counts.passes_continued += 1,
            Err(error) => self.fault(&error),
        }
    }

    /// Puts off all that one start is for; false if somebody else is at every one of them.
    async fn put_off_all(&mut self, dues: &[Due]) -> bool {
        let mut is_ours = false;
        for due in dues {
            is_ours |= self.put_off(due).await;
        }
        is_ours
    }

    /// Puts an item off, so that it is started once; false if somebody else is at it.
    async fn put_off(&mut self, due: &Due) -> bool {
        let next = self.now.checked_add(LEFT_ALONE).unwrap_or(self.now);
        match self.ports.ledger.put_off(due, next).await {
            Ok(is_ours) => is_ours,
            Err(error) => {
                self.fault(&error);
                false
            }
        }
    }

    /// A run that never gave its lease back died or failed. It may not have been able to say so itself.
    async fn note_failure(&mut self, request: &Request, run: &RunId) {
        match self.ports.ledger.failure(&request.user, request.document).await {
            Ok(Some(failure)) if failure.execution == request.execution => {}
            Ok(_) => {
                let failure = Failure {
                    document: request.document,
                    execution: request.execution.clone(),
                    at: self.now,
                    message: format!("run `{run}` ended without giving its lease back"),
                };
                match self.ports.ledger.note_failure(&request.user, &failure).await {
                    Ok(()) => self.counts.runs_died += 1,
                    Err(error) => self.fault(&error),
                }
            }
            Err(error) => self.fault(&error),
        }
    }
}
