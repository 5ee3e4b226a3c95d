//! credwarden-policy
