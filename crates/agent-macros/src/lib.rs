//! The attribute `#[tool]`. Use it through `agent-tools`, which has its documentation:
//! `use agent_tools::tool;`.
//!
//! ```text
//! /// The weather in a city.
//! #[tool(read_only)]
//! async fn weather(/** The name in English. */ city: String) -> String { … }
//!
//! Agent::builder("guide", model).tool(weather_tool())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod argument;
mod docs;
mod expand;
mod options;
mod pause;
mod run;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a tool from a function; `agent_tools::tool` says how.
#[proc_macro_attribute]
pub fn tool(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::expand(options.into(), function.into()).into()
}
