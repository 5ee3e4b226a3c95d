//! The functions' roles: each holds what is called, and nothing else.

mod creation;
mod elsewhere;
mod enrolled;
mod exceptions;
mod grants;
mod minting;
mod rotations;
mod second_opinion;
