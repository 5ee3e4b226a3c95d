//! Names that were perhaps meant.

/// The most alike of `known`, if one is alike enough to be a slip.
pub fn closest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted.to_ascii_lowercase(), &name.to_ascii_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// The hint to append to an error: the closest name, or nothing.
pub fn did_you_mean<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    closest(wanted, known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_something_else_is_not() {
        let known = ["ci-release", "ci-nightly-legacy", "svc-mailer"];
        assert_eq!(closest("ci-relaese", known), Some("ci-release"));
        assert_eq!(closest("SVC-mailer", known), Some("svc-mailer"));
        assert_eq!(closest("zzz", known), None);
    }
}
