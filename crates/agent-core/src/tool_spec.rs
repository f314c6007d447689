//! What a tool says of itself: what the model reads, and what a host may do with its calls.

pub(crate) mod early;
pub(crate) mod exclusive_by;
pub(crate) mod permits;

pub use early::Early;
pub use exclusive_by::ExclusiveBy;
pub use permits::Permits;

use std::{collections::BTreeMap, time::Duration};

use crate::Json;

/// What a tool is: what the model reads of it, and what the loop may do with its calls. Flags are set on
/// a new one: `spec.read_only = true`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// The tool's name, `[a-zA-Z0-9_-]{1,128}`.
    pub name: String,
    /// What it does and when to use it, for the model.
    pub description: String,
    /// The JSON Schema of its input; of type `object`. It is sent to the model, and a model may break it. Nothing else checks
    /// an input: `call` reads it as it comes. (`FnTool` and `Validated` of agent-tools check.)
    pub input_schema: Json,
    /// It has no effects: a call may start while the reply that makes it still streams, and be made again after a failure
    /// or a crash. Two equal calls are still made twice, since a clock, a die or a poll says something else each time; see
    /// [`shared`](Self::shared).
    pub read_only: bool,
    /// Equal calls of a turn, of one input, share one execution and all have its result. For tools that say the same each
    /// time, or where that is good enough. It is for tools that are [`read_only`](Self::read_only) or
    /// [`idempotent`](Self::idempotent), and an error at any other; those that take turns share nothing.
    pub shared: bool,
    /// A call may be made again after a failure or a crash.
    pub idempotent: bool,
    /// Its calls wait for a person first: one that is not [allowed](crate::Context::approved) yet has no effect, and asks with
    /// [`Outcome::Wait`](crate::Outcome::Wait). That is the tool's own doing; the flag tells who must know which calls may have had one.
    pub needs_approval: bool,
    /// A call runs alone: what stands before it ends first, what stands after it starts later. That holds for a call
    /// that was cancelled or has timed out, too: it has its error result, and what takes turns with it waits until it
    /// has really ended, which for a blocking one is when it returns.
    pub exclusive: bool,
    /// Calls that take turns with those of the same key in the turn, and run beside all others.
    pub exclusive_by: Option<ExclusiveBy>,
    /// Bounds how many calls of it are under way at once, over all runs that have the same. Not for tools that
    /// [lead to other agents](Self::targets), which is a [`BuildError`](crate::BuildError): agents that wait for agents must
    /// not hold what these may need. A call of another tool that is delegated all the same is refused with words.
    pub permits: Option<Permits>,
    /// It blocks or computes: it runs off the async workers, on tokio's blocking pool, except while it awaits something.
    /// `false` on a new spec, so say it for a [`Tool::call`](crate::Tool::call) that blocks: else it holds up everything else on its worker,
    /// and no timeout can end it. (`FnTool` of agent-tools says it for each sync function.) The pool has 512 threads
    /// if the runtime was built without `max_blocking_threads`; bound those that compute by [`permits`](Self::permits), as
    /// many as there are cores.
    pub blocking: bool,
    /// How long one call may take, with all that another agent does if it is delegated: that is stopped then, and the error
    /// result says what was done. A blocking call that takes longer has failed, but keeps its thread
    /// (and its permit, see [`Limits::calls_at_once`](crate::Limits)) until it returns.
    pub timeout: Option<Duration>,
    /// Its calls are made before the other calls of a reply, one at a time.
    pub runs_first: bool,
    /// Its calls ask for the conversation to go over to another agent ([`Outcome::Transfer`](crate::Outcome::Transfer)). By this, what the
    /// next agent reads can leave out all of them, also those that failed or were not made.
    pub transfers: bool,
    /// The agents its calls may lead to; a team without one of them can't be built.
    pub targets: Vec<String>,
    /// What is wrong with the tool, found when it was made: an agent with it can't be built. In words that follow its name:
    /// "its input schema can't be checked: …".
    pub fault: Option<String>,
    /// Other fields of its definition, as the API has them: `strict`, `input_examples`,
    /// `defer_loading`, `eager_input_streaming`, `allowed_callers`, `cache_control`.
    pub extra: BTreeMap<String, Json>,
}

impl ToolSpec {
    /// A tool of this name, description and input schema, without any flag.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        input_schema: impl Into<Json>,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            input_schema: input_schema.into(),
            read_only: false,
            shared: false,
            idempotent: false,
            needs_approval: false,
            exclusive: false,
            exclusive_by: None,
            permits: None,
            blocking: false,
            timeout: None,
            runs_first: false,
            transfers: false,
            targets: Vec::new(),
            fault: None,
            extra: BTreeMap::new(),
        }
    }

    /// Whether a call that began may be made again when nobody knows how it ended: also one that only asks a person, since
    /// it is not `allowed` yet.
    pub fn may_be_repeated(&self, allowed: bool) -> bool {
        self.read_only || self.idempotent || (self.needs_approval && !allowed)
    }

    /// Whether other calls wait for the end of one.
    pub(crate) fn takes_turns(&self) -> bool {
        self.exclusive || self.exclusive_by.is_some()
    }

    /// Whether equal calls of a turn share one. Between calls of one key there may be one with effects.
    pub(crate) fn may_share(&self) -> bool {
        self.shared && !self.takes_turns()
    }

    /// Whether a call may start while the reply still streams, if nothing else stands in the way.
    pub(crate) fn starts_early(&self, early: Early) -> bool {
        match early {
            Early::Never => false,
            _ if self.read_only => self.exclusive_by.is_none(),
            Early::ReadOnly => false,
            Early::All => self.could_start_early(),
        }
    }

    /// Whether only effects, if it has any, keep its calls from starting early.
    pub(crate) fn could_start_early(&self) -> bool {
        !self.read_only
            && !self.takes_turns()
            && !self.runs_first
            && !self.needs_approval
            && self.targets.is_empty()
    }
}
