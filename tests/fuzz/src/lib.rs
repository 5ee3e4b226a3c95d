#![doc = include_str!("../README.md")]

pub mod corpus;
pub mod found;
pub mod mutation;
pub mod run;
pub mod target;
