//! credwarden-config-rule
