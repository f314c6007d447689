//! The modules of a crate, and where a path in one leads.

use std::collections::BTreeMap;

use super::names::{Named, Names};
use crate::source::Source;

/// Where a module stands: the names from the crate's root to it.
pub(super) type Place = Vec<String>;

/// A module and the file it stands in.
pub(super) struct Module {
    pub(super) file: String,
    pub(super) names: Names,
}

/// A crate's modules.
pub(super) struct Modules(BTreeMap<Place, Module>);

/// How many `use` a name may go through. Else one that is brought round in a circle is looked for
/// without end.
const MOST_USES: usize = 16;

impl Modules {
    /// Those that are compiled for users, of the crate with these sources below `folder`.
    pub(super) fn read(folder: &str, sources: &[Source]) -> Result<Self, String> {
        let mut modules = Self(BTreeMap::new());
        modules.read_file(Vec::new(), &[format!("{folder}/lib.rs")], folder, sources)?;
        Ok(modules)
    }

    fn read_file(
        &mut self,
        place: Place,
        paths: &[String],
        folder: &str,
        sources: &[Source],
    ) -> Result<(), String> {
        let source = sources.iter().find(|source| paths.contains(&source.path));
        let source = source.ok_or_else(|| format!("no file {}", paths.join(" or ")))?;
        let file = syn::parse_file(&source.text)
            .map_err(|error| format!("{}:{}: not Rust: {error}", source.path, error.span().start().line))?;
        self.add(place, Names::of(&file.items), &source.path, folder, sources)
    }

    fn add(
        &mut self,
        place: Place,
        mut names: Names,
        file: &str,
        folder: &str,
        sources: &[Source],
    ) -> Result<(), String> {
        let below = |name: String| [place.as_slice(), &[name]].concat();
        for (name, inner) in std::mem::take(&mut names.inner) {
            self.add(below(name), inner, file, folder, sources)?;
        }
        for name in names.files.clone() {
            let place = below(name);
            let path = format!("{folder}/{}", place.join("/"));
            self.read_file(place, &[format!("{path}.rs"), format!("{path}/mod.rs")], folder, sources)?;
        }
        self.0.insert(place, Module { file: file.to_owned(), names });
        Ok(())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Place, &Module)> {
        self.0.iter()
    }

    /// The module that holds what is named at `from`; none if it is another crate's.
    pub(super) fn holder(&self, from: &Place, named: &Named) -> Option<Place> {
        self.lookup(from.clone(), &named.path, MOST_USES)
    }

    /// Where a path leads that stands at `from`.
    fn lookup(&self, from: Place, path: &[String], uses: usize) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(Vec::new(), rest, uses),
            "self" => self.descend(from, rest, uses),
            "super" => self.descend(from.split_last()?.1.to_vec(), rest, uses),
            // The path begins with what stands here, or with another crate.
            _ => self.has(&from, first).then(|| self.descend(from, path, uses))?,
        }
    }

    /// Where the rest of a path leads that has come to the module `at`.
    fn descend(&self, at: Place, path: &[String], uses: usize) -> Option<Place> {
        let Some((first, rest)) = path.split_first() else { return Some(at) };
        if first == "super" {
            return self.descend(at.split_last()?.1.to_vec(), rest, uses);
        }
        let names = &self.0.get(&at)?.names;
        let child = [at.as_slice(), std::slice::from_ref(first)].concat();
        // A module may have the name of what it holds.
        if self.0.contains_key(&child) && !(rest.is_empty() && names.defined.contains(first)) {
            return self.descend(child, rest, uses);
        }
        if names.defined.contains(first) {
            return Some(at);
        }
        let uses = uses.checked_sub(1)?;
        if let Some((_, named)) = names.used.iter().find(|(name, named)| name == first && named.path != path)
        {
            return self.lookup(at, &[named.path.as_slice(), rest].concat(), uses);
        }
        let globs = names.globs.iter().filter_map(|glob| self.lookup(at.clone(), &glob.path, uses));
        let brought = globs.filter(|from| *from != at).find(|from| self.has(from, first));
        // What is not found was made by a macro.
        brought.map_or(Some(at), |from| self.descend(from, path, uses))
    }

    /// Whether a module has something of this name.
    fn has(&self, at: &Place, name: &String) -> bool {
        let names = self.0.get(at).map(|module| &module.names);
        self.0.contains_key(&[at.as_slice(), std::slice::from_ref(name)].concat())
            || names.is_some_and(|names| {
                names.defined.contains(name) || names.used.iter().any(|(used, _)| used == name)
            })
    }
}
