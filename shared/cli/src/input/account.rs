//! The account itself: the one module that calls AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use credwarden_credential::creation::Provenance;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Snapshot, User};
use credwarden_inventory::calls;
use credwarden_inventory::collect::{CollectError, Collected, Wanted};
use credwarden_inventory::iam::Iam;
use credwarden_inventory::live::LastUses;
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_ledger::table::Table;
use credwarden_ledger::{Ledger, LedgerError};
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::Verdict;
use credwarden_unused_access::analyzer::{AccessAnalyzer, ReadAnalyzer};
use credwarden_unused_access::{Beside, beside};
use jiff::Timestamp;

use crate::arguments::Account;
use crate::failure::Failure;
use crate::finding::SourceKind;
use crate::input::progress::Watched;
use crate::input::recorded::Recording;
use crate::rules::{Creators, Rule, judgeable, not_read};
use crate::subject::{Facts, Subject};

/// How long an account may take: no limit that an account of 5,000 users, some of it throttled, would reach.
const PATIENCE: Duration = Duration::from_hours(1);

/// The region where none is set: IAM is global, and its endpoint of the partition `aws` is the one there.
const REGION_OF_IAM: &str = "us-east-1";

/// The name of the session where a role is assumed, as CloudTrail shows it.
const SESSION: &str = "credwarden";

/// Reads the account for all of `rules` at once, and what a ledger tells where one is named.
pub async fn collect(account: &Account, policy: &Policy, rules: &[&Rule], now: Timestamp) -> Result<Facts, Failure> {
    let aws = sdk_config(account).await;
    let iam = Watched::new(Iam::of(&aws));
    let mut facts = judged(&iam, named(&aws, account).as_ref(), policy, rules, now).await;
    if let Ok(facts) = &mut facts {
        add_opinions(facts, &AccessAnalyzer::of(&aws), &iam, policy, rules, now).await;
    }
    iam.finish();
    facts
}

/// Adds what IAM Access Analyzer says beside verdicts, where the region has an analyzer of unused access. No verdict depends
/// on it: that it cannot be read is said, and nothing else.
pub async fn add_opinions<A: ReadAnalyzer, R: ReadIam>(
    facts: &mut Facts,
    analyzers: &A,
    reader: &R,
    policy: &Policy,
    rules: &[&Rule],
    now: Timestamp,
) {
    let Some(rule) = rules.iter().find(|rule| rule.name == unused_credentials::RULE) else { return };
    let exceptions = facts.exceptions.clone().unwrap_or_default();
    let users = facts.subjects.iter().filter_map(|subject| match subject {
        Subject::User(user) => Some((user, (rule.judge)(user, policy, &exceptions, now))),
        Subject::Reported(_) => None,
    });
    let verdicts: Vec<(&User, Verdict)> = users.collect();
    let judged: Vec<_> = verdicts.iter().map(|(user, verdict)| (*user, verdict)).collect();
    let Beside { opinions, unread } = beside(analyzers, reader, &judged, now, PATIENCE).await;
    facts.opinions = opinions;
    facts.limitations.extend(unread);
}

/// Reads everything that any rule could ever ask of the account.
pub async fn record(account: &Account, now: Timestamp) -> Result<Recording, Failure> {
    let aws = sdk_config(account).await;
    let iam = Watched::new(Iam::of(&aws));
    let recording = recorded(&iam, named(&aws, account).as_ref(), now).await;
    iam.finish();
    recording
}

/// A deployment's ledger, with the name that it was given by. It is read as the rules read it, and never written.
#[derive(Debug)]
pub struct Named<T> {
    /// The ledger.
    pub ledger: Ledger<T>,
    /// Its table, or the table's ARN.
    pub name: String,
}

fn named(aws: &SdkConfig, account: &Account) -> Option<Named<DynamoTable>> {
    let name = account.ledger_table.clone()?;
    Some(Named { ledger: Ledger::new(DynamoTable::new(aws, &name)), name })
}

impl<T: Table> Named<T> {
    async fn exceptions(&self, now: Timestamp) -> Result<Exceptions, Failure> {
        self.told(self.ledger.exceptions(now).await)
    }

    /// What the ledger answered.
    fn told<V>(&self, answer: Result<V, LedgerError>) -> Result<V, Failure> {
        let name = &self.name;
        let hint = format!(
            "hint: `credwarden permissions --ledger-table {name}` prints the policy that the caller needs; the ledger is \
             in the deployment's region, which `--region` names"
        );
        answer.context(hint).with_context(|| format!("failed to read the ledger `{name}`")).map_err(Failure::Account)
    }

    async fn add_intents(&self, snapshot: &mut Snapshot, provenance: Option<Arc<Provenance>>) -> Result<(), Failure> {
        let Some(provenance) = provenance else { return Ok(()) };
        let unread = self.ledger.add_intents(snapshot, provenance).await;
        // A person can wait until the ledger answers again, unlike a rule's pass.
        self.told(unread.into_iter().try_for_each(|(_, error)| Err(error)))
    }
}

/// Reads what `rules` need to judge by `policy`, and what a ledger tells besides: exceptions, and, where a rule asks for it,
/// who created credentials. Without the latter, nothing is read for that rule.
///
/// # Errors
/// The ledger, the credential report or the list of users could not be read.
pub async fn judged<R: ReadIam, T: Table>(
    reader: &R,
    named: Option<&Named<T>>,
    policy: &Policy,
    rules: &[&Rule],
    now: Timestamp,
) -> Result<Facts, Failure> {
    let Some(named) = named else {
        let (rules, _) = judgeable(rules, policy, Creators::NotRead);
        let collected = failed(for_rules(reader, policy, &rules, None, now).await)?;
        return Ok(facts(collected, None, Creators::NotRead, now));
    };
    let exceptions = named.exceptions(now).await?;
    let (provenance, creators) = match rules.iter().find(|rule| rule.asks_for_creators(policy)) {
        None => (None, Creators::NotRead),
        Some(rule) => match named.told(named.ledger.known_provenance(rule.name).await)? {
            Some(provenance) => (Some(Arc::new(provenance)), Creators::Known),
            None => (None, Creators::NotYet),
        },
    };
    let (rules, _) = judgeable(rules, policy, creators);
    let mut collected = failed(for_rules(reader, policy, &rules, provenance.clone(), now).await)?;
    named.add_intents(&mut collected.snapshot, provenance).await?;
    Ok(facts(collected, Some(exceptions), creators, now))
}

/// Reads all that a recording holds: every credential of every user, and what a ledger tells besides.
///
/// # Errors
/// The ledger, the credential report or the list of users could not be read.
pub async fn recorded<R: ReadIam, T: Table>(
    reader: &R,
    named: Option<&Named<T>>,
    now: Timestamp,
) -> Result<Recording, Failure> {
    let Some(named) = named else {
        let collected = failed(everything(reader, None, now).await)?;
        return Ok(Recording::of(collected.snapshot, None));
    };
    let exceptions = named.exceptions(now).await?;
    let provenance = named.told(named.ledger.known_provenance(RuleName::UnauthorizedKeyCreation).await)?;
    let provenance = provenance.map(Arc::new);
    let mut collected = failed(everything(reader, provenance.clone(), now).await)?;
    named.add_intents(&mut collected.snapshot, provenance).await?;
    Ok(Recording::of(collected.snapshot, Some(exceptions)))
}

/// Reads what `rules` need to judge by `policy` and `provenance`: what the credential report and the lists decide is not read
/// again.
///
/// # Errors
/// The credential report or the list of users could not be read.
pub async fn for_rules<R: ReadIam>(
    reader: &R,
    policy: &Policy,
    rules: &[&Rule],
    provenance: Option<Arc<Provenance>>,
    now: Timestamp,
) -> Result<Collected, CollectError> {
    let kinds = rules.iter().flat_map(|rule| (rule.kinds)(policy)).collect();
    let undecided = |user: &User| rules.iter().flat_map(|rule| (rule.undecided)(user, policy, now)).collect();
    read(reader, &kinds, undecided, provenance, now).await
}

/// Reads all credentials of all users, who share `provenance`.
///
/// # Errors
/// The credential report or the list of users could not be read.
pub async fn everything<R: ReadIam>(
    reader: &R,
    provenance: Option<Arc<Provenance>>,
    now: Timestamp,
) -> Result<Collected, CollectError> {
    let kinds = BTreeSet::from(CredentialKind::OF_USERS);
    read(reader, &kinds, |_: &User| kinds.clone(), provenance, now).await
}

async fn read<R: ReadIam>(
    reader: &R,
    kinds: &BTreeSet<CredentialKind>,
    undecided: impl Fn(&User) -> BTreeSet<CredentialKind>,
    provenance: Option<Arc<Provenance>>,
    now: Timestamp,
) -> Result<Collected, CollectError> {
    let nobody = BTreeSet::new();
    let last_uses = LastUses::Read;
    let wanted = Wanted {
        kinds,
        undecided,
        last_uses,
        previously_reported: &nobody,
        provenance,
        earlier: None,
        resume_after: None,
    };
    credwarden_inventory::collect::collect(reader, wanted, now, PATIENCE).await
}

/// What was read, as facts.
pub fn facts(collected: Collected, exceptions: Option<Exceptions>, creators: Creators, now: Timestamp) -> Facts {
    Facts {
        kind: SourceKind::Account,
        file: None,
        as_of: now,
        subjects: collected.snapshot.users.into_values().map(Subject::User).collect(),
        opinions: BTreeMap::new(),
        creators,
        unreadable_rows: 0,
        limitations: not_read(exceptions.as_ref()),
        exceptions,
    }
}

fn failed(collected: Result<Collected, CollectError>) -> Result<Collected, Failure> {
    const HINT: &str = "hint: `credwarden permissions` prints the policy that the caller needs; `aws sts \
                        get-caller-identity` tells who the caller is";
    collected.context(HINT).context("failed to read the account").map_err(Failure::Account)
}

/// Region and credentials as the arguments say, and where they say nothing as AWS's environment does.
pub(crate) async fn sdk_config(account: &Account) -> SdkConfig {
    let mut loader = calls::loader();
    if let Some(profile) = &account.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &account.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let mut config = loader.load().await;
    if config.region().is_none() {
        config = config.into_builder().region(Region::from_static(REGION_OF_IAM)).build();
    }
    let Some(role) = &account.role_arn else { return config };
    let mut provider = AssumeRoleProvider::builder(role).session_name(SESSION).configure(&config);
    if let Some(external_id) = &account.external_id {
        provider = provider.external_id(external_id);
    }
    let provider = provider.build().await;
    config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
}
