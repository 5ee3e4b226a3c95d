use std::{collections::BTreeSet, fmt, future::Future, time::Duration};

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::{Pass, Resource};

/// A custom rule of AWS Config that is evaluated on a schedule. For one that is evaluated when a resource changes, see
/// [`ChangeRule`](crate::ChangeRule).
///
/// Both methods are written as `async fn`. The rule only finds out; comparing with what AWS Config has, sending,
/// retrying and cleaning up are [`run`](crate::run)'s.
pub trait Rule {
    /// The rule's parameters (`InputParameters` of the Config rule): a struct that derives `serde::Deserialize`, or
    /// [`NoParameters`](crate::NoParameters). AWS Config hands over every value as a string; numbers, booleans and
    /// enums are read out of it. A name that is not a field of the struct is refused.
    type Parameters: DeserializeOwned;

    /// What the rule wants handed back when AWS Config has accepted what was found, for instance where the next
    /// invocation has to go on; `()` if nothing.
    type Progress;

    /// Why an invocation failed as a whole. A gap in what is known of one resource is no error but
    /// [`Judgement::Unknown`](crate::Judgement::Unknown).
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// Judges what exists.
    ///
    /// On an error nothing is reported, AWS Config keeps the results it has, and AWS Lambda invokes again.
    fn evaluate(
        &self,
        invocation: &Invocation<Self::Parameters>,
    ) -> impl Future<Output = Result<Pass<Self::Progress>, Self::Error>>;

    /// Called after AWS Config has accepted everything that `pass` led to, and never in test mode: the place to
    /// remember how far the pass came. Does nothing unless overridden.
    fn reported(
        &self,
        invocation: &Invocation<Self::Parameters>,
        pass: &Pass<Self::Progress>,
    ) -> impl Future<Output = Result<(), Self::Error>> {
        let _ = (invocation, pass);
        std::future::ready(Ok(()))
    }
}

/// What a rule is given for one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation<Parameters> {
    /// The Config rule that is evaluated.
    pub config_rule: ConfigRule,
    /// The account that owns the Config rule.
    pub account_id: AccountId,
    /// The rule's parameters.
    pub parameters: Parameters,
    /// AWS Config stores nothing of this evaluation; a rule must then write nothing down either.
    pub test_mode: bool,
    /// The resources of which AWS Config has a result of this rule that is not `NOT_APPLICABLE`; none in test mode,
    /// for a change, or where the results could not be read. What a rule does not find any more it may want to look at closely.
    pub reported: BTreeSet<Resource>,
    /// The time, read once for this invocation. (When AWS Config sent the event is nobody's business but
    /// AWS Config's.)
    pub now: Timestamp,
    /// How long after `now` the rule may take. What reporting needs is already taken off. A rule that comes near
    /// it should stop and give back a [`Coverage::Partial`](crate::Coverage::Partial) pass.
    pub time_left: Duration,
}

/// A Config rule, as the event names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigRule {
    /// `configRuleName`, for example `credwarden-access-key-age`.
    pub name: String,
    /// `configRuleArn`
    pub arn: String,
    /// `configRuleId`, for example `config-rule-6543210`.
    pub id: String,
}

/// The id of an AWS account: twelve digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

impl AccountId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        (text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| Self(text.to_owned()))
    }

    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
