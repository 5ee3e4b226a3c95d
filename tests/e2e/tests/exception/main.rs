//! Exceptions, asked for by people and approved by others, with the real functions.

mod crashes;
mod refused;
mod story;
