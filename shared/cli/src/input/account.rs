//! The account itself: the one module that calls AWS.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::User;
use credwarden_inventory::calls;
use credwarden_inventory::collect::{CollectError, Collected, Wanted};
use credwarden_inventory::iam::Iam;
use credwarden_inventory::live::LastUses;
use credwarden_inventory::read::ReadIam;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use jiff::Timestamp;

use crate::arguments::Account;
use crate::failure::Failure;
use crate::finding::SourceKind;
use crate::input::progress::Watched;
use crate::input::recorded::Recording;
use crate::rules::{Rule, not_read};
use crate::subject::{Facts, Subject};

/// How long an account may take: no limit that an account of 5,000 users, some of it throttled, would reach.
const PATIENCE: Duration = Duration::from_hours(1);

/// The region where none is set: IAM is global, and its endpoint of the partition `aws` is the one there.
const REGION_OF_IAM: &str = "us-east-1";

/// The name of the session where a role is assumed, as CloudTrail shows it.
const SESSION: &str = "credwarden";

/// Reads the account for all of `rules` at once, and the exceptions where a ledger is named.
pub async fn collect(
    account: &Account,
    policy: &Policy,
    rules: &[&Rule],
    now: Timestamp,
) -> Result<(Collected, Option<Exceptions>), Failure> {
    let aws = sdk_config(account).await;
    let exceptions = exceptions(&aws, account, now).await?;
    let iam = Watched::new(Iam::of(&aws));
    let collected = for_rules(&iam, policy, rules, now).await;
    iam.finish();
    Ok((failed(collected)?, exceptions))
}

/// Reads everything that any rule could ever ask of the account.
pub async fn record(account: &Account, now: Timestamp) -> Result<Recording, Failure> {
    let aws = sdk_config(account).await;
    let exceptions = exceptions(&aws, account, now).await?;
    let iam = Watched::new(Iam::of(&aws));
    let collected = everything(&iam, now).await;
    iam.finish();
    failed(collected).map(|collected| Recording::of(collected.snapshot, exceptions))
}

/// The exceptions of the ledger that is named, read as the rules read them.
async fn exceptions(aws: &SdkConfig, account: &Account, now: Timestamp) -> Result<Option<Exceptions>, Failure> {
    let Some(table) = &account.ledger_table else { return Ok(None) };
    let hint = format!(
        "hint: `credwarden permissions --ledger-table {table}` prints the policy that the caller needs; the ledger is in \
         the deployment's region, which `--region` names"
    );
    let ledger = Ledger::new(DynamoTable::new(aws, table));
    let exceptions = ledger.exceptions(now).await.context(hint);
    exceptions.map(Some).with_context(|| format!("failed to read the ledger `{table}`")).map_err(Failure::Account)
}

/// Reads what `rules` need to judge by `policy`: what the credential report and the lists decide is not read again.
///
/// # Errors
/// The credential report or the list of users could not be read.
pub async fn for_rules<R: ReadIam>(
    reader: &R,
    policy: &Policy,
    rules: &[&Rule],
    now: Timestamp,
) -> Result<Collected, CollectError> {
    let kinds = rules.iter().flat_map(|rule| (rule.kinds)(policy)).collect();
    let undecided = |user: &User| rules.iter().flat_map(|rule| (rule.undecided)(user, policy, now)).collect();
    read(reader, &kinds, undecided, now).await
}

/// Reads all credentials of all users.
///
/// # Errors
/// The credential report or the list of users could not be read.
pub async fn everything<R: ReadIam>(reader: &R, now: Timestamp) -> Result<Collected, CollectError> {
    let kinds = BTreeSet::from(CredentialKind::OF_USERS);
    read(reader, &kinds, |_: &User| kinds.clone(), now).await
}

async fn read<R: ReadIam>(
    reader: &R,
    kinds: &BTreeSet<CredentialKind>,
    undecided: impl Fn(&User) -> BTreeSet<CredentialKind>,
    now: Timestamp,
) -> Result<Collected, CollectError> {
    let nobody = BTreeSet::new();
    let last_uses = LastUses::Read;
    let wanted = Wanted {
        kinds,
        undecided,
        last_uses,
        previously_reported: &nobody,
        provenance: None,
        earlier: None,
        resume_after: None,
    };
    credwarden_inventory::collect::collect(reader, wanted, now, PATIENCE).await
}

/// What was read, as facts.
pub fn facts(collected: Collected, exceptions: Option<Exceptions>, now: Timestamp) -> Facts {
    Facts {
        kind: SourceKind::Account,
        file: None,
        as_of: now,
        subjects: collected.snapshot.users.into_values().map(Subject::User).collect(),
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
async fn sdk_config(account: &Account) -> SdkConfig {
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
