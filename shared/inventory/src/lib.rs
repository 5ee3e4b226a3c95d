//! What an account's users hold: the only crate with clients that read IAM.
//!
//! [`collect::collect`] reads the whole account cheaply: the credential report and the account's authorization details
//! nominate suspects, and only those are read live, key by key. [`live::read_user`] reads one user again, completely,
//! before a remedy acts. Both read through [`read::ReadIam`], of which [`iam::Iam`] is the one with a real client.
//!
//! What could not be read is data beside what was: a failed call is a gap of its own user and hides nobody else. Only a
//! list that could not be read to its end fails as a whole, because a shorter list would make users disappear.

pub mod calls;
pub mod collect;
pub mod earlier;
pub mod iam;
pub mod live;
pub mod parameter;
pub mod read;
pub mod report;

mod answer;
