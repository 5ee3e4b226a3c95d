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

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn text(entries: &[&str]) -> String {
        Annotation::from_entries(entries).to_string()
    }

    #[test]
    fn nothing_to_say_is_an_empty_annotation() {
        assert!(Annotation::none().is_empty());
        assert!(Annotation::from_entries([""; 0]).is_empty());
        assert_eq!(text(&["", "  "]), "");
    }

    #[test]
    fn entries_that_fit_are_all_there_in_their_order() {
        assert_eq!(text(&["second", " first ", ""]), "second, first");
        let exactly = "a".repeat(127);
        assert_eq!(text(&[&exactly, &exactly]).chars().count(), 256);
    }

    #[test]
    fn entries_that_do_not_fit_are_counted() {
        let entry = "AKIA2E0A8F3B244C9986 created 2026-01-31, 90 days allowed until 2026-05-01";
        insta::assert_snapshot!(text(&[entry; 9]), @"AKIA2E0A8F3B244C9986 created 2026-01-31, 90 days allowed until 2026-05-01, AKIA2E0A8F3B244C9986 created 2026-01-31, 90 days allowed until 2026-05-01, AKIA2E0A8F3B244C9986 created 2026-01-31, 90 days allowed until 2026-05-01, +6 more");
        let (long, short) = ("a".repeat(127), "b".repeat(128));
        assert_eq!(text(&[&long, &short]), format!("{long}, +1 more"));
    }

    #[test]
    fn an_entry_longer_than_an_annotation_is_cut_between_characters() {
        let long = "ö🔑".repeat(200);
        assert_eq!(text(&[&long]), format!("{}ö…", "ö🔑".repeat(127)));
        assert_eq!(text(&[&long, "b", "c"]), format!("{}…, +2 more", "ö🔑".repeat(123)));
    }

    proptest! {
        #[test]
        fn as_many_whole_entries_as_fit_are_shown(entries in vec("\\PC{0,90}", 0..9)) {
            let entries: Vec<&str> = entries.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty()).collect();
            let annotation = Annotation::from_entries(&entries);
            let with = |count: usize| match entries.len() - count {
                0 => entries.join(", "),
                more => format!("{}, +{more} more", entries[..count].join(", ")),
            };
            prop_assert!(annotation.as_str().chars().count() <= 256);
            // An entry of at most 90 characters always fits, so that one at least is whole.
            let count = (0..=entries.len()).find(|count| entries.is_empty() || *count > 0 && with(*count) == annotation.as_str());
            prop_assert!(count.is_some(), "{annotation}");
            let count = count.unwrap_or_default();
            prop_assert!(count == entries.len() || with(count + 1).chars().count() > 256);
        }

        #[test]
        fn no_entry_however_long_makes_an_annotation_too_long(entries in vec("\\PC{0,400}", 0..4)) {
            let annotation = Annotation::from_entries(&entries);
            prop_assert!(annotation.as_str().chars().count() <= 256);
            prop_assert_eq!(annotation.is_empty(), entries.iter().all(|entry| entry.trim().is_empty()));
        }
    }
}
