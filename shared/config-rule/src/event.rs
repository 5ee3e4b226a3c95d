use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{AccountId, ConfigRule, parameters};

/// The result token of an evaluation that is only tried out.
const TEST_TOKEN: &str = "TESTMODE";

/// What AWS Config invokes a custom rule's function with (Config developer guide, "Example Events for AWS Config
/// Rules").
#[derive(Debug)]
pub(crate) struct Event<Parameters> {
    pub(crate) config_rule: ConfigRule,
    pub(crate) account_id: AccountId,
    pub(crate) result_token: ResultToken,
    pub(crate) parameters: Parameters,
    pub(crate) notification: Notification,
}

/// Why AWS Config invoked the function: the invoking event, by its `messageType`.
#[derive(Debug)]
pub(crate) enum Notification {
    /// `ScheduledNotification`: it is time to judge everything.
    Scheduled {
        /// `notificationCreationTime`, the ordering timestamp of every result.
        created_at: Timestamp,
    },
    /// A message type that this crate does not know.
    Unknown {
        /// The `messageType`.
        message_type: String,
    },
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
    /// The Config rule that the event is for, if it says so.
    pub fn config_rule_name(&self) -> Option<&str> {
        self.config_rule_name.as_deref()
    }
}

fn display_rule(name: Option<&str>) -> String {
    name.map_or_else(|| "unknown rule".to_owned(), |name| format!("rule `{name}`"))
}

impl<P: DeserializeOwned> Event<P> {
    /// Checks every field of an event; refuses what is missing, malformed or of a version that is not known.
    pub(crate) fn parse(event: &Value) -> Result<Self, EventError> {
        let Value::Object(object) = event else {
            return Err(EventError { config_rule_name: None, problem: "the event is not a JSON object".into() });
        };
        let config_rule_name = object.get("configRuleName").and_then(Value::as_str).filter(|name| !name.is_empty());
        let fields = Fields { config_rule_name, within: "", object };
        let config_rule = ConfigRule {
            name: fields.text("configRuleName")?.to_owned(),
            arn: fields.text("configRuleArn")?.to_owned(),
            id: fields.text("configRuleId")?.to_owned(),
        };
        fields.version("version")?;
        fields.text("executionRoleArn")?;
        if fields.flag("eventLeftScope")? {
            return Err(fields.refuse("field `eventLeftScope` is true, but a scheduled evaluation is of no resource"));
        }
        if let Some(mode) = object.get("evaluationMode").filter(|mode| mode.as_str() != Some("DETECTIVE")) {
            return Err(fields.refuse(format!("field `evaluationMode` is {mode}; only DETECTIVE is evaluated")));
        }
        Ok(Self {
            config_rule,
            account_id: fields.account_id("accountId")?,
            result_token: ResultToken(fields.text("resultToken")?.to_owned()),
            parameters: fields.parameters("ruleParameters")?,
            notification: fields.notification("invokingEvent")?,
        })
    }

    /// The refusal of an event whose message type is not evaluated.
    pub(crate) fn refuse_message_type(&self, message_type: &str) -> EventError {
        EventError {
            config_rule_name: Some(self.config_rule.name.clone()),
            problem: format!(
                "message type `{message_type}` is not evaluated, only ScheduledNotification; \
                 give the rule a source detail of that message type alone"
            ),
        }
    }
}

/// The fields of one JSON object of an event, read so that every refusal names rule and field.
struct Fields<'a> {
    config_rule_name: Option<&'a str>,
    within: &'static str,
    object: &'a Map<String, Value>,
}

impl Fields<'_> {
    fn text(&self, field: &str) -> Result<&str, EventError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Err(self.refuse(format!("field `{}{field}` is missing", self.within))),
            Some(Value::String(text)) if text.is_empty() => {
                Err(self.refuse(format!("field `{}{field}` is empty", self.within)))
            }
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.refuse(format!("field `{}{field}` is not a string", self.within))),
        }
    }

    fn flag(&self, field: &str) -> Result<bool, EventError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Err(self.refuse(format!("field `{}{field}` is missing", self.within))),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.refuse(format!("field `{}{field}` is neither true nor false", self.within))),
        }
    }

    /// Every version 1 means the same to this crate; a later minor version may only add.
    fn version(&self, field: &str) -> Result<(), EventError> {
        let version = self.text(field)?;
        if version.split('.').next() == Some("1") {
            return Ok(());
        }
        Err(self.refuse(format!("field `{}{field}` is `{version}`; only versions 1.x are known", self.within)))
    }

    fn account_id(&self, field: &str) -> Result<AccountId, EventError> {
        AccountId::parse(self.text(field)?)
            .ok_or_else(|| self.refuse(format!("field `{}{field}` is not twelve digits", self.within)))
    }

    fn timestamp(&self, field: &str) -> Result<Timestamp, EventError> {
        self.text(field)?
            .parse()
            .map_err(|_| self.refuse(format!("field `{}{field}` is not a time of RFC 3339", self.within)))
    }

    /// The object that a field holds as JSON text.
    fn json(&self, field: &str) -> Result<Map<String, Value>, EventError> {
        serde_json::from_str(self.text(field)?)
            .map_err(|_| self.refuse(format!("field `{}{field}` is not the text of a JSON object", self.within)))
    }

    fn notification(&self, field: &str) -> Result<Notification, EventError> {
        let object = self.json(field)?;
        let fields = Fields { config_rule_name: self.config_rule_name, within: "invokingEvent.", object: &object };
        match fields.text("messageType")? {
            "ScheduledNotification" => {
                fields.version("recordVersion")?;
                fields.account_id("awsAccountId")?;
                Ok(Notification::Scheduled { created_at: fields.timestamp("notificationCreationTime")? })
            }
            unknown => Ok(Notification::Unknown { message_type: unknown.to_owned() }),
        }
    }

    /// A Config rule without parameters may leave the field out.
    fn parameters<P: DeserializeOwned>(&self, field: &str) -> Result<P, EventError> {
        let object = match self.object.get(field) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::String(text)) if text.is_empty() => Map::new(),
            Some(_) => self.json(field)?,
        };
        let texts: BTreeMap<String, String> = object
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(text) => Ok((name, text)),
                _ => Err(self.refuse(format!("field `{field}`: parameter `{name}` is not a string"))),
            })
            .collect::<Result<_, _>>()?;
        parameters::read(&texts).map_err(|error| self.refuse(format!("field `{field}`: {error}")))
    }

    fn refuse(&self, problem: impl Into<String>) -> EventError {
        EventError { config_rule_name: self.config_rule_name.map(str::to_owned), problem: problem.into() }
    }
}
