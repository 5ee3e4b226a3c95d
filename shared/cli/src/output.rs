//! How results are written: pure, from a result to a text.

pub mod csv;
pub mod json;
pub mod sarif;
pub mod table;

/// How a text for people may look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether it may be coloured.
    pub colour: bool,
    /// How many columns there are; `None`: as many as needed, as for a file or a pipe.
    pub width: Option<u16>,
}
