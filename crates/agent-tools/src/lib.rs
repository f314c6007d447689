//! Tools for agents: from plain functions ([`FnTool`]), from other agents ([`AgentTool`]), made again when
//! they fail ([`Retry`]) or only once a person has allowed it ([`NeedsApproval`]), and arithmetic ([`math`]).
//!
//! The feature `validate`, on by default, checks the limits in input schemas: of typed tools, and of any other
//! ([`Validated`]). Without it a build has 14 crates less beside agent-llm (45 alone), and limits are only shown to the
//! model.
//!
//! ```
//! use agent_core::{Agent, Conversation, script::{Reply, Script}};
//! use agent_tools::FnTool;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct City { name: String }
//!
//! let weather = FnTool::new("weather", "The weather in a city.", |city: City| match city.name.as_str() {
//!     "Oslo" => Ok("It rains."),
//!     other => Err(format!("no station in {other}")),
//! });
//! let model = Script::new([Reply::call("weather", serde_json::json!({"name": "Oslo"})), Reply::text("Rain.")]);
//! let agent = Agent::builder("forecaster", model).tool(weather.read_only()).build()?;
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let end = agent.run(&mut Conversation::start("forecaster", "Oslo?")).await?;
//! # assert_eq!(end.text(), "Rain.");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agent_tool;
mod body;
mod fn_tool;
mod into_outcome;
mod limits;
pub mod math;
mod needs_approval;
mod number;
mod retry;
#[cfg(feature = "validate")]
mod rules;
mod schema;
#[cfg(feature = "validate")]
mod validated;

pub use agent_tool::AgentTool;
pub use body::Body;
pub use fn_tool::FnTool;
pub use into_outcome::IntoOutcome;
pub use needs_approval::NeedsApproval;
pub use retry::{NotRepeatable, Retry};
#[cfg(feature = "validate")]
pub use validated::{InvalidSchema, Validated};

/// A chapter of the guide, so that its program is compiled and run.
#[cfg(all(doctest, feature = "validate"))]
#[doc = include_str!("../../../docs/guide/02-tool-inputs.md")]
mod guide {}
