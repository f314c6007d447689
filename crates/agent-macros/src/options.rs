//! What stands in the brackets of `#[tool(…)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Ident, LitStr, Result, Token,
    parse::{Parse, ParseStream},
};

use crate::pause::milliseconds;

/// Words that call the method of `FnTool` with the same name.
const FLAGS: [&str; 7] =
    ["read_only", "idempotent", "shared", "exclusive", "instant", "blocking", "unchecked_limits"];
/// All words.
const KNOWN: &str = "read_only, idempotent, shared, exclusive, instant, blocking, unchecked_limits, \
                     needs_approval, timeout = \"5s\", name = \"…\", description = \"…\"";

/// The options of one tool.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    flags: Vec<Ident>,
    timeout: Option<u64>,
    pub(crate) needs_approval: bool,
    seen: Vec<String>,
}

impl Options {
    /// The calls of `FnTool`'s methods.
    pub(crate) fn methods(&self) -> TokenStream {
        let flags = &self.flags;
        let timeout = self
            .timeout
            .map(|milliseconds| quote!(.timeout(::core::time::Duration::from_millis(#milliseconds))));
        let approval = self.needs_approval.then(|| quote!(.needs_approval()));
        quote!(#(.#flags())* #timeout #approval)
    }

    fn take(&mut self, option: Ident, input: ParseStream) -> Result<()> {
        let word = option.to_string();
        if self.seen.contains(&word) {
            return Err(syn::Error::new(option.span(), format!("`{word}` is there twice: remove one")));
        }
        match word.as_str() {
            "name" => self.name = Some(tool_name(value(input)?)?),
            "description" => self.description = Some(value(input)?),
            "timeout" => self.timeout = Some(milliseconds(&value(input)?)?),
            "needs_approval" => self.needs_approval = true,
            flag if FLAGS.contains(&flag) => self.flags.push(option),
            _ => {
                let message = format!("there is no option `{word}`; the options are: {KNOWN}");
                return Err(syn::Error::new(option.span(), message));
            }
        }
        self.seen.push(word);
        Ok(())
    }
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let option: Ident = input.parse()?;
            options.take(option, input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

fn value(input: ParseStream) -> Result<LitStr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// The APIs' rule for names of tools.
fn tool_name(name: LitStr) -> Result<LitStr> {
    let value = name.value();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    match (1..=64).contains(&value.len()) && value.bytes().all(allowed) {
        true => Ok(name),
        false => {
            let message = format!(
                "{value:?} can't be a tool's name: take 1 to 64 of the characters a-z, A-Z, 0-9, _ and -"
            );
            Err(syn::Error::new(name.span(), message))
        }
    }
}
