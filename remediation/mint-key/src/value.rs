//! The value of a secret: the one place into which a key's secret half belongs.
//!
//! It is held in types that show nothing and are wiped when they are dropped. What the SDK keeps of it on its way cannot be
//! wiped from here; it never shows it either.

use std::fmt;
use std::io;

use credwarden_credential::id::{AccessKeyId, UserName};
use credwarden_credential::kind::CredentialId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Value;

/// An access key as IAM handed it out, once and never again.
pub struct NewKey {
    /// Its id, which is no secret.
    pub id: AccessKeyId,
    secret: SecretString,
}

impl NewKey {
    /// A key with its secret half.
    pub fn new(id: AccessKeyId, secret: SecretString) -> Self {
        Self { id, secret }
    }

    /// What is put into the secret: `{"UserName": …, "AccessKeyId": …, "SecretAccessKey": …}`.
    ///
    /// # Errors
    /// None in practice: it is three texts.
    pub fn value(&self, user: &UserName) -> io::Result<SecretString> {
        let written = Written {
            user_name: user.as_str(),
            access_key_id: self.id.as_str(),
            secret_access_key: self.secret.expose_secret(),
        };
        // Large enough: a buffer that grows leaves what it held behind.
        let mut json = Zeroizing::new(Vec::with_capacity(1024));
        serde_json::to_writer(&mut *json, &written)?;
        let text = std::str::from_utf8(&json).map_err(io::Error::other)?;
        Ok(SecretString::from(text))
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Written<'a> {
    user_name: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
}

/// What is looked at of a value. The secret half is not even read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LookedAt {
    user_name: UserName,
    access_key_id: AccessKeyId,
}

/// Which key a value is of.
pub fn look_at(value: &SecretString) -> Value {
    match serde_json::from_str(value.expose_secret()) {
        Ok(LookedAt { user_name, access_key_id }) => {
            Value::Key { user: user_name, key: CredentialId::AccessKey(access_key_id) }
        }
        Err(_) => Value::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn key() -> NewKey {
        NewKey::new("AKIAIOSFODNN7EXAMPLE".parse().unwrap(), SecretString::from(SECRET))
    }

    #[test]
    fn what_is_put_into_a_secret_is_read_back_without_its_secret_half() {
        let alice: UserName = "alice".parse().unwrap();
        let value = key().value(&alice).unwrap();
        let expected =
            format!(r#"{{"UserName":"alice","AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"{SECRET}"}}"#);
        assert_eq!(value.expose_secret(), expected);
        let found = Value::Key { user: alice, key: "AKIAIOSFODNN7EXAMPLE".parse().unwrap() };
        assert_eq!(look_at(&value), found);
        for other in ["", "text", "{}", r#"{"UserName":"alice"}"#, r#"{"UserName":"alice","AccessKeyId":"ASIA"}"#] {
            assert_eq!(look_at(&SecretString::from(other)), Value::Other, "{other}");
        }
    }

    #[test]
    fn a_secret_half_is_never_shown() {
        let alice: UserName = "alice".parse().unwrap();
        let shown = format!("{:?} {:?}", key(), key().value(&alice).unwrap());
        assert!(shown.contains("AKIAIOSFODNN7EXAMPLE") && !shown.contains(SECRET), "{shown}");
    }
}
