//! Identifiers of AWS, each a type of its own, parsed where they enter.

use std::collections::BTreeSet;

/// A text that is not the identifier it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidId {
    /// What was read, cut to 80 characters.
    pub text: String,
    /// What would have been right, with its article.
    pub expected: &'static str,
}

impl InvalidId {
    /// `text` is not `expected`.
    pub fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), expected }
    }

    pub(crate) fn credential(text: &str) -> Self {
        Self::new(
            text,
            "the id of a credential (`AKIA…`, `ACCA…`, `APKA…`, that of a certificate, or `console-password`)",
        )
    }
}

/// Declares an identifier: a text of its own type, which is checked where it enters. Whoever declares one depends on `serde`.
#[macro_export]
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// As it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::id::InvalidId;

            fn from_str(text: &str) -> Result<Self, $crate::id::InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err($crate::id::InvalidId::new(text, $expected)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::id::InvalidId;

            fn try_from(text: String) -> Result<Self, $crate::id::InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// A user's unique id, such as `AIDACKCEVSQ6C2EXAMPLE`: AWS Config's resource id, never used again for another user.
    UserId, "a user's unique id, which begins with `AIDA`",
    |text| text.starts_with("AIDA") && is_unique_id(text)
}

identifier! {
    /// A user's name: 1 to 64 characters of `[\w+=,.@-]`. Another user may bear it later.
    UserName, "an IAM user name of 1 to 64 characters",
    |text| (1..=64).contains(&text.len()) && text.chars().all(|character| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character))
}

identifier! {
    /// A group's name: 1 to 128 characters of `[\w+=,.@-]`.
    GroupName, "an IAM group name of 1 to 128 characters",
    |text| (1..=128).contains(&text.len()) && text.chars().all(|character| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character))
}

identifier! {
    /// The id of a long-term access key, such as `AKIAIOSFODNN7EXAMPLE`. It is no secret.
    AccessKeyId, "the id of a long-term access key, which begins with `AKIA`",
    |text| text.starts_with("AKIA") && is_unique_id(text)
}

identifier! {
    /// The id of a service-specific credential, such as `ACCAEXAMPLE123EXAMPLE`. It is no secret.
    ServiceSpecificCredentialId, "the id of a service-specific credential, which begins with `ACCA`",
    |text| text.starts_with("ACCA") && is_unique_id(text)
}

identifier! {
    /// The id of an SSH public key, such as `APKAEXAMPLE123EXAMPLE`.
    SshPublicKeyId, "the id of an SSH public key, which begins with `APKA`",
    |text| text.starts_with("APKA") && is_unique_id(text)
}

identifier! {
    /// The id of an X.509 signing certificate, such as `TA7SMP42TDN5Z26OBPJE7EXAMPLE`: 24 to 128 characters (IAM's
    /// `certificateIdType`), and none of the prefixes by which other ids are told.
    SigningCertificateId, "the id of a signing certificate, of 24 to 128 characters",
    |text| (24..=128).contains(&text.len()) && is_unique_id(text) && !["AKIA", "ACCA", "APKA"].iter().any(|prefix| text.starts_with(prefix))
}

identifier! {
    /// The twelve digits of an AWS account.
    AccountId, "an account id of twelve digits",
    |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

identifier! {
    /// An Amazon Resource Name.
    Arn, "an ARN",
    |text| text.starts_with("arn:") && text.splitn(6, ':').count() == 6 && text.len() <= 2048
}

impl Arn {
    /// ARNs with commas between them, as a setting holds several.
    ///
    /// # Errors
    /// One of them is none.
    pub fn set(text: &str) -> Result<BTreeSet<Self>, InvalidId> {
        text.split(',').map(str::trim).filter(|arn| !arn.is_empty()).map(str::parse).collect()
    }
}

/// IAM's service model: 16 to 128 characters of `\w`, for unique ids and access key ids alike.
fn is_unique_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_only_in_the_shape_aws_gives_them() {
        assert!("AIDACKCEVSQ6C2EXAMPLE".parse::<UserId>().is_ok());
        assert!("AKIAIOSFODNN7EXAMPLE".parse::<AccessKeyId>().is_ok());
        for wrong in ["", "alice", "AIDA", "AROACKCEVSQ6C2EXAMPLE", "AIDAckcevsq6c2example", "AIDACKCEVSQ6C2EXAMPLE\n"]
        {
            assert!(wrong.parse::<UserId>().is_err(), "{wrong}");
        }
        assert!("ASIAIOSFODNN7EXAMPLE".parse::<AccessKeyId>().is_err(), "a session's key is not a long-term key");
    }

    #[test]
    fn ids_of_different_kinds_are_told_apart() {
        assert!("ACCAEXAMPLE123EXAMPLE".parse::<ServiceSpecificCredentialId>().is_ok());
        assert!("APKAEXAMPLE123EXAMPLE".parse::<SshPublicKeyId>().is_ok());
        assert!("TA7SMP42TDN5Z26OBPJE7EXAMPLE".parse::<SigningCertificateId>().is_ok());
        assert!("AKIAIOSFODNN7EXAMPLE0000".parse::<SigningCertificateId>().is_err());
        assert!("APKAEXAMPLE123EXAMPLE".parse::<ServiceSpecificCredentialId>().is_err());
    }

    #[test]
    fn user_names_may_hold_all_that_iam_allows() {
        assert!("a+b=c,d.e@f-g_H1".parse::<UserName>().is_ok());
        assert!("x".repeat(64).parse::<UserName>().is_ok());
        assert!("x".repeat(65).parse::<UserName>().is_err());
        assert!("".parse::<UserName>().is_err());
        assert!("a b".parse::<UserName>().is_err());
    }

    #[test]
    fn an_id_that_is_refused_is_refused_in_json_too() {
        assert!(serde_json::from_str::<UserId>("\"alice\"").is_err());
        assert_eq!(serde_json::to_string(&"123456789012".parse::<AccountId>().unwrap()).unwrap(), "\"123456789012\"");
    }

    #[test]
    fn an_error_says_what_was_read_and_what_is_wanted() {
        let error = "alice".parse::<UserId>().unwrap_err();
        assert_eq!(error.to_string(), "`alice` is not a user's unique id, which begins with `AIDA`");
    }
}
