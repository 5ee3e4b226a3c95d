//! Remedies in the sandbox: the functions' own binaries, under everything that can go wrong.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints allow these in test functions only, and here stands what those share"
)]

mod bad_input;
mod concurrency;
mod crashes;
mod exceptions;
mod faults;
mod histories;
mod justified;
mod notices;
mod passwords;
mod payload;
mod plan;
mod rotation;
mod rotation_crashes;
mod story;
mod terminal;
mod undo;
mod windows;
