//! Every secret that was ever handed out here, and where one shows up that must not.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use regex::Regex;
use serde_json::Value;

use crate::call::{Answer, Call, Player};

/// Fields of AWS's requests and answers whose value is a secret, in every service that is called here. Source: the service
/// models, where these shapes are marked as sensitive.
pub(crate) const FIELDS: [&str; 8] = [
    "NewPassword",
    "OldPassword",
    "Password",
    "SecretAccessKey",
    "SecretString",
    "ServiceCredentialSecret",
    "ServicePassword",
    "SessionToken",
];

/// The secrets so far. It never shows one.
pub struct Secrets {
    field: Regex,
    known: Mutex<BTreeSet<String>>,
    /// What programs wrote that ran here.
    written: Mutex<Vec<String>>,
}

/// Somewhere a secret stands that must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Where.
    pub place: String,
    /// The text around it, without it.
    pub text: String,
}

impl Secrets {
    /// Knows no secret yet.
    ///
    /// # Errors
    /// Never: the pattern is tested.
    pub fn new() -> Result<Self, regex::Error> {
        let names = FIELDS.join("|");
        let field = Regex::new(&format!(r#"<(?:{names})>([^<]+)</|"(?:{names})"\s*:\s*"([^"]+)""#))?;
        Ok(Self { field, known: Mutex::default(), written: Mutex::default() })
    }

    /// Knows a secret from now on. What is shorter than a password may be would be found everywhere.
    pub fn learn(&self, secret: &str) {
        if secret.len() >= SHORTEST {
            lock(&self.known).insert(secret.to_owned());
        }
    }

    /// Knows the secrets that an answer of AWS hands out, in XML or JSON.
    pub fn learn_from(&self, answer: &str) {
        if let Ok(json @ Value::Object(_)) = serde_json::from_str(answer) {
            return self.learn_members(&json);
        }
        for found in self.field.captures_iter(answer) {
            for secret in found.iter().skip(1).flatten() {
                self.learn(secret.as_str());
            }
        }
    }

    /// A secret may itself be JSON, with a secret inside.
    fn learn_members(&self, json: &Value) {
        match json {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str().filter(|_| FIELDS.contains(&name.as_str())) {
                        Some(secret) => match serde_json::from_str(secret) {
                            Ok(inner @ Value::Object(_)) => self.learn_members(&inner),
                            _ => self.learn(secret),
                        },
                        None => self.learn_members(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn_members(item)),
            _ => {}
        }
    }

    /// Keeps what a program wrote, to be looked through.
    pub(crate) fn keep_written(&self, text: &str) {
        lock(&self.written).push(text.to_owned());
    }

    /// What programs wrote.
    pub(crate) fn written(&self) -> Vec<String> {
        lock(&self.written).clone()
    }

    /// How many are known.
    pub fn count(&self) -> usize {
        lock(&self.known).len()
    }

    /// The places in which a known secret stands.
    pub fn found_in<'a>(&self, texts: impl Iterator<Item = (&'a str, String)>) -> Vec<Leak> {
        let known = lock(&self.known);
        let leak = |(place, text): (&str, String)| {
            let secrets: Vec<_> = known.iter().filter(|secret| text.contains(secret.as_str())).collect();
            let shown = secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "[SECRET]"));
            (!secrets.is_empty()).then(|| Leak { place: place.to_owned(), text: shown })
        };
        texts.filter_map(leak).collect()
    }
}

impl Player for Secrets {
    fn play(&self, _: &Call) -> Option<Answer> {
        None
    }

    fn saw(&self, call: &Call, _: u16, body: &[u8]) {
        self.learn_from(&String::from_utf8_lossy(body));
        // What a person sets is in the request.
        if !is_ours(call) {
            for field in FIELDS {
                if let Some(secret) = call.parameters.get(field).and_then(Value::as_str) {
                    self.learn(secret);
                }
            }
        }
    }
}

/// Whether a function of the deployment makes the call, which then must not hold a secret.
pub(crate) fn is_ours(call: &Call) -> bool {
    !call.caller.starts_with("person:")
}

/// The parameters of a call, without the one place into which a secret belongs: the value that is put into a secret.
pub(crate) fn told(call: &Call) -> Value {
    let mut parameters = call.parameters.clone();
    if call.action == "secretsmanager:PutSecretValue"
        && let Some(members) = parameters.as_object_mut()
    {
        members.remove("SecretString");
    }
    parameters
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Secrets").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// IAM lets no password be shorter (IAM API Reference, `UpdateAccountPasswordPolicy`: at least 6).
const SHORTEST: usize = 6;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_learnt_from_answers_and_never_shown() {
        let secrets = Secrets::new().unwrap();
        secrets.learn_from("<CreateAccessKeyResult><AccessKey><AccessKeyId>AKIA1</AccessKeyId><SecretAccessKey>a/b+c=d</SecretAccessKey></AccessKey>");
        secrets.learn_from(r#"{"SecretString": "in a secret", "Name": "not secret"}"#);
        secrets.learn_from(r#"{"SecretString": "{\"UserName\":\"alice\",\"SecretAccessKey\":\"e/f+g=h\"}"}"#);
        secrets.learn("short");
        assert_eq!(secrets.count(), 3);
        let texts = [
            ("log", "nothing"),
            ("log", "key a/b+c=d!"),
            ("tag", "in a secret"),
            ("tag", "not secret, short"),
            ("call", "e/f+g=h of alice"),
        ];
        let leaks = secrets.found_in(texts.into_iter().map(|(place, text)| (place, text.to_owned())));
        let leak = |place: &str, text: &str| Leak { place: place.to_owned(), text: text.to_owned() };
        let expected = [leak("log", "key [SECRET]!"), leak("tag", "[SECRET]"), leak("call", "[SECRET] of alice")];
        assert_eq!(leaks, expected);
        assert_eq!(format!("{secrets:?}"), "Secrets { count: 3, .. }");
    }
}
