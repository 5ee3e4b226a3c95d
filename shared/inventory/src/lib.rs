//! credwarden-inventory
