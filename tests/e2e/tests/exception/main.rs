//! Exceptions, asked for by people and approved by others, with the real functions.

#![expect(clippy::unwrap_used, reason = "the lints allow it in test functions only, and here stands what those share")]

mod crashes;
mod forged;
mod holds;
mod refused;
mod story;
mod terminal;
