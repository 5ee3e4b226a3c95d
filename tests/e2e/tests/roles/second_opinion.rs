//! The roles a second time, judged by an emulator that enforces policies itself: what the sandbox's own check denies, it
//! must deny too, and what the check lets pass it must let pass.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use credwarden_sandbox::access::Access;
use credwarden_sandbox::artifacts;
use credwarden_sandbox::directory::Directory;
use credwarden_sandbox::emulator::{installation, installation_folder};
use credwarden_sandbox::progress::Progress;
use credwarden_sandbox::template::{Deployment, Scope};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::elsewhere::{PROTECTED_USER, Probe, probes};

/// Calls whose resource `MiniStack` cannot tell or does not have, so that it denies them wherever a resource is named.
/// Nor does it tell by which function a secret is rotated.
const NOT_TOLD: [&str; 11] = [
    "cloudtrail:LookupEvents",
    "config:DeleteRemediationExceptions",
    "config:DescribeRemediationExceptions",
    "config:GetComplianceDetailsByConfigRule",
    "config:StartConfigRulesEvaluation",
    "iam:GetAccessKeyLastUsed",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "secretsmanager:RotateSecret",
    "ssm:GetAutomationExecution",
    "ssm:StartAutomationExecution",
];

#[tokio::test]
async fn an_emulator_that_enforces_policies_judges_the_roles_alike() -> Result<()> {
    let made = artifacts::make("automatic", &Progress::default()).await?;
    let scope = Scope { account: ACCOUNT.to_owned(), region: made.region.clone(), stack: made.stack.clone() };
    let deployment = Deployment::read(&made.template, scope)?;
    let users = json!([{ "name": "silent", "path": "/" }, { "name": PROTECTED_USER, "path": "/break-glass/" }]);
    let directory = Directory::default();
    let known = users
        .as_array()
        .into_iter()
        .flatten()
        .map(|user| json!({ "id": user["name"], "name": user["name"], "path": user["path"] }));
    directory.replace_from(&json!({ "users": known.collect::<Vec<_>>() }));
    let access = Access::new(&deployment, directory)?;
    let mut probes = probes(&deployment)?;
    // Lambda leaves failed events there and names the queue by its ARN, by which SQS's API takes none.
    // Nor does it look at the keys of tags, or at which policy is attached.
    let untold = ["sqs:SendMessage", "iam:TagUser", "iam:UntagUser", "iam:AttachUserPolicy", "iam:DetachUserPolicy"];
    probes.retain(|probe| !untold.contains(&probe.action));
    // MiniStack has no Access Analyzer.
    probes.retain(|probe| !probe.action.starts_with("access-analyzer:"));

    let judged = judge(&deployment, &users, &probes).await?;
    let (mut allowed, mut denied) = (0, 0);
    for role in deployment.roles.values() {
        let of_role = judged.get(&role.name).with_context(|| format!("nothing is said of `{}`", role.name))?;
        ensure!(of_role.len() == probes.len(), "not every probe of `{}` was tried", role.name);
        for (probe, is_denied) in probes.iter().zip(of_role) {
            let passes = probe.passes(&access, &role.arn)?;
            let Probe { action, parameters, .. } = probe;
            if passes && NOT_TOLD.contains(action) {
                continue;
            }
            assert_eq!(passes, !is_denied, "`{}` {action} {parameters}", role.name);
            allowed += usize::from(passes);
            denied += usize::from(*is_denied);
        }
    }
    assert!(allowed >= 25 && denied >= 200, "{allowed} allowed, {denied} denied");
    Ok(())
}

/// Whether each probe is denied, by role.
async fn judge(deployment: &Deployment, users: &Value, probes: &[Probe]) -> Result<BTreeMap<String, Vec<bool>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ministack");
    let python = installation::python(&installation_folder(), &folder.join("requirements.txt")).await?;
    // MiniStack forms the ARN of a user without its path, so the protected path is told as a beginning of names.
    let policies = |policies: &[(String, Value)]| -> Result<BTreeMap<String, Value>> {
        let told = policies.iter().map(|(name, document)| {
            let document = document.to_string().replace("user/break-glass/", "user/break-glass");
            Ok((name.clone(), serde_json::from_str(&document)?))
        });
        told.collect()
    };
    let roles = deployment.roles.values().map(|role| Ok((role.name.clone(), policies(&role.policies)?)));
    let roles = roles.collect::<Result<BTreeMap<_, _>>>()?;
    let calls: Vec<_> =
        probes.iter().map(|probe| json!({ "action": probe.action, "parameters": probe.parameters })).collect();
    let asked = json!({ "account": ACCOUNT, "users": users, "roles": roles, "calls": calls });
    let mut process = Command::new(python)
        .arg("-B")
        .arg(folder.join("judge.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("failed to start the judge")?;
    let mut input = process.stdin.take().context("failed to reach the judge")?;
    input.write_all(asked.to_string().as_bytes()).await?;
    drop(input);
    let output = process.wait_with_output().await?;
    ensure!(output.status.success(), "the judge failed; what it says is above");
    serde_json::from_slice(&output.stdout).context("failed to read the judgement")
}

const ACCOUNT: &str = "123456789012";
