//! What must hold before an old key is made inactive, each under its name.
//!
//! The names are there for the proofs: they take one guard out at a time, and show what then goes wrong. Only tests can:
//! without them, [`Guards`] holds nothing that could be switched.

/// One condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Guard {
    /// The replacement was created after the old key.
    Newer,
    /// The replacement is active.
    Active,
    /// What was seen and said of one replacement does not count for another.
    ThisReplacement,
    /// The owner's word was given while the replacement existed.
    SaidOfThisReplacement,
    /// The owner's word was given after this rotation began: one from before the key was made active again is over.
    SaidInThisRotation,
    /// The replacement was used since it was created.
    Used,
    /// The owner says that nothing needs the old key.
    Acknowledged,
    /// A last use that was not read is no silence.
    Readable,
    /// Two readings, a day apart, show the same last use.
    ReadTwice,
    /// The last use is older than the window in which the class takes a key to be in use, and than two days.
    Window,
    /// The last use is older than twice the longest time that the key ever went without one.
    TwiceTheGap,
    /// A reading says nothing of the last hours before it.
    Lag,
    /// The class lets keys in use be made inactive.
    OptIn,
    /// The owner was told, and had the whole warning.
    Deadline,
    /// A replacement was there for a day.
    ForceWaits,
    /// An ended rotation is over: a key that is active again has a new one.
    Reopened,
    /// A key that was made inactive and is active again is somebody's wish, even if the end was never written down.
    NoFight,
    /// A class whose owners shall use roles has no key made inactive.
    Replace,
    /// Nobody is held to what was asked before the policy asked for something else.
    SameDelivery,
    /// Of a user who is enrolled, only the key that was minted for it takes the old one's place.
    Minted,
    /// A fetch counts only if it was after the new key had come into the secret.
    FetchedSince,
    /// A list may not show yet what was just minted.
    ShownLate,
    /// Nothing is minted by an enrolment that is not what was approved, or of which that is not known.
    Stands,
    /// The owner was told a day ago that a key will be minted.
    Announced,
    /// Nothing is asked for while the user has two keys.
    Room,
    /// The key that is deleted was made inactive by the ledger's own act.
    IdleOurs,
    /// It is inactive.
    IdleInactive,
    /// That can be undone no more.
    IdleForUndo,
    /// It was not used since.
    IdleUnused,
}

/// The guards that hold: all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guards {
    #[cfg(test)]
    without: Option<Guard>,
}

impl Guards {
    /// All of them.
    pub(crate) const ALL: Self = Self {
        #[cfg(test)]
        without: None,
    };

    /// All but one.
    #[cfg(test)]
    pub(crate) fn without(guard: Guard) -> Self {
        Self { without: Some(guard) }
    }

    /// Whether `condition` holds, or nobody asks for it.
    #[cfg_attr(not(test), expect(clippy::unused_self, unused_variables, reason = "only tests take a guard out"))]
    pub(crate) fn ask(self, guard: Guard, condition: bool) -> bool {
        #[cfg(test)]
        if self.without == Some(guard) {
            return true;
        }
        condition
    }
}
