//! Arguments that are values of the run.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Type, spanned::Spanned};

use crate::argument::{Argument, Kind, value_type};

/// The call of `FnTool::needs` for an argument that is a value of the run. An error about the type
/// is at the user's line.
pub(crate) fn need(Argument { kind, of_type, .. }: &Argument) -> Option<TokenStream> {
    let Kind::Run = kind else { return None };
    let value = value_type(of_type);
    Some(quote_spanned!(value.span()=> .needs::<#value>()))
}

/// Code that reads the value, or returns an error result if the call has none.
pub(crate) fn read(Argument { name, kind, of_type }: &Argument) -> Option<TokenStream> {
    let Kind::Run = kind else { return None };
    let value = value_type(of_type);
    let given = match of_type {
        Type::Reference(_) => quote!(__value),
        _ => {
            // The function is named alone, so that an error about it is at the user's line.
            let clone = quote_spanned!(of_type.span()=> ::core::clone::Clone::clone);
            quote!({ let __clone = #clone; __clone(__value) })
        }
    };
    let need = quote_spanned!(value.span()=> need::<#value>());
    Some(quote! {
        let #name = match __context.#need {
            ::core::result::Result::Ok(__value) => #given,
            ::core::result::Result::Err(__missing) => return ::agent_tools::__private::Outcome::failed(__missing),
        };
    })
}

/// The body after the values were read. It is an outcome then, since reading may end the call.
pub(crate) fn after(values: &[TokenStream], body: TokenStream, result: Span) -> TokenStream {
    match values {
        [] => body,
        values => {
            let into_outcome = quote_spanned!(result=> ::agent_tools::IntoOutcome::into_outcome);
            quote!({ #(#values)* let __outcome = #into_outcome; __outcome(#body) })
        }
    }
}

/// The context from which the values are read, for a function that does not take it itself.
pub(crate) fn context(values: &[TokenStream]) -> Option<TokenStream> {
    (!values.is_empty()).then(|| quote!(__context: ::agent_tools::__private::Context))
}
