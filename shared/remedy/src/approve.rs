//! A person's approval of what was announced. It is written down and nothing else: the act is done when its time has come, by the
//! document of its rule and with every guard, and the policy is asked again then whether the approval counts.

use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::User;
use credwarden_ledger::announcement::KeptAnnouncement;
use credwarden_ledger::record::UserRecord;
use credwarden_ledger::request::Request;
use credwarden_policy::announcement::Approval;
use credwarden_policy::approval::Parties;
use credwarden_policy::policy::Policy;
use jiff::Timestamp;

use crate::guard::OWNER_TAG;
use crate::request::UNKNOWN;

/// What becomes of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Approved<'a> {
    /// It is to be written down in place of what was read.
    Now(&'a KeptAnnouncement, Approval),
    /// It was written down by an earlier invocation of the same execution.
    Already(&'a KeptAnnouncement),
}

/// Says whether what `request` approves of `credential` is approved, or all that is wrong with it. Requester and approvers are
/// those of the automation's own record.
pub(crate) fn approved<'a>(
    record: &'a UserRecord,
    user: &User,
    credential: &CredentialId,
    request: &Request,
    policy: &Policy,
    now: Timestamp,
) -> Result<Approved<'a>, String> {
    let Some(kept) = record.announced(credential) else {
        return Err("nothing that is to be done to it was announced, so there is nothing to approve".to_owned());
    };
    if kept.announcement.approval.as_ref().is_some_and(|approval| approval.execution == request.execution) {
        return Ok(Approved::Already(kept));
    }
    let requester = Some(request.requester.as_str()).filter(|requester| *requester != UNKNOWN);
    // Without a tag nobody but the user itself is known to answer for its credentials.
    let owner = user.tags.get(OWNER_TAG).map(String::as_str);
    let parties = Parties { requester, owner, user: Some(user.arn.as_str()) };
    let (requester, approver) = policy
        .approval(&request.approvers, parties)
        .map_err(|reasons| reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let approval = Approval {
        approver: approver.to_owned(),
        requester: requester.to_owned(),
        execution: request.execution.clone(),
        at: now,
    };
    Ok(Approved::Now(kept, approval))
}
