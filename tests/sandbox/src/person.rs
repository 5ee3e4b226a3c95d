//! People who act on the account, as CloudTrail names them.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::directory::Directory;
use crate::template::Scope;

/// Somebody who calls IAM: an IAM user, somebody in a role, root, or a service for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    identity: Identity,
    mfa: bool,
    source_address: String,
    user_agent: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Identity {
    Root,
    User(String),
    Role { arn: String, session: String, source_identity: Option<String> },
    Service(String),
}

impl Person {
    /// The IAM user of that name, with an access key of its own.
    pub fn user(name: &str) -> Self {
        Self::new(Identity::User(name.to_owned()))
    }

    /// The account's root user.
    pub fn root() -> Self {
        Self::new(Identity::Root)
    }

    /// Somebody who took on a role under a session name: `arn:aws:iam::123456789012:role/deployers/ci`.
    pub fn role(arn: &str, session: &str) -> Self {
        Self::new(Identity::Role { arn: arn.to_owned(), session: session.to_owned(), source_identity: None })
    }

    /// A service that acts by itself, such as `bedrock.amazonaws.com`.
    pub fn service(principal: &str) -> Self {
        let service = Self::new(Identity::Service(principal.to_owned()));
        Self { source_address: principal.to_owned(), user_agent: principal.to_owned(), ..service }
    }

    fn new(identity: Identity) -> Self {
        let (source_address, user_agent) = (HOME.to_owned(), BROWSER.to_owned());
        Self { identity, mfa: false, source_address, user_agent }
    }

    /// Sets the source identity of a role's session; nobody else has one.
    #[must_use]
    pub fn source_identity(mut self, name: &str) -> Self {
        if let Identity::Role { source_identity, .. } = &mut self.identity {
            *source_identity = Some(name.to_owned());
        }
        self
    }

    /// In a session begun with a second factor.
    #[must_use]
    pub fn with_mfa(self) -> Self {
        Self { mfa: true, ..self }
    }

    /// From this source address.
    #[must_use]
    pub fn from(self, source_address: &str) -> Self {
        Self { source_address: source_address.to_owned(), ..self }
    }

    /// By this program.
    #[must_use]
    pub fn by(self, user_agent: &str) -> Self {
        Self { user_agent: user_agent.to_owned(), ..self }
    }

    /// A name for the proxy's records.
    pub fn label(&self) -> String {
        match &self.identity {
            Identity::Root => "root".to_owned(),
            Identity::User(name) | Identity::Service(name) => name.clone(),
            Identity::Role { arn, session, .. } => format!("{}/{session}", role_name(arn)),
        }
    }

    /// Its name among the sandbox's callers.
    pub fn caller(&self) -> String {
        format!("person:{}", self.label())
    }

    /// Name of the IAM user that it is, on which its calls act that name nobody.
    pub fn own_name(&self) -> Option<&str> {
        match &self.identity {
            Identity::User(name) => Some(name),
            Identity::Root | Identity::Role { .. } | Identity::Service(_) => None,
        }
    }

    pub(crate) fn source_address(&self) -> &str {
        &self.source_address
    }

    pub(crate) fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// The user name under which `LookupEvents` lists its events.
    pub(crate) fn listed_name(&self) -> Option<String> {
        match &self.identity {
            Identity::Root => Some("root".to_owned()),
            Identity::User(name) => Some(name.clone()),
            Identity::Role { session, .. } => Some(session.clone()),
            Identity::Service(_) => None,
        }
    }

    /// `userIdentity` of an event.
    pub(crate) fn user_identity(&self, scope: &Scope, directory: &Directory, at: Timestamp) -> Value {
        let account = &scope.account;
        let attributes = json!({
            "creationDate": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "mfaAuthenticated": self.mfa.to_string(),
        });
        match &self.identity {
            Identity::Root => json!({
                "type": "Root",
                "principalId": account,
                "arn": scope.iam_arn("root"),
                "accountId": account,
                "accessKeyId": SESSION_KEY,
                "sessionContext": { "attributes": attributes },
            }),
            Identity::User(name) => {
                let user = directory.named(name);
                let id = user.as_ref().map_or_else(|| made_up_id("AIDA", name), |user| user.id.clone());
                let arn = user.as_ref().map_or_else(|| scope.iam_arn(&format!("user/{name}")), |user| user.arn(scope));
                let key = user.and_then(|user| user.keys.first().cloned()).filter(|_| !self.mfa);
                let mut identity = json!({
                    "type": "IAMUser",
                    "principalId": id,
                    "arn": arn,
                    "accountId": account,
                    "accessKeyId": key.as_deref().unwrap_or(SESSION_KEY),
                    "userName": name,
                });
                // A long-term key of its own has no session.
                if key.is_none()
                    && let Some(members) = identity.as_object_mut()
                {
                    members.insert("sessionContext".to_owned(), json!({ "attributes": attributes }));
                }
                identity
            }
            Identity::Role { arn, session, source_identity } => {
                let name = role_name(arn);
                let id = made_up_id("AROA", name);
                let mut context = json!({
                    "sessionIssuer": {
                        "type": "Role", "principalId": id, "arn": arn, "accountId": account, "userName": name,
                    },
                    "attributes": attributes,
                });
                if let (Some(source), Some(members)) = (source_identity, context.as_object_mut()) {
                    members.insert("sourceIdentity".to_owned(), json!(source));
                }
                json!({
                    "type": "AssumedRole",
                    "principalId": format!("{id}:{session}"),
                    "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
                    "accountId": account,
                    "accessKeyId": SESSION_KEY,
                    "sessionContext": context,
                })
            }
            Identity::Service(principal) => json!({ "type": "AWSService", "invokedBy": principal }),
        }
    }
}

/// An id of IAM's form for something whose id nobody keeps, the same for the same name.
pub(crate) fn made_up_id(prefix: &str, name: &str) -> String {
    const ALPHABET: [char; 32] = [
        'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V',
        'W', 'X', 'Y', 'Z', '2', '3', '4', '5', '6', '7',
    ];
    let digest = Sha256::digest(format!("{prefix}{name}"));
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32));
    prefix.chars().chain(digest.iter().take(17).filter_map(letter).copied()).collect()
}

/// Last part of a role's ARN, without its path.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Temporary credentials' key id; CloudTrail shows it, nothing depends on it.
const SESSION_KEY: &str = "ASIASANDBOXPERSON001";
/// Addresses and programs of examples.
const HOME: &str = "203.0.113.7";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64)";
