//! A rule, wired to the account, the ledger and AWS Config.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;

use anyhow::Context as _;
use credwarden_config_rule::{Annotation, Coverage, Invocation, Judgement, NoParameters, Pass, Resource, Rule};
use credwarden_credential::id::UserId;
use credwarden_credential::snapshot::User;
use credwarden_inventory::collect::{Collected, Wanted, collect_from, read_lists};
use credwarden_inventory::earlier::Earlier;
use credwarden_inventory::parameter::ReadParameter;
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::pass::{CompletePass, Gaps, PassUnderWay, Passes};
use credwarden_ledger::table::Table;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::policy::{Policy, PolicyId};
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::{Note, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::warn;

use crate::Definition;
use crate::evidence::{Evidence, FindEvidence};
use crate::observed::{Observed, Sightings};
use crate::provenance::TellProvenance;

/// The type of the resources that the rule reports on.
const RESOURCE_TYPE: &str = "AWS::IAM::User";

/// A pass that began longer ago than this is begun anew: what its first users were judged by is too old to be
/// called complete.
const LONGEST_PASS: SignedDuration = SignedDuration::from_hours(24);

/// The rule, with what it reads and remembers.
#[derive(Debug)]
pub struct Scan<R, P, T, O, E> {
    /// What decides.
    pub rule: Definition,
    /// The account's users.
    pub iam: R,
    /// Where the policy is read from.
    pub parameters: P,
    /// The name of the policy's parameter.
    pub policy_parameter: String,
    /// What is remembered between invocations.
    pub ledger: Ledger<T>,
    /// Who tells who created credentials.
    pub provenance: O,
    /// What others say beside the verdicts.
    pub evidence: E,
}

/// What is remembered once AWS Config has accepted a pass.
#[derive(Debug)]
pub struct Progress {
    passes: Passes,
    gaps: Gaps,
    /// The policy, where the pass is complete.
    reported: Option<Policy>,
    /// What was seen.
    sightings: Sightings,
}

/// Where a pass goes on, and by which policy it judges: another policy begins another pass.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    after: UserId,
    policy: PolicyId,
}

impl<R: ReadIam, P: ReadParameter, T: Table, O: TellProvenance, E: FindEvidence> Rule for Scan<R, P, T, O, E> {
    type Parameters = NoParameters;
    type Progress = Progress;
    type Error = anyhow::Error;

    async fn evaluate(&self, invocation: &Invocation<NoParameters>) -> anyhow::Result<Pass<Progress>> {
        let now = invocation.now;
        let ends = Instant::now() + invocation.time_left;
        let text = self.parameters.read_parameter(&self.policy_parameter).await?;
        let policy = Policy::parse(&text).with_context(|| format!("failed to use `{}`", self.policy_parameter))?;
        let exceptions = self.ledger.exceptions(now).await?;
        let passes = self.ledger.passes(self.rule.name).await?;
        let known_gaps = self.ledger.gaps(self.rule.name).await?;
        let under_way = under_way(self.rule.name, &passes, &policy, now)?;
        let kinds = (self.rule.kinds)(&policy);
        // Most of the time for either is spent waiting, and neither needs the other. Who created credentials may take as
        // long to learn as the account takes to read.
        let (lists, provenance, observed) = tokio::join!(
            read_lists(&self.iam, &kinds, now, ends.saturating_duration_since(Instant::now()).saturating_sub(E::TIME)),
            self.provenance.provenance(now, invocation.time_left / 2),
            Observed::read(&self.ledger, &kinds),
        );
        let provenance = provenance?.map(Arc::new);
        let previously_reported =
            invocation.reported.iter().filter_map(|resource| resource.id().parse().ok()).collect();
        let judge = |user: &User| (self.rule.judge)(user, &policy, &exceptions, now);
        let wanted = Wanted {
            kinds: &kinds,
            undecided: |user: &User| (self.rule.undecided)(user, &policy, now),
            last_uses: self.rule.last_uses,
            previously_reported: &previously_reported,
            provenance: provenance.clone(),
            earlier: Some(Earlier {
                listing: &|kind, user| observed.listing(kind, user),
                unknown_for: &|user, kind| (self.rule.unknown_for)(user, &policy, kind),
                broken: &|user| {
                    judge(user).findings().filter_map(|finding| Some(finding.credential()?.kind())).collect()
                },
            }),
            resume_after: under_way.as_ref().map(|(_, cursor)| cursor.after.clone()),
        };
        let time_left = ends.saturating_duration_since(Instant::now()).saturating_sub(E::TIME);
        let mut collected = collect_from(lists?, &self.iam, wanted, now, time_left).await;
        if let Some(provenance) = provenance {
            for (user, error) in self.ledger.add_intents(&mut collected.snapshot, provenance).await {
                warn!(user.id = %user, error = &error as &dyn Error, "what was intended is not known");
            }
        }
        let gaps = date_gaps(&mut collected, known_gaps, now);
        let users = &collected.snapshot.users;
        let verdicts: BTreeMap<&UserId, Verdict> = users.iter().map(|(id, user)| (id, judge(user))).collect();
        let judged: Vec<_> = users.values().zip(verdicts.values()).collect();
        let time_left = ends.saturating_duration_since(Instant::now()).min(E::TIME);
        let Evidence { of_users, remarks } = self.evidence.beside(&self.iam, &judged, now, time_left).await;
        let judgements = judgements(&collected.existing, &verdicts, &of_users)?;
        let started = under_way.map_or(now, |(pass, _)| pass.started);
        let sightings =
            Sightings { observed, listed: std::mem::take(&mut collected.listed), existing: collected.existing.clone() };
        let progress = progress(&collected, passes, gaps, policy, sightings, started, now)?;
        let coverage = if collected.cursor.is_some() { Coverage::Partial } else { Coverage::Complete };
        Ok(Pass { judgements, coverage, progress, remarks })
    }

    async fn reported(&self, invocation: &Invocation<NoParameters>, pass: &Pass<Progress>) -> anyhow::Result<()> {
        let Progress { passes, gaps, reported, sightings } = &pass.progress;
        sightings.keep(&self.ledger).await;
        self.ledger.keep_gaps(self.rule.name, gaps).await?;
        if let Some(policy) = reported {
            self.ledger.record_reported(self.rule.name, policy, invocation.now).await?;
        }
        // Last, so that a pass counts as complete only when everything else of it is kept.
        match self.ledger.keep_passes(self.rule.name, passes, invocation.now).await {
            // AWS Config may deliver an event twice. Both runs reported what is true, and the other's progress stands.
            Err(LedgerError::Superseded { .. }) => Ok(()),
            kept => Ok(kept?),
        }
    }
}

/// The pass that goes on, if it judges by this policy and began recently.
fn under_way(
    rule: RuleName,
    passes: &Passes,
    policy: &Policy,
    now: Timestamp,
) -> anyhow::Result<Option<(PassUnderWay, Cursor)>> {
    let Some(pass) = &passes.under_way else { return Ok(None) };
    let cursor: Cursor = serde_json::from_str(&pass.cursor)
        .with_context(|| format!("failed to read where the pass of `{rule}` goes on"))?;
    let goes_on = cursor.policy == policy.id() && now.duration_since(pass.started) <= LONGEST_PASS;
    Ok(goes_on.then(|| (pass.clone(), cursor)))
}

/// Tells each gap since when it lasts, and notes the new ones; those of users that were read, or are gone, end.
fn date_gaps(collected: &mut Collected, known: Gaps, now: Timestamp) -> Gaps {
    let mut gaps = known.0;
    gaps.retain(|user, _| collected.existing.contains(user));
    for user in collected.snapshot.users.values_mut() {
        let id = user.id.clone();
        let mut has_gap = false;
        for gap in user.gaps_mut() {
            has_gap = true;
            gap.since = Some(*gaps.entry(id.clone()).or_insert(now));
        }
        if !has_gap {
            gaps.remove(&id);
        }
    }
    Gaps(gaps)
}

fn judgements(
    existing: &BTreeSet<UserId>,
    verdicts: &BTreeMap<&UserId, Verdict>,
    evidence: &BTreeMap<UserId, Vec<String>>,
) -> anyhow::Result<BTreeMap<Resource, Judgement>> {
    let resource = |user: &UserId| Resource::new(RESOURCE_TYPE, user.as_str());
    let mut judgements = BTreeMap::new();
    for user in existing {
        judgements.insert(resource(user)?, Judgement::JudgedEarlier);
    }
    for (user, verdict) in verdicts {
        let beside = evidence.get(*user).map(Vec::as_slice).unwrap_or_default();
        judgements.insert(resource(user)?, judgement(verdict, beside));
    }
    Ok(judgements)
}

/// What AWS Config is told: the verdict alone decides, and what others say beside it comes last.
fn judgement(verdict: &Verdict, beside: &[String]) -> Judgement {
    let annotation = |notes: &[Note]| {
        let findings = verdict.findings().map(ToString::to_string);
        let notes = notes.iter().map(ToString::to_string);
        Annotation::from_entries(findings.chain(notes).chain(beside.iter().cloned()))
    };
    match verdict {
        Verdict::Compliant(notes) => Judgement::compliant(annotation(notes)),
        Verdict::NonCompliant { notes, .. } => Judgement::non_compliant(annotation(notes)),
        Verdict::NotApplicable(_) => Judgement::not_applicable(),
        Verdict::Unknown(_) => Judgement::Unknown,
    }
}

fn progress(
    collected: &Collected,
    mut passes: Passes,
    gaps: Gaps,
    policy: Policy,
    sightings: Sightings,
    started: Timestamp,
    now: Timestamp,
) -> anyhow::Result<Progress> {
    let reported = if let Some(after) = &collected.cursor {
        let cursor = Cursor { after: after.clone(), policy: policy.id() };
        passes.under_way = Some(PassUnderWay { started, cursor: serde_json::to_string(&cursor)? });
        None
    } else {
        passes.under_way = None;
        passes.complete = Some(CompletePass {
            started,
            finished: now,
            population: collected.population,
            gaps: u32::try_from(gaps.0.len()).unwrap_or(u32::MAX),
            report_made: Some(collected.report_made),
            policy: policy.id(),
        });
        Some(policy)
    };
    Ok(Progress { passes, gaps, reported, sightings })
}

#[cfg(test)]
mod tests;
