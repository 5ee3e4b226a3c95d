//! What is told beside a rule's verdicts, and changes none of them.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use credwarden_credential::id::UserId;
use credwarden_credential::snapshot::User;
use credwarden_inventory::read::ReadIam;
use credwarden_policy::verdict::Verdict;
use jiff::Timestamp;

use crate::provenance::NotNeeded;

/// Finds what others say of what was judged.
pub trait FindEvidence {
    /// How much of an invocation's time it may take, off that of the account's reading.
    const TIME: Duration;

    /// What there is to say beside these verdicts, after at most `time_left`. That something cannot be learnt is a remark.
    fn beside<R: ReadIam>(
        &self,
        iam: &R,
        judged: &[(&User, &Verdict)],
        now: Timestamp,
        time_left: Duration,
    ) -> impl Future<Output = Evidence>;
}

/// What others say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Of each user of whom something is said: what AWS Config is told beside the verdict, facts that stay the same.
    pub of_users: BTreeMap<UserId, Vec<String>>,
    /// What the function's answer tells.
    pub remarks: Vec<String>,
}

impl FindEvidence for NotNeeded {
    const TIME: Duration = Duration::ZERO;

    async fn beside<R: ReadIam>(
        &self,
        _iam: &R,
        _judged: &[(&User, &Verdict)],
        _now: Timestamp,
        _time_left: Duration,
    ) -> Evidence {
        Evidence::default()
    }
}
