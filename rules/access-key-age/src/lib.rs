//! access-key-age
