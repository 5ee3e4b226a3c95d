//! Believable accounts for tests: built by one builder, and played to whatever reads them.
//!
//! An [`estate::Estate`] is the truth about an account. It becomes a snapshot for what only decides, a fake of IAM for
//! what reads ([`fake::FakeIam`], with [`fault::Failing`] around it), and a seed for the sandbox's emulator
//! ([`seed::Seed`]). [`company::company`] is the company that everything is shown on. [`single`] has one plain user and one
//! plain event, where a test decides about one alone.
//!
//! ```
//! use credwarden_estate::estate::{Estate, age_days};
//!
//! let now = "2026-11-24T12:00:00Z".parse().unwrap();
//! let estate = Estate::new(now).user("alice").tag("owner", "alice@example.com").key(age_days(91));
//! assert_eq!(estate.snapshot().users.len(), 1);
//! ```

pub mod company;
pub mod estate;
pub mod fake;
pub mod fault;
pub mod report;
pub mod seed;
pub mod single;

mod id;
