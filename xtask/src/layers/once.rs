//! What is compiled for `cargo xtask demo` is not compiled again for `cargo run --example` and `cargo test`.

use std::collections::{BTreeMap, BTreeSet};

use crate::task::{cargo, root};

/// Which packages cargo builds: those of xtask, and those of the default members with their tests.
const BUILDS: [&[&str]; 2] =
    [&["--package", "xtask", "--edges", "normal,build"], &["--edges", "normal,build,dev"]];

/// The packages of others that are built more than once, with different features, a sentence each.
pub(super) fn forbidden() -> Result<Vec<String>, String> {
    let mut trees = String::new();
    for build in BUILDS {
        let mut tree = cargo();
        tree.args(["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}"]).args(build);
        let said = tree.current_dir(root()).output().map_err(|error| format!("cargo tree: {error}"))?;
        if !said.status.success() {
            return Err(format!("cargo tree failed: {}", String::from_utf8_lossy(&said.stderr)));
        }
        trees.push_str(&String::from_utf8_lossy(&said.stdout));
    }
    Ok(twice(&trees))
}

fn twice(trees: &str) -> Vec<String> {
    let mut ways: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (package, features) in trees.lines().filter_map(|line| line.split_once('|')) {
        let package = package.trim_end_matches(" (proc-macro)");
        // Those of the workspace have their folder.
        if !package.contains(" (") {
            // A star marks what was shown before.
            ways.entry(package).or_default().insert(features.trim_end_matches(" (*)"));
        }
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

#[cfg(test)]
mod tests {
    use super::twice;

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
}
