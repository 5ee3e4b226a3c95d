//! credwarden-sandbox
pub mod call;
