use serde::Deserialize;

/// The parameters of a rule that has none: any parameter is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct NoParameters {}
