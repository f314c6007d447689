//! Handoffs: an agent gives the conversation to another agent of its team, which answers the user
//! from then on. If the other agent can't take over, the first agent reads why, and goes on.
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
//! let triage = Agent::builder("triage", model.clone()).tools(handoff).build()?;
//! let billing = Agent::builder("billing", model).build()?;
//! let mut conversation = Conversation::start("triage", "Is my invoice paid?");
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let end = Team::new([triage, billing])?.run(&mut conversation).await?;
//! assert_eq!((end.text(), conversation.agent()), ("Your invoice is paid.", "billing"));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! - The handoffs of a reply are tried before the other calls of that reply, one at a time, in
//!   order.
//! - A handoff takes effect with the first reply of the other agent. The other calls of the reply
//!   that handed over are then not made, and their results say "not run".
//! - A handoff fails if there is no such agent, if a limit is reached ([`Handoff::at_most`],
//!   [`Handoff::repeats`]), or if the first request of the other agent fails or is refused. Then
//!   its call gets an error result, and the next handoff of the reply is tried. If all handoffs of
//!   the reply fail, its other calls are made.
//! - If the other agent fails *later* in the run, the conversation comes back to the first agent.
//!
//! [`Handoff`] has a method to change each of these rules.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod handoff;
mod history_filter;
mod policy;
mod tool;

pub use handoff::Handoff;
pub use history_filter::HistoryFilter;
pub use policy::{MixedTurn, OnFailure};
