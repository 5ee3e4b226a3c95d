//! AWS Config's remediation exceptions. It writes some by itself when executions have failed, and then remediates that
//! user no more; AWS does not tell whose an exception is.

use std::collections::BTreeMap;

use credwarden_automation::Documents;
use credwarden_credential::id::UserId;
use credwarden_ledger::failure::{RemediationException, Whose};
use credwarden_ledger::request::Document;
use credwarden_ledger::table::Table;
use credwarden_policy::remedy::RuleName;
use credwarden_remedy::kill_switch::KillSwitch;
use jiff::SignedDuration;

use crate::Round;
use crate::aws::Rules;

/// An exception first seen within this time of a failed execution is AWS Config's own: it writes them within minutes,
/// and the schedule may have been off for some days.
const FOLLOWS_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

impl<P, D: Documents, R: Rules, N, T: Table> Round<'_, P, D, R, N, T> {
    /// Clears AWS Config's own exceptions, and counts all.
    pub(crate) async fn look_at_exceptions(&mut self) {
        for rule in RuleName::ALL {
            self.look_at_exceptions_of(*rule).await;
        }
    }

    async fn look_at_exceptions_of(&mut self, rule: RuleName) {
        let config_rule = format!("{}-{rule}", self.settings.prefix);
        let seen = match self.ports.rules.remediation_exceptions(&config_rule, self.now).await {
            Ok(seen) => seen,
            Err(error) => return self.fault(&error),
        };
        let known = match self.ports.ledger.remediation_exceptions(rule).await {
            Ok(known) => known,
            Err(error) => return self.fault(&error),
        };
        let mut known: BTreeMap<UserId, Whose> =
            known.into_iter().map(|exception| (exception.user, exception.whose)).collect();
        self.counts.remediation_exceptions += seen.len();
        for user in seen {
            let whose = match known.remove(&user) {
                Some(whose) => whose,
                None => match self.decide(rule, &user).await {
                    Some(whose) => whose,
                    None => continue,
                },
            };
            if whose == Whose::Config && self.kill_switch == KillSwitch::Run {
                self.clear(rule, &config_rule, &user).await;
            }
        }
        for gone in known.into_keys() {
            self.forget(rule, &gone).await;
        }
    }

    /// Decides once whose an exception is, when it is first seen, and keeps that.
    async fn decide(&mut self, rule: RuleName, user: &UserId) -> Option<Whose> {
        let failure = match self.ports.ledger.failure(user, Document::Rule(rule)).await {
            Ok(failure) => failure,
            Err(error) => {
                self.fault(&error);
                return None;
            }
        };
        let follows = failure.is_some_and(|failure| self.now.duration_since(failure.at) <= FOLLOWS_WITHIN);
        let whose = if follows { Whose::Config } else { Whose::Somebody };
        let exception = RemediationException { user: user.clone(), first_seen: self.now, whose };
        match self.ports.ledger.note_remediation_exception(rule, &exception).await {
            Ok(()) => Some(whose),
            Err(error) => {
                self.fault(&error);
                None
            }
        }
    }

    async fn clear(&mut self, rule: RuleName, config_rule: &str, user: &UserId) {
        match self.ports.rules.delete_remediation_exception(config_rule, user).await {
            Ok(()) => {
                self.counts.remediation_exceptions_cleared += 1;
                self.forget(rule, user).await;
            }
            Err(error) => self.fault(&error),
        }
    }

    async fn forget(&mut self, rule: RuleName, user: &UserId) {
        if let Err(error) = self.ports.ledger.forget_remediation_exception(rule, user).await {
            self.fault(&error);
        }
    }
}
