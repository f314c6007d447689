//! The crate graph, as `cargo metadata` tells it.

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::process::Command;

use serde::Deserialize;

use crate::task::root;

/// The output of `cargo metadata`, as far as the checks need it. `resolve` is there if dependencies were read too.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    workspace_default_members: BTreeSet<String>,
    workspace_root: String,
    resolve: Option<Resolve>,
}

/// A package: one of the workspace's, or a dependency at one version.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) rust_version: Option<String>,
    manifest_path: String,
    dependencies: Vec<Declared>,
}

/// A line of a manifest's dependencies.
#[derive(Deserialize)]
struct Declared {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

impl Metadata {
    /// Reads the workspace's packages and all they depend on, on any platform and with any feature.
    pub(crate) fn of_everything() -> Result<Self, Box<dyn Error>> {
        Self::read(&["--all-features"])
    }

    fn read(options: &[&str]) -> Result<Self, Box<dyn Error>> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked"])
            .args(options)
            .current_dir(root())
            .output()?;
        if !output.status.success() {
            return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The workspace's packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The workspace's packages that are built where none is named.
    pub(crate) fn default_members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_default_members.contains(&package.id))
    }

    /// The workspace's packages that users depend on: those under `crates/`.
    pub(crate) fn libraries(&self) -> impl Iterator<Item = &Package> {
        let folder = format!("{}/crates/", self.workspace_root);
        self.members().filter(move |package| package.manifest_path.starts_with(&folder))
    }

    /// The shortest way to each package that `start` needs, at any depth, dev-dependencies aside. A way begins with `start`.
    /// None, if dependencies were not read.
    pub(crate) fn ways<'a>(&'a self, start: &'a Package) -> Vec<Vec<&'a Package>> {
        let mut seen = BTreeSet::from([start.id.as_str()]);
        let mut ways = vec![vec![start]];
        let mut next = 0;
        while next < ways.len() {
            for need in self.resolved(ways[next][ways[next].len() - 1]) {
                if seen.insert(&need.id) {
                    let way = ways[next].iter().copied().chain([need]).collect();
                    ways.push(way);
                }
            }
            next += 1;
        }
        ways.split_off(1)
    }

    /// A way to each package that `start` is built with if its tests are, too.
    pub(crate) fn ways_for_tests<'a>(&'a self, start: &'a Package) -> Vec<Vec<&'a Package>> {
        let mut ways = Vec::new();
        for need in self.packages_of(self.edges(start)) {
            ways.push(vec![start, need]);
            ways.extend(self.ways(need).into_iter().map(|way| [vec![start], way].concat()));
        }
        ways
    }

    /// The packages that `package` needs itself, at the versions that were chosen.
    fn resolved(&self, package: &Package) -> impl Iterator<Item = &Package> {
        let ships = |edge: &&Edge| edge.dep_kinds.iter().any(|kind| ships(kind.kind.as_deref()));
        self.packages_of(self.edges(package).filter(ships))
    }

    fn edges(&self, package: &Package) -> impl Iterator<Item = &Edge> {
        let nodes = self.resolve.iter().flat_map(|resolve| &resolve.nodes);
        nodes.filter(|node| node.id == package.id).flat_map(|node| &node.deps)
    }

    fn packages_of<'a>(&'a self, edges: impl Iterator<Item = &'a Edge>) -> impl Iterator<Item = &'a Package> {
        edges.filter_map(|edge| self.packages.iter().find(|package| package.id == edge.pkg))
    }
}

impl Package {
    /// The names of the packages its manifest asks for, optional ones too, dev-dependencies not.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().filter(|d| ships(d.kind.as_deref())).map(|d| d.name.as_str())
    }
}

/// Whether a dependency of this kind is built for users: normal ones have no kind, build-dependencies are meant too.
fn ships(kind: Option<&str>) -> bool {
    kind != Some("dev")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::Metadata;

    /// A package for a test: its name (with `crates/` in front for a library, `examples/` and so on for other members), its
    /// rust-version or "", and what it needs: names, after `dev:` or `build:` if they are of that kind.
    pub(crate) type Spec = (&'static str, &'static str, &'static [&'static str]);

    /// The real workspace's own packages, dependencies not resolved: that needs no network.
    pub(crate) fn workspace() -> Metadata {
        Metadata::read(&["--no-deps"]).unwrap()
    }

    /// What `cargo metadata` would say of these packages, dependencies resolved.
    pub(crate) fn metadata(packages: &[Spec]) -> Metadata {
        let kind =
            |need: &'static str| need.split_once(':').map_or((None, need), |(kind, name)| (Some(kind), name));
        let package = |&(path, rust_version, needs): &Spec| {
            let dependencies = needs.iter().map(|need| json!({ "name": kind(need).1, "kind": kind(need).0 }));
            json!({
                "id": name(path), "name": name(path), "version": "1.0.0",
                "rust_version": Some(rust_version).filter(|version| !version.is_empty()),
                "manifest_path": format!("/w/{path}/Cargo.toml"),
                "dependencies": dependencies.collect::<Vec<_>>(),
            })
        };
        let node = |&(path, _, needs): &Spec| {
            let deps = needs
                .iter()
                .map(|need| json!({ "pkg": kind(need).1, "dep_kinds": [{ "kind": kind(need).0 }] }));
            json!({ "id": name(path), "deps": deps.collect::<Vec<_>>() })
        };
        let members =
            packages.iter().map(|package| package.0).filter(|path| path.contains('/') || *path == "xtask");
        let metadata = json!({
            "workspace_root": "/w",
            "workspace_members": members.map(name).collect::<Vec<_>>(),
            "workspace_default_members": ["xtask"],
            "packages": packages.iter().map(package).collect::<Vec<_>>(),
            "resolve": { "nodes": packages.iter().map(node).collect::<Vec<_>>() },
        });
        serde_json::from_value(metadata).unwrap()
    }

    fn name(path: &str) -> &str {
        path.rsplit('/').next().unwrap_or(path)
    }
}
