//! What can be asked at a terminal.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use credwarden_credential::id::UserId;
use credwarden_credential::kind::CredentialId;
use credwarden_policy::preset::Preset;
use credwarden_policy::remedy::RuleName;
use jiff::Timestamp;

use crate::rules::RULES;

mod plan;

pub use plan::{Plan, PlanFormat};

/// Long-term credentials on AWS: what breaks the policy, why, and since when.
///
/// Everything here only reads, but `exception`, `hold` and `work`, which ask a deployment's documents. The limits are the policy's, and the judgement is the one that AWS Config is told.
#[derive(Debug, Parser)]
#[command(name = "credwarden", version, max_term_width = 100, after_help = EXIT_STATUS)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Whether to write in colour; `auto` where standard output is a terminal and `NO_COLOR` is not set.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Colour::Auto)]
    pub color: Colour,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  nothing was found that `--fail-on` names
  1  something is NON_COMPLIANT
  2  the arguments, a file or the policy cannot be used
  3  nothing is NON_COMPLIANT, but something is UNKNOWN
  4  nothing of the above, but a credential is due for replacement (only with `--fail-on due`)
  5  the account could not be read";

/// When to write in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge every user of an account by all rules at once.
    Scan(Scan),
    /// Tell all about one user: class, limits, credentials, verdicts, and what would be done.
    Explain(Explain),
    /// Tell what a deployment's remedies would do about one user now, and what keeps them from it. Nothing is changed.
    Plan(Plan),
    /// Record the account, without secrets, to be judged later with `--snapshot`.
    Snapshot(Record),
    /// Show the exceptions of a deployment's ledger, or ask for one.
    #[command(subcommand)]
    Exception(Exception),
    /// Show the holds on a user's credentials, or ask for one: no remedy changes what is held.
    #[command(subcommand)]
    Hold(Hold),
    /// Show what remedies have under way and have done, or ask for more.
    #[command(subcommand)]
    Work(Work),
    /// Print a policy, check one, or print the schema of policies.
    Policy(PolicyRequest),
    /// Print the IAM policy that reading needs, as JSON.
    Permissions(Permissions),
    /// Print the completion script of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What `scan` is asked.
#[derive(Debug, Args)]
pub struct Scan {
    /// Where the facts come from.
    #[command(flatten)]
    pub input: Input,
    /// How to write what was found.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
    /// The least that makes the exit status other than 0.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = FailOn::Unknown)]
    pub fail_on: FailOn,
    /// Write also what is COMPLIANT and not due for replacement.
    #[arg(long)]
    pub all: bool,
    /// Only users that are, or may be, of this class; can be given several times.
    #[arg(long = "class", value_name = "CLASS")]
    pub classes: Vec<String>,
    /// Only this rule; can be given several times.
    #[arg(long = "rule", value_name = "RULE", value_parser = rule_names())]
    pub rules: Vec<RuleName>,
    /// Only users whose name matches this pattern of `*` and `?`; can be given several times.
    #[arg(long = "user", value_name = "PATTERN")]
    pub users: Vec<String>,
}

/// What `explain` is asked.
#[derive(Debug, Args)]
pub struct Explain {
    /// The user: its name, its ARN or its `AIDA…` id.
    pub user: String,
    /// Where the facts come from.
    #[command(flatten)]
    pub input: Input,
    /// How to write it.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ExplainFormat::Text)]
    pub format: ExplainFormat,
}

/// What `snapshot` is asked.
#[derive(Debug, Args)]
pub struct Record {
    /// The account.
    #[command(flatten)]
    pub account: Account,
}

/// What `permissions` is asked.
#[derive(Debug, Args)]
pub struct Permissions {
    /// Add the statements that `--ledger-table` and `plan` need, for this table or its ARN.
    #[arg(long, value_name = "NAME")]
    pub ledger_table: Option<String>,
    /// Add the statements that asking needs, with the role that the deployment's documents run in.
    #[arg(long, value_name = "ARN")]
    pub automation_role: Option<String>,
}

/// What `exception` is asked. Nothing is changed past the document: whoever is named in the policy must approve.
#[derive(Debug, Subcommand)]
pub enum Exception {
    /// List the exceptions that hold.
    List(Ledger),
    /// Show one user's exceptions, those that have ended among them, and who asked for and approved each change.
    Show {
        /// The user's `AIDA…` id.
        user: UserId,
        /// The ledger.
        #[command(flatten)]
        ledger: Ledger,
    },
    /// Ask for an exception.
    Grant(AskForMore),
    /// Ask for a longer time of one that holds; it keeps its owner where none is named.
    Extend(AskForMore),
    /// End one that holds. Nobody has to approve it.
    Revoke(Ask),
}

/// What `hold` is asked. A held credential goes on breaking the policy; it is only not changed.
#[derive(Debug, Subcommand)]
pub enum Hold {
    /// Show one user's holds, those that have ended among them.
    Show {
        /// The user's `AIDA…` id.
        user: UserId,
        /// The ledger.
        #[command(flatten)]
        ledger: Ledger,
    },
    /// Have a credential left alone.
    Set {
        /// Which.
        #[command(flatten)]
        of: Held,
        /// The last day (UTC), such as 2026-12-31, or the last second, such as 2026-12-31T12:00:00Z.
        #[arg(long, value_name = "DAY")]
        until: String,
    },
    /// Have it left alone no more.
    Release(Held),
}

/// Which credential is held, and why.
#[derive(Debug, Args)]
pub struct Held {
    /// The user's `AIDA…` id.
    pub user: UserId,
    /// The credential.
    #[arg(long, value_name = "ID")]
    pub credential: CredentialId,
    /// Why, in a sentence.
    #[arg(long, value_name = "TEXT")]
    pub justification: String,
    /// The role that the deployment's documents run in: the output `AutomationRoleArn` of its stack.
    #[arg(long, value_name = "ARN")]
    pub automation_role: String,
    /// The deployment.
    #[command(flatten)]
    pub ledger: Ledger,
}

/// What `work` is asked. Whatever is asked is done by a document, if every guard lets it.
#[derive(Debug, Subcommand)]
pub enum Work {
    /// List what is under way, and from when on the schedule goes on with it.
    List(Ledger),
    /// Show what was done to one user's credentials, who asked, and until when it can be undone.
    Show {
        /// The user's `AIDA…` id.
        user: UserId,
        /// The ledger.
        #[command(flatten)]
        ledger: Ledger,
    },
    /// Have a rule's findings on one user answered now.
    Start(Start),
    /// Have what was done to a credential undone.
    Undo(OneCredential),
    /// Have access keys rotated now, however old they are: one key, all of a user, or all of a class.
    Rotate(Rotate),
    /// Say that nothing needs an access key any more that is being rotated.
    Acknowledge(OneCredential),
}

/// Which keys are rotated, and why.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The user's `AIDA…` id.
    #[arg(required_unless_present = "class", conflicts_with = "class")]
    pub user: Option<UserId>,
    /// Every user of this class who has an access key.
    #[arg(long, value_name = "CLASS", conflicts_with = "credential")]
    pub class: Option<String>,
    /// The policy that says who is of the class; without it, the built-in one.
    #[arg(long, value_name = "FILE", requires = "class")]
    pub policy: Option<PathBuf>,
    /// The one access key; without it, all of the user's.
    #[arg(long, value_name = "ID")]
    pub credential: Option<CredentialId>,
    /// Why, in a sentence.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The role that the deployment's documents run in: the output `AutomationRoleArn` of its stack.
    #[arg(long, value_name = "ARN")]
    pub automation_role: String,
    /// The deployment.
    #[command(flatten)]
    pub ledger: Ledger,
}

/// Whose findings are answered.
#[derive(Debug, Args)]
pub struct Start {
    /// The user's `AIDA…` id.
    pub user: UserId,
    /// The rule.
    #[arg(long, value_name = "RULE", value_parser = rule_names())]
    pub rule: RuleName,
    /// The role that the deployment's documents run in: the output `AutomationRoleArn` of its stack.
    #[arg(long, value_name = "ARN")]
    pub automation_role: String,
    /// The deployment.
    #[command(flatten)]
    pub ledger: Ledger,
}

/// Which credential something is asked of.
#[derive(Debug, Args)]
pub struct OneCredential {
    /// The user's `AIDA…` id.
    pub user: UserId,
    /// The credential.
    #[arg(long, value_name = "ID")]
    pub credential: CredentialId,
    /// The role that the deployment's documents run in: the output `AutomationRoleArn` of its stack.
    #[arg(long, value_name = "ARN")]
    pub automation_role: String,
    /// The deployment.
    #[command(flatten)]
    pub ledger: Ledger,
}

/// A deployment's ledger.
#[derive(Debug, Args)]
pub struct Ledger {
    /// How the deployment's names begin.
    #[arg(long, value_name = "PREFIX", default_value = "credwarden")]
    pub prefix: String,
    /// The account.
    #[command(flatten)]
    pub account: Account,
}

/// Of which exception something is asked.
#[derive(Debug, Args)]
pub struct Ask {
    /// The user's `AIDA…` id.
    pub user: UserId,
    /// The rule that may be broken.
    #[arg(long, value_name = "RULE", value_parser = rule_names())]
    pub rule: RuleName,
    /// The one credential, or `console-password`; without it, all of the user's.
    #[arg(long, value_name = "ID")]
    pub credential: Option<CredentialId>,
    /// Why, in a sentence.
    #[arg(long, value_name = "TEXT")]
    pub justification: String,
    /// The role that the deployment's documents run in: the output `AutomationRoleArn` of its stack.
    #[arg(long, value_name = "ARN")]
    pub automation_role: String,
    /// The deployment.
    #[command(flatten)]
    pub ledger: Ledger,
}

/// What is asked that somebody must approve.
#[derive(Debug, Args)]
pub struct AskForMore {
    /// Of which exception.
    #[command(flatten)]
    pub ask: Ask,
    /// The last day (UTC), such as 2026-12-31, or the last second, such as 2026-12-31T12:00:00Z.
    #[arg(long, value_name = "DAY")]
    pub until: String,
    /// Who answers for it: neither who asks nor who approves.
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
}

/// Where facts come from, and the policy they are judged by. Without a file, the account of the caller is read.
#[derive(Debug, Args)]
pub struct Input {
    /// Judge a credential report of IAM instead of an account; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["snapshot", "account"], help_heading = "What is judged")]
    pub credential_report: Option<PathBuf>,
    /// Judge an account recorded by `credwarden snapshot`; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "account", help_heading = "What is judged")]
    pub snapshot: Option<PathBuf>,
    /// The time of the judgement, for recorded facts only: when the report was made (without it, now), or not before
    /// the snapshot was (without it, then). RFC 3339, such as `2026-01-01T00:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = timestamp, help_heading = "What is judged")]
    pub as_of: Option<Timestamp>,
    /// The policy; without it, the built-in one, which `credwarden policy` prints.
    #[arg(long, value_name = "FILE", help_heading = "What is judged")]
    pub policy: Option<PathBuf>,
    /// The account, where no file is given.
    #[command(flatten)]
    pub account: Account,
}

/// Which account is read. Whatever is left out comes from AWS's own environment variables and files.
#[derive(Clone, Debug, Default, Args)]
#[group(id = "account", multiple = true)]
pub struct Account {
    /// The profile of AWS's shared files; otherwise as `AWS_PROFILE` says.
    #[arg(long, value_name = "NAME", help_heading = "Account")]
    pub profile: Option<String>,
    /// The region whose endpoints are called; otherwise as `AWS_REGION` or the profile says, or us-east-1: IAM is global.
    #[arg(long, value_name = "REGION", help_heading = "Account")]
    pub region: Option<String>,
    /// A role to assume first.
    #[arg(long, value_name = "ARN", help_heading = "Account")]
    pub role_arn: Option<String>,
    /// The external id that the role asks for.
    #[arg(long, value_name = "ID", requires = "role_arn", help_heading = "Account")]
    pub external_id: Option<String>,
    /// The table, or its ARN, of a deployment's ledger: its exceptions are honoured as the rules honour them, and who
    /// created credentials is judged by what it recorded. It is read in the region that is called, so name the
    /// deployment's.
    #[arg(long, value_name = "NAME", help_heading = "Account")]
    pub ledger_table: Option<String>,
}

/// What `policy` is asked; without any of them, it prints the built-in policy with every limit of every class.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct PolicyRequest {
    /// Print a policy as it works: every limit of every class, whichever layer sets it; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Check a policy: print it in its normal form, or all that is wrong with it; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// Print a complete policy with a framework's thresholds, to save and change.
    #[arg(long, value_name = "FRAMEWORK", value_parser = presets())]
    pub preset: Option<Preset>,
    /// Print the JSON Schema of policies, for editors.
    #[arg(long)]
    pub schema: bool,
}

/// How `scan` writes what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people.
    Table,
    /// One JSON document, its fields described in the crate's README.
    Json,
    /// Comma-separated values, one line a finding, with the fields of JSON.
    Csv,
    /// SARIF 2.1.0, for code scanning and viewers.
    Sarif,
}

/// How `explain` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// Text for people.
    Text,
    /// One JSON document.
    Json,
}

/// The least that makes the exit status other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum FailOn {
    /// Also a credential that is due for replacement.
    Due,
    /// What is non-compliant, or cannot be told.
    Unknown,
    /// Only what is non-compliant.
    NonCompliant,
    /// Nothing that is found.
    Never,
}

fn rule_names() -> impl TypedValueParser<Value = RuleName> {
    PossibleValuesParser::new(RULES.iter().map(|rule| rule.name.as_str()))
        .try_map(|name: String| name.parse::<RuleName>())
}

fn presets() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(Preset::ALL.iter().map(|preset| preset.as_str()))
        .try_map(|name: String| name.parse::<Preset>())
}

fn timestamp(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "it is no time of RFC 3339; write it like `2026-01-01T00:00:00Z`".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
