//! What uses an access key, looked up where an owner is advised. Nothing is decided by it, so that it cannot be read is no
//! failure: it is said.

use aws_config::{Region, SdkConfig};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, LastUse};
use credwarden_credential::usage::Uses;
use credwarden_trail::lookup::CloudTrail;
use credwarden_trail::usage::uses_of;
use jiff::Timestamp;

/// Where it is looked up what uses a key.
#[derive(Clone, Debug)]
pub enum Usage {
    /// In `CloudTrail`'s event history, which is one of each region.
    History(Box<SdkConfig>),
    /// Nowhere: it is known already.
    Known(Uses),
}

impl Usage {
    /// Looks it up with clients of this configuration.
    pub fn of(config: &SdkConfig) -> Self {
        Self::History(Box::new(config.clone()))
    }

    /// What uses a key: the newest calls of the region of its last use, or of our own where that tells none.
    pub(crate) async fn uses(&self, key: &Credential, now: Timestamp) -> Uses {
        match (self, &key.id) {
            (Self::Known(uses), _) => uses.clone(),
            (Self::History(config), CredentialId::AccessKey(id)) => {
                let config = match region(&key.last_use) {
                    None => SdkConfig::clone(config),
                    Some(region) => config.to_builder().region(Region::new(region.to_owned())).build(),
                };
                uses_of(&CloudTrail::of(&config), id, now).await
            }
            (Self::History(_), _) => Uses::NotRead,
        }
    }
}

/// The region of a last use, if it is one that a client can be of: IAM tells `N/A` and the like, too.
fn region(last_use: &LastUse) -> Option<&str> {
    let LastUse::At { region, .. } = last_use else { return None };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = |word: &str| word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<_> = region.split('-').collect();
    let (number, words) = parts.split_last()?;
    (words.len() >= 2 && words.iter().all(|word| is_word(word)) && is_number(number)).then_some(region.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_region_is_asked() {
        let of = |region: &str| LastUse::At {
            at: Timestamp::UNIX_EPOCH,
            service: "s3".to_owned(),
            region: region.to_owned(),
        };
        for region_of in ["us-east-1", "eu-central-2", "us-gov-west-1", "cn-north-1"] {
            assert_eq!(region(&of(region_of)), Some(region_of));
        }
        for other in ["N/A", "", "aws-global", "us-east", "us-east-1.evil.example", "../us-east-1", "us-east-11"] {
            assert_eq!(region(&of(other)), None, "{other}");
        }
        assert_eq!(region(&LastUse::Never), None);
    }
}
