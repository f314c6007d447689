//! What `cargo xtask demo` compiled is not compiled again for `cargo run --example` and `cargo test`, and the examples need
//! nothing that the demo did not compile.

use std::collections::{BTreeMap, BTreeSet};

use crate::task::{cargo, root};

/// The packages that cargo builds for the demo.
const DEMO: &[&str] = &["--package", "xtask", "--edges", "normal,build"];

/// The packages that cargo builds for an example: those of the default members.
const EXAMPLES: &[&str] = &["--edges", "normal,build"];

/// The packages that cargo builds for tests.
const TESTS: &[&str] = &["--edges", "normal,build,dev"];

/// The packages of others that are built more than once, with different features, and those that only the examples need: a
/// sentence each.
pub(super) fn forbidden() -> Result<Vec<String>, String> {
    let (demo, examples, tests) = (tree(DEMO)?, tree(EXAMPLES)?, tree(TESTS)?);
    Ok([twice(&[&demo, &tests].map(String::as_str).join("\n")), more(&demo, &examples)].concat())
}

fn tree(build: &[&str]) -> Result<String, String> {
    let mut tree = cargo();
    tree.args(["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}"]).args(build);
    let said = tree.current_dir(root()).output().map_err(|error| format!("cargo tree: {error}"))?;
    if !said.status.success() {
        return Err(format!("cargo tree failed: {}", String::from_utf8_lossy(&said.stderr)));
    }
    Ok(String::from_utf8_lossy(&said.stdout).into_owned())
}

/// The packages of others in a tree, with their features.
fn packages(tree: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = tree.lines().filter_map(|line| line.split_once('|'));
    let packages = lines.map(|(package, features)| {
        // A star marks what was shown before.
        (package.trim_end_matches(" (proc-macro)"), features.trim_end_matches(" (*)"))
    });
    // Those of the workspace have their folder.
    packages.filter(|(package, _)| !package.is_empty() && !package.contains(" ("))
}

fn twice(trees: &str) -> Vec<String> {
    let mut ways: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (package, features) in packages(trees) {
        ways.entry(package).or_default().insert(features);
    }
    let wrong = ways.into_iter().filter(|(_, features)| features.len() > 1).map(|(package, features)| {
        let features: Vec<String> = features.iter().map(|features| format!("[{features}]")).collect();
        format!(
            "{package} is built with the features {}: name in xtask/Cargo.toml what is missing there, so that it is built once",
            features.join(" and ")
        )
    });
    wrong.collect()
}

fn more(demo: &str, examples: &str) -> Vec<String> {
    let demo: BTreeSet<&str> = packages(demo).map(|(package, _)| package).collect();
    let examples: BTreeSet<&str> = packages(examples).map(|(package, _)| package).collect();
    let wrong = examples.difference(&demo).map(|package| {
        format!(
            "{package} is built for `cargo run --example` and not for `cargo xtask demo`: no default feature of a default \
             member may bring it"
        )
    });
    wrong.collect()
}

#[cfg(test)]
mod tests {
    use super::{more, twice};

    fn check(trees: &[&str], expected: &[&str]) {
        assert_eq!(twice(&trees.join("\n")), expected, "{trees:?}");
    }

    #[test]
    fn a_package_of_others_has_one_set_of_features() {
        let (xtask, a) = ("xtask v0.1.0 (/w/xtask)|", "a v1.0.0|std");
        check(&[xtask, a, "", xtask, a, "a v1.0.0|std (*)", "m v1.0.0 (proc-macro)|", "m v1.0.0|"], &[]);
        check(&[a, "a v2.0.0|alloc,std", "ours v0.1.0 (/w/ours)|", "ours v0.1.0 (/w/ours)|more"], &[]);
        let twice = "a v1.0.0 is built with the features [alloc,std] and [std]: name in xtask/Cargo.toml what is \
                     missing there, so that it is built once";
        check(&[xtask, a, "b v1.0.0|", "a v1.0.0|alloc,std (*)"], &[twice]);
    }

    #[test]
    fn examples_need_nothing_that_the_demo_did_not_build() {
        let demo = "xtask v0.1.0 (/w/xtask)|\na v1.0.0|std\nm v1.0.0 (proc-macro)|";
        assert_eq!(
            more(demo, "examples v0.1.0 (/w/examples)|\na v1.0.0|std (*)\nm v1.0.0 (proc-macro)|"),
            [""; 0]
        );
        let wrong = "b v1.0.0 is built for `cargo run --example` and not for `cargo xtask demo`: no default feature of a \
                     default member may bring it";
        assert_eq!(more(demo, "a v1.0.0|std\nb v1.0.0|std"), [wrong]);
    }
}
