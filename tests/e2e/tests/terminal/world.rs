//! An account that AWS Config has judged, and an auditor who may do what `credwarden permissions` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use credwarden_e2e::rule::{deployed, options, report};
use credwarden_estate::estate::Estate;
use credwarden_sandbox::person::Person;
use credwarden_sandbox::sandbox::{ComplianceRow, Ran, Sandbox};
use jiff::SignedDuration;
use serde_json::Value;

/// The program.
const PROGRAM: &str = "credwarden";

/// The rules that a terminal judges, and their names in AWS Config.
pub(crate) const RULES: [(&str, &str); 2] =
    [("access-key-age", "credwarden-access-key-age"), ("unused-credentials", "credwarden-unused-credentials")];

/// The sandbox, and the auditor's policy.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) permissions: Value,
    auditor: Person,
    policy: PathBuf,
}

impl World {
    /// AWS Config has judged this estate by both rules.
    pub(crate) async fn judged(estate: &Estate) -> Result<Self> {
        let sandbox = deployed(options(), estate).await?;
        // Nobody is at a limit to the second any more.
        sandbox.advance(SignedDuration::from_mins(2)).await?;
        let policy = sandbox.folder().join("policy.json");
        std::fs::write(&policy, sandbox.deployed_policy()?.to_string())?;
        let world = Self { sandbox, permissions: Value::Null, auditor: Person::user("auditor"), policy };
        world.evaluate().await?;
        let permissions = world.run(&["permissions"]).await?;
        ensure!(permissions.status == 0, "{permissions:?}");
        let permissions = serde_json::from_str(&permissions.out)?;
        world.sandbox.confine(&world.auditor, &permissions)?;
        Ok(Self { permissions, ..world })
    }

    /// AWS Config judges by both rules now.
    pub(crate) async fn evaluate(&self) -> Result<()> {
        for (_, rule) in RULES {
            for invocation in self.sandbox.evaluate(rule).await? {
                report(&invocation)?;
            }
        }
        Ok(())
    }

    /// The auditor gets another policy.
    pub(crate) fn confine(&self, policy: &Value) -> Result<()> {
        self.sandbox.confine(&self.auditor, policy)
    }

    /// The auditor runs the program.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Ran> {
        self.sandbox.run(&self.auditor, PROGRAM, arguments).await
    }

    /// The same with the deployment's policy.
    pub(crate) async fn run_by_policy(&self, arguments: &[&str]) -> Result<Ran> {
        let policy = self.policy.to_str().context("the folder's name is no UTF-8")?;
        self.run(&[arguments, &["--policy", policy]].concat()).await
    }

    /// The document of a scan by the deployment's policy, whatever its exit status.
    pub(crate) async fn scan(&self, arguments: &[&str]) -> Result<Value> {
        let ran = self.run_by_policy(&[&["scan", "--format", "json"], arguments].concat()).await?;
        serde_json::from_str(&ran.out).with_context(|| format!("no document of a scan: {ran:?}"))
    }

    /// The actions of the printed policy that were needed so far.
    pub(crate) fn needed(&self) -> BTreeSet<String> {
        let caller = self.auditor.caller();
        self.sandbox
            .access()
            .used()
            .into_iter()
            .filter(|grant| grant.role == caller)
            .map(|grant| grant.action)
            .collect()
    }

    /// What AWS Config stores, by rule and user.
    pub(crate) fn stored(&self) -> BTreeMap<(String, String), ComplianceRow> {
        let of = |(rule, name): (&str, &str)| {
            let rule = rule.to_owned();
            self.sandbox.compliance(name).into_iter().map(move |row| ((rule.clone(), row.user.clone()), row))
        };
        RULES.into_iter().flat_map(of).collect()
    }
}

/// The findings of a scan or of one verdict in `explain`.
pub(crate) fn findings(document: &Value) -> Vec<Value> {
    document["findings"].as_array().cloned().unwrap_or_default()
}

/// A field of a finding, empty where it is `null`.
pub(crate) fn text<'a>(finding: &'a Value, field: &str) -> &'a str {
    finding[field].as_str().unwrap_or_default()
}

/// What tells a finding from others, and what it says: whatever the format.
pub(crate) type Told = [String; 5];

/// The same of a document of JSON.
pub(crate) fn told(finding: &Value) -> Told {
    ["rule", "status", "resourceName", "credentialId", "reason"].map(|field| text(finding, field).to_owned())
}

/// What a scan says of each rule and user: the worst of its findings, and the reasons of all that are remarkable.
pub(crate) fn said(findings: &[Value]) -> BTreeMap<(String, String), (String, Vec<String>)> {
    let mut said: BTreeMap<_, (String, Vec<String>)> = BTreeMap::new();
    for finding in findings {
        let [rule, status, user, _, reason] = told(finding);
        let is_remarkable = status != "COMPLIANT" || !finding["dueBy"].is_null() || !finding["exception"].is_null();
        let (worst, reasons) = said.entry((rule, user)).or_default();
        reasons.extend(is_remarkable.then_some(reason));
        if worst.is_empty() || rank(&status) < rank(worst) {
            *worst = status;
        }
    }
    said
}

fn rank(status: &str) -> usize {
    ["NON_COMPLIANT", "UNKNOWN", "COMPLIANT"].iter().position(|known| *known == status).unwrap_or_default()
}
