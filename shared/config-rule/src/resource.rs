use std::fmt;

use thiserror::Error;

/// The longest resource type that AWS Config accepts, in characters (service model of `PutEvaluations`).
const MAX_KIND_CHARS: usize = 256;

/// The longest resource id that AWS Config accepts, in characters (service model of `PutEvaluations`).
const MAX_ID_CHARS: usize = 768;

/// What AWS Config keeps one result about: a resource type and the id that AWS Config itself uses for it.
///
/// Two resources are the same only when both agree. For `AWS::IAM::User` the id is the unique id (`AIDA…`), not
/// the user's name; a rule about a whole account reports `AWS::::Account` and the account's id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    kind: String,
    id: String,
}

impl Resource {
    /// Names a resource by its type, for example `AWS::IAM::User`, and its id.
    ///
    /// Fails when either is empty or longer than AWS Config accepts (256 and 768 characters): one such evaluation
    /// would make AWS Config refuse the whole batch.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Result<Self, InvalidResource> {
        let (kind, id) = (kind.into(), id.into());
        if !(1..=MAX_KIND_CHARS).contains(&kind.chars().count()) {
            return Err(InvalidResource::Kind { kind });
        }
        if !(1..=MAX_ID_CHARS).contains(&id.chars().count()) {
            return Err(InvalidResource::Id { kind, id });
        }
        Ok(Self { kind, id })
    }

    /// The resource type, for example `AWS::IAM::User`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The id that AWS Config uses for the resource.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// Why a resource cannot be reported to AWS Config.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidResource {
    /// The type is empty or too long.
    #[error("resource type `{kind}` does not have 1 to {MAX_KIND_CHARS} characters")]
    Kind {
        /// The refused type.
        kind: String,
    },
    /// The id is empty or too long.
    #[error("resource id `{id}` of a {kind} does not have 1 to {MAX_ID_CHARS} characters")]
    Id {
        /// The resource's type.
        kind: String,
        /// The refused id.
        id: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_or_id_that_aws_config_would_refuse_is_not_a_resource() {
        assert!(Resource::new("AWS::IAM::User", "a".repeat(768)).is_ok());
        assert!(Resource::new("t".repeat(256), "a").is_ok());
        for (kind, id) in [("", "a".into()), ("AWS::IAM::User", String::new()), ("AWS::IAM::User", "a".repeat(769))] {
            assert!(Resource::new(kind, id).is_err());
        }
        assert!(Resource::new("t".repeat(257), "a").is_err());
    }
}
