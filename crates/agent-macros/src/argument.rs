//! The arguments of a function that becomes a tool.

use syn::{Attribute, FnArg, Ident, Pat, PatType, Result, Type, spanned::Spanned};

/// What an argument is.
pub(crate) enum Kind {
    /// A field of the input, which the model gives. These attributes belong to the field.
    Input(Vec<Attribute>),
    /// The call's context.
    Context,
    /// What the program gives when it makes the tool.
    State,
}

/// One argument.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) kind: Kind,
    pub(crate) of_type: Type,
}

impl Argument {
    /// Takes an argument out of a signature. The attributes that are for the tool are removed from
    /// it, because a function's argument must not have them.
    pub(crate) fn take(argument: &mut FnArg) -> Result<Self> {
        let PatType { attrs, pat, ty, .. } = match argument {
            FnArg::Typed(typed) => typed,
            FnArg::Receiver(own) => {
                let message = "a tool can't have `self`: make it a function, and mark an argument with `#[state]` \
                               for what all calls share";
                return Err(syn::Error::new(own.span(), message));
            }
        };
        let Pat::Ident(name) = &**pat else {
            let message = "an argument of a tool needs a plain name: it is the name of a field of the input";
            return Err(syn::Error::new(pat.span(), message));
        };
        let (own, others): (Vec<Attribute>, Vec<Attribute>) = attrs.drain(..).partition(is_for_the_tool);
        *attrs = others;
        let state = own.iter().find(|attribute| attribute.path().is_ident("state"));
        let kind = match state {
            Some(state) => {
                state.meta.require_path_only()?;
                Kind::State
            }
            None if is_context(ty) => Kind::Context,
            None => Kind::Input(own),
        };
        if let (Kind::Input(_), Type::Reference(reference)) = (&kind, &**ty) {
            let message = "the input of a tool is made from JSON, so it can't be a reference: take a value, such as \
                           `String`";
            return Err(syn::Error::new(reference.span(), message));
        }
        Ok(Self { name: name.ident.clone(), kind, of_type: (**ty).clone() })
    }
}

fn is_for_the_tool(attribute: &Attribute) -> bool {
    ["doc", "serde", "schemars", "state"].iter().any(|name| attribute.path().is_ident(name))
}

/// Whether the type is `Context`, whatever its path.
fn is_context(of_type: &Type) -> bool {
    let Type::Path(path) = of_type else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "Context" && last.arguments.is_empty())
}
