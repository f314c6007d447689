//! The crate graph's rules.

use std::collections::BTreeSet;

use crate::metadata::{Metadata, Package};

/// A library crate and the crates of the workspace it may depend on. A crate of macros is a part of the crate that exports
/// them, and the timeline's page is a part of the window that shows it live.
const MAY_NEED: &[(&str, &[&str])] = &[
    ("agent-core", &[]),
    ("agent-macros", &[]),
    ("agent-tools", &["agent-core", "agent-macros"]),
    ("agent-web", &["agent-core", "agent-timeline"]),
];

/// What a library crate that is not in the table is: a leaf.
const LEAF_MAY_NEED: &[&str] = &["agent-core"];

/// A package that only some library crates may pull in, and those crates.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("reqwest", &["agent-llm", "agent-mcp"]),
    ("rusqlite", &["agent-journal"]),
    ("restate-sdk", &["agent-restate"]),
    ("opentelemetry", &["agent-otel"]),
    ("rmcp", &["agent-mcp"]),
];

/// The dependencies that break a rule, a sentence each. Dev-dependencies are free; so are all of examples and tasks.
pub(super) fn forbidden(metadata: &Metadata) -> Vec<String> {
    let members: BTreeSet<&str> = metadata.members().map(|member| member.name.as_str()).collect();
    let mut wrong = Vec::new();
    for library in metadata.libraries() {
        let needs: BTreeSet<&str> = library.needs().collect();
        for need in needs.intersection(&members) {
            wrong.extend(crosses_layer(library, need));
        }
        for &(package, owners) in ONLY_IN.iter().filter(|(_, owners)| !owners.contains(&&*library.name)) {
            let way = if needs.contains(package) {
                Some(format!("{} -> {package}", library.name))
            } else {
                way_to(metadata, library, package, &members)
            };
            let owners = owners.join(" and ");
            wrong.extend(
                way.map(|way| format!("{way}: among the library crates, {package} is for {owners} only")),
            );
        }
    }
    wrong
}

fn crosses_layer(library: &Package, need: &str) -> Option<String> {
    let row = MAY_NEED.iter().find(|(name, _)| library.name == *name);
    let may = row.map_or(LEAF_MAY_NEED, |(_, may)| may);
    let rule = match (row, may) {
        (Some(_), []) => format!("{} depends on no crate of the workspace", library.name),
        (Some(_), _) => format!("of the workspace, {} depends on {} only", library.name, may.join(", ")),
        (None, _) => format!("a leaf crate depends on {} only, never on another leaf", may.join(", ")),
    };
    (!may.contains(&need)).then(|| format!("{} -> {need}: {rule}", library.name))
}

/// How `package` gets in through a dependency. A way through another crate of the workspace is that crate's own fault.
fn way_to(metadata: &Metadata, library: &Package, package: &str, members: &BTreeSet<&str>) -> Option<String> {
    let ways = metadata.ways(library).into_iter();
    let mut ways = ways.map(|way| way.iter().map(|package| package.name.as_str()).collect::<Vec<_>>());
    ways.find(|way| way.ends_with(&[package]) && way[1..].iter().all(|name| !members.contains(name)))
        .map(|way| way.join(" -> "))
}

#[cfg(test)]
mod tests {
    use super::forbidden;
    use crate::metadata::tests::{Spec, metadata, workspace};

    /// A workspace as it should be.
    const GOOD: &[Spec] = &[
        ("crates/agent-core", "", &["serde", "dev:agent-tools", "dev:agent-core"]),
        ("crates/agent-llm", "", &["agent-core", "reqwest", "dev:agent-mock"]),
        ("crates/agent-tools", "", &["agent-core", "dev:reqwest", "dev:agent-llm"]),
        ("crates/agent-handoff", "", &["agent-core"]),
        ("crates/agent-macros", "", &["serde"]),
        ("crates/agent-mock", "", &["agent-core"]),
        ("crates/agent-timeline", "", &["agent-core"]),
        ("crates/agent-web", "", &["agent-core"]),
        ("apps/examples", "", &["agent-core", "agent-llm", "agent-mock", "agent-tools", "reqwest"]),
        ("xtask", "", &["agent-llm", "agent-mock", "reqwest"]),
        ("serde", "", &[]),
        ("http-thing", "", &["reqwest"]),
        ("reqwest", "", &[]),
    ];

    /// What is said of a workspace in which the crate at `path` needs `needs` instead.
    fn check(path: &'static str, needs: &'static [&'static str], expected: &[&str]) {
        let others = GOOD.iter().copied().filter(|spec| spec.0 != path);
        let packages: Vec<Spec> = others.chain([(path, "", needs)]).collect();
        assert_eq!(forbidden(&metadata(&packages)), expected, "{path} needs {needs:?}");
    }

    #[test]
    fn an_edge_that_crosses_a_layer_is_named() {
        let core = "agent-core -> agent-mock: agent-core depends on no crate of the workspace";
        check("crates/agent-core", &["serde"], &[]);
        check("crates/agent-core", &["agent-mock"], &[core]);
        check("crates/agent-core", &["build:agent-mock"], &[core]);
        check("crates/agent-core", &["dev:agent-mock"], &[]);

        let leaf =
            "agent-handoff -> agent-mock: a leaf crate depends on agent-core only, never on another leaf";
        check("crates/agent-handoff", &["agent-core"], &[]);
        check("crates/agent-handoff", &["agent-core", "agent-mock"], &[leaf]);
        check("crates/agent-handoff", &["agent-core", "build:agent-mock"], &[leaf]);
        check("crates/agent-handoff", &["agent-core", "dev:agent-mock"], &[]);

        let tools = "agent-tools -> agent-mock: of the workspace, agent-tools depends on agent-core, agent-macros only";
        check("crates/agent-tools", &["agent-core", "agent-macros"], &[]);
        check("crates/agent-tools", &["agent-core", "agent-mock"], &[tools]);
        let macros = "agent-macros -> agent-core: agent-macros depends on no crate of the workspace";
        check("crates/agent-macros", &["agent-core"], &[macros]);

        check("crates/agent-web", &["agent-core", "agent-timeline"], &[]);
        check(
            "crates/agent-timeline",
            &["agent-core", "agent-web"],
            &["agent-timeline -> agent-web: a leaf crate depends on agent-core only, never on another leaf"],
        );

        let new = "agent-new -> xtask: a leaf crate depends on agent-core only, never on another leaf";
        check("crates/agent-new", &["agent-core"], &[]);
        check("crates/agent-new", &["agent-core", "xtask"], &[new]);
    }

    #[test]
    fn the_http_client_stays_in_its_crate() {
        let rule = "among the library crates, reqwest is for agent-llm and agent-mcp only";
        let tools = format!("agent-tools -> reqwest: {rule}");
        let through = format!("agent-tools -> http-thing -> reqwest: {rule}");
        check("crates/agent-llm", &["http-thing"], &[]);
        check("crates/agent-tools", &["reqwest"], &[&tools]);
        check("crates/agent-tools", &["http-thing"], &[&through]);
        check("crates/agent-tools", &["dev:reqwest", "dev:http-thing"], &[]);
        check(
            "crates/agent-core",
            &["http-thing"],
            &[&format!("agent-core -> http-thing -> reqwest: {rule}")],
        );
        check("apps/examples", &["reqwest", "http-thing"], &[]);
    }

    /// As far as it can be seen without a network: by the workspace's own manifests.
    #[test]
    fn the_workspace_keeps_the_rules() {
        let workspace = workspace();
        assert!(workspace.libraries().any(|library| library.name == "agent-core"));
        assert_eq!(forbidden(&workspace), [""; 0]);
    }
}
