//! Enrolment: which user's new access keys come into which secret, and who fetches them there.

use std::fmt::Write as _;

use credwarden_credential::id::{Arn, UserId};
use credwarden_credential::identifier;
use credwarden_credential::kind::CredentialId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::remedy::names;

/// The document by which people have users enrolled, and enrolments withdrawn: its name after the deployment's prefix.
pub const ENROL_USER: &str = "enrol-user";

names! {
    /// What people ask of an enrolment.
    EnrolmentChange {
        /// From now on the user's new keys come into a secret.
        Enrol = "enrol",
        /// They do no more.
        Withdraw = "withdraw",
    }
}

identifier! {
    /// The ARN of a secret of Secrets Manager, whole: with the hyphen and the six characters that Secrets Manager adds to a
    /// name, so that a secret that is deleted and created anew under its name is another one (Secrets Manager User Guide,
    /// "What's in a secret").
    SecretArn, "the whole ARN of a secret, with the hyphen and six characters that Secrets Manager adds to its name",
    |text| partial(text).is_some()
}

identifier! {
    /// The `ClientRequestToken` of a rotation, which is the id of the version that it makes: 32 to 64 characters (Secrets
    /// Manager's service model); letters, digits and hyphens, as those of UUIDs.
    RequestToken, "the token of a rotation, of 32 to 64 letters, digits and hyphens",
    |text| (32..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

identifier! {
    /// What a secret's resource policy says, as the SHA-256 of its canonical JSON, in hexadecimal digits.
    PolicyDigest, "the SHA-256 of a policy, of 64 hexadecimal digits",
    |text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The ARN of a secret without what Secrets Manager adds to the name; `None`: it is no whole ARN of a secret.
fn partial(text: &str) -> Option<&str> {
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "secretsmanager", region, account, "secret", name] = parts.as_slice() else { return None };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let (stem, added) = name.rsplit_once('-')?;
    let is_added = added.len() == 6 && added.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // Secrets Manager's service model: 1 to 512 of these.
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-!".contains(&byte);
    let is_stem = (1..=512).contains(&stem.len()) && stem.bytes().all(is_name);
    let is_whole = !partition.is_empty() && !region.is_empty() && is_account && is_added && is_stem;
    if is_whole { text.rsplit_once('-').map(|(partial, _)| partial) } else { None }
}

impl SecretArn {
    fn partial(&self) -> &str {
        partial(&self.0).unwrap_or(&self.0)
    }

    /// The secret's name.
    pub fn name(&self) -> &str {
        self.partial().splitn(7, ':').last().unwrap_or_default()
    }

    /// The account that holds it.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }

    /// Whether a call that named its secret `id` was about this one: Secrets Manager takes the ARN, the name, and the ARN
    /// without the six characters (API reference, `GetSecretValue`, `SecretId`).
    pub fn is_named_by(&self, id: &str) -> bool {
        [self.as_str(), self.name(), self.partial()].contains(&id)
    }
}

impl RequestToken {
    /// The token by which the key `replaced` of `user` is replaced in the rotation that was opened at `opened`. It is made
    /// of these alone, so that asking again after a lost answer asks for the same, and another rotation for another.
    pub fn of(user: &UserId, replaced: &CredentialId, opened: Timestamp) -> Self {
        let hex = hex(&format!("{user} {replaced} {}", opened.as_nanosecond()));
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        Self(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
    }
}

impl PolicyDigest {
    /// The digest of a resource policy as Secrets Manager returns it. White space and the order of fields do not change it.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn of(policy: &str) -> Result<Self, serde_json::Error> {
        let mut value: Value = serde_json::from_str(policy)?;
        value.sort_all_objects();
        Ok(Self(hex(&value.to_string())))
    }
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A user whose new access keys come into a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrolment {
    /// Whose keys.
    pub user: UserId,
    /// Into which secret.
    pub secret: SecretArn,
    /// Who fetches them there: the ARN of a role or a user, never of the user itself.
    pub retriever: Arn,
    /// What the secret's resource policy said when it was approved; `None`: it had none. Whoever may read the secret gets
    /// the key, so another policy needs another approval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource_policy: Option<PolicyDigest>,
    /// Who answers for it.
    pub owner: String,
    /// The ARN of who asked for it.
    pub by: String,
    /// The ARN of who approved it.
    pub approver: String,
    /// Why, in the words of who asked.
    pub justification: String,
    /// When.
    pub at: Timestamp,
    /// The execution that asked for it.
    pub execution: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/alice-a1B2c3";

    #[test]
    fn a_secret_is_taken_by_its_whole_arn_only() {
        let secret: SecretArn = ARN.parse().unwrap();
        assert_eq!((secret.name(), secret.account()), ("credwarden/alice", "123456789012"));
        for wrong in [
            "",
            "credwarden/alice",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/alice",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:-a1B2c3",
            "arn:aws:secretsmanager:eu-central-1:alice:secret:credwarden/alice-a1B2c3",
            "arn:aws:secretsmanager::123456789012:secret:credwarden/alice-a1B2c3",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/al*ce-a1B2c3",
            "arn:aws:iam::123456789012:user/alice",
        ] {
            assert!(wrong.parse::<SecretArn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_call_names_a_secret_by_arn_by_name_or_by_partial_arn() {
        let secret: SecretArn = ARN.parse().unwrap();
        let partial = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:credwarden/alice";
        for named in [ARN, "credwarden/alice", partial] {
            assert!(secret.is_named_by(named), "{named}");
        }
        for other in ["", "alice", "credwarden/alice2", "credwarden/alice-a1B2c3", "credwarden/Alice"] {
            assert!(!secret.is_named_by(other), "{other}");
        }
    }

    #[test]
    fn the_same_rotation_asks_by_the_same_token_and_another_by_another() {
        let user: UserId = "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap();
        let key = |text: &str| text.parse::<CredentialId>().unwrap();
        let (one, other) = (key("AKIAIOSFODNN7EXAMPLE"), key("AKIAI44QH8DHBEXAMPLE"));
        let at: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let token = RequestToken::of(&user, &one, at);
        assert_eq!(token, RequestToken::of(&user, &one, at));
        assert_eq!(token.as_str().parse(), Ok(token.clone()));
        assert_ne!(token, RequestToken::of(&user, &other, at));
        assert_ne!(token, RequestToken::of(&user, &one, "2026-11-24T12:00:01Z".parse().unwrap()));
        for wrong in ["", "short", &"a".repeat(65), &"a b".repeat(12)] {
            assert!(wrong.parse::<RequestToken>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_policy_is_the_same_however_it_is_written() {
        let digest = |policy: &str| PolicyDigest::of(policy).unwrap();
        let written = digest(r#"{ "Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*"}] }"#);
        assert_eq!(written, digest(r#"{"Statement":[{"Action":"*","Effect":"Deny"}],"Version":"2012-10-17"}"#));
        assert_ne!(written, digest(r#"{"Statement":[{"Action":"*","Effect":"Allow"}],"Version":"2012-10-17"}"#));
        assert_eq!(written.as_str().parse(), Ok(written));
        assert!(PolicyDigest::of("{").is_err());
    }
}
