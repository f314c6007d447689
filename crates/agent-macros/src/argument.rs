//! The arguments of a function that becomes a tool.

use syn::{Attribute, FnArg, Ident, Pat, PatType, PathSegment, Result, Type, spanned::Spanned};

/// What an argument is.
pub(crate) enum Kind {
    /// A field of the input, which the model gives. These attributes belong to the field.
    Input(Vec<Attribute>),
    /// The call's context.
    Context,
    /// What the program gives when it makes the tool.
    State,
    /// What the program gives with the run, by reference or as a clone.
    Run,
}

impl Kind {
    /// The kind of an argument with these attributes and this type.
    fn of(own: Vec<Attribute>, of_type: &Type) -> Result<Self> {
        let marked = |mark: &str| own.iter().find(|attribute| attribute.path().is_ident(mark));
        match (marked("state"), marked("run")) {
            (Some(_), Some(run)) => {
                let message =
                    "an argument is of the tool (`#[state]`) or of the run (`#[run]`): remove one of the two";
                Err(syn::Error::new(run.span(), message))
            }
            (Some(state), None) => state.meta.require_path_only().map(|_| Self::State),
            (None, Some(run)) => {
                run.meta.require_path_only()?;
                check_run(of_type).map(|()| Self::Run)
            }
            (None, None) if is_context(of_type) => Ok(Self::Context),
            (None, None) => Ok(Self::Input(own)),
        }
    }
}

impl Kind {
    /// Fails if a part of the input is a reference.
    fn check_owned(&self, of_type: &Type) -> Result<()> {
        let (Self::Input(_), Type::Reference(reference)) = (self, of_type) else { return Ok(()) };
        let message = "the input of a tool is made from JSON, so it can't be a reference: take a value, such as \
                       `String`";
        Err(syn::Error::new(reference.span(), message))
    }
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
        let kind = Kind::of(own, ty)?;
        kind.check_owned(ty)?;
        Ok(Self { name: name.ident.clone(), kind, of_type: (**ty).clone() })
    }
}

fn is_for_the_tool(attribute: &Attribute) -> bool {
    ["doc", "serde", "schemars", "state", "run"].iter().any(|name| attribute.path().is_ident(name))
}

/// Checks the type of an argument that is a value of the run.
fn check_run(of_type: &Type) -> Result<()> {
    let message = match of_type {
        Type::Reference(reference) if reference.mutability.is_some() => {
            "all calls of a run share its values, so none can have one for itself: take `&T`, with a `Mutex` or an \
             atomic in it"
        }
        _ if last_segment(value_type(of_type)).is_some_and(|last| last.ident == "Option") => {
            "a tool with `#[run]` needs the value: for one that may be missing, take a `Context` and call \
             `context.get::<T>()`"
        }
        _ => return Ok(()),
    };
    Err(syn::Error::new(of_type.span(), message))
}

/// The type of the value: `T`, also for `&T`.
pub(crate) fn value_type(of_type: &Type) -> &Type {
    match of_type {
        Type::Reference(reference) => &reference.elem,
        other => other,
    }
}

/// Whether the type is `Context`, whatever its path.
fn is_context(of_type: &Type) -> bool {
    last_segment(of_type).is_some_and(|last| last.ident == "Context" && last.arguments.is_empty())
}

fn last_segment(of_type: &Type) -> Option<&PathSegment> {
    let Type::Path(path) = of_type else { return None };
    path.path.segments.last()
}
