//! The account's users, read as cheaply as is still exact.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use credwarden_credential::age::CLOCK_TOLERANCE;
use credwarden_credential::creation::{CreationAct, Provenance};
use credwarden_credential::id::{Arn, GroupName, UserId, UserName};
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Credential, Gap, GapReason, Known, Listing, Snapshot, User};
use futures_util::future::{join_all, join3};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::earlier::{Earlier, EarlierListing, Listings, fingerprint, take_up};
use crate::live::{self, LastUses};
use crate::read::{AuthorizationDetail, Owned, ReadError, ReadIam, UserDetail, every_page};
use crate::report::{Report, ReportError, Row, fresh_report};

/// How many users are read at the same time. It protects IAM's control plane, which the whole account shares with its
/// consoles and tools, and whose limits are neither published nor raised on request.
pub const CONCURRENT_USERS: usize = 6;

/// What is left of the time when no further user is begun: longer than two calls with all their retries may take
/// ([`crate::calls::OPERATION_TIMEOUT`]), so that what is under way can end: a list of keys, then all their last uses at
/// once. Kinds of credentials are read at once.
pub const RESERVE: Duration = Duration::from_secs(55);

/// What a reading looks for.
#[derive(Debug)]
pub struct Wanted<'a, F> {
    /// The kinds of credentials that matter at all.
    pub kinds: &'a BTreeSet<CredentialKind>,
    /// The kinds of which the facts at hand do not decide what is to be said of this user: those are read live.
    pub undecided: F,
    /// Whether the last use of each credential that is read live is read, too.
    pub last_uses: LastUses,
    /// The users that AWS Config has a result of.
    pub previously_reported: &'a BTreeSet<UserId>,
    /// Who made the account's credentials usable, where that matters; every user is given it.
    pub provenance: Option<Arc<Provenance>>,
    /// What earlier readings listed, where the rule makes use of it.
    pub earlier: Option<Earlier<'a>>,
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
    /// How many users hold an active credential of a kind that matters, by the newest that is known of each; a user of
    /// whom nothing is known is not counted.
    pub population: u32,
    /// How many suspects were read live.
    pub suspects_read: usize,
    /// What they were seen to hold.
    pub listed: Listings,
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

/// What is read of all users at once.
#[derive(Debug)]
pub struct Lists {
    report: Report,
    report_made: Timestamp,
    users: Vec<Listed>,
    /// The service-specific credentials by the user's name, where they were asked for.
    of_services: Option<Result<BTreeMap<UserName, Vec<Credential>>, Gap>>,
}

/// Reads the credential report and the lists of the account, in at most `time_left` short of [`RESERVE`]; waiting for the
/// report is most of it.
///
/// # Errors
/// The report or the list of users could not be read.
pub async fn read_lists<R: ReadIam>(
    reader: &R,
    kinds: &BTreeSet<CredentialKind>,
    now: Timestamp,
    time_left: Duration,
) -> Result<Lists, CollectError> {
    let reading_time = time_left.saturating_sub(RESERVE);
    let ends = Instant::now() + reading_time;
    let (report, report_made) = fresh_report(reader, now, reading_time).await?;
    let lists = async {
        let users = list(reader).await?;
        let of_services = if kinds.contains(&CredentialKind::ServiceSpecificCredential) {
            Some(service_specific(reader).await)
        } else {
            None
        };
        Ok::<_, ReadError>(Lists { report, report_made, users, of_services })
    };
    Ok(timeout_at(ends, lists).await.map_err(|_| CollectError::OutOfTime)??)
}

/// Reads the users of the account: all of them from lists, the suspects live, in the order of their ids.
///
/// Suspects are the users of whom report and lists do not decide everything, and those known to AWS Config while the
/// report shows no active key, where no event would tell: an undo may be younger than the report. A row of the report
/// that belongs to an earlier user of that name, or cannot be read, decides nothing. Of a suspect only the undecided
/// kinds are read.
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
    F: Fn(&User) -> BTreeSet<CredentialKind>,
{
    let ends = Instant::now() + time_left;
    let lists = read_lists(reader, wanted.kinds, now, time_left).await?;
    Ok(collect_from(lists, reader, wanted, now, ends.saturating_duration_since(Instant::now())).await)
}

/// The same, by lists that were read already.
pub async fn collect_from<R, F>(
    lists: Lists,
    reader: &R,
    wanted: Wanted<'_, F>,
    now: Timestamp,
    time_left: Duration,
) -> Collected
where
    R: ReadIam,
    F: Fn(&User) -> BTreeSet<CredentialKind>,
{
    let last_start = Instant::now() + time_left.saturating_sub(RESERVE);
    let Lists { report, report_made, users: listed, mut of_services } = lists;
    let existing = listed.iter().map(|listed| listed.detail.record.id.clone()).collect();
    let mut users = BTreeMap::new();
    let mut suspects = BTreeMap::new();
    let mut population = 0_u32;
    for listed in listed {
        let id = listed.detail.record.id.clone();
        let name = &listed.detail.record.name;
        let row = report.rows.get(name).filter(|row| is_of(row, &listed.detail));
        let of_services = of_services.as_mut().map(|lists| match lists {
            Ok(lists) => live::plausible(lists.remove(name).unwrap_or_default(), name, now),
            Err(gap) => Listing::Unread(gap.clone()),
        });
        match nominate(listed, row, of_services, report_made, &wanted, now) {
            Nominated::Settled(user) => {
                population += u32::from(holds_active(&user, wanted.kinds, &active_by_report(row, wanted.kinds)));
                users.insert(id, user);
            }
            Nominated::Suspect(suspect) if wanted.resume_after.as_ref().is_none_or(|tried| id > *tried) => {
                suspects.insert(id, suspect);
            }
            // An earlier reading of the pass tried it.
            Nominated::Suspect(Suspect { user, active_by_report, .. }) => {
                population += u32::from(holds_active(&user, wanted.kinds, &active_by_report));
            }
        }
    }

    drop(report);

    let mut begun = 0;
    let reads = stream::iter(suspects.into_values()).map(|suspect| {
        // At least one is begun, so that every reading comes further than the one before.
        let in_time = begun == 0 || Instant::now() < last_start;
        begun += usize::from(in_time);
        let fingerprints = suspect.fingerprints.clone();
        let active_by_report = suspect.active_by_report.clone();
        async move {
            let user = if in_time { suspect.read(reader, wanted.last_uses, now).await } else { suspect.user };
            (in_time.then_some(fingerprints), user, active_by_report)
        }
    });
    let mut reads = pin!(reads.buffered(CONCURRENT_USERS));
    let mut last_tried = None;
    let mut suspects_read = 0;
    let mut stopped = false;
    let mut listed = Listings::new();
    while let Some((tried, user, active_by_report)) = reads.next().await {
        if let Some(fingerprints) = tried {
            last_tried = Some(user.id.clone());
            suspects_read += 1;
            for (kind, fingerprint) in fingerprints {
                if let Some(Listing::Live(credentials)) = user.listing(kind) {
                    let listing = EarlierListing { read_at: now, fingerprint, credentials };
                    listed.entry(kind).or_default().insert(user.id.clone(), listing);
                }
            }
        } else {
            stopped = true;
        }
        population += u32::from(holds_active(&user, wanted.kinds, &active_by_report));
        users.insert(user.id.clone(), user);
    }
    Collected {
        snapshot: Snapshot { as_of: now, users },
        existing,
        cursor: last_tried.filter(|_| stopped),
        report_made,
        population,
        suspects_read,
        listed,
    }
}

/// The kinds of which a user held an active credential when the report was made, as far as it can tell.
fn active_by_report(row: Option<&Row>, kinds: &BTreeSet<CredentialKind>) -> BTreeSet<CredentialKind> {
    kinds.iter().copied().filter(|kind| row.is_some_and(|row| row.may_hold_active(*kind))).collect()
}

/// Whether a user holds an active credential of one of these kinds: what was read counts before what the report shows.
fn holds_active(user: &User, kinds: &BTreeSet<CredentialKind>, active_by_report: &BTreeSet<CredentialKind>) -> bool {
    kinds.iter().any(|kind| user.shows_active(*kind).unwrap_or_else(|| active_by_report.contains(kind)))
}

/// A user of the list.
#[derive(Debug)]
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

/// The service-specific credentials of all users, by the user's name, or why they are not known.
async fn service_specific<R: ReadIam>(reader: &R) -> Result<BTreeMap<UserName, Vec<Credential>>, Gap> {
    let doing = "list the service-specific credentials of all users";
    let owned = every_page(doing, |marker| reader.list_service_specific_credentials(None, marker)).await;
    let owned = owned.map_err(|error| {
        warn!(error = &error as &dyn Error, "no user's service-specific credentials are known");
        error.gap()
    })?;
    let mut by_user: BTreeMap<UserName, Vec<Credential>> = BTreeMap::new();
    for Owned { user, credential } in owned {
        by_user.entry(user).or_default().push(credential);
    }
    Ok(by_user)
}

/// What becomes of a user of the list.
enum Nominated {
    /// No call is needed, or none would help.
    Settled(User),
    /// It is read live.
    Suspect(Suspect),
}

struct Suspect {
    /// What is read of it is a gap until then.
    user: User,
    /// What is read. The console password is, besides, where the report does not know whether there is one.
    kinds: BTreeSet<CredentialKind>,
    /// What the report shows of each of them, where that tells whether they change.
    fingerprints: BTreeMap<CredentialKind, String>,
    /// The kinds of which the report shows an active one.
    active_by_report: BTreeSet<CredentialKind>,
}

/// Whether a row is this user's: an earlier one of the same name may have been in the account when the report was made.
fn is_of(row: &Row, detail: &UserDetail) -> bool {
    row.user_created.map(Timestamp::as_second) == Some(detail.record.created.as_second())
}

fn nominate<F: Fn(&User) -> BTreeSet<CredentialKind>>(
    Listed { detail, unknown_group }: Listed,
    row: Option<&Row>,
    of_services: Option<Listing<Credential>>,
    report_made: Timestamp,
    wanted: &Wanted<'_, F>,
    now: Timestamp,
) -> Nominated {
    let UserDetail { record, groups, attached_policies } = detail;
    let not_reached = |doing: String| Gap::new(GapReason::NotReached, format!("{doing} `{}`", record.name));
    let reported = |kind| row.and_then(|row| row.reported(kind, report_made));
    let mut user = User {
        console_password: match row.and_then(Row::console_password) {
            Some(has_one) => Known::Yes(has_one),
            None => Known::No(not_reached("get the login profile of".to_owned())),
        },
        access_keys: match reported(CredentialKind::AccessKey) {
            Some(reported) => Listing::Reported(reported),
            None => Listing::Unread(not_reached("list access keys of".to_owned())),
        },
        other_credentials: BTreeMap::new(),
        provenance: wanted.provenance.clone(),
        id: record.id,
        name: record.name.clone(),
        arn: record.arn,
        path: record.path,
        created: record.created,
        tags: record.tags,
        groups,
        attached_policies,
    };
    // Of the other kinds the report knows nothing: they are asked for only where they may matter.
    for kind in [CredentialKind::ConsolePassword, CredentialKind::SigningCertificate] {
        if wanted.kinds.contains(&kind) {
            let listing = match reported(kind) {
                Some(reported) => Listing::Reported(reported),
                None => Listing::Unread(not_reached(format!("list {}s of", kind.noun()))),
            };
            user.other_credentials.insert(kind, listing);
        }
    }
    if let Some(of_services) = of_services {
        user.other_credentials.insert(CredentialKind::ServiceSpecificCredential, of_services);
    }
    if let Some(gap) = live::created_in_the_future(&user, now) {
        live::nothing_known(&mut user, &gap);
        return Nominated::Settled(user);
    }
    let shown: BTreeMap<_, _> =
        wanted.kinds.iter().filter_map(|kind| Some((*kind, fingerprint(row, *kind, report_made)?))).collect();
    let as_reported = user.clone();
    let mut known = BTreeSet::new();
    if let Some(earlier) = &wanted.earlier {
        for kind in wanted.kinds {
            if let Some(listing) = earlier.that_holds(&as_reported, *kind, shown.get(kind), wanted.last_uses, now) {
                take_up(&mut user, *kind, listing);
                known.insert(*kind);
            }
        }
    }
    let mut kinds = (wanted.undecided)(&user);
    if let Some(earlier) = wanted.earlier.filter(|_| !known.is_empty()) {
        kinds.extend((earlier.broken)(&user).intersection(&known));
    }
    // Asked for all users and not known: asking for each would take as many calls, and meet the same refusal.
    kinds.remove(&CredentialKind::ServiceSpecificCredential);
    if is_reported(&user, wanted)
        && wanted.kinds.contains(&CredentialKind::AccessKey)
        && !(known.contains(&CredentialKind::AccessKey) && holds_no_key(&user))
        && row.is_some_and(|row| !row.may_hold_active(CredentialKind::AccessKey))
        && !wanted.provenance.as_deref().is_some_and(|known| tells_of_activations(known, report_made, now))
    {
        kinds.insert(CredentialKind::AccessKey);
    }
    if kinds.is_empty() {
        return Nominated::Settled(user);
    }
    if let Some(group) = unknown_group {
        let doing = format!("read what group `{group}`, which is newer than the list, attaches to `{}`", user.name);
        live::nothing_known(&mut user, &Gap::new(GapReason::Failed, doing));
        return Nominated::Settled(user);
    }
    for kind in &kinds {
        let gap = Gap::new(GapReason::NotReached, format!("list {}s of `{}`", kind.noun(), user.name));
        match kind {
            CredentialKind::AccessKey => user.access_keys = Listing::Unread(gap),
            kind => {
                user.other_credentials.insert(*kind, Listing::Unread(gap));
            }
        }
    }
    let fingerprints = shown.into_iter().filter(|(kind, _)| kinds.contains(kind)).collect();
    let active_by_report = active_by_report(row, wanted.kinds);
    Nominated::Suspect(Suspect { user, kinds, fingerprints, active_by_report })
}

/// Whether AWS Config has a result of the user, or will have one from this reading on for another credential that it
/// holds: seen now to hold no access key, it is not asked about again, where what was seen is kept.
fn is_reported<F>(user: &User, wanted: &Wanted<'_, F>) -> bool {
    wanted.previously_reported.contains(&user.id)
        || (wanted.earlier.is_some() && user.other_credentials.values().any(Listing::shows_one))
}

/// Whether an event would tell of a key that was made active since the report: whom it names is read for that.
fn tells_of_activations(provenance: &Provenance, report_made: Timestamp, now: Timestamp) -> bool {
    let is_since = |at: Timestamp| at.duration_since(report_made) >= -CLOCK_TOLERANCE;
    provenance.coverage.get(&CreationAct::UpdateAccessKey).is_some_and(|coverage| {
        now.duration_since(coverage.asked) <= CLOCK_TOLERANCE
            && !coverage.unreadable.iter().any(|event| is_since(event.at))
    })
}

/// Whether the user was seen to hold no access key that somebody could have activated since.
fn holds_no_key(user: &User) -> bool {
    matches!(&user.access_keys, Listing::Live(keys) if keys.is_empty())
}

impl Suspect {
    async fn read<R: ReadIam>(self, reader: &R, last_uses: LastUses, now: Timestamp) -> User {
        let Self { mut user, kinds, fingerprints: _, active_by_report: _ } = self;
        let name = user.name.clone();
        let keys = async {
            let wanted = kinds.contains(&CredentialKind::AccessKey);
            if wanted { Some(live::access_keys(reader, &name, last_uses, now).await) } else { None }
        };
        let others = kinds
            .iter()
            .filter(|kind| **kind != CredentialKind::AccessKey)
            .map(|kind| async { (*kind, live::other_credentials(reader, &name, *kind, last_uses, now).await) });
        let has_password = async {
            let is_unknown = matches!(user.console_password, Known::No(_));
            if is_unknown { Some(live::has_password(&live::login_profile(reader, &name).await)) } else { None }
        };
        let (keys, others, has_password) = join3(keys, join_all(others), has_password).await;
        user.access_keys = keys.unwrap_or(user.access_keys);
        user.console_password = has_password.unwrap_or(user.console_password);
        user.other_credentials.extend(others);
        user
    }
}
