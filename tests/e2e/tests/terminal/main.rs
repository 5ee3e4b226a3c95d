//! `credwarden` at a terminal, by a person with the policy that it prints, beside what AWS Config was told.

#![expect(clippy::indexing_slicing, reason = "the lints allow this in test functions only; what is missing is `null`")]

mod agreement;
mod creators;
mod denied;
mod exceptions;
mod world;
