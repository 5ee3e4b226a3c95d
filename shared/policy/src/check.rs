//! Checks a document and turns it into a policy.

use std::collections::{BTreeMap, BTreeSet};

use credwarden_credential::age::Days;
use credwarden_credential::kind::CredentialKind;

use crate::class::{Class, ClassName};
use crate::creation;
use crate::document::{DEFAULT, Document, FORMAT, Limit, LimitsEntry, RemedyEntry};
use crate::limits::{Limits, SHORTEST_IN_USE};
use crate::policy::{Policy, Problem};
use crate::remedy::{Budget, Mode, Remedy, RemedyName, RuleName};
use crate::rotation::Delivery;
use crate::window;

/// The key under which limits and remedies of all classes stand.
pub(crate) const DEFAULT_CLASS: &str = "default";

/// The longest limit, in days; more would be no limit.
pub(crate) const LONGEST: u32 = 3650;

/// Checks everything that the document's types cannot say.
pub(crate) fn check(document: Document) -> Result<Policy, Vec<Problem>> {
    let mut found = Found(Vec::new());
    if document.format != FORMAT {
        found.add(
            "format",
            format!("this version reads format {FORMAT}, not {}", document.format),
            "write the document in that format, or deploy functions that read it",
        );
        return Err(found.0);
    }
    let classes = classes(&document, &mut found);
    let limits = limits(&document, &classes, &mut found);
    let creation = creation::check(&document, &classes, &mut found);
    let remedies = remedies(&document, &classes, &mut found);
    principals(&document, &mut found);
    let windows = window::check(&document, &classes, &mut found);
    let longest =
        [("longestExceptionDays", document.longest_exception_days), ("longestHoldDays", document.longest_hold_days)];
    for (field, days) in longest {
        if let Some(days) = days.filter(|days| !(1..=LONGEST).contains(days)) {
            found.add(field, format!("{days} days"), format!("choose 1 to {LONGEST}"));
        }
    }
    let budget = Budget { per_day: document.budget.per_day, percent_per_day: document.budget.percent_per_day };
    if budget.percent_per_day > 100 {
        found.add("budget.percentPerDay", "more than 100 percent", "choose 0 to 100");
    }
    if found.0.is_empty() {
        Ok(Policy { document, classes, limits, creation, remedies, budget, windows })
    } else {
        Err(found.0)
    }
}

pub(crate) struct Found(pub(crate) Vec<Problem>);

impl Found {
    pub(crate) fn add(&mut self, place: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Problem { place: place.into(), what: what.into(), remedy: remedy.into() });
    }
}

fn classes(document: &Document, found: &mut Found) -> Vec<Class> {
    let mut names = BTreeSet::new();
    let mut earlier = BTreeMap::new();
    let mut catch_all: Option<&str> = None;
    for (index, class) in document.classes.iter().enumerate() {
        let place = format!("classes[{index}]");
        let is_name = !class.name.is_empty()
            && class.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_name || class.name == DEFAULT_CLASS {
            found.add(
                format!("{place}.name"),
                format!("`{}` is no name for a class", class.name),
                "choose lower-case letters, digits and hyphens, and not `default`",
            );
        }
        if !names.insert(class.name.as_str()) {
            found.add(
                format!("{place}.name"),
                format!("a second class `{}`", class.name),
                "merge the two, or rename one",
            );
        }
        if let Some(name) = catch_all {
            found.add(
                place.clone(),
                format!("nobody can belong to it, because `{name}` before it matches everybody"),
                format!("move it before `{name}`, or remove it"),
            );
        }
        if class.r#match.is_empty() {
            found.add(
                format!("{place}.match"),
                "no matcher, so nobody can belong to it",
                "add a matcher, `{}` for everybody",
            );
        }
        for (number, matcher) in class.r#match.iter().enumerate() {
            let place = format!("{place}.match[{number}]");
            if let Some(name) = earlier.insert(matcher, class.name.as_str()) {
                found.add(
                    place.clone(),
                    format!("repeats a matcher of class `{name}`, so it never decides"),
                    "remove one of the two",
                );
            }
            if let Some(tag) = &matcher.tag
                && !document.guarded_tags.contains(&tag.key)
            {
                found.add(
                    format!("{place}.tag.key"),
                    format!("`{}` is not in `guardedTags`; whoever can tag a user could choose its class", tag.key),
                    "guard the tag's key by a service control policy and add it to `guardedTags`, or match something else",
                );
            }
        }
        if class.r#match.iter().any(crate::document::MatcherEntry::matches_everybody) {
            catch_all.get_or_insert(class.name.as_str());
        }
    }
    if catch_all.is_none() {
        found.add(
            "classes",
            "no class matches everybody, so a user could have none",
            "add a last class with `\"match\": [{}]`",
        );
    }
    document
        .classes
        .iter()
        .map(|class| Class { name: ClassName(class.name.clone()), matchers: class.r#match.clone() })
        .collect()
}

fn limits(document: &Document, classes: &[Class], found: &mut Found) -> BTreeMap<(ClassName, CredentialKind), Limits> {
    for (class, kinds) in &document.limits {
        known_class(&format!("limits.{class}"), class, classes, found);
        for kind in kinds.keys() {
            if !CredentialKind::ALL.iter().any(|known| known.as_str() == kind) {
                found.add(
                    format!("limits.{class}.{kind}"),
                    format!("`{kind}` is no kind of credential"),
                    format!(
                        "choose one of {}",
                        CredentialKind::ALL.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ")
                    ),
                );
            }
        }
    }
    let entry = |class: &str, kind: CredentialKind| {
        document.limits.get(class).and_then(|kinds| kinds.get(kind.as_str())).copied()
    };
    let built_in = serde_json::from_str::<Document>(DEFAULT).map(|document| document.limits).unwrap_or_default();
    let mut limits = BTreeMap::new();
    for &kind in CredentialKind::ALL {
        let built_in = built_in.get(DEFAULT_CLASS).and_then(|kinds| kinds.get(kind.as_str())).copied();
        let default = over(entry(DEFAULT_CLASS, kind).unwrap_or_default(), built_in.unwrap_or_default());
        let place = format!("limits.{DEFAULT_CLASS}.{kind}");
        if let Some(checked) = checked_limits(&place, default, found) {
            for class in classes {
                let own = entry(class.name.as_str(), kind);
                let place = format!("limits.{}.{kind}", class.name);
                let of_class = own.map_or(Some(checked), |own| checked_limits(&place, over(own, default), found));
                if let Some(of_class) = of_class {
                    limits.insert((class.name.clone(), kind), of_class);
                }
            }
        }
    }
    limits
}

/// An entry, and from another what it leaves out.
fn over(own: LimitsEntry, other: LimitsEntry) -> LimitsEntry {
    LimitsEntry {
        max_age_days: own.max_age_days.or(other.max_age_days),
        warn_days: own.warn_days.or(other.warn_days),
        unused_days: own.unused_days.or(other.unused_days),
        never_used_days: own.never_used_days.or(other.never_used_days),
        in_use_days: own.in_use_days.or(other.in_use_days),
        undo_days: own.undo_days.or(other.undo_days),
    }
}

fn checked_limits(place: &str, entry: LimitsEntry, found: &mut Found) -> Option<Limits> {
    let before = found.0.len();
    let mut days = |field: &str, days: Option<Limit>, least: u32| match days {
        None => {
            found.add(format!("{place}.{field}"), "missing", "set a number of days");
            None
        }
        Some(Limit::Off) => None,
        Some(Limit::Days(days)) => {
            if days < least || days > LONGEST {
                found.add(format!("{place}.{field}"), format!("{days} days"), format!("choose {least} to {LONGEST}"));
            }
            Some(Days(days))
        }
    };
    let max_age = days("maxAgeDays", entry.max_age_days, 1);
    let unused = days("unusedDays", entry.unused_days, 1);
    let never_used = days("neverUsedDays", entry.never_used_days, 1);
    let mut number =
        |field, number: Option<u32>, least| days(field, number.map(Limit::Days), least).unwrap_or_default();
    let limits = Limits {
        max_age,
        warn: number("warnDays", entry.warn_days, 0),
        unused,
        never_used,
        in_use: number("inUseDays", entry.in_use_days, SHORTEST_IN_USE.0),
        undo: number("undoDays", entry.undo_days, 1),
    };
    if found.0.len() > before {
        return None;
    }
    if let Some(max_age) = limits.max_age.filter(|max_age| limits.warn >= *max_age) {
        found.add(
            format!("{place}.warnDays"),
            format!("a warning of {} is not shorter than the greatest age of {max_age}", limits.warn),
            "choose fewer days of warning, or a greater age",
        );
    }
    if let Some(unused) = limits.unused.filter(|unused| *unused < limits.in_use) {
        found.add(
            format!("{place}.unusedDays"),
            format!("what counts as in use for {} cannot be unused after {unused}", limits.in_use),
            "choose more days of disuse, or a shorter `inUseDays`",
        );
    }
    (found.0.len() == before).then_some(limits)
}

fn remedies(document: &Document, classes: &[Class], found: &mut Found) -> BTreeMap<(RuleName, ClassName), Remedy> {
    let mut remedies = BTreeMap::new();
    for (rule, by_class) in &document.remedies {
        let place = format!("remedies.{rule}");
        let rule_name = rule.parse::<RuleName>().map_err(|error| {
            found.add(place.clone(), error.to_string(), "correct the rule's name");
        });
        let mut parsed = BTreeMap::new();
        for (class, entry) in by_class {
            let place = format!("{place}.{class}");
            known_class(&place, class, classes, found);
            let name = entry.remedy.parse::<RemedyName>().map_err(|error| {
                found.add(format!("{place}.remedy"), error.to_string(), "correct the remedy's name");
            });
            let mode = entry.mode.parse::<Mode>().map_err(|error| {
                found.add(format!("{place}.mode"), error.to_string(), "correct the mode");
            });
            if name.is_ok_and(|name| RemedyName::of_findings().all(|known| known != name)) {
                found.add(
                    format!("{place}.remedy"),
                    format!("`{}` answers no findings; people start it", entry.remedy),
                    "choose another remedy",
                );
            } else if let (Ok(name), Ok(rule)) = (name, rule_name)
                && !name.can_answer(rule)
            {
                found.add(
                    format!("{place}.remedy"),
                    format!("`{name}` does not answer findings of `{rule}`"),
                    "choose `deactivate-credential`",
                );
            }
            let delivery = rotation(&place, entry, name, found);
            let approval = entry.approval.unwrap_or(false);
            if approval && document.approvers.is_empty() {
                let what = "nobody could approve, for `approvers` names nobody";
                found.add(format!("{place}.approval"), what, "name an approver, or leave it out");
            }
            if let (Ok(name), Ok(mode), Ok(delivery)) = (name, mode, delivery) {
                let force = entry.force.unwrap_or(false);
                parsed.insert(class.as_str(), Remedy { name, mode, delivery, force, approval });
            }
        }
        let Ok(rule_name) = rule_name else { continue };
        for class in classes {
            let remedy = parsed.get(class.name.as_str()).or_else(|| parsed.get(DEFAULT_CLASS));
            if let Some(remedy) = remedy {
                remedies.insert((rule_name, class.name.clone()), *remedy);
            }
        }
    }
    remedies
}

/// What an entry says of the way in which a key is rotated.
fn rotation(place: &str, entry: &RemedyEntry, name: Result<RemedyName, ()>, found: &mut Found) -> Result<Delivery, ()> {
    if name.is_ok_and(|name| name != RemedyName::RotateKey) {
        for (field, is_there) in [("delivery", entry.delivery.is_some()), ("force", entry.force.is_some())] {
            if is_there {
                let what = format!("`{}` rotates nothing", entry.remedy);
                found.add(format!("{place}.{field}"), what, "remove it, or choose `rotate-key`");
            }
        }
    }
    let delivery = entry.delivery.as_deref().map_or(Ok(Delivery::Owner), str::parse).map_err(|error| {
        found.add(format!("{place}.delivery"), error.to_string(), "correct the delivery");
    })?;
    if delivery == Delivery::Replace && entry.force == Some(true) {
        let what = "a key that is replaced by a role is never made inactive for its age";
        found.add(format!("{place}.force"), what, "remove it, or choose the delivery `owner`");
    }
    Ok(delivery)
}

pub(crate) fn known_class(place: &str, name: &str, classes: &[Class], found: &mut Found) {
    if name != DEFAULT_CLASS && !classes.iter().any(|class| class.name.as_str() == name) {
        found.add(place, format!("there is no class `{name}`"), "correct the name, or use `default` for all classes");
    }
}

fn principals(document: &Document, found: &mut Found) {
    for (field, patterns) in [("protected", &document.protected), ("approvers", &document.approvers)] {
        for (index, pattern) in patterns.iter().enumerate() {
            let parts: Vec<&str> = pattern.splitn(6, ':').collect();
            let is_iam = matches!(parts.as_slice(), ["arn", _, "iam" | "sts", _, _, resource] if !resource.is_empty());
            if !is_iam {
                found.add(
                    format!("{field}[{index}]"),
                    format!("`{pattern}` is not the ARN, or a pattern of ARNs, of a principal"),
                    "write it like `arn:*:iam::*:user/break-glass/*`",
                );
            }
        }
    }
}
