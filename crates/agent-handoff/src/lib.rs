//! Handoffs: an agent that is not the right one gives the conversation to one that is. If that goes
//! wrong it reads why, still has the conversation, and goes on.
//!
//! ```
//! use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
//! use agent_handoff::Handoff;
//!
//! let to_billing = serde_json::json!({"name": "billing", "reason": "It is about an invoice."});
//! let model = Script::by_agent([
//!     ("triage", vec![Reply::call("handoff", to_billing)]),
//!     ("billing", vec![Reply::text("Your invoice is paid.")]),
//! ]);
//! let handoff = Handoff::to([("billing", "Invoices and refunds.")]);
//! let triage = Agent::builder("triage", model.clone()).tools(handoff.tools()).build()?;
//! let billing = Agent::builder("billing", model).build()?;
//! let mut conversation = Conversation::start("triage", "Is my invoice paid?");
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let end = Team::new([triage, billing])?.run(&mut conversation).await?;
//! assert_eq!((end.text(), conversation.agent()), ("Your invoice is paid.", "billing"));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What happens when: the handoffs of a reply are tried before its other calls, in call order, one at a
//! time. A handoff takes effect with the other agent's first reply; with it, all other calls of the reply
//! are answered "not run". If the other agent is unknown, a guard refuses
//! ([`Handoff::at_most`], [`Handoff::repeats`]), or its first request fails or is refused, the call is an
//! error result, the next handoff is tried, and if none is left the other calls run. If the other agent
//! fails *later* in the run, the conversation comes back. [`Handoff`] changes each of these.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod handoff;
mod history_filter;
mod policy;
mod tool;

pub use handoff::Handoff;
pub use history_filter::HistoryFilter;
pub use policy::{MixedTurn, OnFailure};
