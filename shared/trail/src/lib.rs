//! Reads `CloudTrail`'s event history: [`lookup`] is the call, [`paced`] keeps to the rate that AWS allows. What the
//! events mean is for whoever asks.

pub mod lookup;
pub mod paced;
