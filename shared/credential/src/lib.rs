//! Long-term credentials of an AWS account: ids, kinds, ages, and the snapshot of what exists.
//!
//! Everything here is data and pure functions over it. Nothing reads a clock, the environment or the network.

pub mod age;
pub mod id;
pub mod kind;
pub mod snapshot;
