//! Long-term credentials of an AWS account: ids, kinds, ages, who made them, and the snapshot of what exists.
//!
//! Everything here is data and pure functions over it. Nothing reads a clock, the environment or the network.

pub mod age;
pub mod creation;
pub mod id;
pub mod kind;
pub mod snapshot;
pub mod usage;
