//! deactivate-credential
