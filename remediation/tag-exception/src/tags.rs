//! The tags of a user that mirror its exceptions.

use std::collections::BTreeMap;
use std::future::Future;

use aws_sdk_iam::Client;
use aws_sdk_iam::error::DisplayErrorContext;
use aws_sdk_iam::types::Tag;
use credwarden_credential::id::UserName;
use credwarden_policy::exception::{Exceptions, TAG_PREFIX};
use jiff::Timestamp;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The calls of IAM that change a user's tags. All methods are written as `async fn`.
pub trait WriteTags {
    /// Gives a user these tags (`TagUser`). Doing it twice is doing it once.
    fn tag(&self, user: &UserName, tags: &Tags) -> impl Future<Output = Result<(), TagError>>;

    /// Takes tags off a user by their keys (`UntagUser`), also those that it does not have.
    fn untag(&self, user: &UserName, keys: &[String]) -> impl Future<Output = Result<(), TagError>>;
}

/// A change of tags that IAM did not make, or did not say that it has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to {doing}: {why}")]
pub struct TagError {
    /// What was being done.
    pub doing: String,
    /// What the SDK says.
    pub why: String,
}

/// What is to be changed of a user's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChanges {
    /// The keys to take off.
    pub off: Vec<String>,
    /// The tags to write.
    pub on: Tags,
}

/// What makes a user with the tags `have` show the exceptions that hold at `now`, and no others. Other tags are not touched.
pub fn changes(have: &Tags, exceptions: &Exceptions, now: Timestamp) -> TagChanges {
    let holding = exceptions.0.iter().filter(|exception| now <= exception.until);
    let wanted: Tags = holding.map(credwarden_policy::exception::Exception::tag).collect();
    let mirrored = have.keys().filter(|key| key.starts_with(TAG_PREFIX));
    TagChanges {
        off: mirrored.filter(|key| !wanted.contains_key(*key)).cloned().collect(),
        on: wanted.into_iter().filter(|(key, value)| have.get(key) != Some(value)).collect(),
    }
}

/// IAM itself.
#[derive(Clone, Debug)]
pub struct IamTags {
    client: Client,
}

impl IamTags {
    /// Writes with this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl WriteTags for IamTags {
    async fn tag(&self, user: &UserName, tags: &Tags) -> Result<(), TagError> {
        let doing = || format!("tag user `{user}`");
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags = tags.collect::<Result<Vec<_>, _>>();
        let tags = tags.map_err(|error| TagError { doing: doing(), why: error.to_string() })?;
        match self.client.tag_user().user_name(user.as_str()).set_tags(Some(tags)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(TagError { doing: doing(), why: DisplayErrorContext(&error).to_string() }),
        }
    }

    async fn untag(&self, user: &UserName, keys: &[String]) -> Result<(), TagError> {
        match self.client.untag_user().user_name(user.as_str()).set_tag_keys(Some(keys.to_vec())).send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(TagError { doing: format!("untag user `{user}`"), why: DisplayErrorContext(&error).to_string() })
            }
        }
    }
}
