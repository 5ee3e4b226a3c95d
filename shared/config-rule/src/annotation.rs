use std::fmt;

/// The longest annotation that AWS Config accepts, in characters (service model of `PutEvaluations`); a longer one
/// makes it refuse the whole batch.
pub const MAX_ANNOTATION_CHARS: usize = 256;

const SEPARATOR: &str = ", ";
const ELLIPSIS: char = '…';

/// What is said beside a result: at most [`MAX_ANNOTATION_CHARS`] characters, possibly none at all.
///
/// AWS Config stores an annotation with each result, and a changed annotation is a changed result, which costs money:
/// write dates ("created 2026-01-31"), not running ages.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Annotation(String);

impl Annotation {
    /// No annotation.
    pub fn none() -> Self {
        Self::default()
    }

    /// Joins `entries`, worst first, with `, `.
    ///
    /// As many whole entries as fit are kept, in the order given; how many were left out is said at the end
    /// (`, +3 more`). Only if not even the first entry fits is it cut, between two characters, and ends in `…`.
    /// White space around an entry is dropped, and so are empty entries.
    ///
    /// ```
    /// # use credwarden_config_rule::Annotation;
    /// let annotation = Annotation::from_entries(["bucket logs is public", "bucket backup is public"]);
    /// assert_eq!(annotation.as_str(), "bucket logs is public, bucket backup is public");
    /// ```
    pub fn from_entries<I>(entries: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let entries: Vec<String> = entries
            .into_iter()
            .map(|entry| entry.as_ref().trim().to_owned())
            .filter(|entry| !entry.is_empty())
            .collect();
        let fitting = (1..=entries.len()).rev().map(|count| shown(&entries, count)).find(|text| fits(text));
        Self(fitting.unwrap_or_else(|| cut(&entries)))
    }

    /// The text; empty when there is no annotation.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to say. AWS Config is then given no annotation, because it refuses an empty one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn shown(entries: &[String], count: usize) -> String {
    let whole: Vec<&str> = entries.iter().take(count).map(String::as_str).collect();
    whole.join(SEPARATOR) + &left_out(entries.len().saturating_sub(count))
}

fn left_out(count: usize) -> String {
    if count == 0 { String::new() } else { format!("{SEPARATOR}+{count} more") }
}

fn fits(text: &str) -> bool {
    text.chars().count() <= MAX_ANNOTATION_CHARS
}

/// The first entry, cut so that it, its ellipsis and the count of the others fit.
fn cut(entries: &[String]) -> String {
    let Some(first) = entries.first() else { return String::new() };
    let left_out = left_out(entries.len().saturating_sub(1));
    let room = MAX_ANNOTATION_CHARS.saturating_sub(left_out.chars().count() + 1);
    let mut text: String = first.chars().take(room).collect();
    text.push(ELLIPSIS);
    text + &left_out
}
