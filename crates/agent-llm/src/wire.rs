//! The API's JSON: what goes out, what comes in. No IO.

mod ends;
mod error;
mod event;
mod request;
mod tools;

pub(crate) use error::{ApiError, kind};
pub(crate) use event::{Said, read};
pub(crate) use request::{body, counted, max_tokens};
