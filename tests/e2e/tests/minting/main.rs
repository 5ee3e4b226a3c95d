//! The rotation function's real binary, in the role of its own, invoked as Secrets Manager does.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the lints allow it in test functions only, and here stands what those share"
)]

mod crashes;
mod refused;
mod rotation;
mod steps;
