//! IAM's wildcards.

/// Whether `text` matches a pattern in which `*` stands for any run of characters and `?` for one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // The row of the pattern's prefix: which prefixes of the text it matches.
    let mut reached: Vec<bool> = (0..=text.len()).map(|length| length == 0).collect();
    for symbol in pattern {
        let mut next = Vec::with_capacity(reached.len());
        let mut any = false;
        let mut before = false;
        for (at, &here) in reached.iter().enumerate() {
            let previous = at.checked_sub(1).and_then(|index| text.get(index));
            next.push(match symbol {
                '*' => {
                    any |= here;
                    any
                }
                '?' => before,
                literal => before && previous == Some(&literal),
            });
            before = here;
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

/// Whether an ARN matches a pattern; wildcards stay within one of the six parts.
pub(crate) fn arn_matches(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (pattern, arn): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    pattern.len() == arn.len() && pattern.iter().zip(arn).all(|(pattern, part)| matches(pattern, part))
}

/// Whether an action matches a pattern; the case of an action does not count.
pub(super) fn action_matches(pattern: &str, action: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}
