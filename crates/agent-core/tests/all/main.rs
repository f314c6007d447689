//! Tests of the loop: from scripts to transcripts, events and times.

#![allow(clippy::unwrap_used)]

mod answering;
mod budgets;
mod build;
mod calls_that_ask;
mod cancelling;
mod changes;
mod common;
mod compacting;
mod defaults;
mod delegation;
mod delegation_limits;
mod dropping;
mod early;
mod event_order;
mod events;
mod failing;
mod from_messages;
mod gone;
mod hostile_model;
mod hosts;
mod instructing;
mod invariants;
mod kept;
mod live_text;
mod many;
mod marks;
mod property;
mod reading;
mod refused_calls;
mod results;
mod sanitizing;
mod sessions;
mod sharing;
mod stop_reasons;
mod stuck;
mod summaries;
mod taking_back;
mod transfer;
mod turn;
mod turns;
mod turns_left;
mod usage;
mod values;
mod waiting;
