//! The list of rules, remedies, schedules and listeners, and what each needs of AWS.
//!
//! It is written out to `cdk/catalogue.json`, from which the CDK app makes functions, roles, rules, documents and
//! alarms: a new rule needs one entry here and no line there. A test holds the written file to this list.

mod entries;
mod grant;
mod pattern;

use serde::Serialize;

pub use entries::CATALOGUE;
pub use grant::{Grant, On};
pub use pattern::{DetailPattern, Exists, Pattern};

/// The format of the written file.
pub const FORMAT: u32 = 1;

/// Everything that is deployed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Catalogue {
    /// [`FORMAT`].
    pub format: u32,
    /// AWS Config rules, by the name of the condition that each finds.
    pub rules: &'static [Rule],
    /// Remedies, by the name of the act.
    pub remedies: &'static [Remedy],
    /// Functions that rotate secrets for AWS Secrets Manager.
    pub rotators: &'static [Rotator],
    /// Functions that only a schedule starts.
    pub schedules: &'static [Schedule],
    /// Functions that events start.
    pub events: &'static [Listener],
}

/// One AWS Config rule.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Name of the folder, package, binary, function and rule.
    pub name: &'static str,
    /// What the Config console shows, at most 256 characters.
    pub description: &'static str,
    /// The resource type that it reports on.
    pub resource_type: &'static str,
    /// Config's `MaximumExecutionFrequency`.
    pub frequency: &'static str,
    /// The remedies that its document calls: the first always, another where that hands on to it.
    pub remedies: &'static [&'static str],
    /// The schedule whose function tells at once what the remedy leaves to be told; `None`: it is told within the hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tells: Option<&'static str>,
    /// The function's size.
    #[serde(flatten)]
    pub function: Function,
}

/// One remedy.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each says of one document whether there is one")]
pub struct Remedy {
    /// Name of the folder, package, binary and function.
    pub name: &'static str,
    /// What the Lambda console shows.
    pub description: &'static str,
    /// Whether a document undoes it.
    pub undo: bool,
    /// Whether people ask it for exceptions, by a document of its own.
    pub exceptions: bool,
    /// Whether people ask it for rotations, and acknowledge them, by documents of their own.
    pub rotations: bool,
    /// Whether people have announced acts of all remedies approved by it, by a document of its own.
    pub approvals: bool,
    /// Actions that change a principal: denied on those that the policy protects.
    pub changes: &'static [&'static str],
    /// The function's size and grants.
    #[serde(flatten)]
    pub function: Function,
}

/// One function that AWS Secrets Manager invokes to rotate a secret.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotator {
    /// Name of the folder, package, binary and function.
    pub name: &'static str,
    /// What the Lambda console shows.
    pub description: &'static str,
    /// Actions that change a principal: denied on those that the policy protects.
    pub changes: &'static [&'static str],
    /// The function's size and grants.
    #[serde(flatten)]
    pub function: Function,
}

/// One scheduled function.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Name of the folder, package, binary and function.
    pub name: &'static str,
    /// What the Lambda console shows.
    pub description: &'static str,
    /// `EventBridge`'s schedule expression.
    pub rate: &'static str,
    /// The function's size and grants.
    #[serde(flatten)]
    pub function: Function,
}

/// One function that an event starts.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Name of the binary and function.
    pub name: &'static str,
    /// The package with the binary: that of the rule which uses what is recorded.
    pub package: &'static str,
    /// What the Lambda console shows.
    pub description: &'static str,
    /// Which events start it.
    pub pattern: Pattern,
    /// The function's size and grants.
    #[serde(flatten)]
    pub function: Function,
}

/// A function's size and grants.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Function {
    /// Memory in MiB, which also sets the share of a processor.
    pub memory_mb: u32,
    /// Time-out in seconds. A step of SSM Automation waits at most 300 for a function
    /// (AWS Systems Manager, `aws:invokeLambdaFunction`).
    pub timeout_seconds: u32,
    /// Exactly the actions that it calls.
    pub grants: &'static [Grant],
}

impl Catalogue {
    /// The file that the CDK app reads.
    ///
    /// # Errors
    /// None in practice: the catalogue holds only texts and numbers.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}
