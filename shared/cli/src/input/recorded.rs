//! A recorded account: the file that `credwarden snapshot` writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use credwarden_credential::creation::Provenance;
use credwarden_credential::snapshot::{Snapshot, User};
use credwarden_policy::exception::{Exception, Exceptions};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::SourceKind;
use crate::rules::{Creators, not_read};
use crate::subject::{Facts, Subject};

/// The format of recordings that this version writes and reads.
pub const FORMAT: u32 = 1;

/// A recorded account. It holds ids, names, dates, tags and policies' ARNs; IAM gives out no secret that it could hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// [`FORMAT`]
    pub format: u32,
    /// The version that recorded it.
    pub version: String,
    /// The account's users.
    pub snapshot: Snapshot,
    /// The exceptions of the ledger, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<Vec<Exception>>,
    /// Who made the account's credentials usable, where the ledger that was named tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// Only what tells whether the rest can be read.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Recording {
    /// A recording of what was read.
    pub fn of(snapshot: Snapshot, exceptions: Option<Exceptions>) -> Self {
        let exceptions = exceptions.map(|Exceptions(exceptions)| exceptions);
        let provenance = snapshot.users.values().find_map(|user| user.provenance.as_deref().cloned());
        Self { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned(), snapshot, exceptions, provenance }
    }

    /// Reads what [`Recording::to_json`] wrote.
    ///
    /// # Errors
    /// The text is no recording, or one of another format.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        const HINT: &str = "hint: `credwarden snapshot > FILE` records an account";
        let head: Head = serde_json::from_str(text).with_context(|| format!("it is no recorded account\n{HINT}"))?;
        if head.format != FORMAT {
            bail!("it has format {}, and this version reads {FORMAT}\nhint: record the account again", head.format);
        }
        serde_json::from_str(text).with_context(|| format!("its content is damaged\n{HINT}"))
    }

    /// The recording as it is written.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// The facts of a recording, judged at `as_of`, or when it was made.
///
/// # Errors
/// The text is no recording, or it was made after `as_of`.
pub fn facts(text: &str, file: &str, as_of: Option<Timestamp>) -> anyhow::Result<Facts> {
    let recording = Recording::parse(text).with_context(|| format!("failed to use `{file}` as a recorded account"))?;
    let recorded = recording.snapshot.as_of;
    if let Some(as_of) = as_of.filter(|as_of| *as_of < recorded) {
        bail!(
            "`{file}` was recorded at {recorded}, after `--as-of {as_of}`: what was deleted in between is not in it\n\
             hint: choose that time or a later one"
        );
    }
    let exceptions = recording.exceptions.map(Exceptions);
    let provenance = recording.provenance.map(Arc::new);
    let users = recording.snapshot.users.into_values();
    let users = users.map(|user| User { provenance: provenance.clone(), ..user });
    Ok(Facts {
        kind: SourceKind::Snapshot,
        file: Some(file.to_owned()),
        as_of: as_of.unwrap_or(recorded),
        subjects: users.map(Subject::User).collect(),
        opinions: BTreeMap::new(),
        creators: if provenance.is_some() { Creators::Known } else { Creators::NotRead },
        unreadable_rows: 0,
        limitations: not_read(exceptions.as_ref()),
        exceptions,
    })
}
