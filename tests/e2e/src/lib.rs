//! What the tests of the whole system share: small estates, and questions about what happened in the sandbox.

pub mod exception;
pub mod mint;
pub mod remedy;
pub mod rule;
pub mod terminal;
