//! The rule, with its own binary, in the sandbox.

mod analyzed;
mod company;
mod disuse;
mod faults;
mod findings;
mod gaps;
mod passes;
mod protocol;
mod sending;
mod untouched;
mod unused;
