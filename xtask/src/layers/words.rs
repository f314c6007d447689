//! What the core's sources may not name.

use proc_macro2::{TokenStream, TokenTree};

use crate::source::Source;

/// The machine is a pure function of its inputs: these would bring in a runtime, a clock, chance or the world.
const NOT_IN_MACHINE: &[&str] =
    &["tokio", "tokio_util", "reqwest", "Instant", "SystemTime", "rand", "fastrand", "fs", "net", "thread"];

/// The machine's files.
const MACHINE: &[&str] = &["crates/agent-core/src/conversation.rs", "crates/agent-core/src/conversation/"];

/// The core moves a conversation to another agent; why one would is a leaf's concern, so the core lacks its word, even in prose.
const NOT_IN_CORE: &str = "handoff";

/// The core's files.
pub(super) const CORE: &[&str] = &["crates/agent-core/src/", "crates/agent-core/tests/"];

/// The places that name what they may not, a sentence each.
pub(super) fn forbidden(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        if source.is_under(CORE) {
            wrong.extend(words(source));
        }
        if source.is_under(MACHINE) && source.is_rust() {
            wrong.extend(names(source));
        }
    }
    wrong
}

fn words(source: &Source) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    let hits = lines.filter(|(_, line)| line.to_lowercase().contains(NOT_IN_CORE));
    hits.map(|(n, _)| format!("{}:{}: agent-core knows no \"{NOT_IN_CORE}\"", source.path, n + 1)).collect()
}

/// Names are looked for in the code, not in comments and strings.
fn names(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    match source.text.parse::<TokenStream>() {
        Ok(tokens) => visit(tokens, &mut |line, name| {
            if NOT_IN_MACHINE.contains(&name) {
                found.push(format!(
                    "{}:{line}: the machine (conversation) may not name `{name}`",
                    source.path
                ));
            }
        }),
        Err(error) => found.push(format!("{}: not Rust: {error}", source.path)),
    }
    found
}

fn visit(tokens: TokenStream, name: &mut impl FnMut(usize, &str)) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => name(ident.span().start().line, &ident.to_string()),
            TokenTree::Group(group) => visit(group.stream(), name),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CORE, forbidden};
    use crate::source::{Source, sources};

    fn check(path: &str, text: &str, expected: &[&str]) {
        let source = Source { path: path.into(), text: text.into() };
        assert_eq!(forbidden(&[source]), expected, "{path}: {text}");
    }

    #[test]
    fn the_machine_names_no_runtime_clock_or_chance() {
        let machine = "crates/agent-core/src/conversation.rs";
        for name in ["tokio", "reqwest", "Instant", "SystemTime", "rand"] {
            let line = format!("{machine}:2: the machine (conversation) may not name `{name}`");
            check(machine, &format!("//! Doc.\nuse {name}::x;"), &[&line]);
            let nested = line.replace("conversation.rs", "conversation/turn.rs");
            check(
                "crates/agent-core/src/conversation/turn.rs",
                &format!("\nfn f() {{ g({name}) }}"),
                &[&nested],
            );
            check("crates/agent-core/src/local.rs", &format!("use {name}::x;"), &[]);
        }
        check(machine, "/// Uses no tokio.\nfn operand(random: &str) { panic!(\"no Instant\") }", &[]);
        check(
            machine,
            "fn f( {",
            &["crates/agent-core/src/conversation.rs: not Rust: cannot parse string into token stream"],
        );
    }

    #[test]
    fn the_core_knows_no_handoff() {
        let core = "crates/agent-core/src/agent.rs:1: agent-core knows no \"handoff\"";
        check("crates/agent-core/src/agent.rs", "// Like a Handoff.", &[core]);
        check("crates/agent-core/tests/a.snap", "HANDOFF", &[&core.replace("src/agent.rs", "tests/a.snap")]);
        check("crates/agent-core/src/agent.rs", "// Like a transfer.", &[]);
        check("crates/agent-handoff/src/lib.rs", "//! Handoff.", &[]);
    }

    #[test]
    fn the_workspace_keeps_the_rules() {
        let sources = sources(CORE).unwrap();
        assert!(sources.iter().any(|source| source.path == "crates/agent-core/src/lib.rs"));
        assert_eq!(forbidden(&sources), [""; 0]);
    }
}
