//! What the policy allows, and what a rule says of a credential that breaks it.
//!
//! The policy is one JSON document, the only place of limits: a rule and its remedy read the same one. It is parsed
//! into [`policy::Policy`], which cannot contradict itself; everything wrong with a document is reported at once, each
//! problem with its place and its remedy. Nothing here reads a clock, the environment or the network.
//!
//! ```
//! use credwarden_policy::policy::Policy;
//!
//! let problems = Policy::parse(r#"{"format": 1, "classes": []}"#).unwrap_err();
//! assert!(problems.to_string().contains("`limits`"));
//! ```

pub mod announcement;
pub mod approval;
pub mod class;
pub mod controls;
pub mod creation;
pub mod document;
pub mod effective;
pub mod enrolment;
pub mod exception;
pub mod layers;
pub mod limits;
pub mod mint;
pub mod policy;
pub mod preset;
pub mod remedy;
pub mod rotation;
#[cfg(feature = "schema")]
pub mod schema;
pub mod unused_access;
pub mod verdict;
pub mod window;

mod check;
