//! Remediation exceptions: resources that Config leaves alone.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A resource that Config does not remediate. It names no creator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemediationException {
    /// Name of the rule.
    pub rule: String,
    /// Such as `AWS::IAM::User`.
    pub resource_type: String,
    /// Such as `AIDA…`.
    pub resource_id: String,
    /// Why, in free words.
    pub message: String,
    /// When it ends by itself; `None` never.
    pub expires: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(super) struct Exceptions {
    by_resource: BTreeMap<(String, String, String), RemediationException>,
}

impl Exceptions {
    pub(super) fn put(
        &mut self,
        rule: &str,
        resource_type: &str,
        resource_id: &str,
        message: &str,
        expires: Option<Timestamp>,
    ) {
        let exception = RemediationException {
            rule: rule.to_owned(),
            resource_type: resource_type.to_owned(),
            resource_id: resource_id.to_owned(),
            message: message.to_owned(),
            expires,
        };
        self.by_resource.insert(key(rule, resource_type, resource_id), exception);
    }

    pub(super) fn of(&self, rule: &str, now: Timestamp) -> Vec<RemediationException> {
        self.by_resource.values().filter(|exception| exception.rule == rule && exception.holds(now)).cloned().collect()
    }

    pub(super) fn hold(&self, rule: &str, resource_type: &str, resource_id: &str, now: Timestamp) -> bool {
        self.by_resource.get(&key(rule, resource_type, resource_id)).is_some_and(|exception| exception.holds(now))
    }

    /// Whether there was one to remove.
    pub(super) fn remove(&mut self, rule: &str, resource_type: &str, resource_id: &str) -> bool {
        self.by_resource.remove(&key(rule, resource_type, resource_id)).is_some()
    }
}

impl RemediationException {
    fn holds(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

fn key(rule: &str, resource_type: &str, resource_id: &str) -> (String, String, String) {
    (rule.to_owned(), resource_type.to_owned(), resource_id.to_owned())
}
