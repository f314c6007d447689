//! x

mod block;
mod content;
mod context;
mod delta;
mod fields;
mod fold;
mod json;
mod llm;
mod llm_error;
mod message;
mod outcome;
mod request;
mod response;
#[cfg(feature = "script")]
pub mod script;
mod stop_reason;
mod tool;
mod tool_call;
mod usage;

pub use block::{Block, InvalidBlock, Kind};
pub use content::Content;
pub use context::Context;
pub use delta::{Delta, Notice, Piece};
pub use fold::{Fold, fold};
pub use futures::stream::BoxStream;
pub use json::{InvalidJson, Json};
pub use llm::{Llm, whole};
pub use llm_error::{LlmError, LlmErrorKind};
pub use message::{Message, Role};
pub use outcome::{Done, Outcome, Transfer};
pub use request::Request;
pub use response::Response;
pub use stop_reason::StopReason;
pub use tool::{Tool, ToolSpec};
pub use tool_call::ToolCall;
pub use usage::{Counts, Usage};
