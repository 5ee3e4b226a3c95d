//! credwarden-remedy
