//! The description of a tool: what the model reads, and what a host may do with its calls.

pub(crate) mod early;
pub(crate) mod exclusive_by;
pub(crate) mod permits;

pub use early::Early;
pub use exclusive_by::ExclusiveBy;
pub use permits::Permits;

use std::{collections::BTreeMap, time::Duration};

use crate::Json;

/// The description of a tool: its name, text and schema for the model, and flags that tell the loop
/// how its calls may run. Flags are fields of a new spec: `spec.read_only = true`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// The tool's name, `[a-zA-Z0-9_-]{1,128}`.
    pub name: String,
    /// What the tool does and when to use it. The model reads this.
    pub description: String,
    /// The JSON Schema of the input, with `"type": "object"`. It is sent to the model, but a model
    /// may not follow it. The loop does not check inputs against it: `call` gets every input that
    /// is a JSON object. (`FnTool` and `Validated` of agent-tools do check.)
    pub input_schema: Json,
    /// Calls have no effects. So a call may start while the reply that makes it still streams, and
    /// it may be made again after a failure or a crash. Two equal calls are still made twice,
    /// because the results can differ (a clock, a poll); see [`shared`](Self::shared).
    pub read_only: bool,
    /// Equal calls of a turn (same tool, same input) are made once, and all get that result. Set it
    /// if the tool gives the same result each time, or if that does not matter. The tool must also
    /// be [`read_only`](Self::read_only) or [`idempotent`](Self::idempotent), otherwise the agent
    /// can't be built. It has no effect on tools with `exclusive` or `exclusive_by`.
    pub shared: bool,
    /// A call may be made again after a failure or a crash: a second call with the same key changes
    /// nothing more. See [`Context::key`](crate::Context::key).
    pub idempotent: bool,
    /// Calls need a person's approval. The tool itself must do this: a call that is not
    /// [approved](crate::Context::approved) has no effect and returns
    /// [`Outcome::Wait`](crate::Outcome::Wait). The flag tells hosts that an unapproved call had no
    /// effect.
    pub needs_approval: bool,
    /// A call runs alone in its turn. Earlier calls of the reply end before it starts, and later
    /// ones start after it has ended. A call that was cancelled or timed out has its error result
    /// immediately, but the next call still waits until it has really ended. A blocking call ends
    /// when its function returns.
    pub exclusive: bool,
    /// Calls with the same key run one after the other, and in parallel with all others. See
    /// [`ExclusiveBy`].
    pub exclusive_by: Option<ExclusiveBy>,
    /// Limits how many calls run in parallel, over all runs that use the same [`Permits`]. A tool
    /// that [leads to other agents](Self::targets) can't have permits, and an agent with such a
    /// tool can't be built ([`BuildError`](crate::BuildError)): agents that wait for other agents
    /// would hold permits which these may need. If a call of a tool with permits delegates all the
    /// same, it gets an error result.
    pub permits: Option<Permits>,
    /// Calls block the thread or compute for long. They run on tokio's blocking pool instead of the
    /// async workers, except while they await something. It is `false` in a new spec. Set it if
    /// [`Tool::call`](crate::Tool::call) blocks: otherwise the call holds up everything else on its
    /// worker, and no timeout can end it. (`FnTool` of agent-tools sets it for sync functions.) The
    /// pool has 512 threads unless the runtime was built with `max_blocking_threads`. Limit tools
    /// that compute to the number of cores by [`permits`](Self::permits).
    pub blocking: bool,
    /// How long one call may take. If the call delegates to another agent, the time includes that
    /// agent's work; it is stopped then, and the error result says what was done. A blocking call
    /// that takes longer gets an error result too, but keeps its thread (and its permit, see
    /// [`Limits::calls_at_once`](crate::Limits)) until its function returns.
    pub timeout: Option<Duration>,
    /// Calls are made before the other calls of a reply, one at a time.
    pub runs_first: bool,
    /// Calls transfer the conversation to another agent
    /// ([`Outcome::Transfer`](crate::Outcome::Transfer)). With this flag, all of them can be left
    /// out of what the next agent reads, also calls that failed or were not made.
    pub transfers: bool,
    /// The names of the agents that calls may lead to. A team that lacks one of them can't be
    /// built.
    pub targets: Vec<String>,
    /// An error that was found when the tool was made. An agent with this tool can't be built, and
    /// the error says so. The text follows the tool's name, for example: "its input schema can't be
    /// checked: …".
    pub fault: Option<String>,
    /// Other fields of the tool's definition for the API: `strict`, `input_examples`,
    /// `defer_loading`, `eager_input_streaming`, `allowed_callers`, `cache_control`.
    pub extra: BTreeMap<String, Json>,
}

impl ToolSpec {
    /// Makes a spec with a name, a description and an input schema. No flag is set.
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

    /// Whether a call that began may be made again if nobody knows how it ended. `allowed` says
    /// whether a person has approved the call. A call that still needs approval may be repeated,
    /// because it only asked.
    pub fn may_be_repeated(&self, allowed: bool) -> bool {
        self.read_only || self.idempotent || (self.needs_approval && !allowed)
    }

    /// Whether other calls may have to wait for a call of this tool.
    pub(crate) fn takes_turns(&self) -> bool {
        self.exclusive || self.exclusive_by.is_some()
    }

    /// Whether equal calls of a turn share one execution. Exclusive calls don't: another call with
    /// effects may run between them.
    pub(crate) fn may_share(&self) -> bool {
        self.shared && !self.takes_turns()
    }

    /// Whether a call may start while the reply still streams, as far as the tool is concerned.
    pub(crate) fn starts_early(&self, early: Early) -> bool {
        match early {
            Early::Never => false,
            _ if self.read_only => self.exclusive_by.is_none(),
            Early::ReadOnly => false,
            Early::All => self.could_start_early(),
        }
    }

    /// Whether the possible effects of its calls are the only reason that they don't start early.
    pub(crate) fn could_start_early(&self) -> bool {
        !self.read_only
            && !self.takes_turns()
            && !self.runs_first
            && !self.needs_approval
            && self.targets.is_empty()
    }
}
