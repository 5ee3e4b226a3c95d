//! What IAM Access Analyzer says beside the rule's verdicts.

use std::time::Duration;

use credwarden_credential::snapshot::User;
use credwarden_inventory::read::ReadIam;
use credwarden_policy::verdict::Verdict;
use credwarden_unused_access::analyzer::ReadAnalyzer;
use credwarden_unused_access::{Beside, beside};
use credwarden_user_rule::evidence::{Evidence, FindEvidence};
use jiff::Timestamp;

/// An unused access analyzer, where there is one.
#[derive(Debug)]
pub(crate) struct Analyzed<A>(pub(crate) A);

impl<A: ReadAnalyzer> FindEvidence for Analyzed<A> {
    const TIME: Duration = Duration::from_secs(30);

    async fn beside<R: ReadIam>(
        &self,
        iam: &R,
        judged: &[(&User, &Verdict)],
        now: Timestamp,
        time_left: Duration,
    ) -> Evidence {
        let Beside { opinions, unread } = beside(&self.0, iam, judged, now, time_left).await;
        let said = |(user, opinions): (_, Vec<_>)| (user, opinions.iter().map(ToString::to_string).collect());
        Evidence { of_users: opinions.into_iter().map(said).collect(), remarks: unread }
    }
}
