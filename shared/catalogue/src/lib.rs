//! credwarden-catalogue
