//! Chat completions. Source: <https://platform.openai.com/docs/api-reference/chat>.

mod calls;
mod chunk;
mod events;
mod messages;
mod reason;
mod reply;
mod reply_text;
mod request;
mod shape;

pub(super) use events::ChatEvents;
pub(super) use reply::read_reply;
#[cfg(test)]
pub(super) use request::write_body;
pub(super) use request::{max_tokens, write};
