//! advance-work
