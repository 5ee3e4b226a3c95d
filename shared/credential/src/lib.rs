//! credwarden-credential
