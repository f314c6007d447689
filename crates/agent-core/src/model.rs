//! Model backends: requests, the pieces in which replies arrive, usage, and errors.

pub(crate) mod delta;
mod estimate;
pub(crate) mod fold;
pub(crate) mod llm;
pub(crate) mod llm_error;
mod metered;
mod priced;
pub(crate) mod prompt;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod stop_reason;
pub(crate) mod usage;

pub use delta::{Delta, Notice, Piece};
pub use fold::{DeltaValidator, Fold, fold};
pub use llm::{Llm, non_streaming};
pub use llm_error::{LlmError, LlmErrorDetails, LlmErrorKind};
pub use metered::Metered;
pub use priced::{Priced, Prices, UnknownPrice};
pub use prompt::BASE_PROMPT;
pub use request::{PreviousReply, Request, RequestParts};
pub(crate) use response::EarlyResult;
pub use response::Response;
pub use stop_reason::StopReason;
pub use usage::{AgentUsage, BrokenOff, CacheCreation, Counts, ServerToolUse, Usage, UsageByAgent};
