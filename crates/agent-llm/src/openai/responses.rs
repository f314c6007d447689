//! The Responses API. Source: <https://platform.openai.com/docs/api-reference/responses>.

mod end;
mod events;
mod input;
mod item;
mod items;
mod reply;
mod request;
mod whole;

pub(super) use events::ResponseEvents;
pub(super) use reply::read_reply;
#[cfg(test)]
pub(super) use request::write_body;
pub(super) use request::{max_tokens, write};
