//! `credwarden work`: shows what remedies have under way and have done, and asks for more by starting the deployment's documents,
//! never past them.

use std::path::Path;

use credwarden_credential::age::date;
use credwarden_credential::id::UserId;
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{Listing, User};
use credwarden_ledger::announcement::KeptAnnouncement;
use credwarden_ledger::due::{Due, DueItem};
use credwarden_ledger::record::UserRecord;
use credwarden_ledger::request::{Document, Request};
use credwarden_ledger::rotation::KeptRotation;
use credwarden_ledger::work::{Act, Outcome, Step, Work};
use credwarden_policy::remedy::{RemedyName, RuleName};
use jiff::Timestamp;

use crate::arguments::{self, OneCredential, Rotate, Start};
use crate::deployment::{self, lines, open, told};
use crate::failure::Failure;
use crate::input;
use crate::rules::chosen;
use crate::scan::check_classes;
use crate::subject::Subject;

/// Does what was asked, and tells it.
///
/// # Errors
/// The ledger could not be read, or the document not be started.
pub async fn run(request: &arguments::Work, now: Timestamp) -> Result<String, Failure> {
    match request {
        arguments::Work::List(ledger) => {
            // Whatever is ever due.
            let items = told(open(ledger).await.due(Timestamp::MAX).await)?;
            let items = items.into_iter().map(told).collect::<Result<Vec<_>, _>>()?;
            Ok(lines(items.iter().map(due_line), "nothing is under way"))
        }
        arguments::Work::Show { user, ledger } => {
            let UserRecord { works, rotations, announcements, .. } = told(open(ledger).await.record(user).await)?;
            let all = works.iter().map(work_line).chain(rotations.iter().map(rotation_line));
            Ok(lines(all.chain(announcements.iter().map(announcement_line)), "nothing was ever done"))
        }
        arguments::Work::Start(Start { user, rule, automation_role, ledger }) => {
            ask(ledger, automation_role, Document::Rule(*rule), user, None).await
        }
        arguments::Work::Undo(OneCredential { user, credential, automation_role, ledger }) => {
            let works = told(open(ledger).await.record(user).await)?.works;
            let undo = Document::Undo(remedy_done_to(credential, &works)?);
            ask(ledger, automation_role, undo, user, Some(credential)).await
        }
        arguments::Work::Acknowledge(OneCredential { user, credential, automation_role, ledger }) => {
            ask(ledger, automation_role, Document::AcknowledgeRotation, user, Some(credential)).await
        }
        arguments::Work::Rotate(request) => rotate(request, now).await,
    }
}

/// Starts the rotation of the keys of one user, or of each user of a class who has any.
async fn rotate(request: &Rotate, now: Timestamp) -> Result<String, Failure> {
    let Rotate { user, class, policy, credential, reason, automation_role, ledger } = request;
    let users = match (user, class) {
        (Some(user), _) => vec![user.clone()],
        (None, Some(class)) => Box::pin(holders(class, policy.as_deref(), &ledger.account, now)).await?,
        (None, None) => Vec::new(),
    };
    let document = Document::ForceRotation.name(&ledger.prefix);
    let next = "the owner is told, and has time to move";
    let mut text = String::new();
    for user in &users {
        let parameters = [
            ("ResourceId", user.as_str()),
            ("CredentialId", credential.as_ref().map_or("all", CredentialId::as_str)),
            ("Reason", reason.as_str()),
        ];
        text.push_str(&deployment::start(ledger, automation_role, &document, &parameters, next).await?);
    }
    Ok(if text.is_empty() { "nobody of the class has an access key\n".to_owned() } else { text })
}

/// The users of a class who have an access key, or may have one.
async fn holders(
    class: &str,
    policy: Option<&Path>,
    account: &arguments::Account,
    now: Timestamp,
) -> Result<Vec<UserId>, Failure> {
    let (policy, _) = input::policy(policy)?;
    check_classes(&policy, &[class.to_owned()])?;
    let facts = input::account::collect(account, &policy, &chosen(&[RuleName::AccessKeyAge]), now).await?;
    let users = facts.subjects.iter().filter_map(|subject| match subject {
        Subject::User(user) => Some(user),
        Subject::Reported(_) => None,
    });
    let of_class = users.filter(|user| policy.class(user).is_ok_and(|found| found.as_str() == class));
    let may_hold_one = |user: &&User| match user.listing(CredentialKind::AccessKey) {
        Some(Listing::Unread(_)) | None => true,
        Some(listing) => listing.shows_one(),
    };
    Ok(of_class.filter(may_hold_one).map(|user| user.id.clone()).collect())
}

/// The remedy that was done to the credential last, or is under way.
fn remedy_done_to(credential: &CredentialId, works: &[Work]) -> Result<RemedyName, Failure> {
    let of_it = works.iter().filter(|work| work.credential == *credential);
    let acts = of_it.filter_map(|work| match (work.act, &work.step) {
        (
            Act::Remedy(remedy),
            Step::Intended | Step::Applied { .. } | Step::Settled { outcome: Outcome::Done { .. }, .. },
        ) => Some((work.begun, remedy)),
        (Act::Undo(_) | Act::RevokeSessions | Act::DeleteIdle, _) | (Act::Remedy(_), Step::Settled { .. }) => None,
    });
    acts.max().map(|(_, remedy)| remedy).ok_or_else(|| {
        Failure::input(format!(
            "the ledger knows of nothing that was done to {credential} and stands\n\
             hint: `credwarden work show` tells what was done to the user's credentials"
        ))
    })
}

async fn ask(
    ledger: &arguments::Ledger,
    automation_role: &str,
    document: Document,
    user: &UserId,
    credential: Option<&CredentialId>,
) -> Result<String, Failure> {
    let credential = credential.map(|credential| ("CredentialId", credential.as_str()));
    let parameters: Vec<_> = [("ResourceId", user.as_str())].into_iter().chain(credential).collect();
    let next = "every guard is asked before anything is changed";
    deployment::start(ledger, automation_role, &document.name(&ledger.prefix), &parameters, next).await
}

/// Something that is under way: what, of whom, and from when on the schedule goes on with it.
fn due_line(due: &Due) -> String {
    let what = match &due.what {
        DueItem::Work(work) => work_line(work),
        DueItem::LeftLease { request, run } => format!("{}: run {run} is at it, or has died", errand(request)),
        DueItem::Rotation(kept) => rotation_line(kept),
        DueItem::Announcement(kept) => announcement_line(kept),
        DueItem::Waiting { request } => format!("{}: waits for its turn", errand(request)),
        DueItem::ExceptionTags(user) => format!("{user}  tags are to follow the exceptions"),
        DueItem::Pass(rule) => format!("{rule}  the pass has not reached the end"),
    };
    match due.at() {
        Some(at) => format!("{what}  due {at}"),
        None => what,
    }
}

fn errand(Request { document, user, credential, requester, .. }: &Request) -> String {
    let credential = credential.as_ref().map_or("", CredentialId::as_str);
    format!("{user}  {document}  {credential}  asked by {requester}")
}

/// One rotation: of which key, how far it came, and who asked.
fn rotation_line(KeptRotation { rotation, request, .. }: &KeptRotation) -> String {
    let step = match (&rotation.ended, &rotation.replacement) {
        (Some(ended), _) => format!("ended {} ({})", ended.at, ended.how),
        (None, Some(replacement)) => format!("until {}, to {}", date(rotation.deadline), replacement.key),
        (None, None) => format!("until {}, no new key yet", date(rotation.deadline)),
    };
    let Request { user, requester, execution, .. } = request;
    format!(
        "{user}  rotation  {}  begun {}  {step}  asked by {requester}  execution {execution}",
        rotation.key, rotation.opened
    )
}

/// One announcement: of which act on which credential, from when on it may be done, and who asked and approved.
fn announcement_line(KeptAnnouncement { announcement, request, .. }: &KeptAnnouncement) -> String {
    let step = match (&announcement.ended, &announcement.approval) {
        (Some(ended), _) => format!("ended {} ({})", ended.at, ended.how),
        (None, Some(approval)) => format!("approved by {}, asked by {}", approval.approver, approval.requester),
        (None, None) => "not approved by anybody".to_owned(),
    };
    let Request { user, requester, execution, .. } = request;
    format!(
        "{user}  {} announced  {}  told {}  not before {}  {step}  asked by {requester}  execution {execution}",
        announcement.remedy, announcement.credential, announcement.told, announcement.from
    )
}

/// One act: which, on what, how far it came, why, and who asked.
fn work_line(work: &Work) -> String {
    let Work { act, credential, request, begun, because, undo_until, step, .. } = work;
    let step = match step {
        Step::Intended => "intended".to_owned(),
        Step::Applied { at } => format!("accepted {at}, not yet seen"),
        Step::Settled { at, outcome } => format!("{} {at}", outcome_words(outcome)),
    };
    let undo = undo_until.map(|until| format!("  can be undone until {}", date(until))).unwrap_or_default();
    let Request { user, requester, execution, .. } = request;
    format!(
        "{user}  {act}  {credential}  begun {begun}  {step}{undo}  asked by {requester}  execution {execution}  {because}"
    )
}

fn outcome_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { .. } => "done".to_owned(),
        Outcome::Deleted => "deleted for good".to_owned(),
        Outcome::Undone { execution } => format!("undone by {execution}"),
        Outcome::Withdrawn { reason } => format!("given up ({reason})"),
        Outcome::Ended => "ended with its time".to_owned(),
        Outcome::Reversed => "reversed by somebody else".to_owned(),
        Outcome::Gone { reason } => format!("ended ({reason})"),
    }
}
