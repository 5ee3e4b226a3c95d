use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{AccountId, ConfigRule, ConfigurationItem, ItemStatus, Resource, fields::Fields, parameters};

/// The result token of an evaluation that is only tried out.
const TEST_TOKEN: &str = "TESTMODE";

const PARAMETERS: &str = "ruleParameters";
const DETECTIVE: &str = "DETECTIVE";

/// What AWS Config invokes a custom rule's function with (Config developer guide, "Example Events for AWS Config
/// Rules").
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) config_rule: ConfigRule,
    pub(crate) account_id: AccountId,
    /// The role of AWS Config's recorder, in the account of the Config rule.
    pub(crate) execution_role_arn: String,
    pub(crate) result_token: ResultToken,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) message: Message,
    message_type: String,
    left_scope: bool,
    /// The `evaluationMode`, if it is another than DETECTIVE.
    other_mode: Option<String>,
    /// The `invokingEvent`, read only as far as a rule answers its message type: other messages have other fields.
    invoking: Map<String, Value>,
}

/// Why AWS Config invoked the function, by the `messageType` of the invoking event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// `ScheduledNotification`, or `ConfigurationSnapshotDeliveryCompleted`: it is time to judge everything.
    Periodic,
    /// `ConfigurationItemChangeNotification`: a resource has changed, and what it is now is in the event.
    Change,
    /// `OversizedConfigurationItemChangeNotification`: a resource has changed, and what it is now did not fit.
    OversizedChange,
    /// A message type that this crate does not know.
    Unknown,
}

/// The resource that has changed, as far as every kind of change tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) resource: Resource,
    pub(crate) status: ItemStatus,
    /// `configurationItemCaptureTime`, the ordering timestamp of the result.
    pub(crate) capture_time: Timestamp,
    pub(crate) left_scope: bool,
    /// The `evaluationMode`, if it is another than DETECTIVE.
    pub(crate) other_mode: Option<String>,
}

/// The token with which AWS Config accepts the results of one invocation. Whoever has it can report results, so that
/// it is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ResultToken(String);

impl ResultToken {
    /// Whether AWS Config is to check the evaluations and store nothing: the token is `TESTMODE`.
    pub fn is_test(&self) -> bool {
        self.0 == TEST_TOKEN
    }

    /// The token itself, for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ResultToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResultToken(..)")
    }
}

/// Why an event was refused. Nothing was evaluated or reported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {problem}", display_rule(.config_rule_name.as_deref()))]
pub struct EventError {
    config_rule_name: Option<String>,
    problem: String,
}

impl EventError {
    pub(crate) fn new(config_rule_name: Option<&str>, problem: impl Into<String>) -> Self {
        Self { config_rule_name: config_rule_name.map(str::to_owned), problem: problem.into() }
    }

    /// The Config rule that the event is for, if it says so.
    pub fn config_rule_name(&self) -> Option<&str> {
        self.config_rule_name.as_deref()
    }
}

fn display_rule(name: Option<&str>) -> String {
    name.map_or_else(|| "unknown rule".to_owned(), |name| format!("rule `{name}`"))
}

impl Event {
    /// Checks every field that all events have; refuses what is missing, malformed or of a version that is not known.
    pub(crate) fn parse(event: &Value) -> Result<Self, EventError> {
        let Value::Object(object) = event else {
            return Err(EventError::new(None, "the event is not a JSON object"));
        };
        let config_rule_name = object.get("configRuleName").and_then(Value::as_str).filter(|name| !name.is_empty());
        let fields = Fields { config_rule_name, within: "", object };
        let config_rule = ConfigRule {
            name: fields.text("configRuleName")?.to_owned(),
            arn: fields.text("configRuleArn")?.to_owned(),
            id: fields.text("configRuleId")?.to_owned(),
        };
        fields.version("version")?;
        let execution_role_arn = fields.text("executionRoleArn")?.to_owned();
        let left_scope = fields.flag("eventLeftScope")?;
        let account_id = fields.account_id("accountId")?;
        let result_token = ResultToken(fields.text("resultToken")?.to_owned());
        let parameters = fields.parameters(PARAMETERS)?;
        let invoking = fields.json("invokingEvent")?;
        let message_type =
            Fields { config_rule_name, within: "invokingEvent.", object: &invoking }.text("messageType")?.to_owned();
        let message = match &*message_type {
            "ScheduledNotification" | "ConfigurationSnapshotDeliveryCompleted" => Message::Periodic,
            "ConfigurationItemChangeNotification" => Message::Change,
            "OversizedConfigurationItemChangeNotification" => Message::OversizedChange,
            _ => Message::Unknown,
        };
        // Where a proactive evaluation says that it is one is not documented.
        let other_mode = [object.get("evaluationMode"), invoking.get("evaluationMode")]
            .into_iter()
            .flatten()
            .find(|mode| mode.as_str() != Some(DETECTIVE))
            .map(ToString::to_string);
        Ok(Self {
            config_rule,
            account_id,
            execution_role_arn,
            result_token,
            parameters,
            message,
            message_type,
            left_scope,
            other_mode,
            invoking,
        })
    }

    /// The time of a periodic evaluation, the ordering timestamp of every result: `notificationCreationTime`.
    pub(crate) fn creation_time(&self) -> Result<Timestamp, EventError> {
        if self.left_scope {
            return Err(self.refuse("field `eventLeftScope` is true, but a scheduled evaluation is of no resource"));
        }
        if let Some(mode) = &self.other_mode {
            return Err(self.refuse(format!("field `evaluationMode` is {mode}; only {DETECTIVE} is evaluated")));
        }
        let fields = self.invoking();
        if self.message_type == "ScheduledNotification" {
            fields.version("recordVersion")?;
            fields.account_id("awsAccountId")?;
        } else {
            fields.optional_version("recordVersion")?;
        }
        fields.timestamp("notificationCreationTime")
    }

    /// The resource that has changed.
    pub(crate) fn change(&self) -> Result<Change, EventError> {
        self.invoking().optional_version("recordVersion")?;
        let item = self.item()?;
        Ok(Change {
            resource: item.resource()?,
            status: ItemStatus::from(item.text("configurationItemStatus")?),
            capture_time: item.timestamp("configurationItemCaptureTime")?,
            left_scope: self.left_scope,
            other_mode: self.other_mode.clone(),
        })
    }

    /// What the resource is now; not for an oversized change, whose event does not tell.
    pub(crate) fn configuration_item(&self) -> Result<ConfigurationItem, EventError> {
        ConfigurationItem::parse(self.item()?)
    }

    fn item(&self) -> Result<Fields<'_>, EventError> {
        let fields = self.invoking();
        if self.message == Message::OversizedChange {
            fields.object("configurationItemSummary", "invokingEvent.configurationItemSummary.")
        } else {
            fields.object("configurationItem", "invokingEvent.configurationItem.")
        }
    }

    fn invoking(&self) -> Fields<'_> {
        let config_rule_name = Some(&*self.config_rule.name);
        Fields { config_rule_name, within: "invokingEvent.", object: &self.invoking }
    }

    /// The rule's parameters.
    pub(crate) fn read_parameters<P: DeserializeOwned>(&self) -> Result<P, EventError> {
        parameters::read(&self.parameters).map_err(|error| self.refuse(format!("field `{PARAMETERS}`: {error}")))
    }

    /// The refusal of an event whose message type the rule does not answer.
    pub(crate) fn refuse_message_type(&self, answered: &str) -> EventError {
        self.refuse(format!(
            "field `invokingEvent.messageType`: message type `{}` is not evaluated, only {answered}; \
             give the rule no source detail of another message type",
            self.message_type
        ))
    }

    pub(crate) fn refuse(&self, problem: impl Into<String>) -> EventError {
        EventError::new(Some(&self.config_rule.name), problem)
    }
}
