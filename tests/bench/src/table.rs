//! Tables for people: Markdown, aligned, numbers to the right.

use std::fmt;

/// A table with a line of headings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { headings: headings.iter().map(|&heading| heading.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether every cell of a column begins with a digit, or is empty.
    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.all(|cell| cell.is_empty() || cell.starts_with(|first: char| first.is_ascii_digit()))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.headings).chain(&self.rows);
        let columns: Vec<(usize, bool)> = (0..self.headings.len())
            .map(|column| {
                let widths = lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count());
                (widths.max().unwrap_or(0).max(3), self.is_numeric(column))
            })
            .collect();
        for (number, line) in lines().enumerate() {
            for (cell, &(width, numeric)) in line.iter().zip(&columns) {
                if numeric {
                    write!(formatter, "| {cell:>width$} ")?;
                } else {
                    write!(formatter, "| {cell:<width$} ")?;
                }
            }
            writeln!(formatter, "|")?;
            if number == 0 {
                for &(width, numeric) in &columns {
                    let end = if numeric { ':' } else { '-' };
                    write!(formatter, "| {}{end} ", "-".repeat(width - 1))?;
                }
                writeln!(formatter, "|")?;
            }
        }
        Ok(())
    }
}

/// A whole number with commas between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many times as large one number is as another: `6.1 x`.
pub(crate) fn times(one: f64, other: f64) -> String {
    if other > 0.0 { format!("{:.1} x", one / other) } else { String::new() }
}

/// A share in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_words_to_the_left() {
        let mut table = Table::new(&["rule", "calls"]);
        table.row(["access-key-age".to_owned(), "5,100".to_owned()]);
        table.row(["other".to_owned(), "7".to_owned()]);
        let expected = "\
| rule           | calls |
| -------------- | ----: |
| access-key-age | 5,100 |
| other          |     7 |
";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn thousands_are_parted_by_commas() {
        let check = |number: u64, expected: &str| assert_eq!(thousands(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(10_000_000, "10,000,000");
    }

    #[test]
    fn a_ratio_to_nothing_is_left_out() {
        assert_eq!(times(12.2, 2.0), "6.1 x");
        assert_eq!(times(1.0, 0.0), "");
        assert_eq!(percent(0.0575), "5.8 %");
    }
}
