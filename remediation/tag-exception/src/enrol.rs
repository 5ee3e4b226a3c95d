//! The changes of enrolments, from what is read to what is written.

use credwarden_inventory::read::ReadIam;
use credwarden_ledger::LedgerError;
use credwarden_ledger::enrolment::EnrolmentAct;
use credwarden_ledger::table::Table;
use credwarden_policy::enrolment::EnrolmentChange;
use credwarden_remedy::answer::Status;
use credwarden_remedy::secret::Secrets;

use crate::enrolment::{Asked, Facts, decide, is_ours};
use crate::run::{Answer, Fault, Run, find};

impl<S, R: ReadIam, W, T: Table, V: Secrets> Run<'_, S, R, W, T, V> {
    pub(crate) async fn enrol(&self, change: EnrolmentChange, asked: &Asked) -> Result<Answer, Fault> {
        // INVARIANT (once): what this execution has changed is not decided on again, however often it invokes.
        let earlier = self.ports.ledger.enrolment_act(&asked.user, &asked.execution).await?;
        let act = match earlier {
            Some(act) => Ok(act),
            None => self.write_down_enrolment(change, asked).await?,
        };
        Ok(match act {
            Ok(act) => Answer::unchanged(Status::Done, said(&act)),
            Err(why) => Answer::unchanged(Status::Refused, why),
        })
    }

    /// Decides on a change and writes it into the ledger, or says why not.
    async fn write_down_enrolment(
        &self,
        change: EnrolmentChange,
        asked: &Asked,
    ) -> Result<Result<EnrolmentAct, String>, Fault> {
        let before = self.ports.ledger.enrolment(&asked.user).await?;
        let mut secret = None;
        let mut taken_by = None;
        let mut user = None;
        if change == EnrolmentChange::Enrol {
            user = find(&self.ports.reader, &asked.user).await?.map(|record| record.arn);
            if let Some(named) = asked.secret.as_ref().filter(|secret| is_ours(secret, &self.settings.prefix)) {
                secret = self.ports.secrets.read_secret(named).await?;
                taken_by = self.ports.ledger.enrolled_in(named).await?;
            }
        }
        let facts = Facts {
            before: before.as_ref(),
            user: user.as_ref(),
            secret: secret.as_ref().map(|secret| secret.resource_policy.as_ref()),
            taken_by: taken_by.as_ref(),
            enrolled_path: &self.settings.enrolled_path,
            prefix: &self.settings.prefix,
        };
        let decision = match decide(asked, change, &facts, self.policy, self.now) {
            Ok(decision) => decision,
            Err(refusals) => {
                let reasons: Vec<_> = refusals.iter().map(ToString::to_string).collect();
                return Ok(Err(reasons.join("; ")));
            }
        };
        let act = EnrolmentAct {
            change,
            execution: asked.execution.clone(),
            requester: asked.requester.clone().unwrap_or_else(|| "unknown".to_owned()),
            approver: decision.approver,
            justification: asked.justification.clone().unwrap_or_default(),
            at: self.now,
            user: asked.user.clone(),
            before,
            after: decision.after,
        };
        match self.ports.ledger.change_enrolment(&act).await {
            Ok(()) => Ok(Ok(act)),
            Err(LedgerError::Superseded { doing }) => {
                Ok(Err(format!("it has changed meanwhile: {doing} was given up; start the document again")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What an execution has changed.
fn said(EnrolmentAct { user, after, .. }: &EnrolmentAct) -> String {
    match after {
        Some(after) => format!("new keys of {user} come into {}, where {} fetches them", after.secret, after.retriever),
        None => format!("no keys of {user} are minted any more"),
    }
}
