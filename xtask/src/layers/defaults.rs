//! What nobody compiles who did not ask for it.

use crate::metadata::Metadata;

/// Packages that are heavy to compile: a plain `cargo test` builds the default members, with what their tests need.
const NOT_BY_DEFAULT: &[&str] =
    &["rusqlite", "restate-sdk", "opentelemetry", "reqsign-core", "gcp_auth", "rmcp"];

/// The ways by which a default member brings one of them, a sentence each.
pub(super) fn forbidden(metadata: &Metadata) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in metadata.default_members() {
        let ways = metadata.ways_for_tests(member);
        for package in NOT_BY_DEFAULT {
            let way = ways.iter().find(|way| way.last().is_some_and(|last| last.name == *package));
            wrong.extend(way.map(|way| {
                let names: Vec<&str> = way.iter().map(|package| package.name.as_str()).collect();
                format!("{}: no default member may bring {package}", names.join(" -> "))
            }));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::forbidden;
    use crate::metadata::tests::{Spec, metadata};

    /// What is said of a workspace whose default member `xtask` needs `needs`.
    fn check(needs: &'static [&'static str], expected: &[&str]) {
        let packages: Vec<Spec> = vec![
            ("xtask", "", needs),
            ("crates/agent-journal", "", &["rusqlite"]),
            ("tools/other", "", &["dev:agent-journal"]),
            ("rusqlite", "", &[]),
        ];
        assert_eq!(forbidden(&metadata(&packages)), expected, "{needs:?}");
    }

    #[test]
    fn sqlite_is_compiled_only_for_who_asks() {
        let through = "xtask -> agent-journal -> rusqlite: no default member may bring rusqlite";
        check(&[], &[]);
        check(&["agent-journal"], &[through]);
        check(&["dev:agent-journal"], &[through]);
        check(&["dev:rusqlite"], &["xtask -> rusqlite: no default member may bring rusqlite"]);
        check(&["other"], &[]);
    }
}
