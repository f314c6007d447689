//! The Responses API. Source: <https://platform.openai.com/docs/api-reference/responses>.

mod end;
mod events;
mod input;
mod items;
mod reply;
mod request;

pub(super) use events::ResponseEvents;
pub(super) use reply::read_reply;
pub(super) use request::{max_tokens, write_body};
