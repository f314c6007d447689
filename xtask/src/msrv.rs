//! The oldest Rust the workspace builds with.

use std::collections::BTreeSet;

use crate::metadata::{Metadata, Package};
use crate::task::{Done, verdict};

/// What asks for a version besides the dependencies: less can't be promised.
const EDITION: (&str, &str) = ("edition 2024", "1.85");

/// Fails unless the workspace's rust-version is the highest that what is built by default asks for. A package that needs a
/// library which asks for more promises that.
pub(crate) fn run() -> Done {
    let metadata = Metadata::of_everything()?;
    let asked = by_default(&metadata);
    let summary = format!("msrv: {}, asked for by {}", asked.version, asked.by.join(", "));
    verdict(&summary, &wrong(&metadata, &asked))
}

/// A Rust version, and who needs it: packages with their versions, or an edition.
struct Asked {
    version: String,
    by: Vec<String>,
}

/// What the libraries ask for that are built where no package is named.
fn by_default(metadata: &Metadata) -> Asked {
    highest(metadata, metadata.default_members().flat_map(|member| libraries(metadata, member)))
}

/// The libraries of the workspace among this member and what it needs.
fn libraries<'a>(metadata: &'a Metadata, member: &'a Package) -> Vec<&'a Package> {
    let needs = metadata.ways(member).into_iter().filter_map(|way| way.last().copied());
    let is_library = |package: &&Package| metadata.libraries().any(|library| library.id == package.id);
    [member].into_iter().chain(needs).filter(is_library).collect()
}

/// The highest Rust version among what these are built from: with all features, for any platform, without
/// dev-dependencies.
fn highest<'a>(metadata: &'a Metadata, libraries: impl Iterator<Item = &'a Package>) -> Asked {
    let ways = libraries.flat_map(|library| metadata.ways(library));
    let needs = ways.filter_map(|way| way.last().copied());
    let others = needs.filter(|package| metadata.members().all(|member| member.id != package.id));
    let asked = others.filter_map(|package| {
        Some((format!("{} {}", package.name, package.version), package.rust_version.as_deref()?))
    });
    let asked: BTreeSet<_> = asked.chain([(EDITION.0.to_string(), EDITION.1)]).collect();

    let versions = asked.iter().map(|(_, version)| *version);
    let version = versions.max_by_key(|version| numbers(version)).expect("the edition asks for one");
    let same = asked.iter().filter(|(_, other)| numbers(other) == numbers(version));
    Asked { version: version.to_string(), by: same.map(|(who, _)| who.clone()).collect() }
}

/// The members of the workspace that promise another version than is asked for, a sentence each.
fn wrong(metadata: &Metadata, by_default: &Asked) -> Vec<String> {
    let wrong = metadata.members().filter_map(|member| {
        let own = highest(metadata, libraries(metadata, member).into_iter());
        let asked = if numbers(&own.version) > numbers(&by_default.version) { &own } else { by_default };
        let said = member.rust_version.as_deref().unwrap_or("not set");
        (numbers(said) != numbers(&asked.version)).then(|| {
            let (by, name) = (asked.by.join(", "), &member.name);
            format!("rust-version of {name} should be {}, asked for by {by}; it is {said}", asked.version)
        })
    });
    wrong.collect()
}

/// `1.86` and `1.86.0` are the same version.
fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{by_default, wrong};
    use crate::metadata::tests::{Spec, metadata};

    /// What the dependencies of a workspace ask for, and what is wrong if its members promise `ours`.
    fn check(ours: &'static str, others: &[Spec], asked: &str, expected: &[&str]) {
        let library: Spec = ("crates/agent-core", ours, &["a", "build:b", "dev:c"]);
        let xtask: Spec = ("xtask", ours, &["agent-core", "d"]);
        let metadata = metadata(&[&[library, xtask], others].concat());
        let highest = by_default(&metadata);
        assert_eq!(format!("{} by {}", highest.version, highest.by.join(", ")), asked);
        assert_eq!(wrong(&metadata, &highest), expected);
    }

    #[test]
    fn the_highest_version_of_what_is_built_counts() {
        let low = [("a", "1.9", &[] as &[_]), ("b", "", &[]), ("c", "1.99", &[]), ("d", "1.99", &[])];
        check("1.85", &low, "1.85 by edition 2024", &[]);

        let deep =
            [("a", "1.70", &["e"] as &[_]), ("b", "1.88", &[]), ("c", "1.99", &[]), ("d", "1.99", &[])];
        let deep = [&deep[..], &[("e", "1.88", &["dev:d"])]].concat();
        check("1.88.0", &deep, "1.88 by b 1.0.0, e 1.0.0", &[]);
    }

    #[test]
    fn another_version_is_wrong() {
        let others = [("a", "1.86", &[] as &[_]), ("b", "1.100", &[]), ("c", "", &[]), ("d", "", &[])];
        for (ours, said) in [("1.86", "1.86"), ("1.101", "1.101"), ("", "not set")] {
            let wrong = ["agent-core", "xtask"].map(|name| {
                format!("rust-version of {name} should be 1.100, asked for by b 1.0.0; it is {said}")
            });
            check(ours, &others, "1.100 by b 1.0.0", &[&*wrong[0], &*wrong[1]]);
        }
    }

    #[test]
    fn who_needs_a_library_that_asks_for_more_promises_that() {
        let others =
            [("a", "", &[] as &[_]), ("b", "1.86", &[]), ("c", "", &[]), ("d", "", &[]), ("f", "1.99", &[])];
        let newer: [Spec; 2] =
            [("crates/agent-new", "1.99", &["agent-core", "f"]), ("tools/new", "1.86", &["agent-new"])];
        let wrong = "rust-version of new should be 1.99, asked for by f 1.0.0; it is 1.86";
        check("1.86", &[&others[..], &newer].concat(), "1.86 by b 1.0.0", &[wrong]);
    }
}
