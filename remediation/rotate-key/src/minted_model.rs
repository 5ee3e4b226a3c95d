//! The rotation of a user who is enrolled, under every interleaving of people, faults and the clock, explored by a model
//! checker.
//!
//! Both plans are the real ones: that of `rotate-key`, and that of `mint-key`. Around them stand the user's two access keys,
//! the secret with its versions and labels, the ledger, and the two functions as they run: `rotate-key` step by step, and
//! the invocations of `mint-key` call by call, of which two may run at once. Each may die between any two of these, which
//! also stands for an answer that is lost. A call that creates a key is made once. Lists and last uses are read late, events
//! come late or never, and people do what they may, in any order. The clock is that of [`model`](crate::model).

mod attempt;
mod look;
mod owner;
mod proofs;
mod secret;
mod state;
mod system;
mod truth;
