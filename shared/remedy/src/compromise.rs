//! A credential that somebody made usable who may not: its sessions are refused before it is changed, and whoever answers for
//! the account's security is told, whatever a tag says of owners.

use std::error::Error;

use credwarden_credential::creation::Creation;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::Credential;
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::notice::{Notice, NoticeKind, Undo};
use credwarden_ledger::request::Document;
use credwarden_ledger::table::Table;
use credwarden_ledger::work::Work;
use jiff::Timestamp;
use tracing::warn;

use crate::answer::{Answer, Status};
use crate::fault::Fault;
use crate::guard::Refusal;
use crate::plan::Plan;
use crate::run::Run;
use crate::verify::Verified;
use crate::write::WriteIam;

/// A change that is about to be made.
pub(crate) struct Changing {
    /// The intent that the ledger holds.
    pub(crate) work: Work,
    pub(crate) plan: Plan,
    /// When an earlier run may have made it.
    pub(crate) tried: Option<Timestamp>,
    /// The intent to refuse the user's sessions, where it was written down beside.
    pub(crate) beside: Option<Work>,
}

impl<S, C, R: ReadIam, W: WriteIam, T: Table, V> Run<'_, S, C, R, W, T, V> {
    /// Changes a credential that was cleared; what it is changed for decides what comes before and after.
    pub(crate) async fn change(
        &self,
        verified: &Verified<'_>,
        Changing { work, plan, tried, beside }: Changing,
        still: impl Fn(&Credential) -> Result<(), Refusal>,
    ) -> Result<Answer, Fault> {
        if !verified.is_compromise() {
            return self.carry_out(work, plan, tried, still).await;
        }
        let refused_until = self.revoke_sessions(&work.credential, beside).await?;
        // INVARIANT (security is told): before the change, so that whatever fails or dies then, it was told. But nothing
        // that is only told keeps a compromised key alive.
        let going_on = self.notice_of_compromise(verified, &work, refused_until, "is being made inactive");
        if let Err(error) = self.tell(going_on.as_ref()).await {
            warn!(user.id = %self.user.id, error = &error as &dyn Error, "security is told once it is done");
        }
        let done = self.notice_of_compromise(verified, &work, refused_until, "was made inactive");
        let answer = self.carry_out(work, plan, tried, still).await?;
        if answer.status == Status::Done {
            self.tell(done.as_ref()).await?;
        }
        Ok(answer)
    }

    /// Has security told of a compromise that is left as it is.
    pub(crate) async fn tell_of_what_is_left(&self, verified: &Verified<'_>, why: &str) -> Result<(), Fault> {
        let Some(creation) = verified.compromise() else { return Ok(()) };
        let notice = Notice {
            what: format!("it was left as it is ({why}): {}, event {}", verified.ground(), creation.event),
            to_do: "find out what was done with it, and deactivate or delete it by hand if it must not stay".to_owned(),
            ..self.of_compromise(NoticeKind::CompromiseLeft, verified, creation, None)
        };
        self.tell(Some(&notice)).await
    }

    fn notice_of_compromise(
        &self,
        verified: &Verified<'_>,
        work: &Work,
        sessions_refused_until: Option<Timestamp>,
        done: &str,
    ) -> Option<Notice> {
        let creation = verified.compromise()?;
        let sessions = match (sessions_refused_until, work.credential.kind()) {
            (Some(until), _) => format!(", and its user's sessions are refused until {until}"),
            (None, CredentialKind::AccessKey) => ", and its user's sessions are not refused yet".to_owned(),
            (None, _) => String::new(),
        };
        Some(Notice {
            what: format!("it {done}{sessions}: {}, event {}", verified.ground(), creation.event),
            to_do: format!(
                "find out what was done with it before, and with whatever {} holds besides; undo it if all is well",
                creation.creator.principal.as_str()
            ),
            undo: work.undo_until.map(|until| Undo { document: Document::Undo(self.remedy.name), until }),
            sessions_refused_until,
            ..self.of_compromise(NoticeKind::Compromise, verified, creation, Some(work.begun))
        })
    }

    fn of_compromise(
        &self,
        kind: NoticeKind,
        verified: &Verified<'_>,
        creation: &Creation,
        begun: Option<Timestamp>,
    ) -> Notice {
        // Whoever answers for security is the deployment's to name, not a tag's.
        let of_nobody = Notice { owner: None, ..self.notice(kind, &verified.credential(), begun) };
        Notice { creation: Some(Box::new(creation.clone())), ..of_nobody }
    }
}
