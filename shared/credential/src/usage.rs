//! Who uses a credential, as far as events tell: from where, by which program, and of which service.

use jiff::Timestamp;

/// One call that was signed with an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// When.
    pub at: Timestamp,
    /// Of which service, such as `s3`.
    pub service: String,
    /// In which region.
    pub region: String,
    /// From where: an address, or the name of a service of AWS that called on the key's behalf.
    pub source: String,
    /// Whether it came through an endpoint of a VPC.
    pub through_vpc: bool,
    /// What the caller says of itself. Whoever calls chooses it, so it is a hint and never a proof.
    pub agent: String,
}

/// The calls that were signed with an access key, as far as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Uses {
    /// They were not asked for.
    #[default]
    NotRead,
    /// They could not be read: why.
    Unread(String),
    /// The newest of the last 90 days in one region: management events only, for an event history has no others.
    Read(Vec<Use>),
}
