//! Answers findings: what a remedy does behind SSM Automation.
//!
//! Every invocation takes the next safe step and returns. It is told nothing but which execution it runs in; the rest
//! it asks AWS for. [`verify`] says whether a live credential breaks the policy, [`guard`] whether it may be changed,
//! [`plan`] how: they only decide, and never hold a writer. What is decided is written into the ledger and paid for in
//! one transaction before it is applied, read back afterwards, and recorded with what is needed to undo it.
//!
//! A rotation is written down and told first, step by step, and comes to an act of that kind at its end.
//!
//! [`rehearsal`] tells what a remedy would do by having it do so, over a ledger and an IAM that take no change.
//!
//! # The states of an act
//! ```text
//!            begin                    IAM accepts              a list shows it
//! (nothing) ───────▶ intended ─────────────────────▶ (applied) ───────────────▶ settled: done
//!                       │  ▲ taken over by another run    │
//!                       │  └──────────────────────────────┘ a list does not show it yet: due in 15 minutes
//!                       └──▶ settled: withdrawn, gone          └──▶ settled: reversed (by somebody else)
//! ```
//! A run may die between any two of these. What it leaves is open and due in the ledger; the schedule starts the same
//! document again, and the run that takes it over finds in IAM how far it came.

pub mod answer;
pub mod fault;
pub mod guard;
pub mod kill_switch;
pub mod lambda;
pub mod plan;
pub mod rehearsal;
pub mod remedy;
pub mod request;
pub mod resource;
pub mod run;
pub mod secret;
pub mod ssm;
pub mod undo;
pub mod usage;
pub mod verify;
pub mod write;

mod act;
mod approve;
mod compromise;
mod minting;
mod notice;
mod rotate;
mod sessions;
mod step;
