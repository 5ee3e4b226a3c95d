//! credwarden-ledger
