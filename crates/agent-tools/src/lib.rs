//! Tools for agents.
//!
//! - [`FnTool`]: a tool from a Rust function, sync or async, with state or without.
//! - [`tool`](macro@tool): an attribute that makes one from a function.
//! - [`Answer`]: what a tool returns to end the run with a value.
//! - [`AgentTool`]: another agent as a tool.
//! - [`FanOut`]: one task for several agents, of which the first good answers are enough.
//! - [`PlanTool`]: a tool with which the model makes calls that depend on each other, in one reply.
//! - [`Detached`]: a wrapper around any tool, whose calls may go on in the background.
//! - Wrappers around any tool: with [`NeedsApproval`], a call waits for a person's approval.
//!   [`Retried`] makes failed calls again. `Validated` (with the feature `validate`) checks inputs
//!   against the tool's schema.
//! - [`RunTyped`] (with the feature `validate`): a run whose answer has a Rust type.
//! - [`math`]: tools for arithmetic.
//!
//! The feature `validate`, which is on by default, checks the limits in input schemas (`range`,
//! `length`, `regex`). The feature adds 13 dependencies. Without it, an agent can't be built with a
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
mod answer;
mod body;
mod detached;
mod fan_out;
mod fn_tool;
mod into_outcome;
mod limits;
pub mod math;
mod needs_approval;
mod number;
mod plan_tool;
mod retried;
#[cfg(feature = "validate")]
mod rules;
mod schema;
mod state_body;
#[cfg(feature = "validate")]
pub mod typed;
#[cfg(feature = "validate")]
mod validated;

/// Makes a tool from a function: `#[tool]` above `fn weather` adds `fn weather_tool`, which returns
/// the tool as an [`FnTool`]. The function itself stays as it is. (Feature `macros`, on by
/// default.)
///
/// The doc comment of the function is the description that the model reads. Each argument is a
/// field of the input, and its doc comment describes it.
///
/// ```
/// use agent_core::{Agent, script::{Reply, Script}};
/// use agent_tools::tool;
///
/// /// The weather in a city.
/// #[tool(read_only, timeout = "5s")]
/// async fn weather(
///     /// The name in English.
///     city: String,
///     #[schemars(range(min = 1, max = 7))] days: Option<u32>,
/// ) -> Result<String, String> {
///     Ok(format!("{} days of rain in {city}", days.unwrap_or(1)))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let model = Script::new([Reply::call("weather", serde_json::json!({"city": "Oslo"})), Reply::text("Rain.")]);
/// let agent = Agent::builder("guide", model).tool(weather_tool()).build()?;
/// # let mut conversation = agent.start("Oslo?");
/// # agent.run(&mut conversation).await?;
/// # assert!(conversation.to_string().contains("= 1 days of rain in Oslo"));
/// assert_eq!(weather("Oslo".to_owned(), Some(3)).await?, "3 days of rain in Oslo");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Options
///
/// | option | see |
/// |---|---|
/// | `read_only`, `idempotent`, `shared`, `exclusive`, `instant`, `blocking`, `unchecked_limits` | the method of [`FnTool`] with that name |
/// | `timeout = "5s"` (`ms`, `s`, `m`, `h`) | [`FnTool::timeout`] |
/// | `needs_approval` | [`NeedsApproval`]; `weather_tool` then returns one |
/// | `name = "…"` | the name for the model; by default that of the function |
/// | `description = "…"` | in the place of the doc comment |
///
/// For all else, call the methods of [`FnTool`]: `weather_tool().permits(permits)`.
///
/// # Arguments
///
/// - An argument can have doc comments and the attributes `#[schemars(…)]` and `#[serde(…)]`. Its
///   type derives `serde::Deserialize` and `schemars::JsonSchema`. An `Option` may be left out. It
///   can't be a reference.
/// - An argument of a type named `Context` is the [context](agent_core::Context) of the call.
/// - An argument with `#[state]` is what all calls share, and an argument of `weather_tool`. Each
///   call gets a clone.
/// - An argument with `#[run]` is a value that was given with the run
///   ([`Run::with`](agent_core::Run::with)): a `&T`, or a `T`, of which each call gets a clone. The
///   tool then [needs](FnTool::needs) a value of this type.
///
/// ```
/// # use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
/// use agent_core::Context;
/// use agent_tools::tool;
///
/// /// Counts the visits of a city.
/// #[tool(idempotent)]
/// fn visit(#[state] visits: Arc<AtomicU32>, city: String, context: Context) -> String {
///     format!("{}: {city}, visit {}", context.agent(), visits.fetch_add(1, Ordering::Relaxed) + 1)
/// }
///
/// let tool = visit_tool(Arc::default());
/// # use agent_core::Tool;
/// # assert_eq!(tool.spec().description, "Counts the visits of a city.");
/// ```
///
/// ```
/// use agent_core::{Agent, script::{Reply, Script}};
/// use agent_tools::tool;
///
/// struct User { id: u64 }
///
/// /// The user's orders.
/// #[tool(read_only)]
/// async fn orders(#[run] user: &User, year: u32) -> String {
///     format!("the orders of user {} in {year}", user.id)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let call = Reply::call("orders", serde_json::json!({"year": 2026}));
/// # let model = Script::new([call, Reply::text("None.")]);
/// let agent = Agent::builder("clerk", model).tool(orders_tool()).build()?;
/// let mut conversation = agent.start("What have I ordered this year?");
/// agent.run(&mut conversation).with(User { id: 7 }).await?;
/// # assert!(conversation.to_string().contains("= the orders of user 7 in 2026"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "macros")]
pub use agent_macros::tool;
pub use agent_tool::AgentTool;
pub use answer::Answer;
pub use body::Body;
pub use detached::{ControlTool, Detached, detached_tools};
pub use fan_out::FanOut;
pub use fn_tool::FnTool;
pub use into_outcome::IntoOutcome;
pub use needs_approval::NeedsApproval;
pub use plan_tool::PlanTool;
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
#[cfg(all(doctest, feature = "macros", feature = "validate"))]
#[doc = include_str!("../../../docs/guide/18-typed-answers.md")]
mod guide_typed {}

/// What the code of `#[tool]` uses, so that a program does not need these crates itself.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private {
    pub use agent_core::{Context, Outcome};
    pub use schemars;
    pub use serde;
}

/// What does not compile. The errors are at the user's lines.
///
/// ```compile_fail,E0277
/// struct NoSchema;
/// /// A tool.
/// #[agent_tools::tool]
/// fn f(argument: NoSchema) -> String { String::new() }
/// ```
///
/// ```compile_fail,E0277
/// struct NoOutput;
/// /// A tool.
/// #[agent_tools::tool]
/// fn f() -> NoOutput { NoOutput }
/// ```
///
/// ```compile_fail,E0277
/// /// A tool.
/// #[agent_tools::tool]
/// async fn f() -> String {
///     let not_send = std::rc::Rc::new(1);
///     std::future::ready(()).await;
///     not_send.to_string()
/// }
/// ```
///
/// ```compile_fail,E0277
/// struct NotSync(std::cell::Cell<u8>);
/// /// A tool.
/// #[agent_tools::tool]
/// fn f(#[run] value: &NotSync) -> u8 { value.0.get() }
/// ```
///
/// ```compile_fail,E0277
/// struct NotClone;
/// /// A tool.
/// #[agent_tools::tool]
/// fn f(#[run] value: NotClone) {}
/// ```
#[cfg(all(doctest, feature = "macros"))]
mod not_a_tool {}
