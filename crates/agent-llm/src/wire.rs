//! The API's JSON: what goes out, what comes in. No IO.

mod error;
mod event;
mod request;
mod tools;
mod words;

pub(crate) use error::{ApiError, kind};
pub(crate) use event::{Field, Said, read};
pub(crate) use request::body;
pub(crate) use words::Words;
