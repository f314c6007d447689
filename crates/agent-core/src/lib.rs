//! The core of an agent runtime: message types, and the loop that asks a model, makes the tool
//! calls of its reply in parallel, and asks again with the results.
//!
//! ```
//! use agent_core::script::{Reply, Script};
//! use agent_core::Agent;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // Any `Llm` will do; this one follows a script.
//! let model = Script::new([Reply::text("Forty-two.")]);
//! let agent = Agent::builder("oracle", model).system("You answer briefly.").build()?;
//!
//! let mut conversation = agent.start("What is six times seven?");
//! let end = agent.run(&mut conversation).await?;
//! assert_eq!(end.text(), "Forty-two.");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The names that most programs need are here. All others are in the module of their topic:
//!
//! - [`message`]: messages and content blocks. [`Message`], [`Block`], [`Content`], [`Json`].
//! - [`model`]: model backends, their requests and replies. [`Llm`], [`Request`], [`Delta`],
//!   [`Response`], [`Usage`], [`LlmError`].
//! - [`tool`]: tools, and what a call gets and gives back. [`Tool`], [`ToolSpec`], [`Context`],
//!   [`Outcome`].
//! - [`agent`]: agents, teams (agents that can send work to each other), and the limits of their
//!   runs. [`Agent`], [`Team`], [`Limits`].
//! - [`budget`]: what runs may spend. [`budget::Budget`], [`budget::SharedBudget`].
//! - [`conversation`]: the state of a run: what was said and whose turn it is. [`Conversation`],
//!   [`End`].
//! - [`host`]: running a conversation. [`Run`] and [`Cancel`] in this process; [`host::drive`] with
//!   your own [`host::Host`], which makes the requests and calls in another way.
//! - [`event`]: watching a run. [`Event`], [`event::EventLog`], [`event::LiveText`].
//! - [`sessions`]: what a page or service asks of a place where conversations are kept.
//!   [`sessions::Sessions`].
//!
//! Feature `script`: a scripted model for tests.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod agent;
pub mod budget;
pub mod conversation;
pub mod event;
pub mod host;
pub mod message;
pub mod model;
mod panic_message;
#[cfg(feature = "script")]
pub mod script;
pub mod sessions;
pub mod tool;
mod tool_spec;

pub use agent::{Agent, AgentBuilder, BuildError, Limits, Team};
/// The attribute to write before `impl Tool for …`, because `Tool::call` is async.
pub use async_trait::async_trait;
pub use conversation::{Conversation, End};
pub use event::{Event, EventKind};
pub use futures::stream::BoxStream;
pub use host::{Cancel, Run, RunError};
pub use message::{Block, Content, Json, Message, Role, SharedText};
pub use model::{Delta, Llm, LlmError, Request, Response, StopReason, Usage};
pub use tool::{Context, Outcome, Tool, ToolSpec};

// The paths that code inside this crate uses.
pub(crate) use budget::{Account, Budget, BudgetExceeded, BudgetScope, Chain, SharedBudget, Spent, Usd};
pub(crate) use conversation::{
    Call, Change, Delegation, Failure, PendingApproval, ToolTurn, TransferRecord, Turn, Work,
    delegation_limits::DelegationLimits,
    outcome::{Done, Transfer},
    rules::Rules,
};
pub(crate) use event::EventQueue;
pub(crate) use host::{Decisions, DelegationGuard, Host, HostRun, LocalHost, Mode, Perform, drive};
pub(crate) use message::{BlockKind, InvalidBlock, InvalidJson, ToolCall, safe_line, safe_lines};
pub(crate) use model::{
    BASE_PROMPT, Counts, Fold, LlmErrorKind, Notice, Piece, PreviousReply, RequestParts, UsageByAgent,
};
pub(crate) use tool::{MissingValue, Receipt};
pub(crate) use tool_spec::{Early, Permits};
