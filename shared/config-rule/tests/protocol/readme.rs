#[test]
fn the_readme_shows_the_examples_as_they_are() {
    let readme = include_str!("../../README.md");
    for example in [include_str!("../../examples/secret-names.rs"), include_str!("../../examples/owner-tag.rs")] {
        assert!(readme.contains(&format!("```rust,no_run\n{example}```\n")), "{example}");
    }
}
