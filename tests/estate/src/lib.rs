//! credwarden-estate
