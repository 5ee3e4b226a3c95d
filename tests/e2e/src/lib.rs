//! credwarden-e2e
