//! What a credential report alone decides.
//!
//! A report knows no ids, no groups, policies or tags, and of a credential only when it was created *or changed last*. So a
//! credential was created at some time from its user's creation to that change, and the user may belong to any class that
//! its name, path and password do not exclude. Every rule is asked what it says at both ends of that time, in each of those
//! classes: no rule calls compliant what it would find if it were younger, so where all answers agree, that is certain, and
//! else it is `UNKNOWN`. A key changed long ago is older than its limit for certain; a key changed yesterday may be.

use std::collections::{BTreeMap, BTreeSet};

use credwarden_credential::age::date;
use credwarden_credential::id::{Arn, UserName};
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{
    AccessKey, Credential, KeyStatus, Known, LastUse, Listing, ReportedCredential, Status as Usable, User,
};
use credwarden_inventory::report::{Row, Slot};
use credwarden_policy::class::ClassName;
use credwarden_policy::document::{ClassEntry, MatcherEntry};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::verdict::{Clause, Note, Verdict};
use jiff::{SignedDuration, Timestamp};

use crate::class::{Traits, possible};
use crate::finding::{Finding, Status};
use crate::judgement::{Who, limit_days};
use crate::rules::Rule;

/// IAM records the uses of a key in windows of this length, so that a key may seem used before it was created.
const WINDOW_OF_USE: SignedDuration = SignedDuration::from_mins(15);

/// A user of a credential report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedUser {
    /// The name.
    pub name: UserName,
    /// Its row; `None` where it has several that contradict each other.
    pub row: Option<Row>,
}

impl ReportedUser {
    /// The ARN.
    pub fn arn(&self) -> Option<&Arn> {
        self.row.as_ref()?.arn.as_ref()
    }

    /// What classes are chosen by, as far as a report shows it.
    pub fn traits(&self) -> Traits<'_> {
        Traits {
            name: &self.name,
            path: self.arn().and_then(|arn| path(arn, &self.name)),
            groups: None,
            attached_policies: None,
            console_password: self.row.as_ref().and_then(Row::console_password),
            tags: None,
        }
    }

    /// Each credential that the report shows or should show, with its place.
    pub fn slots(&self) -> impl Iterator<Item = (CredentialKind, u8, Slot)> + use<> {
        let kinds = self.row.iter().flat_map(|row| {
            [
                (CredentialKind::AccessKey, row.keys.to_vec()),
                (CredentialKind::ConsolePassword, vec![row.password]),
                (CredentialKind::SigningCertificate, row.certificates.to_vec()),
            ]
        });
        let slots = kinds.flat_map(|(kind, slots)| (1..).zip(slots).map(move |(number, slot)| (kind, number, slot)));
        slots.collect::<Vec<_>>().into_iter()
    }
}

/// Where in a report a credential stands, such as `access-key-1`.
pub fn slot_name(kind: CredentialKind, number: u8) -> String {
    match kind {
        CredentialKind::ConsolePassword => kind.to_string(),
        kind => format!("{kind}-{number}"),
    }
}

/// The path within an ARN: what stands between `user` and the name.
fn path<'a>(arn: &'a Arn, name: &UserName) -> Option<&'a str> {
    let (_, resource) = arn.as_str().rsplit_once(":user")?;
    resource.strip_suffix(name.as_str()).filter(|path| path.starts_with('/') && path.ends_with('/'))
}

/// The policy as it is for whoever belongs to a class, by class.
#[derive(Clone, Debug)]
pub struct Worlds(BTreeMap<String, Policy>);

impl Worlds {
    /// One world for each class of the policy.
    pub fn of(policy: &Policy) -> Self {
        let world = |class: &ClassName| {
            let class = class.as_str();
            let mut document = policy.document().clone();
            document.classes = vec![ClassEntry { name: class.to_owned(), r#match: vec![MatcherEntry::default()] }];
            let of_class = |name: &str| name == class || !policy.class_names().any(|known| known.as_str() == name);
            document.limits.retain(|name, _| of_class(name));
            for by_class in document.remedies.values_mut() {
                by_class.retain(|name, _| of_class(name));
            }
            let text = serde_json::to_string(&document).ok()?;
            Some((class.to_owned(), Policy::parse(&text).ok()?))
        };
        Self(policy.class_names().filter_map(world).collect())
    }
}

/// What a rule says of a credential in one world.
#[derive(Clone, Debug)]
enum Outcome {
    Broken { limit: Option<u32>, since: Timestamp, evidence: String },
    Due { by: Timestamp },
    Fine,
    Unknown { why: String },
}

/// What one rule says of one user of a report.
pub(crate) fn findings(
    user: &ReportedUser,
    policy: &Policy,
    worlds: &Worlds,
    rule: &Rule,
    now: Timestamp,
) -> Vec<Finding> {
    let possible_classes = possible(policy, &user.traits());
    let who = Who { id: None, name: user.name.clone(), arn: user.arn().cloned(), possible_classes };
    let Some(row) = &user.row else {
        let reason = "the report has several rows of this user, which contradict each other; get it anew";
        return vec![who.finding(rule, Status::Unknown, reason.to_owned())];
    };
    let kinds = (rule.kinds)(policy);
    let mut findings = Vec::new();
    for (kind, number, slot) in user.slots().filter(|(kind, _, _)| kinds.contains(kind)) {
        let name = slot_name(kind, number);
        match slot {
            Slot::Empty | Slot::Inactive(_) => {}
            Slot::Unreadable => {
                let reason =
                    format!("the report's cells of {name} are missing, or hold something else than they should");
                let found = who.finding(rule, Status::Unknown, reason);
                findings.push(Finding { credential_kind: Some(kind), slot: Some(name), ..found });
            }
            Slot::Active(shown) => {
                let subject = Reported { row, who: &who, kind, shown };
                findings.push(subject.finding(worlds, rule, now));
            }
        }
    }
    if row.more_credentials
        && (kinds.contains(&CredentialKind::AccessKey) || kinds.contains(&CredentialKind::SigningCertificate))
    {
        let reason = "the report has no columns for all of the user's access keys and signing certificates";
        findings.push(who.finding(rule, Status::Unknown, reason.to_owned()));
    }
    findings
}

/// Adds to a finding what the report shows of the credential.
pub(crate) fn place(finding: Finding, kind: CredentialKind, reported: &ReportedCredential) -> Finding {
    Finding {
        credential_kind: Some(kind),
        slot: Some(slot_name(kind, reported.slot)),
        created_no_later_than: latest_creation(kind, reported),
        last_used: reported.last_used,
        ever_used: (kind != CredentialKind::SigningCertificate).then_some(reported.last_used.is_some()),
        ..finding
    }
}

/// The latest time at which a credential can have been created. A key that was used is older than its use; the use that is
/// shown of a password may be that of an earlier one.
fn latest_creation(kind: CredentialKind, reported: &ReportedCredential) -> Option<Timestamp> {
    let used = reported.last_used.filter(|_| kind == CredentialKind::AccessKey);
    let used = used.and_then(|used| used.checked_add(WINDOW_OF_USE).ok());
    reported.changed.into_iter().chain(used).min()
}

/// An active credential of a report.
struct Reported<'a> {
    row: &'a Row,
    who: &'a Who,
    kind: CredentialKind,
    shown: ReportedCredential,
}

impl Reported<'_> {
    fn finding(&self, worlds: &Worlds, rule: &Rule, now: Timestamp) -> Finding {
        let mut outcomes = Vec::new();
        for class in &self.who.possible_classes {
            for created in self.creations(now) {
                outcomes.push(match worlds.0.get(class) {
                    Some(policy) => self.outcome(policy, rule, created, now),
                    None => Outcome::Unknown { why: format!("class `{class}` cannot be judged alone") },
                });
            }
        }
        let (status, limit_days, since, due_by, reason) = self.sum_up(&outcomes);
        let found = self.who.finding(rule, status, reason);
        Finding { limit_days, non_compliant_since: since, due_by, ..place(found, self.kind, &self.shown) }
    }

    /// What is certain: status, limit, since when, by when, and in words.
    fn sum_up(&self, outcomes: &[Outcome]) -> (Status, Option<u32>, Option<Timestamp>, Option<Timestamp>, String) {
        let name = slot_name(self.kind, self.shown.slot);
        let broken = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Broken { limit, since, evidence } => Some((*since, *limit, evidence)),
            _ => None,
        });
        let due = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Due { by } => Some(*by),
            _ => None,
        });
        let unknown = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Unknown { why } => Some(why),
            _ => None,
        });
        let (broken, due): (Vec<_>, Vec<_>) = (broken.collect(), due.collect());
        if let Some(why) = unknown {
            return (Status::Unknown, None, None, None, why.clone());
        }
        let in_days = |limit: Option<u32>| limit.map_or_else(String::new, |days| format!(" of {days} days"));
        if broken.len() == outcomes.len()
            && let Some((since, limit, evidence)) = broken.iter().max()
        {
            let reason = format!("{name} {evidence}, limit{} passed by {}", in_days(*limit), date(*since));
            return (Status::NonCompliant, *limit, Some(*since), None, reason);
        }
        if let Some((since, limit, evidence)) = broken.into_iter().min() {
            let (days, on) = (in_days(limit), date(since));
            let reason = format!("{name} {evidence}: a limit{days} may have passed on {on}; only the account tells");
            return (Status::Unknown, limit, None, None, reason);
        }
        if due.len() == outcomes.len() {
            let by = due.into_iter().max();
            let reason = format!("{name} must be replaced by {}, or earlier", by.map(date).unwrap_or_default());
            return (Status::Compliant, None, None, by, reason);
        }
        (Status::Compliant, None, None, None, format!("{name} is within the limits, whenever it was created"))
    }

    /// What the report says of its creation, in words.
    fn known(&self) -> String {
        let latest = latest_creation(self.kind, &self.shown).map(date);
        match (latest, self.row.user_created.map(date)) {
            (Some(latest), Some(earliest)) => format!("created from {earliest} to {latest}"),
            (Some(latest), None) => format!("created by {latest}"),
            (None, Some(earliest)) => format!("created since {earliest}"),
            (None, None) => "created at an unknown time".to_owned(),
        }
    }

    fn outcome(&self, policy: &Policy, rule: &Rule, created: Timestamp, now: Timestamp) -> Outcome {
        let Some((user, id)) = self.supposed(created) else {
            return Outcome::Unknown { why: "the report's row cannot be judged".to_owned() };
        };
        let verdict = (rule.judge)(&user, policy, &Exceptions::default(), now);
        let found = verdict.findings().find(|finding| finding.credential() == Some(&id));
        if let Some(finding) = found {
            let evidence = match &finding.clause {
                Clause::Unused { last_used, .. } => format!("last used {}", date(*last_used)),
                Clause::NeverUsed { .. } => format!("without a known use, {}", self.known()),
                Clause::MaxAge { .. }
                | Clause::UnauthorizedCreator { .. }
                | Clause::CreatorUnknown { .. }
                | Clause::TooMany { .. }
                | Clause::NotVerifiableSince { .. } => self.known(),
            };
            return Outcome::Broken { limit: limit_days(&finding.clause), since: finding.since(), evidence };
        }
        if let Some(Clause::NotVerifiableSince { gap, .. }) = verdict.findings().next().map(|finding| &finding.clause) {
            return Outcome::Unknown { why: gap.to_string() };
        }
        let notes = match &verdict {
            Verdict::Compliant(notes) | Verdict::NonCompliant { notes, .. } => notes.as_slice(),
            Verdict::NotApplicable(_) => [].as_slice(),
            Verdict::Unknown(gap) => return Outcome::Unknown { why: self.named(&gap.to_string(), &id) },
        };
        let outcome = notes.iter().find_map(|note| match note {
            Note::DueBy { credential, reached } if *credential == id => Some(Outcome::Due { by: *reached }),
            Note::NotKnown(gap) => Some(Outcome::Unknown { why: self.named(&gap.to_string(), &id) }),
            Note::DueBy { .. }
            | Note::Baseline { .. }
            | Note::ReportedBaseline { .. }
            | Note::Excepted { .. }
            | Note::ForgedException { .. } => None,
        });
        outcome.unwrap_or(Outcome::Fine)
    }

    /// A text about the supposed credential, with its place instead of the supposed id.
    fn named(&self, text: &str, supposed: &CredentialId) -> String {
        text.replace(supposed.as_str(), &slot_name(self.kind, self.shown.slot))
    }

    /// The times of creation that decide for all that are possible: both ends, and of a password the first moment at which
    /// the sign-in that the report shows was one with an earlier password.
    fn creations(&self, now: Timestamp) -> Vec<Timestamp> {
        let latest = latest_creation(self.kind, &self.shown).unwrap_or(now);
        let earliest = self.row.user_created.unwrap_or(Timestamp::UNIX_EPOCH).min(latest);
        let after_use = self.shown.last_used.filter(|_| self.kind == CredentialKind::ConsolePassword);
        let after_use = after_use.and_then(|used| used.checked_add(SignedDuration::from_secs(1)).ok());
        let between = after_use.filter(|after| earliest < *after && *after < latest);
        [latest, earliest].into_iter().chain(between).collect()
    }

    /// The user as it would be with this credential alone, created then.
    fn supposed(&self, created: Timestamp) -> Option<(User, CredentialId)> {
        let last_use = match (self.kind, self.shown.last_used) {
            (CredentialKind::SigningCertificate, _) => LastUse::NotRead,
            // A sign-in before the password was made was one with an earlier password.
            (CredentialKind::ConsolePassword, Some(at)) if at < created => LastUse::Never,
            (_, Some(at)) => LastUse::At { at, service: String::new(), region: String::new() },
            (_, None) => LastUse::Never,
        };
        let id: CredentialId = supposed_id(self.kind)?.parse().ok()?;
        let mut other_credentials: BTreeMap<_, _> = CredentialKind::OF_USERS
            .into_iter()
            .filter(|kind| *kind != CredentialKind::AccessKey)
            .map(|kind| (kind, Listing::Live(Vec::new())))
            .collect();
        let mut access_keys = Vec::new();
        if let CredentialId::AccessKey(key) = &id {
            access_keys.push(AccessKey { id: key.clone(), status: KeyStatus::Active, created, last_use });
        } else {
            let status = Usable::Active;
            let credential = Credential { id: id.clone(), status, created, expires: None, service: None, last_use };
            other_credentials.insert(self.kind, Listing::Live(vec![credential]));
        }
        let user = User {
            created: self.row.user_created.unwrap_or(Timestamp::UNIX_EPOCH),
            console_password: Known::Yes(self.row.console_password().unwrap_or_default()),
            access_keys: Listing::Live(access_keys),
            other_credentials,
            ..bare(&self.who.name, self.who.arn.as_ref())?
        };
        Some((user, id))
    }
}

/// A user of that name of which nothing else is supposed. Its id is never written.
pub(crate) fn bare(name: &UserName, arn: Option<&Arn>) -> Option<User> {
    let arn = arn.cloned().or_else(|| format!("arn:aws:iam:::user/{name}").parse().ok())?;
    Some(User {
        id: "AIDA0000000000000000".parse().ok()?,
        name: name.clone(),
        path: path(&arn, name).unwrap_or("/").to_owned(),
        arn,
        created: Timestamp::UNIX_EPOCH,
        tags: BTreeMap::new(),
        groups: BTreeSet::new(),
        attached_policies: BTreeSet::new(),
        console_password: Known::Yes(false),
        access_keys: Listing::Live(Vec::new()),
        other_credentials: BTreeMap::new(),
        provenance: None,
    })
}

/// An id to ask a rule about a credential whose id is not known. It is never written.
fn supposed_id(kind: CredentialKind) -> Option<&'static str> {
    match kind {
        CredentialKind::AccessKey => Some("AKIA0000000000000000"),
        CredentialKind::ConsolePassword => Some("console-password"),
        CredentialKind::SigningCertificate => Some("000000000000000000000000"),
        _ => None,
    }
}
