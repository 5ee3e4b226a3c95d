//! The company's idle credentials: three of everything that the rule `unused-credentials` finds, and three of everything
//! that is easily taken for it.
//!
//! What is expected holds for the default limits: 45 days after the last use, 14 after the creation of what was never used,
//! and 4 hours more for what AWS has not shown yet.

use credwarden_credential::kind::CredentialKind;
use jiff::{SignedDuration, Timestamp};

use crate::estate::{ADMINISTRATOR_ACCESS, Estate, EstateUser, age_days, age_hours, age_seconds};

/// How long after the company's time expectations hold that say nothing else.
const HOLDS_FOR: SignedDuration = SignedDuration::from_hours(12);

/// The limits: days after the last use, and days after the creation of what was never used.
const UNUSED: i64 = 45;
const NEVER_USED: i64 = 14;

/// Users with idle credentials, and what must be said of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disuse {
    /// The account.
    pub estate: Estate,
    /// Each user, in the estate's order.
    pub specimens: Vec<Idle>,
}

/// A user, and what must be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    /// The user's name.
    pub user: String,
    /// What it is a specimen of.
    pub case: Case,
    /// The ids of the credentials that are idle, in the order of ids; `None`: the rule has nothing to judge.
    pub idle: Option<Vec<String>>,
    /// The last instant at which this is known to hold. What is compliant until then is found afterwards.
    pub holds_until: Timestamp,
}

macro_rules! cases {
    ($($(#[$doc:meta])* $case:ident,)+) => {
        /// What a user is a specimen of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Case {
            $($(#[$doc])* $case,)+
        }

        impl Case {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$case),+];
        }
    };
}

cases! {
    /// A key used last before the limit.
    IdleKey,
    /// A key never used, older than its grace.
    NeverUsedKey,
    /// A password used last before the limit.
    IdlePassword,
    /// A password never used, older than its grace.
    NeverUsedPassword,
    /// A password set anew after the last sign-in, longer ago than the grace: the sign-in was with another.
    PasswordSetAfterTheLastSignIn,
    /// An idle key of somebody who signs in daily.
    IdleKeyOfABusyPerson,
    /// An idle password of somebody whose key is used.
    IdlePasswordBesideAUsedKey,
    /// An idle key beside one that is used.
    IdleKeyBesideAUsedOne,
    /// Everything that the user holds is idle.
    AllIdle,
    /// An idle key that was switched off and on again, and looks new in the report.
    IdleKeySwitchedOffAndOn,
    /// An idle key beside an inactive one that was used lately.
    IdleKeyBesideAnInactiveUsedOne,
    /// Idle by more than the lag, by a second.
    JustPastTheLag,
    /// Idle by exactly the limit and the lag: within it.
    ExactlyAtTheLimit,
    /// Idle by the limit, but not by the lag: a use may not be shown yet.
    WithinTheLag,
    /// Used, and not yet idle.
    UsedWithinTheLimit,
    /// Never used, and not yet older than its grace.
    NeverUsedWithinItsGrace,
    /// An old user with a new credential: the grace is the credential's.
    NewCredentialOfAnOldUser,
    /// A password set anew after the last sign-in, within its grace.
    PasswordSetLately,
    /// An idle key that is inactive: it cannot be used.
    InactiveKey,
    /// An inactive key that was used lately.
    InactiveKeyUsedLately,
    /// In use, as the credential report alone shows.
    ShownByTheReportAlone,
    /// A user without a credential.
    NoCredential,
    /// A user with credentials of which nobody knows the last use.
    OnlyOthers,
}

/// Which of a user's credentials are idle.
#[derive(Clone, Copy)]
enum Fate {
    Keys(&'static [usize]),
    Password,
    Both,
    Fine,
    NothingToJudge,
}

/// The company's idle credentials at `now`. The same `now` gives the same.
pub fn disuse(now: Timestamp) -> Disuse {
    let nobody = Disuse { estate: Estate::new(now).group("admins", &[ADMINISTRATOR_ACCESS]), specimens: Vec::new() };
    others(graces(boundaries(pairs(passwords(keys(nobody))))))
}

/// Keys by themselves.
fn keys(disuse: Disuse) -> Disuse {
    disuse
        .each(Case::IdleKey, Fate::Keys(&[0]), [46, 89, 700], |user, days| {
            user.key(age_days(days + 30)).used(age_days(days), "s3")
        })
        .each(Case::NeverUsedKey, Fate::Keys(&[0]), [15, 44, 399], |user, days| user.key(age_days(days)))
        .each(Case::IdleKeySwitchedOffAndOn, Fate::Keys(&[0]), [46, 60, 300], |user, days| {
            user.key(age_days(days + 30)).used(age_days(days), "sqs").toggled(age_days(2))
        })
        .each(Case::UsedWithinTheLimit, Fate::Fine, [8, 30, 44], |user, days| {
            user.key(age_days(200)).used(age_days(days), "s3")
        })
        .each(Case::InactiveKey, Fate::Fine, [46, 90, 300], |user, days| {
            user.key(age_days(days + 30)).used(age_days(days), "s3").inactive_since(age_days(10))
        })
        .each(Case::InactiveKeyUsedLately, Fate::Fine, [1, 2, 3], |user, days| {
            user.key(age_days(100)).used(age_days(days), "s3").inactive_since(age_hours(5))
        })
}

/// Passwords by themselves.
fn passwords(disuse: Disuse) -> Disuse {
    disuse
        .each(Case::IdlePassword, Fate::Password, [46, 89, 380], |user, days| {
            user.password(age_days(days + 10)).signed_in(age_days(days))
        })
        .each(Case::NeverUsedPassword, Fate::Password, [15, 44, 390], |user, days| user.password(age_days(days)))
        .each(Case::PasswordSetAfterTheLastSignIn, Fate::Password, [15, 20, 40], |user, days| {
            user.password(age_days(days)).signed_in(age_days(days + 1))
        })
        .each(Case::PasswordSetLately, Fate::Fine, [1, 6, 13], |user, days| {
            user.password(age_days(days)).signed_in(age_days(days + 200))
        })
}

/// What hides another.
fn pairs(disuse: Disuse) -> Disuse {
    disuse
        .each(Case::IdleKeyOfABusyPerson, Fate::Keys(&[0]), [46, 61, 350], |user, days| {
            user.password(age_days(390)).signed_in(age_hours(2)).key(age_days(390)).used(age_days(days), "ec2")
        })
        .each(Case::IdlePasswordBesideAUsedKey, Fate::Password, [46, 61, 350], |user, days| {
            user.password(age_days(390)).signed_in(age_days(days)).key(age_days(80)).used(age_hours(2), "ec2")
        })
        .each(Case::IdleKeyBesideAUsedOne, Fate::Keys(&[0]), [46, 61, 350], |user, days| {
            user.key(age_days(390)).used(age_days(days), "s3").key(age_days(80)).used(age_hours(2), "s3")
        })
        .each(Case::IdleKeyBesideAnInactiveUsedOne, Fate::Keys(&[0]), [46, 61, 350], |user, days| {
            let used = user.key(age_days(390)).used(age_days(days), "s3").key(age_days(80)).used(age_hours(2), "s3");
            used.inactive_since(age_hours(1))
        })
        .each(Case::AllIdle, Fate::Both, [46, 61, 350], |user, days| {
            user.member_of("admins")
                .password(age_days(390))
                .signed_in(age_days(days))
                .key(age_days(380))
                .used(age_days(days + 1), "iam")
        })
}

/// On this side and on that side of a limit.
fn boundaries(disuse: Disuse) -> Disuse {
    let used = |user: Estate, age| user.key(age_days(200)).used(age, "s3");
    let limit = age_days(UNUSED) + age_hours(4);
    let grace = age_days(NEVER_USED) + age_hours(4);
    disuse
        .one(Case::JustPastTheLag, "key", Fate::Keys(&[0]), |user| used(user, limit + age_seconds(1)))
        .one(Case::JustPastTheLag, "new-key", Fate::Keys(&[0]), |user| user.key(grace + age_seconds(1)))
        .one(Case::JustPastTheLag, "password", Fate::Password, |user| {
            user.password(age_days(200)).signed_in(limit + age_seconds(1))
        })
        .one(Case::ExactlyAtTheLimit, "key", Fate::Fine, |user| used(user, limit))
        .only_for(SignedDuration::ZERO)
        .one(Case::ExactlyAtTheLimit, "new-key", Fate::Fine, |user| user.key(grace))
        .only_for(SignedDuration::ZERO)
        .one(Case::ExactlyAtTheLimit, "password", Fate::Fine, |user| user.password(age_days(200)).signed_in(limit))
        .only_for(SignedDuration::ZERO)
        .one(Case::WithinTheLag, "key", Fate::Fine, |user| used(user, age_days(UNUSED) + age_hours(1)))
        .only_for(age_hours(3))
        .one(Case::WithinTheLag, "new-key", Fate::Fine, |user| user.key(age_days(NEVER_USED) + age_hours(2)))
        .only_for(age_hours(2))
        .one(Case::WithinTheLag, "password", Fate::Fine, |user| {
            user.password(age_days(200)).signed_in(age_days(UNUSED) + age_hours(3))
        })
        .only_for(age_hours(1))
}

/// What was not used yet, and need not have been.
fn graces(disuse: Disuse) -> Disuse {
    disuse
        .each(Case::NeverUsedWithinItsGrace, Fate::Fine, [1, 7, 13], |user, days| {
            user.created(age_days(days)).key(age_days(days)).password(age_days(days))
        })
        .each(Case::NewCredentialOfAnOldUser, Fate::Fine, [1, 7, 13], |user, days| {
            user.created(age_days(2000)).key(age_days(days))
        })
}

/// What the rule does not look at closely, or at all.
fn others(disuse: Disuse) -> Disuse {
    disuse
        .each(Case::ShownByTheReportAlone, Fate::Fine, [1, 2, 3], |user, days| {
            user.password(age_days(300)).signed_in(age_days(days)).key(age_days(300)).used(age_days(days), "s3")
        })
        .each(Case::NoCredential, Fate::NothingToJudge, [1, 100, 2000], |user, days| user.created(age_days(days)))
        .one(Case::OnlyOthers, "ssh-key", Fate::NothingToJudge, |user| user.ssh_public_key(age_days(300)))
        .one(Case::OnlyOthers, "certificate", Fate::NothingToJudge, |user| user.signing_certificate(age_days(300)))
        .one(Case::OnlyOthers, "service-password", Fate::NothingToJudge, |user| {
            user.service_specific("codecommit.amazonaws.com", age_days(300))
        })
}

impl Disuse {
    /// Adds a user for each of these numbers of days.
    fn each(self, case: Case, fate: Fate, days: [i64; 3], build: impl Fn(Estate, i64) -> Estate) -> Self {
        days.into_iter().fold(self, |disuse, days| disuse.one(case, &days.to_string(), fate, |user| build(user, days)))
    }

    /// Adds a user named after the case.
    fn one(mut self, case: Case, which: &str, fate: Fate, build: impl FnOnce(Estate) -> Estate) -> Self {
        let user = format!("{case:?}-{which}");
        self.estate = build(self.estate.user(&user));
        let idle = self.estate.find(&user).and_then(|built| fate.of(built));
        let holds_until = self.estate.now.checked_add(HOLDS_FOR).unwrap_or(Timestamp::MAX);
        self.specimens.push(Idle { user, case, idle, holds_until });
        self
    }

    /// What was said of the user added last holds only that long.
    fn only_for(mut self, time: SignedDuration) -> Self {
        if let Some(specimen) = self.specimens.last_mut() {
            specimen.holds_until = self.estate.now.checked_add(time).unwrap_or(Timestamp::MAX);
        }
        self
    }
}

impl Fate {
    fn of(self, user: &EstateUser) -> Option<Vec<String>> {
        let keys = |indices: &[usize]| -> Vec<String> {
            indices.iter().filter_map(|index| user.keys.get(*index)).map(|owned| owned.key.id.to_string()).collect()
        };
        let password = || CredentialKind::ConsolePassword.as_str().to_owned();
        match self {
            Self::Keys(indices) => Some(keys(indices)),
            Self::Password => Some(vec![password()]),
            Self::Both => Some([keys(&[0]), vec![password()]].concat()),
            Self::Fine => Some(Vec::new()),
            Self::NothingToJudge => None,
        }
    }
}
