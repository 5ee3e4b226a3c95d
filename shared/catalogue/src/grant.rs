//! What a function's role allows.

use serde::Serialize;

/// Actions on the narrowest resources that IAM can express for them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Grant {
    /// IAM actions, such as `iam:ListAccessKeys`.
    pub actions: &'static [&'static str],
    /// The resources.
    pub on: On,
}

/// The resources of a grant; the CDK app knows their ARNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// The action takes no resource (AWS Service Authorization Reference).
    Any,
    /// IAM users of the account.
    Users,
    /// IAM users at the enrolled path, whose access keys may be minted.
    EnrolledUsers,
    /// The tags of IAM users of the account by which exceptions are mirrored, and no others.
    ExceptionTags,
    /// IAM users of the account, of whose policies only the stack's own that refuses sessions.
    SessionPolicy,
    /// IAM groups of the account.
    Groups,
    /// The parameter that holds the policy.
    PolicyParameter,
    /// The parameter that is the kill switch.
    KillSwitchParameter,
    /// Secrets of AWS Secrets Manager whose names begin with the deployment's prefix.
    Secrets,
    /// The same, to be rotated by the deployment's own function and by no other.
    SecretRotation,
    /// The functions that rotate secrets.
    Rotators,
    /// The account's analyzers of IAM Access Analyzer.
    Analyzers,
    /// The ledger's table.
    Ledger,
    /// The ledger's index of open work.
    LedgerIndex,
    /// The Config rule of the function itself.
    OwnRule,
    /// All of Credwarden's Config rules.
    Rules,
    /// The remediation configurations of Credwarden's rules.
    Remediations,
    /// Credwarden's SSM documents.
    Documents,
    /// The SSM document of the rule to which the function belongs.
    OwnDocument,
    /// Executions of SSM Automation.
    Executions,
    /// The role that SSM Automation assumes.
    AutomationRole,
    /// The topic by which owners are told.
    NoticeTopic,
    /// The account's default event bus.
    DefaultBus,
}
