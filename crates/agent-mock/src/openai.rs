//! What OpenAI's two APIs have in common.

pub(crate) mod errors;
pub(crate) mod fields;
pub(crate) mod formats;
mod models;
pub(crate) mod pictures;
mod ranges;
pub(crate) mod reply_blocks;
pub(crate) mod rules;
mod schema;
pub(crate) mod tools;
mod usage;
mod vendor;

pub(crate) use models::models;
pub(crate) use ranges::{check_least, check_ranges};
pub(crate) use usage::usage;
pub(crate) use vendor::OpenAi;

/// When all replies were made, as seconds since 1970. The same request always gets the same bytes.
pub(crate) const CREATED: u64 = 1_790_000_000;

/// What keeps a stream open without saying anything: a comment.
pub(crate) const PING: &[u8] = b": keep-alive\n\n";
