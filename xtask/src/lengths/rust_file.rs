//! A source file and its functions, measured.

use syn::visit::{
    Visit, visit_impl_item_fn, visit_item_fn, visit_item_impl, visit_item_mod, visit_trait_item_fn,
};
use syn::{Block, ImplItemFn, Item, ItemFn, ItemImpl, ItemMod, Signature, TraitItemFn, Visibility};

use crate::source::Source;
use crate::test_only::is_test;

/// A source file, its tests aside.
pub(super) struct RustFile {
    pub(super) path: String,
    /// Lines before its test module.
    pub(super) lines: usize,
    pub(super) functions: Vec<Function>,
}

/// A function or method with a body.
pub(super) struct Function {
    pub(super) name: String,
    /// The line of its signature.
    pub(super) line: usize,
    /// From its signature to its closing brace.
    pub(super) lines: usize,
    /// Whether it is a `pub async fn` outside of impl blocks.
    pub(super) is_public_async: bool,
}

impl RustFile {
    /// Measures a file. The error says where it is not Rust.
    pub(super) fn read(source: &Source) -> Result<Self, String> {
        let path = source.path.clone();
        let file = syn::parse_file(&source.text)
            .map_err(|error| format!("{path}:{}: not Rust: {error}", error.span().start().line))?;
        let lines = file.items.iter().find_map(first_test_line);
        let lines = lines.map_or_else(|| source.text.lines().count(), |line| line - 1);
        let mut functions = Functions(Vec::new());
        functions.visit_file(&file);
        Ok(Self { path, lines, functions: functions.0 })
    }

    /// Whether all of it is tests.
    pub(super) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    pub(super) fn is_example(&self) -> bool {
        self.path.contains("/examples/")
    }
}

/// The first line of an inline test module. A mere `mod tests;` does not end what a file holds.
fn first_test_line(item: &Item) -> Option<usize> {
    match item {
        Item::Mod(ItemMod { attrs, content: Some(_), .. }) if is_test(attrs) => {
            attrs.first().map(|attribute| attribute.pound_token.span.start().line)
        }
        _ => None,
    }
}

/// Collects the functions of a syntax tree, tests aside.
struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &Signature, body: &Block, is_public_async: bool) {
        let line = signature.fn_token.span.start().line;
        let lines = body.brace_token.span.close().end().line - line + 1;
        self.0.push(Function { name: signature.ident.to_string(), line, lines, is_public_async });
    }
}

impl<'a> Visit<'a> for Functions {
    fn visit_item_mod(&mut self, item: &'a ItemMod) {
        if !is_test(&item.attrs) {
            visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'a ItemImpl) {
        if !is_test(&item.attrs) {
            visit_item_impl(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'a ItemFn) {
        if !is_test(&item.attrs) {
            let is_public = matches!(item.vis, Visibility::Public(_));
            self.add(&item.sig, &item.block, is_public && item.sig.asyncness.is_some());
            visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a ImplItemFn) {
        if !is_test(&item.attrs) {
            self.add(&item.sig, &item.block, false);
            visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'a TraitItemFn) {
        if let Some(body) = item.default.as_ref().filter(|_| !is_test(&item.attrs)) {
            self.add(&item.sig, body, false);
            visit_trait_item_fn(self, item);
        }
    }
}
