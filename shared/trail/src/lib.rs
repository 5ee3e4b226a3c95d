//! Reads `CloudTrail`'s event history: [`lookup`] is the call, [`paced`] keeps to the rate that AWS allows, [`usage`] tells
//! what an access key is used by. What else events mean is for whoever asks.

pub mod lookup;
pub mod paced;
pub mod usage;
