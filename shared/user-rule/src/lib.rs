//! An AWS Config rule about the credentials of IAM users: one pass over the account, whatever is judged.
//!
//! A rule is a [`Definition`] of pure functions. [`run`] makes a function of AWS Lambda of it: it reads the policy, the
//! exceptions and the account, judges each user by its own facts, tells AWS Config what changed, and remembers in the
//! ledger how far the pass came and since when something could not be read.

pub mod evidence;
mod observed;
pub mod provenance;
mod scan;

use std::collections::BTreeSet;

use anyhow::Context as _;
use aws_config::SdkConfig;
use credwarden_credential::age::Days;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::User;
use credwarden_inventory::calls::sdk_config;
use credwarden_inventory::iam::Iam;
use credwarden_inventory::live::LastUses;
use credwarden_inventory::parameter::Parameters;
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_policy::exception::Exceptions;
use credwarden_policy::policy::Policy;
use credwarden_policy::remedy::RuleName;
use credwarden_policy::verdict::Verdict;
use jiff::Timestamp;

use crate::evidence::FindEvidence;
use crate::provenance::{NotNeeded, TellProvenance};

pub use scan::Scan;

/// What a rule decides with.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its name.
    pub name: RuleName,
    /// Whether it judges by the last use of credentials.
    pub last_uses: LastUses,
    /// The kinds of credentials that it is about under a policy.
    pub kinds: fn(&Policy) -> BTreeSet<CredentialKind>,
    /// The kinds of which more must be known of a user before it can be judged.
    pub undecided: fn(&User, &Policy, Timestamp) -> BTreeSet<CredentialKind>,
    /// How old a credential of this kind may be of which nobody knows, before the rule would say something of it;
    /// `None`: of any age.
    pub unknown_for: fn(&User, &Policy, CredentialKind) -> Option<Days>,
    /// The judgement on one user.
    pub judge: fn(&User, &Policy, &Exceptions, Timestamp) -> Verdict,
}

/// Runs the rule as a function of AWS Lambda.
///
/// # Errors
/// The environment lacks what the stack sets, or the runtime's API is gone.
pub async fn run(rule: Definition) -> Result<(), lambda_runtime::Error> {
    let aws = sdk_config().await;
    let ledger = Ledger::new(DynamoTable::new(&aws, variable("CREDWARDEN_LEDGER_TABLE")?));
    run_with(rule, &aws, ledger, NotNeeded, NotNeeded).await
}

/// Runs a rule that judges by who created credentials, which `provenance` tells, or beside which `evidence` has something
/// to say.
///
/// # Errors
/// The environment lacks what the stack sets, or the runtime's API is gone.
pub async fn run_with<O: TellProvenance, E: FindEvidence>(
    rule: Definition,
    aws: &SdkConfig,
    ledger: Ledger<DynamoTable>,
    provenance: O,
    evidence: E,
) -> Result<(), lambda_runtime::Error> {
    let scan = Scan {
        rule,
        iam: Iam::of(aws),
        parameters: Parameters::new(aws),
        policy_parameter: variable("CREDWARDEN_POLICY_PARAMETER")?,
        ledger,
        provenance,
        evidence,
    };
    credwarden_config_rule::run(scan, aws, "Credwarden").await
}

/// One of the function's settings.
///
/// # Errors
/// The environment does not hold it.
pub fn variable(name: &str) -> anyhow::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the function's settings, read once")]
    std::env::var(name).with_context(|| format!("failed to read the environment variable `{name}`; the stack sets it"))
}
