//! The heart of an agent runtime in which nothing waits that need not: message types, and the loop
//! that asks a model, runs the tools it calls all at once, and asks again.
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
//! - What is said: [`Message`], [`Block`], [`Conversation`].
//! - What you bring: a model ([`Llm`]), tools ([`Tool`]), made into an [`Agent`] or a [`Team`].
//! - What runs it: [`Run`] in this process; [`drive`] with a [`Host`] of your own anywhere.
//! - What you see: [`Event`], [`EventLog`], [`Timeline`].
//!
//! Feature `script`: a scripted model for tests.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agent;
mod block;
mod bounded;
mod cancel;
mod content;
mod context;
mod conversation;
mod delegation_guard;
mod delegation_limits;
mod delta;
mod early;
mod end;
mod event;
mod event_log;
mod event_queue;
mod exclusive_by;
mod fields;
mod fold;
mod host;
mod host_run;
mod in_parallel;
mod input_schema;
mod json;
mod limits;
mod live_text;
mod llm;
mod llm_error;
mod local;
mod many;
mod message;
mod names;
mod outcome;
mod permits;
mod plain;
mod prompt;
mod receipt;
mod request;
mod response;
mod rules;
mod run;
mod safe_text;
#[cfg(feature = "script")]
pub mod script;
mod session_id;
mod share;
mod stop_reason;
mod surrogates;
mod tagged;
mod team;
mod teller;
mod timeline;
mod tool;
mod tool_call;
mod usage;
mod valid_history;
mod work;

pub use agent::{Agent, AgentBuilder};
/// Stands before `impl Tool for …`, since `Tool::call` is async.
pub use async_trait::async_trait;
pub use block::{Block, BlockKind, InvalidBlock};
pub use cancel::Cancel;
pub use content::Content;
pub use context::Context;
pub use conversation::{
    Change, Conversation, InvalidChange, InvalidConversation, ModelTurn, NotWaiting, NothingToTakeBack,
    Omission, OmissionReason, ToolTurn, TransferRecord, Turn,
};
pub use delegation_guard::DelegationGuard;
pub use delegation_limits::DelegationLimits;
pub use delta::{Delta, Notice, Piece};
pub use early::Early;
pub use end::{End, Failure, PendingApproval};
pub use event::{Event, EventKind};
pub use event_log::EventLog;
pub use event_queue::EventQueue;
pub use exclusive_by::ExclusiveBy;
pub use fold::{DeltaValidator, Fold, fold};
pub use futures::stream::BoxStream;
pub use host::{Host, drive};
pub use host_run::HostRun;
pub use in_parallel::{Perform, in_parallel};
pub use json::{InvalidJson, Json};
pub use limits::Limits;
pub use live_text::{LiveText, TextChange};
pub use llm::{Llm, non_streaming};
pub use llm_error::{LlmError, LlmErrorDetails, LlmErrorKind};
pub use local::{LocalHost, Mode, TimeLimit};
pub use many::{Finished, Many, Progress};
pub use message::{Message, Role};
pub use names::BuildError;
pub use outcome::{Done, Outcome, Transfer};
pub use permits::Permits;
pub use prompt::BASE_PROMPT;
pub use receipt::Receipt;
pub use request::{PreviousReply, Request, RequestParts};
pub use response::Response;
pub use rules::Rules;
pub use run::{Run, RunError};
pub use safe_text::{safe_line, safe_lines};
pub use session_id::{SessionIdError, check_session_id};
pub use stop_reason::StopReason;
pub use team::Team;
pub use timeline::Timeline;
pub use tool::{Tool, ToolSpec};
pub use tool_call::ToolCall;
pub use usage::{BrokenOff, CacheCreation, Counts, ServerToolUse, Usage, UsageByAgent};
pub use valid_history::valid_history;
pub use work::{Call, Delegation, Work};
