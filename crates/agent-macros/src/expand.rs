//! From a function to the function and the tool.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Ident, ItemFn, Result, Safety, Signature, Type, ext::IdentExt, spanned::Spanned};

use crate::{
    argument::{Argument, Kind},
    docs,
    options::Options,
    run,
};

/// The function as it is, and a function that makes the tool. If something is wrong, the function
/// stays, so that the compiler reports nothing else about it.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = syn::Error::new(error.span(), "#[tool] is for functions").into_compile_error();
            return quote!(#error #item);
        }
    };
    let tool = make_tool(options, &mut function).unwrap_or_else(syn::Error::into_compile_error);
    quote!(#function #tool)
}

fn make_tool(options: TokenStream, function: &mut ItemFn) -> Result<TokenStream> {
    // First of all, so that the function compiles whatever else is wrong.
    let arguments: Result<Vec<Argument>> = function.sig.inputs.iter_mut().map(Argument::take).collect();
    let options: Options = syn::parse2(options)?;
    let arguments = arguments?;
    check_signature(&function.sig)?;
    let (own, vis) = (&function.sig.ident, &function.vis);
    let name = options.name.as_ref().map_or_else(|| own.unraw().to_string(), |name| name.value());
    let description = description(&options, function)?;

    let conditions = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let maker = format_ident!("{}_tool", own.unraw(), span = own.span());
    let says = format!("Makes the tool `{name}` from [`{own}`].");
    let made = if options.needs_approval { quote!(NeedsApproval) } else { quote!(FnTool) };
    let methods = options.methods();
    let Parts { input, states, state_types, call } = Parts::of(function, &arguments);
    let needs = arguments.iter().filter_map(run::need);
    let new = match states.is_empty() {
        true => quote!(new(#name, #description, #call)),
        false => quote!(with_state(#name, #description, (#(#states,)*), #call)),
    };
    // An error in the body of the tool is then reported at the function's result.
    let new = quote_spanned!(result_span(&function.sig)=> ::agent_tools::FnTool::#new);
    Ok(quote! {
        #(#conditions)*
        #[doc = #says]
        #vis fn #maker(#(#states: #state_types),*) -> ::agent_tools::#made {
            #input
            #new #(#needs)* #methods
        }
    })
}

/// The pieces of the function that makes the tool.
struct Parts<'a> {
    /// The struct of the input.
    input: TokenStream,
    states: Vec<&'a Ident>,
    state_types: Vec<&'a Type>,
    /// The closure that calls the function.
    call: TokenStream,
}

impl<'a> Parts<'a> {
    fn of(function: &ItemFn, arguments: &'a [Argument]) -> Self {
        let (mut fields, mut states, mut state_types, mut given) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut context = None;
        for argument in arguments {
            let Argument { name, kind, of_type } = argument;
            match kind {
                Kind::Input(attributes) => {
                    fields.push(field(name, attributes, of_type));
                    given.push(quote!(__input.#name));
                }
                Kind::Context => {
                    context = Some(quote!(__context: #of_type));
                    given.push(quote!(::core::clone::Clone::clone(&__context)));
                }
                Kind::State => {
                    states.push(name);
                    state_types.push(of_type);
                    given.push(quote!(#name));
                }
                Kind::Run => given.push(quote!(#name)),
            }
        }
        let own = &function.sig.ident;
        let state = (!states.is_empty()).then(|| quote!((#(#states,)*): (#(#state_types,)*),));
        let (input, input_type) = match fields.is_empty() {
            true => (TokenStream::new(), quote!(())),
            false => (input(&fields), quote!(__Input)),
        };
        let wait = function.sig.asyncness.map(|_| quote!(.await));
        let values: Vec<TokenStream> = arguments.iter().filter_map(run::read).collect();
        let body = quote!(#own(#(#given),*)#wait);
        let body = run::after(&values, body, result_span(&function.sig));
        let body = if wait.is_some() { quote!(async move { #body }) } else { body };
        let context = context.or_else(|| run::context(&values)).map(|context| quote!(, #context));
        // Without a field, the argument of the closure is not used.
        let argument = if fields.is_empty() { quote!(_) } else { quote!(__input) };
        let call = quote!(move |#state #argument: #input_type #context| #body);
        Self { input, states, state_types, call }
    }
}

fn field(name: &Ident, attributes: &[Attribute], of_type: &Type) -> TokenStream {
    // The type is at the user's line, so an error about it is, too.
    quote!(#(#attributes)* #name: #of_type)
}

fn input(fields: &[TokenStream]) -> TokenStream {
    quote! {
        #[derive(::agent_tools::__private::serde::Deserialize, ::agent_tools::__private::schemars::JsonSchema)]
        #[serde(crate = "::agent_tools::__private::serde")]
        #[schemars(crate = "::agent_tools::__private::schemars")]
        struct __Input {
            #(#fields,)*
        }
    }
}

fn check_signature(signature: &Signature) -> Result<()> {
    let wrong = |span: Span, message: &str| Err(syn::Error::new(span, message));
    if !signature.generics.params.is_empty() {
        return wrong(
            signature.generics.span(),
            "a tool can't have generic parameters: its input has one schema, so name the types",
        );
    }
    if let Safety::Unsafe(word) = &signature.safety {
        return wrong(word.span(), "a model calls the tool, so it can't be unsafe");
    }
    Ok(())
}

/// What the model reads about the tool.
fn description(options: &Options, function: &ItemFn) -> Result<String> {
    let text = match &options.description {
        Some(text) => text.value(),
        None => docs::text(&function.attrs),
    };
    match text.trim().is_empty() {
        false => Ok(text),
        true => Err(syn::Error::new(
            function.sig.ident.span(),
            "a tool needs a description, which the model reads: write a doc comment (`///`) above the function, or \
             `description = \"…\"`",
        )),
    }
}

/// Where the function says what it returns.
fn result_span(signature: &Signature) -> Span {
    match &signature.output {
        syn::ReturnType::Default => signature.ident.span(),
        syn::ReturnType::Type(_, of_type) => of_type.to_token_stream().span(),
    }
}
