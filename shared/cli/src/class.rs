//! Which class a user belongs to, matcher by matcher, also where some of its traits are not known.

use std::collections::{BTreeMap, BTreeSet};

use credwarden_credential::id::{Arn, GroupName, UserName};
use credwarden_credential::snapshot::{Known, User};
use credwarden_policy::class::matches;
use credwarden_policy::document::{ClassEntry, MatcherEntry};
use credwarden_policy::policy::Policy;
use serde::Serialize;

/// What classes are chosen by. `None`: not known.
#[derive(Clone, Copy, Debug)]
pub struct Traits<'a> {
    /// The name.
    pub name: &'a UserName,
    /// The path.
    pub path: Option<&'a str>,
    /// The groups.
    pub groups: Option<&'a BTreeSet<GroupName>>,
    /// The managed policies attached directly or by a group.
    pub attached_policies: Option<&'a BTreeSet<Arn>>,
    /// Whether there is a console password.
    pub console_password: Option<bool>,
    /// The tags.
    pub tags: Option<&'a BTreeMap<String, String>>,
}

impl<'a> From<&'a User> for Traits<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            name: &user.name,
            path: Some(&user.path),
            groups: Some(&user.groups),
            attached_policies: Some(&user.attached_policies),
            console_password: match user.console_password {
                Known::Yes(has_one) => Some(has_one),
                Known::No(_) => None,
            },
            tags: Some(&user.tags),
        }
    }
}

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be told.
    Unknown,
}

/// Whether a user belongs to one class, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The class's name.
    pub class: String,
    /// Whether one of its matchers holds.
    pub answer: Answer,
    /// Which, or why none does.
    pub because: String,
}

/// The classes in the policy's order, up to the first that holds for certain.
pub fn steps(policy: &Policy, traits: &Traits<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for class in &policy.document().classes {
        let step = step(class, traits);
        let is_settled = step.answer == Answer::Yes;
        steps.push(step);
        if is_settled {
            break;
        }
    }
    steps
}

/// The classes that the user may belong to: one, where everything that decides is known.
pub fn possible(policy: &Policy, traits: &Traits<'_>) -> Vec<String> {
    steps(policy, traits).into_iter().filter(|step| step.answer != Answer::No).map(|step| step.class).collect()
}

fn step(class: &ClassEntry, traits: &Traits<'_>) -> Step {
    let mut unknown = Vec::new();
    let mut against = Vec::new();
    for matcher in &class.r#match {
        let conditions = conditions(matcher, traits);
        let because = |answer: Answer| {
            conditions.iter().filter(|(this, _)| *this == answer).map(|(_, text)| text.clone()).collect::<Vec<_>>()
        };
        if conditions.iter().any(|(answer, _)| *answer == Answer::No) {
            against.extend(because(Answer::No));
        } else if conditions.iter().any(|(answer, _)| *answer == Answer::Unknown) {
            unknown.extend(because(Answer::Unknown));
        } else {
            let held = because(Answer::Yes);
            let because = if held.is_empty() { "it matches everybody".to_owned() } else { held.join(", ") };
            return Step { class: class.name.clone(), answer: Answer::Yes, because };
        }
    }
    let (answer, because) = if unknown.is_empty() { (Answer::No, against) } else { (Answer::Unknown, unknown) };
    Step { class: class.name.clone(), answer, because: because.join("; ") }
}

/// Each condition of a matcher, whether it holds, and in words.
fn conditions(matcher: &MatcherEntry, traits: &Traits<'_>) -> Vec<(Answer, String)> {
    let MatcherEntry { path, name, group, attached_policy, console_password, tag } = matcher;
    let mut conditions = Vec::new();
    if let Some(pattern) = path {
        conditions.push(one("path", pattern, traits.path));
    }
    if let Some(pattern) = name {
        conditions.push(one("name", pattern, Some(traits.name.as_str())));
    }
    if let Some(pattern) = group {
        let groups = traits.groups.map(|groups| groups.iter().map(GroupName::as_str).collect());
        conditions.push(any("group", pattern, groups));
    }
    if let Some(pattern) = attached_policy {
        let policies = traits.attached_policies.map(|policies| policies.iter().map(Arn::as_str).collect());
        conditions.push(any("attached policy", pattern, policies));
    }
    if let Some(wanted) = console_password {
        conditions.push(match traits.console_password {
            None => (Answer::Unknown, "whether there is a console password is not known".to_owned()),
            Some(has_one) => {
                let text = if has_one { "there is a console password" } else { "there is no console password" };
                (if has_one == *wanted { Answer::Yes } else { Answer::No }, text.to_owned())
            }
        });
    }
    if let Some(tag) = tag {
        let key = &tag.key;
        conditions.push(match traits.tags.map(|tags| tags.get(key)) {
            Some(None) => (Answer::No, format!("there is no tag `{key}`")),
            value => one(&format!("tag `{key}`"), &tag.value, value.flatten().map(String::as_str)),
        });
    }
    conditions
}

fn one(what: &str, pattern: &str, value: Option<&str>) -> (Answer, String) {
    match value {
        None => (Answer::Unknown, format!("the {what} is not known")),
        Some(value) if matches(pattern, value) => (Answer::Yes, format!("{what} `{value}` matches `{pattern}`")),
        Some(value) => (Answer::No, format!("{what} `{value}` does not match `{pattern}`")),
    }
}

fn any(what: &str, pattern: &str, values: Option<Vec<&str>>) -> (Answer, String) {
    match values {
        None => (Answer::Unknown, format!("whether any {what} matches `{pattern}` is not known")),
        Some(values) => match values.into_iter().find(|value| matches(pattern, value)) {
            Some(value) => (Answer::Yes, format!("{what} `{value}` matches `{pattern}`")),
            None => (Answer::No, format!("no {what} matches `{pattern}`")),
        },
    }
}

#[cfg(test)]
mod tests {
    use credwarden_estate::company::company;

    use super::*;

    const NOW: &str = "2026-11-24T08:00:00Z";

    #[test]
    fn where_all_is_known_there_is_one_class_and_it_is_that_of_the_rules() {
        let policy = Policy::default();
        for user in company(NOW.parse().unwrap()).estate.snapshot().users.values() {
            assert_eq!(possible(&policy, &Traits::from(user)), [policy.class(user).unwrap().as_str()], "{}", user.name);
        }
    }

    #[test]
    fn what_is_not_known_leaves_the_true_class_among_the_possible_ones() {
        let policy = Policy::default();
        for user in company(NOW.parse().unwrap()).estate.snapshot().users.values() {
            let less = Traits { groups: None, attached_policies: None, tags: None, ..Traits::from(user) };
            let possible = possible(&policy, &less);
            assert!(possible.iter().any(|class| class == policy.class(user).unwrap().as_str()), "{possible:?}");
            assert_eq!(possible.len(), 2, "privileged cannot be excluded, and one other holds");
        }
    }
}
