//! Half a year of rotations: owners who move late, never and quarterly, one whose key comes into a secret, an exception that
//! ends, a password that goes once that was approved; and nobody locked out.

mod people;

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::table::Table;
use super::{Told, all_is_well, headline};
use crate::automation::Execution;
use crate::person::Person;
use crate::progress::Progress;
use crate::sandbox::Sandbox;

use people::{
    ACKNOWLEDGE, APPROVE, ENROLLED, EXCEPTED, LATE, Owner, QUARTERLY, SLEEPER, acknowledge, approve_deletion,
    create_key, enrol, except, fetch, has_password, id, owner, owners,
};

pub(super) use people::with_owners;

/// The document whose findings are answered by rotating.
const AGE: &str = "credwarden-access-key-age";

/// The document whose findings are answered by deleting a password.
const UNUSED: &str = "credwarden-unused-credentials";

/// How long the story goes on, in days.
const DAYS: i64 = 182;

/// What somebody does on a day of the story.
#[derive(Clone, Copy)]
enum Deed {
    Creates(&'static str),
    Acknowledges(&'static str),
    Fetches(&'static str),
    IsApproved(&'static str),
}

/// Who does what, in days from the beginning.
const DEEDS: [(i64, Deed); 9] = [
    (12, Deed::Fetches(ENROLLED)),
    (14, Deed::IsApproved(SLEEPER)),
    (20, Deed::Creates(LATE)),
    (22, Deed::Acknowledges(LATE)),
    (75, Deed::Creates(EXCEPTED)),
    (85, Deed::Acknowledges(EXCEPTED)),
    (92, Deed::Creates(QUARTERLY)),
    (103, Deed::Acknowledges(QUARTERLY)),
    (115, Deed::Fetches(ENROLLED)),
];

/// On which days the quarterly job runs.
const JOBS: [i64; 2] = [91, 182];

/// Lets half a year go by, in which the policy has old keys rotated. Whoever finds the key of its programs refused ends the
/// story. AWS Config and the schedule come every fifth day and then every tenth, which is all that a rotation needs to go on.
pub(super) async fn tell(
    out: &mut impl Write,
    sandbox: &Sandbox,
    policy: &mut Value,
    company_uses: &[String],
    progress: &Progress,
) -> Result<()> {
    edit(sandbox, policy).await?;
    let mut owners = owners(sandbox).await?;
    except(sandbox, owner(&mut owners, EXCEPTED)?).await?;
    enrol(sandbox, owner(&mut owners, ENROLLED)?).await?;
    let sleeper = id(sandbox, SLEEPER).await?;
    headline(
        out,
        sandbox,
        "from now on old keys are rotated, and unused credentials of people go on a Tuesday once carol has approved it; \
         carol lets one user keep its key for 70 days, and has another's come into a secret",
    )?;

    let (mut day, mut told, mut done) = (0, Told::default(), 0);
    while day < DAYS {
        let step = if day < 30 { 5 } else { 10 };
        let before = day;
        day = DAYS.min(day + step);
        progress.say(&format!("half a year: day {day} of {DAYS}"));
        sandbox.advance(SignedDuration::from_hours(24 * (day - before))).await?;
        for (on, deed) in DEEDS.iter().filter(|(on, _)| before < *on && *on <= day) {
            done += 1;
            writeln!(out, "  day {on}: {}", deed.happen(sandbox, &mut owners).await?)?;
        }
        use_keys(sandbox, company_uses, &owners, before, day).await?;
        let mut executions = sandbox.tick().await?;
        all_is_well(sandbox)?;
        executions.retain(|execution| is_of_the_story(execution, &owners, &sleeper));
        if told.is_news(&executions, sandbox) {
            headline(out, sandbox, &format!("day {day}"))?;
            told.tell(out, sandbox, &executions)?;
        }
        if day == 5 {
            plan(out, sandbox, LATE).await?;
        }
    }
    ensure!(done == DEEDS.len(), "{done} of {} deeds were done", DEEDS.len());
    ends(out, sandbox, &owners).await
}

/// Says in the policy how old keys and unused credentials are answered from now on.
async fn edit(sandbox: &Sandbox, policy: &mut Value) -> Result<()> {
    let rotate = json!({ "default": { "remedy": "rotate-key", "mode": "enforce", "delivery": "secret" } });
    *policy.pointer_mut("/remedies/access-key-age").context("the policy answers ages")? = rotate;
    let unused = policy.pointer_mut("/remedies/unused-credentials").and_then(Value::as_object_mut);
    let approved = json!({ "remedy": "deactivate-credential", "mode": "enforce", "approval": true });
    unused.context("the policy answers disuse")?.insert("human".to_owned(), approved);
    let windows = json!([
        { "classes": ["human"], "days": ["tuesday"] },
        { "classes": ["privileged", "service-account"] },
    ]);
    policy.as_object_mut().context("a policy is an object")?.insert("windows".to_owned(), windows);
    sandbox.set_policy(&policy.to_string()).await
}

impl Deed {
    /// What was done, in a sentence.
    async fn happen(self, sandbox: &Sandbox, owners: &mut [Owner]) -> Result<String> {
        Ok(match self {
            Self::Creates(name) => {
                create_key(sandbox, owner(owners, name)?).await?;
                format!("{name} creates a new key and moves to it")
            }
            Self::Acknowledges(name) => {
                acknowledge(sandbox, owner(owners, name)?)?;
                format!("{name} says that nothing needs the old key any more")
            }
            Self::Fetches(name) => {
                fetch(sandbox, owner(owners, name)?).await?;
                format!("the programs of {name} fetch the new key from the secret")
            }
            Self::IsApproved(name) => {
                approve_deletion(sandbox, name).await?;
                format!("carol approves that the console password of {name} is deleted")
            }
        })
    }
}

fn is_of_the_story(execution: &Execution, owners: &[Owner], sleeper: &str) -> bool {
    let is_about = |id: &str| execution.parameters.get("ResourceId").is_some_and(|ids| ids.iter().any(|one| one == id));
    match execution.document.as_str() {
        AGE | ACKNOWLEDGE => owners.iter().any(|owner| is_about(&owner.id)),
        UNUSED | APPROVE => is_about(sleeper),
        _ => false,
    }
}

/// Olivia asks at a terminal what would be done about a user.
async fn plan(out: &mut impl Write, sandbox: &Sandbox, name: &str) -> Result<()> {
    let ran = sandbox.run(&Person::user("olivia"), "credwarden", &["plan", name]).await?;
    ensure!(ran.status == 0, "`credwarden plan {name}` ends with {}: {}", ran.status, ran.err);
    writeln!(out, "\n  $ credwarden plan {name}")?;
    for line in ran.out.lines() {
        writeln!(out, "{}", format!("  {line}").trim_end())?;
    }
    Ok(())
}

/// Everybody's programs use their keys: every day, or once in a quarter.
async fn use_keys(sandbox: &Sandbox, company_uses: &[String], owners: &[Owner], before: i64, day: i64) -> Result<()> {
    let runs_job = JOBS.iter().any(|on| before < *on && *on <= day);
    let at_work = owners.iter().filter(|owner| owner.name != QUARTERLY || runs_job).map(Owner::used);
    let active = sandbox.active_keys().await?;
    for key in company_uses.iter().map(String::as_str).chain(at_work) {
        if !active.contains(key) {
            bail!("day {day}: whoever uses {key} is locked out");
        }
        sandbox.use_key(key).await?;
    }
    Ok(())
}

/// What became of whom.
async fn ends(out: &mut impl Write, sandbox: &Sandbox, owners: &[Owner]) -> Result<()> {
    headline(out, sandbox, "half a year later nobody was locked out")?;
    let mut table = Table::new(["user", "old key", "new key", "messages to its owner"]);
    let messages = sandbox.published().messages();
    for Owner { name, old, new, .. } in owners {
        let address = format!("{name}@example.com");
        let count = messages.iter().filter(|message| message.owner.as_deref() == Some(&address)).count();
        let status = |key: Option<String>| key.unwrap_or_else(|| "gone".to_owned());
        let new = match new {
            Some(key) => status(sandbox.key_status(key).await?),
            None => "none".to_owned(),
        };
        table.row([*name, &status(sandbox.key_status(old).await?), &new, &count.to_string()]);
    }
    table.write(out)?;
    let has = if has_password(sandbox, SLEEPER).await? { "still has its" } else { "has no" };
    writeln!(out, "  {SLEEPER} {has} console password")?;
    let leaks = sandbox.leaks().await?;
    ensure!(leaks.is_empty(), "a secret was written down: {leaks:?}");
    Ok(writeln!(
        out,
        "  of {} secrets that were handed out, none stands in a log, the ledger, a message or an answer",
        sandbox.secrets()
    )?)
}
