//! Which code is for tests only.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Meta};

/// Whether something is a test (`#[test]`, `#[tokio::test]`) or only compiled for tests (`#[cfg(test)]`).
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            names(&list.tokens, "test") && !names(&list.tokens, "not")
        }
        meta => meta.path().segments.last().is_some_and(|last| last.ident == "test"),
    })
}

fn names(tokens: &TokenStream, name: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => names(&group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
