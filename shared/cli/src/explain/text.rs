//! An explanation for people.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use credwarden_credential::age::date;
use credwarden_policy::layers::{CreationLayers, SetBy};
use jiff::Timestamp;

use super::{Evidence, Explanation, Said};
use crate::class::Answer;
use crate::scan::worst;

impl Explanation {
    /// The explanation for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let arn = self.arn.as_ref().map_or_else(String::new, |arn| format!("  {arn}"));
        let id = self.id.as_ref().map_or_else(String::new, |id| format!("  {id}"));
        writeln!(out, "{}{arn}{id}", self.name)?;
        let created = self.created.map_or_else(|| "at an unknown time".to_owned(), date);
        writeln!(out, "created {created}, judged as of {}", self.as_of.strftime("%Y-%m-%d %H:%M:%S UTC"))?;
        for (key, value) in self.tags.iter().flatten() {
            writeln!(out, "tag {key} = {value}")?;
        }

        writeln!(out, "\nclass: {}", self.possible_classes.join(" or "))?;
        for step in &self.classes {
            let answer = match step.answer {
                Answer::Yes => "yes",
                Answer::No => "no",
                Answer::Unknown => "perhaps",
            };
            writeln!(out, "  {}: {answer}, {}", step.class, step.because)?;
        }

        for (class, kinds) in &self.limits {
            writeln!(out, "\nlimits of {class}")?;
            for (kind, layers) in kinds {
                writeln!(out, "  {kind}: {}", limits(layers).join(", "))?;
            }
        }

        for (class, layers) in &self.creation_limits {
            writeln!(out, "\ncreation limits of {class}")?;
            for limit in creation_limits(layers) {
                writeln!(out, "  {limit}")?;
            }
        }

        writeln!(out, "\ncredentials")?;
        if self.credentials.is_empty() {
            writeln!(out, "  none")?;
        }
        for credential in &self.credentials {
            writeln!(out, "  {}", evidence(credential))?;
        }
        for gap in &self.gaps {
            writeln!(out, "  not known: {gap}")?;
        }

        for said in &self.verdicts {
            write_verdict(out, said)?;
        }
        if let Some(pattern) = &self.protected_by {
            writeln!(out, "\nprotected from every remedy by `{pattern}`")?;
        }
        if !self.limitations.is_empty() {
            writeln!(out)?;
        }
        for limitation in &self.limitations {
            writeln!(out, "note: {limitation}")?;
        }
        Ok(())
    }
}

/// Each limit as the policy names it, and the layer that set it.
fn limits(layers: &impl serde::Serialize) -> Vec<String> {
    let fields = serde_json::to_value(layers).unwrap_or_default();
    // In the order of the alphabet, whichever the library keeps.
    let fields: BTreeMap<_, _> = fields.as_object().into_iter().flatten().collect();
    fields
        .into_iter()
        .map(|(name, set_by)| {
            let value = set_by.get("value").filter(|value| !value.is_null());
            let value = value.map_or_else(|| "off".to_owned(), ToString::to_string);
            let layer = set_by.get("layer").and_then(serde_json::Value::as_str).unwrap_or_default();
            format!("{name} {value} ({layer})")
        })
        .collect()
}

/// Each limit of creation as the policy names it, and the layer that set it.
fn creation_limits(layers: &CreationLayers) -> Vec<String> {
    fn line<T: Display>(name: &str, set_by: &SetBy<T>) -> String {
        let SetBy { value, layer } = set_by;
        format!("{name}: {value} ({layer})")
    }
    let CreationLayers { creators, source_identities, self_service, kinds, baseline } = layers;
    let mut lines = Vec::new();
    lines.extend(creators.as_ref().map(|set_by| line("creators", set_by)));
    lines.extend(source_identities.as_ref().map(|set_by| line("sourceIdentities", set_by)));
    lines.extend(self_service.as_ref().map(|set_by| line("selfService", set_by)));
    lines.extend(kinds.iter().map(|(kind, set_by)| line(kind.as_str(), set_by)));
    lines.extend(baseline.as_ref().map(|set_by| line("baseline", set_by)));
    lines
}

fn evidence(credential: &Evidence) -> String {
    let Evidence { kind, credential, state, created, creator, changed, expires, service, last_used, ever_used } =
        credential;
    let mut parts = vec![format!("{credential} ({})", kind.noun()), state.clone()];
    let dated = |what: &str, at: &Option<Timestamp>| at.map(|at| format!("{what} {}", date(at)));
    let by = creator.as_ref().map_or_else(String::new, |creator| format!(" by {creator}"));
    parts.extend(dated("created", created).map(|created| created + &by));
    parts.extend(dated("created or last changed", changed));
    parts.extend(dated("expires", expires));
    parts.extend(service.as_ref().map(|service| format!("for {service}")));
    parts.push(match (last_used, ever_used) {
        (Some(at), _) => format!("last used {at}"),
        (None, Some(false)) => "no use known".to_owned(),
        (None, _) => "use not recorded".to_owned(),
    });
    parts.join(", ")
}

fn write_verdict(out: &mut String, said: &Said) -> std::fmt::Result {
    writeln!(out, "\n{}", said.rule)?;
    if said.findings.is_empty() {
        writeln!(out, "  nothing to say: no active credential of a kind that it judges")?;
    }
    for finding in &said.findings {
        writeln!(out, "  {}  {}", worst(finding), finding.reason)?;
    }
    for act in &said.would_be_done {
        writeln!(out, "  would be done  {act}")?;
    }
    if !said.controls.is_empty() {
        writeln!(out, "  serves {}", said.controls.join(", "))?;
    }
    Ok(())
}
