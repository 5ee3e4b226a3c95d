//! The account's users, read as cheaply as is still exact.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use credwarden_credential::age::{Days, limit_reached};
use credwarden_credential::id::{Arn, GroupName, UserId};
use credwarden_credential::snapshot::{AccessKeys, Gap, GapReason, KeyStatus, Known, Snapshot, User};
use futures_util::future::join;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::live;
use crate::read::{AuthorizationDetail, ReadError, ReadIam, UserDetail, every_page};
use crate::report::{ReportError, Row, fresh_report};

/// How many users are read at the same time. It protects IAM's control plane, which the whole account shares with its
/// consoles and tools, and whose limits are neither published nor raised on request.
pub const CONCURRENT_USERS: usize = 6;

/// What is left of the time when no further user is begun: longer than one call with all its retries may take
/// ([`crate::calls::OPERATION_TIMEOUT`]), so that what is under way can end. A user takes two calls at once.
pub const RESERVE: Duration = Duration::from_secs(30);

/// What a reading looks for.
#[derive(Debug)]
pub struct Wanted<'a, F> {
    /// The age from which on a credential of this user is looked at closely: the smallest maximum age less its warning
    /// time of all classes the user may belong to; `None`: no age matters.
    pub suspect_from_age: F,
    /// The users that AWS Config has a result of.
    pub previously_reported: &'a BTreeSet<UserId>,
    /// Where an earlier reading of the same pass stopped; `None` begins a new pass.
    pub resume_after: Option<UserId>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// The users that something can be said of, and the gaps.
    ///
    /// Suspects that an earlier reading of the pass tried are left out. Those that this one did not come to are in it,
    /// with the gap [`GapReason::NotReached`].
    pub snapshot: Snapshot,
    /// All users of the account. Who was known before and is not among them is gone.
    pub existing: BTreeSet<UserId>,
    /// Where to go on, if time ran out: the last suspect that was tried. `None`: every suspect of the pass was tried.
    pub cursor: Option<UserId>,
    /// When the credential report was made.
    pub report_made: Timestamp,
    /// How many users hold an active access key, by the newest that is known of each; a user of whom nothing is known
    /// is not counted.
    pub population: u32,
    /// How many suspects were read live.
    pub suspects_read: usize,
}

/// Why nothing can be said of any user.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// There is no credential report to work with.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The list of users and groups could not be read to its end; a shorter one would make users disappear.
    #[error("failed to read the list of users to its end")]
    List(#[from] ReadError),
    /// The list of users was not read to its end in time.
    #[error("failed to read the list of users in time; it is tried again in the next run")]
    OutOfTime,
}

/// Reads the users of the account: all of them from lists, the suspects live, in the order of their ids.
///
/// Suspects are the users that can have a key old enough to matter (those with an active key, themselves created long
/// enough ago), and those whom the report cannot clear: absent from it, or with a row that belongs to an earlier user
/// of that name or cannot be read, or known to AWS Config while the report shows no active key. No other date of the
/// report counts: a key that was switched off and on again looks new in it.
///
/// `time_left` is how long after `now` the reading may take. Short of it by [`RESERVE`], no further suspect is begun.
///
/// # Errors
/// The report or the list of users could not be read. A failure that concerns one user is a gap of that user alone.
pub async fn collect<R, F>(
    reader: &R,
    wanted: Wanted<'_, F>,
    now: Timestamp,
    time_left: Duration,
) -> Result<Collected, CollectError>
where
    R: ReadIam,
    F: Fn(&User) -> Option<Days>,
{
    let reading_time = time_left.saturating_sub(RESERVE);
    let last_start = Instant::now() + reading_time;
    let (report, report_made) = fresh_report(reader, now, reading_time).await?;
    let listed = timeout_at(last_start, list(reader)).await.map_err(|_| CollectError::OutOfTime)??;

    let existing = listed.iter().map(|listed| listed.detail.record.id.clone()).collect();
    let mut users = BTreeMap::new();
    let mut suspects = BTreeMap::new();
    let mut with_active_key = BTreeSet::new();
    for listed in listed {
        let id = listed.detail.record.id.clone();
        let row = report.rows.get(&listed.detail.record.name).filter(|row| clears(row, &listed.detail));
        if row.is_some_and(Row::may_hold_active_key) {
            with_active_key.insert(id.clone());
        }
        match nominate(listed, row, report_made, &wanted, now) {
            Nominated::Settled(user) => {
                users.insert(id, user);
            }
            Nominated::Suspect(suspect) if wanted.resume_after.as_ref().is_none_or(|tried| id > *tried) => {
                suspects.insert(id, suspect);
            }
            Nominated::Suspect(_) => {}
        }
    }

    let mut begun = 0;
    let reads = stream::iter(suspects.into_values()).map(|suspect| {
        // At least one is begun, so that every reading comes further than the one before.
        let in_time = begun == 0 || Instant::now() < last_start;
        begun += usize::from(in_time);
        async move { if in_time { (true, suspect.read(reader, now).await) } else { (false, suspect.user) } }
    });
    let mut reads = pin!(reads.buffered(CONCURRENT_USERS));
    let mut last_tried = None;
    let mut suspects_read = 0;
    let mut stopped = false;
    while let Some((tried, user)) = reads.next().await {
        if tried {
            last_tried = Some(user.id.clone());
            suspects_read += 1;
        } else {
            stopped = true;
        }
        if let AccessKeys::Live(keys) = &user.access_keys {
            with_active_key.remove(&user.id);
            if keys.iter().any(|key| key.status == KeyStatus::Active) {
                with_active_key.insert(user.id.clone());
            }
        }
        users.insert(user.id.clone(), user);
    }
    Ok(Collected {
        snapshot: Snapshot { as_of: now, users },
        existing,
        cursor: last_tried.filter(|_| stopped),
        report_made,
        population: u32::try_from(with_active_key.len()).unwrap_or(u32::MAX),
        suspects_read,
    })
}

/// A user of the list.
struct Listed {
    /// With the policies attached by its groups among its own.
    detail: UserDetail,
    /// A group of the user that is not among the groups, made while the pages were read: what it attaches is not known.
    unknown_group: Option<GroupName>,
}

/// All users, with what their groups attach to them.
async fn list<R: ReadIam>(reader: &R) -> Result<Vec<Listed>, ReadError> {
    let doing = "get the account's authorization details";
    let mut users = BTreeMap::new();
    let mut groups: BTreeMap<GroupName, BTreeSet<Arn>> = BTreeMap::new();
    for entry in every_page(doing, |marker| reader.get_account_authorization_details(marker)).await? {
        match entry {
            AuthorizationDetail::User(user) => {
                users.insert(user.record.id.clone(), user);
            }
            AuthorizationDetail::Group(group) => {
                groups.insert(group.name, group.attached_policies);
            }
        }
    }
    let with_groups = |mut detail: UserDetail| {
        let mut unknown_group = None;
        for name in &detail.groups {
            match groups.get(name) {
                Some(attached) => detail.attached_policies.extend(attached.iter().cloned()),
                None => unknown_group = Some(name.clone()),
            }
        }
        Listed { detail, unknown_group }
    };
    Ok(users.into_values().map(with_groups).collect())
}

/// What becomes of a user of the list.
enum Nominated {
    /// No call is needed, or none would help.
    Settled(User),
    /// It is read live.
    Suspect(Suspect),
}

struct Suspect {
    /// Its access keys are a gap until they are read, and so is the console password that the report does not know.
    user: User,
}

/// Whether a row is this user's, and every cell that counts could be read.
fn clears(row: &Row, detail: &UserDetail) -> bool {
    row.user_created.map(Timestamp::as_second) == Some(detail.record.created.as_second())
        && row.console_password.is_some()
        && row.key_counts().is_some()
}

fn nominate<F: Fn(&User) -> Option<Days>>(
    Listed { detail, unknown_group }: Listed,
    row: Option<&Row>,
    report_made: Timestamp,
    wanted: &Wanted<'_, F>,
    now: Timestamp,
) -> Nominated {
    let UserDetail { record, groups, attached_policies } = detail;
    let not_reached = |doing: &str| Gap::new(GapReason::NotReached, format!("{doing} `{}`", record.name));
    let mut user = User {
        console_password: match row.and_then(|row| row.console_password) {
            Some(has_one) => Known::Yes(has_one),
            None => Known::No(not_reached("get the login profile of")),
        },
        access_keys: AccessKeys::Unread(not_reached("list access keys of")),
        id: record.id,
        name: record.name,
        arn: record.arn,
        path: record.path,
        created: record.created,
        tags: record.tags,
        groups,
        attached_policies,
    };
    if let Some(gap) = live::created_in_the_future(&user, now) {
        user.access_keys = AccessKeys::Unread(gap);
        return Nominated::Settled(user);
    }
    if let Some(row) = row
        && let Some((active, inactive)) = row.key_counts()
    {
        let is_old_enough = (wanted.suspect_from_age)(&user).is_some_and(|age| limit_reached(user.created, age) <= now);
        let is_suspect =
            if row.may_hold_active_key() { is_old_enough } else { wanted.previously_reported.contains(&user.id) };
        if !is_suspect {
            user.access_keys = AccessKeys::Reported { active, inactive, report_made };
            return Nominated::Settled(user);
        }
    }
    if let Some(group) = unknown_group {
        let doing = format!("read what group `{group}`, which is newer than the list, attaches to `{}`", user.name);
        user.access_keys = AccessKeys::Unread(Gap::new(GapReason::Failed, doing));
        return Nominated::Settled(user);
    }
    Nominated::Suspect(Suspect { user })
}

impl Suspect {
    async fn read<R: ReadIam>(self, reader: &R, now: Timestamp) -> User {
        let Self { mut user } = self;
        let keys = live::access_keys(reader, &user.name, now);
        if matches!(user.console_password, Known::Yes(_)) {
            user.access_keys = keys.await;
        } else {
            let password = live::console_password(reader, &user.name);
            (user.access_keys, user.console_password) = join(keys, password).await;
        }
        user
    }
}
