//! The oldest Rust the workspace builds with.

use std::collections::BTreeSet;

use crate::metadata::{Metadata, Package};
use crate::task::{Done, verdict};

/// What asks for a version besides the dependencies: less can't be promised.
const EDITION: (&str, &str) = ("edition 2024", "1.85");

/// Fails unless the workspace's rust-version is the highest its dependencies ask for.
pub(crate) fn run() -> Done {
    let metadata = Metadata::of_everything()?;
    let asked = highest(&metadata);
    let summary = format!("msrv: {}, asked for by {}", asked.version, asked.by.join(", "));
    verdict(&summary, wrong(&metadata, &asked).as_slice())
}

/// A Rust version, and who needs it: packages with their versions, or an edition.
struct Asked {
    version: String,
    by: Vec<String>,
}

/// The highest Rust version among what the library crates are built from: with all features, for any platform, without
/// dev-dependencies.
fn highest(metadata: &Metadata) -> Asked {
    let ways = metadata.libraries().flat_map(|library| metadata.ways(library));
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

/// What is wrong, if a member of the workspace promises another version than is asked for.
fn wrong(metadata: &Metadata, asked: &Asked) -> Option<String> {
    let said = |member: &Package| member.rust_version.clone().unwrap_or_else(|| "not set".into());
    let members = metadata.members().map(|member| (&member.name, said(member)));
    let others = members.filter(|(_, version)| numbers(version) != numbers(&asked.version));
    let others: Vec<String> = others.map(|(name, version)| format!("{name} {version}")).collect();
    (!others.is_empty()).then(|| {
        format!(
            "rust-version in the root Cargo.toml should be {}, asked for by {}; it is: {}",
            asked.version,
            asked.by.join(", "),
            others.join(", ")
        )
    })
}

/// `1.86` and `1.86.0` are the same version.
fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{highest, wrong};
    use crate::metadata::tests::{Spec, metadata};

    /// What the dependencies of a workspace ask for, and what is wrong if its members promise `ours`.
    fn check(ours: &'static str, others: &[Spec], asked: &str, expected: Option<&str>) {
        let library: Spec = ("crates/agent-core", ours, &["a", "build:b", "dev:c"]);
        let xtask: Spec = ("xtask", ours, &["agent-core", "d"]);
        let metadata = metadata(&[&[library, xtask], others].concat());
        let highest = highest(&metadata);
        assert_eq!(format!("{} by {}", highest.version, highest.by.join(", ")), asked);
        assert_eq!(wrong(&metadata, &highest).as_deref(), expected);
    }

    #[test]
    fn the_highest_version_of_what_is_built_counts() {
        let low = [("a", "1.9", &[] as &[_]), ("b", "", &[]), ("c", "1.99", &[]), ("d", "1.99", &[])];
        check("1.85", &low, "1.85 by edition 2024", None);

        let deep =
            [("a", "1.70", &["e"] as &[_]), ("b", "1.88", &[]), ("c", "1.99", &[]), ("d", "1.99", &[])];
        let deep = [&deep[..], &[("e", "1.88", &["dev:d"])]].concat();
        check("1.88.0", &deep, "1.88 by b 1.0.0, e 1.0.0", None);
    }

    #[test]
    fn another_version_is_wrong() {
        let others = [("a", "1.86", &[] as &[_]), ("b", "1.100", &[]), ("c", "", &[]), ("d", "", &[])];
        for (ours, said) in [("1.86", "1.86"), ("1.101", "1.101"), ("", "not set")] {
            let wrong = format!(
                "rust-version in the root Cargo.toml should be 1.100, asked for by b 1.0.0; \
                 it is: agent-core {said}, xtask {said}"
            );
            check(ours, &others, "1.100 by b 1.0.0", Some(&wrong));
        }
    }
}
