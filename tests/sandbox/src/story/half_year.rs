//! Half a year of rotations: owners who move late, never and quarterly, an exception that ends, and nobody locked out.

use std::io::Write;

use anyhow::{Context, Result, bail};
use credwarden_estate::estate::{Estate, age_days};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::table::Table;
use super::{Told, all_is_well, headline};
use crate::person::Person;
use crate::progress::Progress;
use crate::sandbox::Sandbox;

/// The rule whose findings are answered by rotating.
const RULE: &str = "credwarden-access-key-age";

const ACKNOWLEDGE: &str = "credwarden-acknowledge-rotation";

const EXCEPTIONS: &str = "credwarden-tag-exception";

/// Whom the automatic profile's policy names as an approver.
const APPROVER: &str = "arn:aws:sts::123456789012:assumed-role/credential-approver/carol";

/// How long the story goes on, in days.
const DAYS: i64 = 182;

/// Adds the people of this part to a company; each has one key that breaks the policy or soon will.
pub(super) fn with_owners(estate: Estate) -> Estate {
    let owners = [(LATE, 100), (NEVER, 110), (QUARTERLY, 95), (EXCEPTED, 130)];
    owners.into_iter().fold(estate, |estate, (name, age)| {
        let owner = estate.user(name).tag("owner", &format!("{name}@example.com"));
        owner.key(age_days(age)).used(age_days(1), "s3")
    })
}

/// Moves only after the deadline.
const LATE: &str = "mover-late";
/// Never moves.
const NEVER: &str = "mover-never";
/// Has a job that runs once in a quarter.
const QUARTERLY: &str = "mover-quarterly";
/// May keep the key for a time, and moves then.
const EXCEPTED: &str = "mover-excepted";

/// A user of the story: its id, its old key and, once it has one, its new key.
struct Owner {
    name: &'static str,
    id: String,
    old: String,
    new: Option<String>,
}

impl Owner {
    /// The key that the owner's programs have.
    fn used(&self) -> &str {
        self.new.as_deref().unwrap_or(&self.old)
    }
}

/// What somebody does on a day of the story.
enum Deed {
    Creates(&'static str),
    Acknowledges(&'static str),
}

/// Who does what, in days from the beginning.
const DEEDS: [(i64, Deed); 6] = [
    (20, Deed::Creates(LATE)),
    (22, Deed::Acknowledges(LATE)),
    (75, Deed::Creates(EXCEPTED)),
    (85, Deed::Acknowledges(EXCEPTED)),
    (92, Deed::Creates(QUARTERLY)),
    (93, Deed::Acknowledges(QUARTERLY)),
];

/// On which days the quarterly job runs.
const JOBS: [i64; 2] = [91, 182];

/// Until when the exception holds, in days.
const EXCEPTED_FOR: i64 = 70;

/// Lets half a year go by, in which the policy has old keys rotated. Whoever finds the key of its programs refused ends the
/// story. AWS Config and the schedule come every fifth day and then every tenth, which is all that a rotation needs to go on.
pub(super) async fn tell(
    out: &mut impl Write,
    sandbox: &Sandbox,
    policy: &mut Value,
    company_uses: &[String],
    progress: &Progress,
) -> Result<()> {
    let begun = sandbox.now();
    let rotate = json!({ "default": { "remedy": "rotate-key", "mode": "enforce" } });
    *policy.pointer_mut("/remedies/access-key-age").context("the policy answers the rule")? = rotate;
    sandbox.set_policy(&policy.to_string()).await?;
    let mut owners = owners(sandbox).await?;
    grant(sandbox, owner(&owners, EXCEPTED)?, begun).await?;
    headline(out, sandbox, "from now on old keys are rotated; carol lets one user keep its key for 70 days")?;

    let (mut day, mut told, mut done) = (0, Told::default(), 0);
    let deeds = DEEDS.len();
    while day < DAYS {
        let step = if day < 30 { 5 } else { 10 };
        let before = day;
        day = DAYS.min(day + step);
        progress.say(&format!("half a year: day {day} of {DAYS}"));
        sandbox.advance(SignedDuration::from_hours(24 * (day - before))).await?;
        for (on, deed) in DEEDS.iter().filter(|(on, _)| before < *on && *on <= day) {
            done += 1;
            let name = match deed {
                Deed::Creates(name) => {
                    let owner = owners.iter_mut().find(|owner| owner.name == *name).context("an owner acts")?;
                    owner.new = Some(create_key(sandbox, owner).await?);
                    format!("{name} creates a new key and moves to it")
                }
                Deed::Acknowledges(name) => {
                    acknowledge(sandbox, owner(&owners, name)?)?;
                    format!("{name} says that nothing needs the old key any more")
                }
            };
            writeln!(out, "  day {on}: {name}")?;
        }
        use_keys(sandbox, company_uses, &owners, before, day).await?;
        let mut executions = sandbox.tick().await?;
        all_is_well(sandbox)?;
        let is_of_the_story = |id: &String| owners.iter().any(|owner| owner.id == *id);
        executions.retain(|execution| {
            [RULE, ACKNOWLEDGE].contains(&execution.document.as_str())
                && execution.parameters.get("ResourceId").is_some_and(|ids| ids.iter().any(is_of_the_story))
        });
        if told.is_news(&executions, sandbox) {
            headline(out, sandbox, &format!("day {day}"))?;
            told.tell(out, sandbox, &executions)?;
        }
    }
    if done < deeds {
        bail!("{done} of {deeds} deeds were done");
    }
    ends(out, sandbox, &owners).await
}

async fn owners(sandbox: &Sandbox) -> Result<Vec<Owner>> {
    let truth = sandbox.truth().await?;
    let users: Vec<&Value> = truth.get("users").and_then(Value::as_array).into_iter().flatten().collect();
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    [LATE, NEVER, QUARTERLY, EXCEPTED]
        .into_iter()
        .map(|name| {
            let user = users.iter().find(|user| text(user, "name").as_deref() == Some(name));
            let user = user.with_context(|| format!("there is no user `{name}`"))?;
            let key = user.pointer("/keys/0").with_context(|| format!("`{name}` has no key"))?;
            let (id, old) = text(user, "id").zip(text(key, "id")).context("users and keys have ids")?;
            Ok(Owner { name, id, old, new: None })
        })
        .collect()
}

fn owner<'a>(owners: &'a [Owner], name: &str) -> Result<&'a Owner> {
    owners.iter().find(|owner| owner.name == name).with_context(|| format!("`{name}` is nobody of the story"))
}

/// Olivia asks for an exception, and carol approves.
async fn grant(sandbox: &Sandbox, owner: &Owner, now: Timestamp) -> Result<()> {
    let until = now.checked_add(SignedDuration::from_hours(24 * EXCEPTED_FOR))?.strftime("%Y-%m-%d").to_string();
    let parameters = [
        ("Operation", "grant"),
        ("ResourceId", owner.id.as_str()),
        ("Rule", "access-key-age"),
        ("CredentialId", owner.old.as_str()),
        ("Owner", "payments@example.com"),
        ("Justification", "The vendor's client cannot rotate before spring."),
        ("Until", &until),
    ];
    let execution = sandbox.start_document(EXCEPTIONS, &parameters, "olivia")?;
    sandbox.run_automations().await?;
    sandbox.decide(&execution, APPROVER, true)?;
    sandbox.run_automations().await?;
    Ok(())
}

async fn create_key(sandbox: &Sandbox, owner: &Owner) -> Result<String> {
    let before = sandbox.active_keys().await?;
    // The only creator whom the policy lets create keys by now.
    let account = &sandbox.deployment().scope.account;
    let vending = Person::role(&format!("arn:aws:iam::{account}:role/key-vending"), owner.name);
    sandbox.act(&vending, "CreateAccessKey", &[("UserName", owner.name)]).await?;
    let after = sandbox.active_keys().await?;
    after.difference(&before).next().cloned().context("IAM made a key")
}

fn acknowledge(sandbox: &Sandbox, owner: &Owner) -> Result<()> {
    let parameters = [("ResourceId", owner.id.as_str()), ("CredentialId", owner.old.as_str())];
    sandbox.start_document(ACKNOWLEDGE, &parameters, owner.name).map(drop)
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
    table.write(out)
}
