//! The kill switch: one parameter that stops everything at once.

use std::fmt;
use std::str::FromStr;

use credwarden_ledger::request::Document;

use credwarden_inventory::parameter::ReadParameter;

/// What may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillSwitch {
    /// Everything may.
    Run,
    /// Only undoing may.
    UndoOnly,
    /// Nothing may.
    Stop,
}

/// A value that the kill switch does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kill switch is none of `run`, `undo-only`, `stop`; it counts as `stop`")]
pub struct UnknownKillSwitch;

impl KillSwitch {
    /// Reads the parameter.
    ///
    /// # Errors
    /// Why it cannot be read, for people; it then counts as [`KillSwitch::Stop`].
    pub async fn read<P: ReadParameter>(parameters: &P, name: &str) -> Result<Self, String> {
        let value = parameters.read_parameter(name).await.map_err(|error| {
            format!("the kill switch cannot be read and counts as `stop`: {}", crate::fault::chain(&error))
        })?;
        value.parse().map_err(|error: UnknownKillSwitch| format!("`{name}`: {error}"))
    }

    /// Whether it lets executions of `document` act.
    pub fn allows(self, document: Document) -> bool {
        match self {
            Self::Run => true,
            Self::UndoOnly => matches!(document, Document::Undo(_)),
            Self::Stop => false,
        }
    }
}

impl FromStr for KillSwitch {
    type Err = UnknownKillSwitch;

    fn from_str(text: &str) -> Result<Self, UnknownKillSwitch> {
        match text {
            "run" => Ok(Self::Run),
            "undo-only" => Ok(Self::UndoOnly),
            "stop" => Ok(Self::Stop),
            _ => Err(UnknownKillSwitch),
        }
    }
}

impl fmt::Display for KillSwitch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Run => "run",
            Self::UndoOnly => "undo-only",
            Self::Stop => "stop",
        })
    }
}

#[cfg(test)]
mod tests {
    use credwarden_policy::remedy::{RemedyName, RuleName};

    use super::*;

    #[test]
    fn each_value_lets_act_what_it_says() {
        let rule = Document::Rule(RuleName::AccessKeyAge);
        let undo = Document::Undo(RemedyName::DeactivateCredential);
        for (text, acts, undoes) in [("run", true, true), ("undo-only", false, true), ("stop", false, false)] {
            let switch: KillSwitch = text.parse().unwrap();
            assert_eq!((switch.allows(rule), switch.allows(undo)), (acts, undoes), "{text}");
        }
    }

    #[test]
    fn any_other_value_is_refused() {
        for text in ["", "Run", "run ", "on", "true", "undo"] {
            assert!(text.parse::<KillSwitch>().is_err(), "{text}");
        }
    }
}
