//! Faults: what goes wrong with a call on its way.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::sync::Notify;

use crate::call::Call;

/// The faults that are armed. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    armed: Arc<Mutex<Vec<Armed>>>,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Refused as too fast, in the service's own words.
    Throttle,
    /// HTTP status 500 or 503.
    ServerError(u16),
    /// Never answered.
    Timeout,
    /// The connection is closed before the call is forwarded.
    Reset,
    /// Executed; the connection is closed instead of an answer.
    LoseResponse,
    /// The calling process is killed before the call is forwarded.
    DieBefore,
    /// The calling process is killed after the call was executed, before it is answered.
    DieAfter,
    /// Refused as not authorized.
    Deny,
    /// Held until so many calls have arrived, or the wait is over.
    Barrier {
        /// How many calls let all of them go on.
        callers: u64,
        /// How long the first waits for the last.
        patience: Duration,
    },
}

/// Which calls a fault meets. Everything that is not said matches.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    action: Option<String>,
    caller: Option<String>,
    parameters: Vec<(String, String)>,
    skip: u64,
    times: Option<u64>,
}

/// One fault on watch. Clones share its counts.
#[derive(Clone, Debug)]
pub struct Armed {
    matching: Matching,
    act: Act,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    seen: AtomicU64,
    fired: AtomicU64,
    arrived: Notify,
}

impl Matching {
    /// Any call.
    pub fn any() -> Self {
        Self { times: Some(1), ..Self::default() }
    }

    /// Calls of one IAM action, such as `iam:UpdateAccessKey`.
    pub fn action(action: &str) -> Self {
        Self { action: Some(action.to_owned()), ..Self::any() }
    }

    /// Only calls of this caller.
    #[must_use]
    pub fn caller(self, caller: &str) -> Self {
        Self { caller: Some(caller.to_owned()), ..self }
    }

    /// Only calls about this user.
    #[must_use]
    pub fn user(self, user_name: &str) -> Self {
        self.with("UserName", user_name)
    }

    /// Only calls with this value of a top-level parameter.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: &str) -> Self {
        self.parameters.push((parameter.to_owned(), value.to_owned()));
        self
    }

    /// From the n-th matching call on, counted from one since arming.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        Self { skip: n.saturating_sub(1), ..self }
    }

    /// At so many calls; once where nothing is said.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// At every call until disarmed.
    #[must_use]
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    fn matches(&self, call: &Call) -> bool {
        self.action.as_ref().is_none_or(|action| *action == call.action)
            && self.caller.as_ref().is_none_or(|caller| *caller == call.caller)
            && self
                .parameters
                .iter()
                .all(|(name, value)| call.parameters.get(name).and_then(Value::as_str) == Some(value.as_str()))
    }
}

impl Faults {
    /// Puts a fault on watch; the answer tells how often it has happened.
    pub fn arm(&self, matching: Matching, act: Act) -> Armed {
        let matching = match act {
            Act::Barrier { callers, .. } => matching.times(callers),
            _ => matching,
        };
        let armed = Armed { matching, act, counts: Arc::default() };
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).push(armed.clone());
        armed
    }

    /// Takes every fault away.
    pub fn clear(&self) {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The fault that meets this call: the first armed that matches and is not used up. Counts it.
    pub fn meet(&self, call: &Call) -> Option<Armed> {
        let armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut met = None;
        for fault in armed.iter().filter(|fault| fault.matching.matches(call)) {
            let seen = fault.counts.seen.fetch_add(1, Ordering::SeqCst);
            let used_up = |times| seen >= fault.matching.skip.saturating_add(times);
            if met.is_none() && seen >= fault.matching.skip && !fault.matching.times.is_some_and(used_up) {
                fault.counts.fired.fetch_add(1, Ordering::SeqCst);
                met = Some(fault.clone());
            }
        }
        met
    }
}

impl Armed {
    /// What it does.
    pub fn act(&self) -> Act {
        self.act
    }

    /// How many calls it has met. At a barrier: how many have arrived.
    pub fn fired(&self) -> u64 {
        self.counts.fired.load(Ordering::SeqCst)
    }

    /// How many calls matched since arming, whether it met them or not.
    pub fn seen(&self) -> u64 {
        self.counts.seen.load(Ordering::SeqCst)
    }

    /// Waits at the barrier until all have arrived or patience is over.
    pub async fn wait_for_all(&self, callers: u64, patience: Duration) {
        let all = async {
            loop {
                let arrival = self.counts.arrived.notified();
                if self.fired() >= callers {
                    return;
                }
                arrival.await;
            }
        };
        // Whoever is last wakes the others; whoever waits in vain goes on alone.
        self.counts.arrived.notify_waiters();
        tokio::time::timeout(patience, all).await.unwrap_or(());
    }
}
