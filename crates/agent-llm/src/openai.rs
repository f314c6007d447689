//! OpenAI's two APIs, chat completions and Responses, and servers that speak like them. It uses
//! `transport` and `wrappers`.
//!
//! `chat` and `responses` each write the bodies of requests (`request`) and read replies, streamed
//! (`events`) and not (`reply`), without IO. What both share stands beside them: `history` decides
//! what is sent in which order, `content` makes parts of blocks, `names` keeps names and ids to the
//! APIs' rules and `parameters` the schemas of tools, `call_ids` keeps ids to those of a server,
//! `openai_blocks` says which blocks only these APIs can read, and `origin` which server wrote them.
//! `sent_bodies` copies what the body before it had already. `object` reads what a server wrote in one pass, and `fields` what nobody here knows by its name.
//! `plain_client` is the plain client, and `usable` asks again without what a server can't use.

mod answer_format;
mod api;
mod body;
mod build;
mod builder;
mod call_ids;
mod chat;
mod client;
mod content;
mod error;
mod fields;
mod history;
mod models;
mod names;
mod object;
mod openai_blocks;
mod origin;
mod parameters;
mod plain_client;
mod refused_fields;
mod responses;
mod sent_bodies;
mod settings;
mod templates;
#[cfg(test)]
mod tests;
mod unary;
mod usable;
mod usage;
mod words;

pub use builder::OpenAiBuilder;
pub use call_ids::CallIds;
pub use client::OpenAi;
