//! The sandbox's time: real time moved by an offset, the same in the emulator, the function processes and the proxy.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};

/// Sandbox time. It ticks like real time; [`Clock::set`] and [`Clock::advance`] make it jump.
///
/// Jump only between invocations: a request under way during a jump may see either time.
#[derive(Clone, Debug)]
pub struct Clock {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// What sandbox time is ahead of real time.
    offset: Mutex<SignedDuration>,
    /// What libfaketime reads at each look at the clock: the offset in seconds.
    file: PathBuf,
}

impl Clock {
    /// A clock that shows `now`, and keeps the file for libfaketime in `folder`.
    pub fn start(now: Timestamp, folder: &Path) -> Result<Self> {
        let clock =
            Self { state: Arc::new(State { offset: Mutex::new(SignedDuration::ZERO), file: folder.join("faketime") }) };
        clock.set(now)?;
        Ok(clock)
    }

    /// Sandbox time.
    pub fn now(&self) -> Timestamp {
        real_now().saturating_add(self.offset()).unwrap_or(Timestamp::MAX)
    }

    /// What sandbox time is ahead of real time.
    pub fn offset(&self) -> SignedDuration {
        *self.state.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sandbox time `now`.
    pub fn set(&self, now: Timestamp) -> Result<()> {
        self.move_to(now.duration_since(real_now()))
    }

    /// Makes sandbox time jump.
    pub fn advance(&self, by: SignedDuration) -> Result<()> {
        self.move_to(self.offset() + by)
    }

    /// The file that libfaketime follows, value of `FAKETIME_TIMESTAMP_FILE`.
    pub fn file(&self) -> &Path {
        &self.state.file
    }

    fn move_to(&self, offset: SignedDuration) -> Result<()> {
        let mut current = self.state.offset.lock().unwrap_or_else(PoisonError::into_inner);
        let file = &self.state.file;
        let written = file.with_extension("next");
        // Renamed into place, because processes read the file at any moment.
        std::fs::write(&written, format!("{:+.6}\n", offset.as_secs_f64()))
            .and_then(|()| std::fs::rename(&written, file))
            .with_context(|| format!("failed to write the clock file `{}`", file.display()))?;
        *current = offset;
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "sandbox time is real time moved: this is where real time is read")]
fn real_now() -> Timestamp {
    Timestamp::now()
}
