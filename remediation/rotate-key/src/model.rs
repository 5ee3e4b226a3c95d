//! The rotation under every interleaving of owners, faults and the clock, explored by a model checker.
//!
//! The plan is the real one. Around it stand an account with the user's two access keys, an owner who does as it likes,
//! readings that are late, and the shell that runs the plan as the remedies run theirs: lease, live reading, decision, the
//! rotation written down, guards and intent, a reading just before the change, the change, its record. A run may die
//! between any two of these; that also stands for an answer that is lost. Time passes in steps of 4 hours (the lag of the
//! last use) and of a day; the limits are as short as they can be, and "quarterly" is every third day.
//!
//! Here the owner creates the new key. How one is minted is explored by [`minted_model`](crate::minted_model).

pub(crate) mod account;
mod owner;
pub(crate) mod promises;
mod proofs;
mod shell;
mod state;
mod truth;
