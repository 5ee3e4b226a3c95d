//! Finds long-term credentials of IAM users that somebody created, or re-activated, who may not; those whose creator nobody
//! knows; and those of which the user may hold none, or not so many.
//!
//! Each usable credential is judged by the events that `CloudTrail` told of it ([`Provenance`]) and by what the policy says
//! of its user's class. Of a class of which the policy says nothing, nothing is said. A missing event proves nothing until
//! `CloudTrail` was asked for it, 2 hours after it would have happened: until then it cannot be told. A credential that is
//! older than the installation passes, with a note, unless the policy says that such are judged too; what happens to it
//! later is judged. Every re-activation counts, not the last one only: a later one by somebody who may does not make good
//! that somebody else could use the credential. What our own functions do is authorized exactly when the ledger holds that
//! they intended it.

use std::collections::BTreeSet;

use credwarden_credential::age::{CLOCK_TOLERANCE, Days, is_in_the_future};
use credwarden_credential::creation::{Creation, CreationAct, Principal, Provenance};
use credwarden_credential::id::{Arn, UserId};
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Credential, Gap, GapReason, Listing, Reported, ReportedCredential, User};
use credwarden_policy::creation::{CreationLimits, CreatorRefusal};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::{Clause, Finding, Note, Verdict, Why, sort_in};
use jiff::{SignedDuration, Timestamp};

/// This rule's name.
pub const RULE: RuleName = RuleName::UnauthorizedKeyCreation;

/// How far IAM's date of a change and that of the event of the call that made it may lie apart: both are cut to seconds.
const SAME_CALL: SignedDuration = SignedDuration::from_secs(2);

/// The kinds of credentials of whose creation the policy says something in some class.
pub fn kinds(policy: &Policy) -> BTreeSet<CredentialKind> {
    policy.class_names().flat_map(|class| kinds_of(&policy.creation(class))).collect()
}

/// The kinds of which more must be known before the user can be judged.
pub fn undecided(user: &User, policy: &Policy, _now: Timestamp) -> BTreeSet<CredentialKind> {
    let Ok(class) = policy.class(user) else { return kinds(policy) };
    let limits = policy.creation(class);
    kinds_of(&limits).into_iter().filter(|kind| doubt(user, *kind, &limits).is_some()).collect()
}

/// How old a credential may be of which nobody knows: events tell of new ones, and those that no event tells of are found
/// within this time where the credential report does not show them.
pub fn unknown_for(_user: &User, _policy: &Policy, _kind: CredentialKind) -> Option<Days> {
    Some(Days(60))
}

/// Judges one user.
pub fn judge(user: &User, policy: &Policy, exceptions: &Exceptions, now: Timestamp) -> Verdict {
    if kinds(policy).is_empty() {
        return Verdict::NotApplicable(Why::NothingSaid);
    }
    let class = match policy.class(user) {
        Ok(class) => class,
        Err(gap) => return Verdict::of(Vec::new(), Vec::new(), vec![gap], false.into(), now),
    };
    let limits = policy.creation(class);
    if limits.is_silent() {
        return Verdict::NotApplicable(Why::NothingSaid);
    }
    let mut judged = Judged::default();
    for kind in kinds_of(&limits) {
        judged.kind(user, kind, &limits, now);
    }
    let Judged { holds_one, broken, mut notes, gaps } = judged;
    let mut findings = Vec::new();
    for clause in broken {
        let finding = Finding { class: Some(class.clone()), clause };
        let covering = |credential: &_| exceptions.covering(&user.id, RULE, credential, now);
        sort_in(finding, covering, &mut findings, &mut notes);
    }
    findings.sort_by(|one: &Finding, other| (one.since(), one.credential()).cmp(&(other.since(), other.credential())));
    let notes = exceptions.forged(user, RULE, now).into_iter().chain(notes).collect();
    Verdict::of(findings, notes, gaps, holds_one.into(), now)
}

/// Whether whoever did this may not, to a user of some class: then the user is judged at once. A class needs the whole
/// user, and is left to the judgement.
pub fn is_suspect(creation: &Creation, user: &UserId, policy: &Policy, own_roles: &BTreeSet<Arn>) -> bool {
    let is_ours = matches!(&creation.creator.principal, Principal::Role(role) if own_roles.contains(role));
    let mut judging = policy.class_names().map(|class| policy.creation(class)).filter(CreationLimits::judges_creators);
    judging.any(|limits| is_ours || limits.refuses(creation, user).is_some())
}

/// The kinds of which a class's limits say something.
fn kinds_of(limits: &CreationLimits) -> BTreeSet<CredentialKind> {
    if limits.judges_creators() {
        CredentialKind::OF_USERS.into_iter().collect()
    } else {
        limits.at_most.keys().copied().collect()
    }
}

/// What is said of one user so far.
#[derive(Default)]
struct Judged {
    holds_one: bool,
    broken: Vec<Clause>,
    notes: Vec<Note>,
    gaps: Vec<Gap>,
}

impl Judged {
    fn kind(&mut self, user: &User, kind: CredentialKind, limits: &CreationLimits, now: Timestamp) {
        let listing = user.listing(kind);
        self.gaps.extend(doubt(user, kind, limits));
        let Some(listing) = listing else { return };
        self.holds_one |= listing.shows_one();
        if let Listing::Reported(Reported { active, .. }) = &listing
            && limits.judges_creators()
            && !active.is_empty()
        {
            match &user.provenance {
                Some(provenance) => {
                    let count = active.iter().filter(|one| passes_as_baseline(one, limits, provenance)).count();
                    self.notes.extend((count > 0).then_some(Note::ReportedBaseline { kind, count }));
                }
                None => self.gaps.push(provenance_unread(&user.name)),
            }
        }
        let mut usable = listing.usable(now);
        usable.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        let at_most = limits.at_most.get(&kind).copied();
        for (before, credential) in usable.iter().enumerate() {
            let is_refused = limits.judges_creators() && self.creator(user, credential, limits, now);
            if let Some(at_most) = at_most
                && !is_refused
                && u32::try_from(before).is_ok_and(|before| before >= at_most)
            {
                self.broken.push(Clause::TooMany {
                    credential: credential.id.clone(),
                    created: credential.created,
                    at_most,
                });
            }
        }
    }

    /// Judges who made a credential usable; true if that is a finding.
    fn creator(&mut self, user: &User, credential: &Credential, limits: &CreationLimits, now: Timestamp) -> bool {
        match creator(user, credential, limits, now) {
            Ok(Origin::Authorized) => false,
            Ok(Origin::Baseline(note)) => {
                self.notes.push(note);
                false
            }
            Ok(Origin::Broken(clause)) => {
                self.broken.push(clause);
                true
            }
            Err(gap) => {
                self.gaps.push(gap);
                false
            }
        }
    }
}

/// What is said of who made a credential usable.
enum Origin {
    Authorized,
    Baseline(Note),
    Broken(Clause),
}

fn creator(user: &User, credential: &Credential, limits: &CreationLimits, now: Timestamp) -> Result<Origin, Gap> {
    let Credential { id, created, .. } = credential;
    let Some(provenance) = &user.provenance else { return Err(provenance_unread(&user.name)) };
    if is_in_the_future(*created, now) {
        let doing = format!("judge {id}, which was created in the future, at {created}");
        return Err(Gap::new(GapReason::Implausible, doing));
    }
    let passes = |at| !limits.judges_baseline && provenance.is_baseline(at);
    let events = provenance.creations.of(id, &user.name, *created);
    let refused = events.iter().filter(|creation| !passes(creation.at)).find_map(|creation| {
        let refusal = refusal(creation, user, limits, provenance)?;
        Some(Clause::UnauthorizedCreator { creation: Box::new((*creation).clone()), refusal })
    });
    if let Some(clause) = refused {
        return Ok(Origin::Broken(clause));
    }
    let creation = events.iter().find(|creation| !creation.act.is_reactivation());
    if passes(*created) {
        let creator = creation.map(|creation| Box::new(creation.creator.clone()));
        return Ok(Origin::Baseline(Note::Baseline { credential: id.clone(), created: *created, creator }));
    }
    if creation.is_some() {
        return Ok(Origin::Authorized);
    }
    has_no_event(credential, provenance)?;
    let baseline = provenance.is_baseline(*created);
    Ok(Origin::Broken(Clause::CreatorUnknown { credential: id.clone(), created: *created, baseline }))
}

/// Why whoever did this may not have.
fn refusal(
    creation: &Creation,
    user: &User,
    limits: &CreationLimits,
    provenance: &Provenance,
) -> Option<CreatorRefusal> {
    match &creation.creator.principal {
        Principal::Role(role) if provenance.own_roles.contains(role) => {
            let intended = provenance.intended(&user.id, &creation.credential, creation.at);
            (!intended).then_some(CreatorRefusal::NoIntent)
        }
        _ => limits.refuses(creation, &user.id),
    }
}

/// That nobody can tell any more who created a credential, or why that is not certain.
fn has_no_event(credential: &Credential, provenance: &Provenance) -> Result<(), Gap> {
    let Credential { id, created, .. } = credential;
    let act = CreationAct::creating(id.kind());
    let doing = format!("look up who created {id} on {created}");
    let Some(coverage) = act.and_then(|act| provenance.coverage.get(&act)) else {
        return Err(Gap::new(GapReason::NotReached, format!("{doing}: CloudTrail was not asked yet")));
    };
    if let Some(unreadable) = coverage.unreadable_at(*created) {
        let doing = format!("{doing}: event `{}` of that time cannot be read", unreadable.event);
        // Nobody will be able to read it later, so it hides the credential from its beginning.
        return Err(Gap { since: Some(*created), ..Gap::new(GapReason::Failed, doing) });
    }
    // CloudTrail shows events for 90 days: who created an older credential is not to be had.
    let is_older_than_events = *created < coverage.from && provenance.is_baseline(*created);
    if coverage.covers(*created) || is_older_than_events {
        return Ok(());
    }
    Err(Gap::new(GapReason::NotReached, format!("{doing}: events come up to 2 hours late")))
}

fn provenance_unread(user: impl std::fmt::Display) -> Gap {
    Gap::new(GapReason::NotReached, format!("read who created the credentials of `{user}`"))
}

/// Why what is known of a kind of credentials does not decide, if it does not.
fn doubt(user: &User, kind: CredentialKind, limits: &CreationLimits) -> Option<Gap> {
    match user.listing(kind) {
        Some(Listing::Live(_)) => None,
        Some(Listing::Unread(gap)) => Some(gap),
        Some(Listing::Reported(reported)) => {
            let doing = format!("judge the {}s of `{}` from the credential report alone", kind.noun(), user.name);
            (!clears(user, kind, &reported, limits)).then(|| Gap::new(GapReason::NotReached, doing))
        }
        None => Some(Gap::new(GapReason::NotReached, format!("list {}s of `{}`", kind.noun(), user.name))),
    }
}

/// Whether the report shows that no credential of the kind can break the policy. It knows no ids, and so nobody's creation;
/// but what had its last change before the installation is older than that, and nobody re-activated it since; and what had
/// it when it was created is told by the events of that time.
fn clears(user: &User, kind: CredentialKind, reported: &Reported, limits: &CreationLimits) -> bool {
    let Reported { active, report_made, .. } = reported;
    let are_few =
        limits.at_most.get(&kind).is_none_or(|at_most| u32::try_from(active.len()).is_ok_and(|n| n <= *at_most));
    let Some(provenance) = &user.provenance else { return are_few };
    let may_be_newer = |creation: &Creation| {
        creation.act.kind() == kind && creation.at.duration_since(*report_made) >= -CLOCK_TOLERANCE
    };
    if provenance.creations.of_user(&user.name).any(may_be_newer) {
        return false;
    }
    let is_settled = |one: &ReportedCredential| {
        passes_as_baseline(one, limits, provenance) || is_told(one, user, kind, reported, limits, provenance)
    };
    are_few && (!limits.judges_creators() || active.iter().all(is_settled))
}

/// Whether what the report shows is older than the installation, and such are not judged.
fn passes_as_baseline(one: &ReportedCredential, limits: &CreationLimits, provenance: &Provenance) -> bool {
    !limits.judges_baseline && one.changed.is_some_and(|changed| provenance.is_baseline(changed))
}

/// Whether events tell that somebody who may created what the report shows here.
///
/// The report shows when a credential was changed last, which is its creation where nobody has re-activated it. All calls of
/// that time are known, and where they created as many credentials as the report shows of that time, these are the same.
fn is_told(
    one: &ReportedCredential,
    user: &User,
    kind: CredentialKind,
    reported: &Reported,
    limits: &CreationLimits,
    provenance: &Provenance,
) -> bool {
    let Some(changed) = one.changed else { return false };
    let is_then = |at: Timestamp| at.duration_since(changed).abs() <= SAME_CALL;
    let shown = reported.active.iter().filter(|one| one.changed.is_some_and(is_then)).count();
    let events = || provenance.creations.of_user(&user.name).filter(|creation| creation.act.kind() == kind);
    let created: Vec<_> = events().filter(|creation| is_then(creation.at)).collect();
    let mut acts = CreationAct::ALL.iter().filter(|act| act.kind() == kind);
    acts.all(|act| provenance.coverage.get(act).is_some_and(|coverage| coverage.covers(changed)))
        && created.len() == shown
        // One of those created then may be inactive now, and another in its place.
        && reported.inactive == 0
        && !events().any(|creation| creation.act.is_reactivation())
        && created.iter().all(|creation| refusal(creation, user, limits, provenance).is_none())
}
