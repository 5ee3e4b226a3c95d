//! The end of exceptions: announced before it comes, and seen to when it has come.
//!
//! An exception ends by itself: who reads the ledger looks at the time. What is left to do is that its rule evaluates its user
//! again, and that the user's tags do not show it any more.

use std::collections::{BTreeMap, BTreeSet};

use credwarden_automation::Documents;
use credwarden_credential::id::UserId;
use credwarden_ledger::notice::{Notice, NoticeKind};
use credwarden_ledger::request::Document;
use credwarden_ledger::table::Table;
use credwarden_policy::exception::Exception;
use credwarden_policy::remedy::{RemedyName, RuleName};
use credwarden_remedy::kill_switch::KillSwitch;
use jiff::{SignedDuration, Timestamp};

use crate::Round;
use crate::aws::Rules;

/// How long before its end an exception is announced: as long as a key's owner is warned by default, for that is the time
/// in which its credential must be replaced.
const ANNOUNCED_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

impl<P, D: Documents, R: Rules, N, T: Table> Round<'_, P, D, R, N, T> {
    /// Has owners told, once each, which exceptions end soon.
    pub(crate) async fn announce_ends(&mut self) {
        let until = self.now.checked_add(ANNOUNCED_FOR).unwrap_or(self.now);
        let entries = match self.ports.ledger.ending_exceptions(self.now, until).await {
            Ok(entries) => entries,
            Err(error) => return self.fault(&error),
        };
        for entry in entries.iter().filter(|entry| !entry.is_announced()) {
            match self.ports.ledger.announce_end(entry, &notice(&entry.exception, self.now), self.now).await {
                Ok(true) => self.counts.exceptions_announced += 1,
                Ok(false) => {}
                Err(error) => self.fault(&error),
            }
        }
    }

    /// Has the rules of exceptions that have ended evaluate, and their users' tags taken off.
    pub(crate) async fn end_exceptions(&mut self) {
        if self.kill_switch != KillSwitch::Run {
            return;
        }
        let entries = match self.ports.ledger.ended_exceptions(self.now).await {
            Ok(entries) => entries,
            Err(error) => return self.fault(&error),
        };
        let rules: BTreeSet<RuleName> = entries.iter().map(|entry| entry.exception.rule).collect();
        let mut evaluating = BTreeSet::new();
        for rule in rules {
            match self.ports.rules.start_evaluation(&format!("{}-{rule}", self.settings.prefix)).await {
                Ok(()) => {
                    evaluating.insert(rule);
                }
                Err(error) => self.fault(&error),
            }
        }
        // INVARIANT (told, then forgotten): what has ended is looked for until its rule was told.
        let told = |user: &UserId| {
            entries
                .iter()
                .filter(|entry| entry.exception.user == *user)
                .all(|entry| evaluating.contains(&entry.exception.rule))
        };
        let users: BTreeSet<&UserId> = entries.iter().map(|entry| &entry.exception.user).collect();
        self.counts.exceptions_ended += entries.iter().filter(|entry| told(&entry.exception.user)).count();
        for user in users.into_iter().filter(|user| told(user)) {
            self.start_mirroring(user).await;
        }
    }

    /// Starts the document that brings a user's tags in line with the ledger.
    pub(crate) async fn start_mirroring(&mut self, user: &UserId) {
        let document = format!("{}-{}", self.settings.prefix, RemedyName::TagException);
        let parameters = BTreeMap::from([
            ("AutomationAssumeRole", self.settings.automation_role.clone()),
            ("FunctionName", document.clone()),
            ("Operation", "mirror".to_owned()),
            ("ResourceId", user.to_string()),
        ]);
        match self.ports.documents.start(&document, parameters, None).await {
            Ok(_) => self.counts.started += 1,
            Err(error) => self.fault(&error),
        }
    }
}

/// What is said of an exception that ends.
fn notice(exception: &Exception, now: Timestamp) -> Notice {
    let Exception { id, user, rule, credential, until, owner, justification, approver } = exception;
    Notice {
        kind: NoticeKind::ExceptionEnds,
        at: now,
        user: user.clone(),
        name: None,
        credential: credential.clone(),
        document: Document::Rule(*rule),
        requester: None,
        owner: owner.parse().ok(),
        what: format!(
            "exception {id} from `{rule}`, for which {owner} answers, ends: {justification} (approved by {approver})"
        ),
        to_do: format!(
            "bring it within the policy, or ask for the exception to be extended; else `{rule}` finds it, and what the policy says is done"
        ),
        do_by: Some(*until),
        undo: None,
        begun: None,
        creation: None,
        sessions_refused_until: None,
    }
}
