//! How results are written: pure, from a result to a text.

use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement, Row, Table, presets};

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

/// Rows below a head, of which only the last column wraps: an id in two pieces cannot be copied.
pub(crate) fn rows<const N: usize>(head: [&str; N], rows: impl Iterator<Item = Row>, look: Look) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if look.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    if let Some(width) = look.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table.set_header(head.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    table.add_rows(rows);
    for column in table.column_iter_mut().take(N.saturating_sub(1)) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.trim_fmt() + "\n"
}
