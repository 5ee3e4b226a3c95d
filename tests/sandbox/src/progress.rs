//! What is being waited for, on stderr.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

/// Says what is going on to whoever waits; data goes to stdout, never here.
#[derive(Clone, Debug)]
pub struct Progress {
    begun: Arc<Instant>,
}

impl Default for Progress {
    /// Counts from now.
    fn default() -> Self {
        Self { begun: Arc::new(Instant::now()) }
    }
}

impl Progress {
    /// One line, with the seconds since the beginning.
    pub fn say(&self, text: &str) {
        let seconds = self.begun.elapsed().as_secs_f32();
        // Nobody is left to tell where stderr is closed.
        let _ = writeln!(std::io::stderr(), "sandbox: [{seconds:6.1} s] {text}");
    }
}
