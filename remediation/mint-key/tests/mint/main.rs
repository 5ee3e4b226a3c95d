//! The whole function over a small world: what is left by runs that die, and how it ends.

#![expect(clippy::unwrap_used, clippy::unreachable, reason = "the lints allow it in test functions only")]

mod crashes;
mod refused;
mod world;
