//! The tests of the loop: scripts in, transcripts, events and times out.

#![allow(clippy::unwrap_used)]

mod accounts;
mod build;
mod cancelling;
mod common;
mod defaults;
mod delegation;
mod dropping;
mod early;
mod event_order;
mod events;
mod failing;
mod gone;
mod hostile_model;
mod hosts;
mod instructing;
mod invariants;
mod kept;
mod live_text;
mod many;
mod marks;
mod mending;
mod promised;
mod property;
mod reading;
mod refused_calls;
mod results;
mod sharing;
mod stop_reasons;
mod stuck;
mod taking_back;
mod told;
mod transfer;
mod turn;
mod turns;
mod turns_left;
mod usage;
mod waiting;
