//! What a module holds and names, its tests aside.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{Visit, visit_impl_item_fn, visit_item_fn, visit_item_impl};
use syn::{ImplItemFn, Item, ItemFn, ItemImpl, ItemMod, ItemUse, Macro, UseTree};

use crate::test_only::is_test;

/// A path in the code, and its line.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
}

/// A module, read.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Types, functions and whatever else has a name and stands here itself.
    pub(super) defined: BTreeSet<String>,
    /// What `use` brings, by the name it has here.
    pub(super) used: Vec<(String, Named)>,
    /// The modules of which `use` brings all.
    pub(super) globs: Vec<Named>,
    /// Paths elsewhere in the code that begin with `crate`, `self` or `super`.
    pub(super) paths: Vec<Named>,
    /// Modules below that have a file of their own.
    pub(super) files: Vec<String>,
    /// Modules below that stand in the same file.
    pub(super) inner: Vec<(String, Names)>,
}

impl Names {
    pub(super) fn of(items: &[Item]) -> Self {
        let mut names = Self::default();
        for item in items {
            names.defined.extend(name(item));
            names.visit_item(item);
        }
        names
    }

    /// All paths that may lead to another module.
    pub(super) fn all(&self) -> impl Iterator<Item = &Named> {
        self.used.iter().map(|(_, named)| named).chain(&self.globs).chain(&self.paths)
    }

    fn bring(&mut self, before: &[String], tree: &UseTree) {
        let with = |ident: &Ident| {
            let path = before
                .iter()
                .cloned()
                .chain([ident.to_string()])
                .filter(|part| part != "self" || before.is_empty());
            Named { line: ident.span().start().line, path: path.collect() }
        };
        match tree {
            UseTree::Path(path) => self.bring(&with(&path.ident).path, &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.bring(before, tree)),
            UseTree::Name(name) => {
                let named = with(&name.ident);
                self.used.push((named.path.last().cloned().unwrap_or_default(), named));
            }
            UseTree::Rename(rename) => self.used.push((rename.rename.to_string(), with(&rename.ident))),
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.globs.push(Named { line, path: before.to_vec() });
            }
        }
    }

    /// What stands in a macro is no syntax, but has paths.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Option<Named> = None;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => match &mut path {
                    Some(open) => open.path.push(ident.to_string()),
                    None => {
                        path = Some(Named { line: ident.span().start().line, path: vec![ident.to_string()] })
                    }
                },
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                other => {
                    self.keep(path.take());
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.keep(path);
    }

    fn keep(&mut self, path: Option<Named>) {
        let here = |named: &Named| matches!(named.path[0].as_str(), "crate" | "self" | "super");
        self.paths.extend(path.filter(here));
    }
}

/// The name of an item, modules and what `use` brings aside.
fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}

impl<'a> Visit<'a> for Names {
    fn visit_item_use(&mut self, item: &'a ItemUse) {
        if !is_test(&item.attrs) {
            self.bring(&[], &item.tree);
        }
    }

    fn visit_item_mod(&mut self, item: &'a ItemMod) {
        let name = item.ident.to_string();
        match &item.content {
            _ if is_test(&item.attrs) => {}
            Some((_, items)) => self.inner.push((name, Self::of(items))),
            None => self.files.push(name),
        }
    }

    fn visit_item_fn(&mut self, item: &'a ItemFn) {
        if !is_test(&item.attrs) {
            visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'a ItemImpl) {
        if !is_test(&item.attrs) {
            visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a ImplItemFn) {
        if !is_test(&item.attrs) {
            visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let line = path.segments[0].ident.span().start().line;
        let parts = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.keep(Some(Named { line, path: parts }));
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'a Macro) {
        self.visit_path(&item.path);
        self.tokens(item.tokens.clone());
    }
}
