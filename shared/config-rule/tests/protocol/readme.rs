#[test]
fn the_readme_shows_the_example_as_it_is() {
    let readme = include_str!("../../README.md");
    let example = include_str!("../../examples/secret-names.rs");
    assert!(readme.contains(&format!("```rust,no_run\n{example}```\n")));
}
