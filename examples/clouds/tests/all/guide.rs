//! The guide shows the programs as they are.

/// The chapter.
const CHAPTER: &str = include_str!("../../../../docs/guide/19-claude-elsewhere.md");

const PROGRAMS: [(&str, &str); 6] = [
    ("bedrock_token", include_str!("../../examples/bedrock_token.rs")),
    ("bedrock_sigv4", include_str!("../../examples/bedrock_sigv4.rs")),
    ("vertex", include_str!("../../examples/vertex.rs")),
    ("gateway", include_str!("../../examples/gateway.rs")),
    ("azure", include_str!("../../examples/azure.rs")),
    ("batches", include_str!("../../examples/batches.rs")),
];

#[test]
fn the_guide_has_each_program_as_it_is_compiled() {
    for (name, program) in PROGRAMS {
        assert!(
            CHAPTER.contains(&format!("```rust\n{program}```\n")),
            "{name}: copy it into the chapter again"
        );
    }
    let shown = CHAPTER.matches("#[tokio::main]").count();
    assert_eq!(shown, PROGRAMS.len(), "the chapter has a program that is not compiled here");
}
