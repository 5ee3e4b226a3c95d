//! The README's tables, between two marks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Around what is replaced.
const BEGIN: &str = "<!-- measured by `cargo bench-rules --readme` -->\n";
const END: &str = "<!-- end of what was measured -->\n";

/// Puts a result in the place of the one that the README has.
pub(crate) fn write(result: &str) -> Result<()> {
    let path = path();
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
    let replaced = replace(&text, result).context("the README has lost the marks around the measured tables")?;
    fs::write(&path, replaced).with_context(|| format!("failed to write `{}`", path.display()))
}

fn replace(text: &str, result: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", result.trim()))
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced_however_often() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        let once = replace(&text, "new\n").unwrap();
        assert_eq!(once, format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert_eq!(replace(&once, "new"), Some(once));
        assert_eq!(replace("no marks", "new"), None);
    }

    #[test]
    fn the_readme_has_the_marks_once() {
        let text = fs::read_to_string(path()).unwrap();
        assert_eq!((text.matches(BEGIN).count(), text.matches(END).count()), (1, 1));
    }
}
