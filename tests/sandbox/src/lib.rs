//! The whole system on one machine with no AWS account.
//!
//! Emulator, proxy, function processes and clock are here; what no emulator plays is played in Rust.

pub mod access;
pub mod access_analyzer;
pub mod artifacts;
pub mod automation;
pub mod call;
pub mod callers;
pub mod clock;
pub mod cloudtrail;
pub mod config;
pub mod directory;
pub mod emulator;
pub mod event_bus;
pub mod event_pattern;
pub mod faults;
pub mod functions;
pub mod hazards;
mod http;
pub mod person;
pub mod progress;
pub mod proxy;
pub mod published;
mod runtime_api;
pub mod sandbox;
pub mod schedule;
pub mod secrets;
mod shape;
pub mod story;
pub mod template;
pub mod tricks;
