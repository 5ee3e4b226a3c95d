//! What IAM Access Analyzer finds of credentials that nobody uses, read as evidence beside the verdicts of
//! `unused-credentials`.
//!
//! It costs one call where there is no unused access analyzer in the region. Else it costs one more, one for each hundred
//! findings, and one for each finding on a credential that the rule names, or that IAM shows to be used: a list of
//! findings tells no key's id. What cannot be read is no gap of a verdict: nothing is said then, but that it could not be read.

pub mod analyzer;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use credwarden_credential::id::UserId;
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_credential::snapshot::{LastUse, Listing, User};
use credwarden_inventory::read::{Failure, ReadError, ReadIam, every_page};
use credwarden_policy::unused_access::{Found, Opinion, Window};
use credwarden_policy::verdict::Verdict;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::analyzer::{Analyzer, Finding, ReadAnalyzer};

/// How many findings are read one by one in a pass. It protects the pass, and the quotas of Access Analyzer, from an
/// account in which nothing is used.
const MOST_DETAILS: usize = 200;

/// What an analyzer says beside verdicts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Of each user of whom there is something to say.
    pub opinions: BTreeMap<UserId, Vec<Opinion>>,
    /// What could not be read, in words.
    pub unread: Vec<String>,
}

/// Reads what an analyzer says beside these verdicts, for at most `time_left`.
pub async fn beside<A: ReadAnalyzer, R: ReadIam>(
    analyzers: &A,
    iam: &R,
    judged: &[(&User, &Verdict)],
    now: Timestamp,
    time_left: Duration,
) -> Beside {
    let ends = Instant::now() + time_left;
    let mut beside = Beside::default();
    let (analyzer, window, findings) = match timeout_at(ends, list(analyzers)).await {
        Ok(Ok(Some(listed))) => listed,
        Ok(Ok(None)) => return beside,
        Ok(Err(error)) => {
            beside.unread(&error);
            return beside;
        }
        Err(_) => {
            beside.unread(&out_of_time());
            return beside;
        }
    };
    let mut of_users: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &findings {
        of_users.entry(&finding.user).or_default().push(finding);
    }
    let mut reading =
        Reading { analyzers, iam, analyzer: &analyzer, window, ends, now, left: MOST_DETAILS, failed: None };
    // Who is reported comes first, should there be more to read than may be read.
    let (broken, others): (Vec<_>, Vec<_>) =
        judged.iter().partition(|(_, verdict)| verdict.findings().next().is_some());
    for (user, verdict) in broken.into_iter().chain(others) {
        let listed = of_users.get(user.arn.as_str()).map(Vec::as_slice).unwrap_or_default();
        let opinions = reading.opinions(user, verdict, listed).await;
        if !opinions.is_empty() {
            beside.opinions.insert(user.id.clone(), opinions);
        }
    }
    if let Some(error) = reading.failed {
        beside.unread(&error);
    }
    beside
}

impl Beside {
    fn unread(&mut self, error: &ReadError) {
        warn!(error = error as &dyn Error, "what Access Analyzer says is not known");
        self.unread.push(format!("what Access Analyzer says is not known, and no verdict depends on it: {error}"));
    }
}

/// The analyzer that speaks for the account, what it looks for, and all its findings; `None`: there is none.
async fn list<A: ReadAnalyzer>(analyzers: &A) -> Result<Option<(Analyzer, Window, Vec<Finding>)>, ReadError> {
    let all = every_page("list analyzers", |marker| analyzers.list_analyzers(marker)).await?;
    // The account's own before the organization's, and always the same.
    let Some(analyzer) = all.into_iter().flatten().min() else {
        return Ok(None);
    };
    let window = analyzers.get_analyzer(&analyzer).await?;
    let doing = format!("list findings of `{}`", analyzer.arn);
    let findings = every_page(&doing, |marker| analyzers.list_findings(&analyzer, marker)).await?;
    Ok(Some((analyzer, window, findings)))
}

/// The reading of findings, one by one.
struct Reading<'a, A, R> {
    analyzers: &'a A,
    iam: &'a R,
    analyzer: &'a Analyzer,
    window: Window,
    ends: Instant,
    now: Timestamp,
    left: usize,
    /// Why not all was read: the first of the reasons.
    failed: Option<ReadError>,
}

impl<A: ReadAnalyzer, R: ReadIam> Reading<'_, A, R> {
    async fn opinions(&mut self, user: &User, verdict: &Verdict, listed: &[&Finding]) -> Vec<Opinion> {
        let window = self.window;
        let named: BTreeSet<CredentialKind> =
            verdict.findings().filter_map(|finding| Some(finding.credential()?.kind())).collect();
        let mut last_uses = last_uses(user);
        let mut found = Found::default();
        for finding in listed {
            if finding.is_archived {
                found.incomplete.push(finding.kind);
            } else if named.contains(&finding.kind) || shows_use(user, finding.kind, window, self.now) {
                match self.details(finding).await {
                    Some((credential, last_accessed)) => {
                        self.add_use(&credential, &mut last_uses).await;
                        found.unused.insert(credential, last_accessed);
                    }
                    None => found.incomplete.push(finding.kind),
                }
            }
        }
        window.opinions(verdict, &last_uses, &found, self.now)
    }

    /// Which credential a finding is about, and when the analyzer says that it was used last.
    async fn details(&mut self, finding: &Finding) -> Option<(CredentialId, Option<Timestamp>)> {
        let doing = format!("get finding `{}` of `{}`", finding.id, self.analyzer.arn);
        // Neither gets better by asking on.
        let is_hopeless =
            self.failed.as_ref().is_some_and(|error| matches!(error.failure, Failure::Denied | Failure::Throttled));
        if is_hopeless {
            return None;
        }
        let answer = match self.left.checked_sub(1) {
            None => Err(ReadError::new(Failure::Failed, format!("{doing}, after {MOST_DETAILS} others"))),
            Some(left) => {
                self.left = left;
                let asked = timeout_at(self.ends, self.analyzers.get_finding(self.analyzer, finding)).await;
                asked.unwrap_or_else(|_| Err(out_of_time()))
            }
        };
        match answer {
            Ok(details) => Some(details),
            Err(error) => {
                self.failed.get_or_insert(error);
                None
            }
        }
    }

    /// Where only the report shows a user's keys, it tells no ids.
    async fn add_use(&mut self, credential: &CredentialId, uses: &mut BTreeMap<CredentialId, Timestamp>) {
        let CredentialId::AccessKey(key) = credential else { return };
        if uses.contains_key(credential) {
            return;
        }
        match timeout_at(self.ends, self.iam.get_access_key_last_used(key)).await {
            Ok(Ok(LastUse::At { at, .. })) => {
                uses.insert(credential.clone(), at);
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                self.failed.get_or_insert(error);
            }
            Err(_) => {
                self.failed.get_or_insert(out_of_time());
            }
        }
    }
}

fn out_of_time() -> ReadError {
    ReadError::new(Failure::Failed, "read the findings of Access Analyzer in time")
}

/// When the user's credentials were used last, as far as one can be told from the other.
fn last_uses(user: &User) -> BTreeMap<CredentialId, Timestamp> {
    let mut last_uses = BTreeMap::new();
    for kind in KINDS {
        match user.listing(kind) {
            Some(Listing::Live(credentials)) => last_uses.extend(credentials.into_iter().filter_map(|one| {
                let LastUse::At { at, .. } = one.last_use else { return None };
                Some((one.id, at))
            })),
            Some(Listing::Reported(_)) if kind == CredentialKind::ConsolePassword => {
                last_uses.extend(reported(user, kind).map(|at| (CredentialId::ConsolePassword, at)));
            }
            Some(Listing::Reported(_) | Listing::Unread(_)) | None => {}
        }
    }
    last_uses
}

/// When credentials of which only the report tells were used last.
fn reported(user: &User, kind: CredentialKind) -> impl Iterator<Item = Timestamp> + use<> {
    let active = match user.listing(kind) {
        Some(Listing::Reported(reported)) => reported.active,
        _ => Vec::new(),
    };
    // A password that was set after the last sign-in was not used yet.
    let is_of_it = move |used: &Timestamp, changed: Option<Timestamp>| {
        kind != CredentialKind::ConsolePassword || changed.is_some_and(|changed| changed <= *used)
    };
    active.into_iter().filter_map(move |one| one.last_used.filter(|used| is_of_it(used, one.changed)))
}

/// Whether any credential of the kind was used so that the analyzer should know.
fn shows_use(user: &User, kind: CredentialKind, window: Window, now: Timestamp) -> bool {
    let known = last_uses(user).into_iter().filter(|(credential, _)| credential.kind() == kind).map(|(_, at)| at);
    known.chain(reported(user, kind)).any(|at| window.should_know(at, now))
}

/// The kinds that an unused access analyzer looks at.
const KINDS: [CredentialKind; 2] = [CredentialKind::AccessKey, CredentialKind::ConsolePassword];
