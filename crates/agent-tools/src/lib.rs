//! Tools for agents.
//!
//! - [`FnTool`]: a tool from a Rust function, sync or async, with state or without.
//! - [`AgentTool`]: another agent as a tool.
//! - Wrappers around any tool: with [`NeedsApproval`], a call waits for a person's approval.
//!   [`Retried`] makes failed calls again. `Validated` (with the feature `validate`) checks inputs
//!   against the tool's schema.
//! - [`RunTyped`] (with the feature `validate`): a run whose answer has a Rust type.
//! - [`math`]: tools for arithmetic.
//!
//! The feature `validate`, which is on by default, checks the limits in input schemas (`range`,
//! `length`, `regex`). The feature adds 14 dependencies. Without it, an agent can't be built with a
//! tool whose input has such limits, unless the tool says that the limits are only hints; see
//! [`FnTool`].
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
mod retried;
#[cfg(feature = "validate")]
mod rules;
mod schema;
mod state_body;
#[cfg(feature = "validate")]
pub mod typed;
#[cfg(feature = "validate")]
mod validated;

pub use agent_tool::AgentTool;
pub use body::Body;
pub use fn_tool::FnTool;
pub use into_outcome::IntoOutcome;
pub use needs_approval::NeedsApproval;
pub use retried::{NotRepeatable, Retried};
pub use state_body::StateBody;
#[cfg(feature = "validate")]
pub use typed::{AnswerType, RunTyped, Typed, TypedError};
#[cfg(feature = "validate")]
pub use validated::{InvalidSchema, Validated};

/// A chapter of the guide, so that its program is compiled and run.
#[cfg(all(doctest, feature = "validate"))]
#[doc = include_str!("../../../docs/guide/03-tool-inputs.md")]
mod guide {}

/// Another chapter.
#[cfg(all(doctest, feature = "validate"))]
#[doc = include_str!("../../../docs/guide/18-typed-answers.md")]
mod guide_typed {}
