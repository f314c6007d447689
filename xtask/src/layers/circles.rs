//! No modules of a crate use each other in a circle.
//!
//! Of modules that stand side by side, each counts with all that stands in it; between a module and
//! what stands in it, both ways are free, and a name that is passed on by `pub use` counts where it
//! is defined. What only tests use is left out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::modules::{Modules, Place};
use crate::source::Source;

/// Modules side by side: which uses which, and the first place where it does.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

/// How many modules these crates have, and their circles, a sentence each.
pub(super) fn of_all(crates: &[&str], sources: &[Source]) -> Result<(usize, Vec<String>), String> {
    let (mut count, mut wrong) = (0, Vec::new());
    for name in crates {
        let modules = Modules::read(&format!("crates/{name}/src"), sources)?;
        count += modules.all().count();
        for (folder, uses) in side_by_side(&modules) {
            let place = [&[(*name).to_owned()], folder.as_slice()].concat().join("::");
            wrong.extend(circles(&uses).into_iter().map(|circle| format!("{place}: {circle}")));
        }
    }
    Ok((count, wrong))
}

/// The circles of modules side by side.
fn circles(uses: &Uses) -> Vec<String> {
    let (mut circles, mut told) = (Vec::new(), BTreeSet::new());
    for name in uses.keys() {
        let Some(circle) = circle(uses, name).filter(|_| !told.contains(name)) else { continue };
        let steps: Vec<&str> = circle.windows(2).map(|step| uses[&step[0]][&step[1]].as_str()).collect();
        circles.push(format!("{} use each other: {}", circle.join(" -> "), steps.join(", ")));
        told.extend(circle);
    }
    circles
}

/// The uses between modules, by the module these stand in.
fn side_by_side(modules: &Modules) -> BTreeMap<Place, Uses> {
    let mut all: BTreeMap<Place, Uses> = BTreeMap::new();
    for (from, module) in modules.all() {
        for named in module.names.all() {
            let Some(to) = modules.holder(from, named) else { continue };
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(user), Some(used)) = (from.get(common), to.get(common)) {
                let uses = all.entry(from[..common].to_vec()).or_default().entry(user.clone()).or_default();
                let place = || format!("{}:{} `{}`", module.file, named.line, named.path.join("::"));
                uses.entry(used.clone()).or_insert_with(place);
            }
        }
    }
    all
}

/// The shortest way from a module back to itself.
fn circle(uses: &Uses, start: &String) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for used in uses.get(way.last()?).into_iter().flat_map(BTreeMap::keys) {
            let longer = [way.as_slice(), std::slice::from_ref(used)].concat();
            if used == start {
                return Some(longer);
            }
            if seen.insert(used.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::of_all;
    use crate::{
        metadata::tests::workspace,
        source::{Source, sources},
    };

    /// What is said of a crate with these files: of each circle, what comes before the places.
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let source = |(path, text): &(&str, &str)| Source {
            path: format!("crates/c/src/{path}.rs"),
            text: (*text).into(),
        };
        let sources: Vec<Source> = files.iter().map(source).collect();
        let (_, wrong) = of_all(&["c"], &sources).unwrap();
        let circles: Vec<&str> =
            wrong.iter().filter_map(|said| said.split(" use each other: ").next()).collect();
        assert_eq!(circles, expected, "{wrong:?}");
    }

    #[test]
    fn modules_that_use_each_other_are_named_however_they_do() {
        let two = ["c: a -> b -> a"];
        let root = ("lib", "mod a; mod b; pub use b::B;");
        check(&[root, ("a", "use crate::b::B;"), ("b", "pub struct B;")], &[]);
        check(&[root, ("a", "use crate::b::B;"), ("b", "use crate::a; pub struct B;")], &two);
        check(&[root, ("a", "use crate::B;"), ("b", "pub struct B(super::a::A);")], &two);
        check(
            &[root, ("a", "use super::{B as C};"), ("b", "pub struct B; fn f() { vec![crate::a::A] }")],
            &two,
        );
        check(&[root, ("a", "use crate::b::*;"), ("b", "pub struct B; fn f(a: crate::a::A) {}")], &two);
        check(
            &[root, ("a", "use crate::B;"), ("b", "pub struct B; /// See [`A`](crate::a::A).\nfn f() {}")],
            &[],
        );
        check(
            &[
                root,
                ("a", "use crate::B;"),
                ("b", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
            ],
            &[],
        );
        check(
            &[("lib", "pub use other::B; mod a; mod b;"), ("a", "use crate::B;"), ("b", "use crate::a;")],
            &[],
        );
        let three = [
            ("lib", "mod a; mod b; mod c;"),
            ("a", "use crate::b;"),
            ("b", "use crate::c;"),
            ("c", "use crate::a;"),
        ];
        check(&three, &["c: a -> b -> c -> a"]);
    }

    #[test]
    fn a_module_counts_with_what_stands_in_it_and_they_are_free_to_use_each_other() {
        let inside = ("a/x", "use super::A; pub struct X;");
        let room = ("a", "mod x; mod y; pub use x::X; pub struct A(y::Y);");
        check(&[("lib", "mod a;"), room, inside, ("a/y", "use super::A; pub struct Y;")], &[]);
        let beside = ("a/y", "use super::X; pub struct Y;");
        check(&[("lib", "mod a;"), room, inside, beside], &[]);
        let back = ("a/x", "use super::y::Y; pub struct X;");
        check(&[("lib", "mod a;"), room, back, beside], &["c::a: x -> y -> x"]);
        let outside = [("lib", "mod a; mod b;"), ("b", "use crate::a::A; pub struct B;"), room, inside];
        check(
            &[outside.as_slice(), &[("a/y", "use crate::b::B; pub struct Y;")]].concat(),
            &["c: a -> b -> a"],
        );
    }

    #[test]
    fn what_is_wrong_says_where() {
        let sources = [("lib", "mod a; mod b;"), ("a", "\nuse crate::b::B;"), ("b", "use crate::a::A;")]
            .map(|(path, text)| Source { path: format!("crates/c/src/{path}.rs"), text: text.into() });
        let (modules, wrong) = of_all(&["c"], &sources).unwrap();
        let expected = "c: a -> b -> a use each other: crates/c/src/a.rs:2 `crate::b::B`, crates/c/src/b.rs:1 `crate::a::A`";
        assert_eq!((modules, wrong.as_slice()), (3, [expected.to_owned()].as_slice()));
        assert_eq!(
            of_all(&["c"], &sources[..2]).unwrap_err(),
            "no file crates/c/src/b.rs or crates/c/src/b/mod.rs"
        );
    }

    #[test]
    fn the_workspace_keeps_the_rules() {
        let workspace = workspace();
        let crates: Vec<&str> = workspace.libraries().map(|library| library.name.as_str()).collect();
        let (modules, wrong) = of_all(&crates, &sources(&["crates/"]).unwrap()).unwrap();
        assert!(modules > 100, "{modules}");
        assert_eq!(wrong, [""; 0]);
    }
}
