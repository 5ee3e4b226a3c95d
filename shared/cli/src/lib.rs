#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! The same pure functions that AWS Config's rules are judge here, by the same policy: [`judgement`] takes facts, a policy
//! and a time, and gives findings; [`output`] turns findings into text. Reading files and the account is [`input`]'s, and
//! nothing else reads. Nothing here can change an account: there is no client of IAM that writes, and the ledger is only
//! read. [`plan`] asks the remedies' own code what it would do, by a rehearsal of which nothing is written. A new rule is one entry of [`rules::RULES`].

pub mod arguments;
pub mod class;
mod deployment;
pub mod exception;
pub mod explain;
pub mod failure;
pub mod finding;
pub mod hold;
pub mod input;
pub mod judgement;
pub mod output;
pub mod permissions;
pub mod plan;
pub mod reported;
pub mod rules;
pub mod run;
pub mod scan;
pub mod subject;
pub mod suggestion;
pub mod work;
