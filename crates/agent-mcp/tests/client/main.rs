//! The client against scripted servers, which are processes.

#![allow(clippy::unwrap_used)]

mod calls;
mod deaths;
mod elicitation;
mod lists;
mod scripted;
mod secrets;
