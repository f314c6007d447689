//! Timelines of small event scripts, their pictures, and timelines of any events.
#![allow(clippy::unwrap_used)]

mod advice;
mod any_events;
mod bars;
mod colours;
mod critical_path;
mod many;
mod outputs;
mod script;
mod waits;
