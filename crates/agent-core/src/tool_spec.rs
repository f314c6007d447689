//! The description of a tool: what the model reads, and how the tool's calls may run.

pub(crate) mod early;
pub(crate) mod exclusive_by;
pub(crate) mod need;
pub(crate) mod permits;

pub use early::Early;
pub use exclusive_by::ExclusiveBy;
pub use need::Need;
pub use permits::Permits;

use std::{collections::BTreeMap, time::Duration};

use crate::{Budget, Json};

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
    /// may write inputs that do not fit. The loop does not check inputs against the schema: `call`
    /// gets every input that is a JSON object. (`FnTool` and `Validated` of agent-tools do check.)
    pub input_schema: Json,
    /// Whether calls have no effects. Such a call may start while the reply that makes it still
    /// streams, and may be made again after a failure or a crash. Two equal calls are still made
    /// twice, because their results can differ (a clock, a poll), unless the tool is
    /// [`shared`](Self::shared). The default is `false`, as for all flags.
    pub read_only: bool,
    /// Whether equal calls of one reply (same tool, same input) are made only once. All of them get
    /// the result of that call. Set this if equal calls have equal results, or if differences do
    /// not matter. An agent can't be built with a `shared` tool that is neither
    /// [`read_only`](Self::read_only) nor [`idempotent`](Self::idempotent). The flag has no effect
    /// on tools with `exclusive` or `exclusive_by`.
    pub shared: bool,
    /// Whether a call may be made again after a failure or a crash, because a second call with the
    /// same [key](crate::Context::key) changes nothing more.
    pub idempotent: bool,
    /// Whether calls need a person's approval. The flag only tells hosts that an unapproved call
    /// had no effect. The tool itself must ask: a call that is not
    /// [approved](crate::Context::approved) must have no effect and return
    /// [`Outcome::Wait`](crate::Outcome::Wait).
    pub needs_approval: bool,
    /// Whether a call runs alone among the calls of its reply. Earlier calls of the reply end
    /// before it starts, and later calls start after it has ended. If it is cancelled or times out,
    /// it has its error result immediately, but the next call still waits until it has really
    /// ended. A blocking call ends when its function returns.
    pub exclusive: bool,
    /// Makes calls with the same key run one after the other, and in parallel with all other calls;
    /// see [`ExclusiveBy`]. `None` means that calls have no key.
    pub exclusive_by: Option<ExclusiveBy>,
    /// Limits how many calls run in parallel, over all runs that use the same [`Permits`]. `None`
    /// means no limit. A tool with permits can't [lead to other agents](Self::targets): an agent
    /// with such a tool can't be built ([`BuildError`](crate::BuildError)). Its call would hold a
    /// permit while it waits for another agent, whose calls may need that permit. If a call of a
    /// tool with permits delegates all the same, it gets an error result.
    pub permits: Option<Permits>,
    /// Whether calls block the thread or compute for long. Such calls run on tokio's blocking pool
    /// instead of the async workers, except while they await something. Set it if
    /// [`Tool::call`](crate::Tool::call) blocks: without the flag, the call holds up everything
    /// else on its worker, and no timeout can end it. (`FnTool` of agent-tools sets it for sync
    /// functions.) The pool has 512 threads unless the runtime was built with
    /// `max_blocking_threads`. If the tool computes, limit its parallel calls to the number of
    /// cores with [`permits`](Self::permits).
    pub blocking: bool,
    /// How long one call may take. `None` means no limit. A call that takes longer is stopped and
    /// gets an error result. If the call delegates to another agent, the time includes that agent's
    /// work, and the error result says what that agent has done. A blocking call can't be stopped:
    /// it keeps its thread and its permit (see [`Limits::calls_at_once`](crate::Limits)) until its
    /// function returns.
    pub timeout: Option<Duration>,
    /// How long the conversation waits for a call of this tool. After that time, the call is
    /// *detached*: it goes on in the background, and the model is told so and can do other work.
    /// When the call has ended, the model is told its result, in a message of its own.
    /// `Duration::ZERO` detaches each call at once. `None`, the default, means that calls are not
    /// detached.
    ///
    /// A detached call is an ordinary call in a conversation of its own: timeouts, permits,
    /// approvals and budgets hold, and so do the rules of a journal or an engine. It counts as one
    /// level of delegation. It does not start early, and calls are not
    /// [`shared`](Self::shared). Calls that [take turns](Self::exclusive) with it wait only until
    /// it is detached. Calls in [plans](crate::Outcome::Plan), calls at the depth limit and calls
    /// of a run with [`Mode::Sequential`](crate::Mode::Sequential) are not detached. An agent can't
    /// be built with such a tool that [`transfers`](Self::transfers) or
    /// [`runs_first`](Self::runs_first).
    pub detach_after: Option<Duration>,
    /// What another agent may spend on a call of this tool that delegates to it. The budgets of the
    /// agent that makes the call hold, too. `None` means that only these hold. It has no effect on
    /// calls that do not delegate.
    pub budget: Option<Budget>,
    /// Whether calls of this tool are made before the other calls of their reply, one at a time.
    pub runs_first: bool,
    /// Whether calls transfer the conversation to another agent
    /// ([`Outcome::Transfer`](crate::Outcome::Transfer)). The flag makes it possible to leave all
    /// calls of this tool out of what the next agent reads, also calls that failed or were not
    /// made.
    pub transfers: bool,
    /// The names of the agents that calls may delegate or transfer to. A [team](crate::Team) that
    /// lacks one of these agents can't be built.
    pub targets: Vec<String>,
    /// The values of the run without which calls can't be made: the user, a database. If one of
    /// them is not given with the run ([`Run::with`](crate::Run::with)), the run fails at its start
    /// with [`MissingValue`](crate::tool::MissingValue), before it asks a model. This holds for the
    /// tools of all agents of the team. Calls read the values with
    /// [`Context::need`](crate::Context::need). The default is none.
    pub needs: Vec<Need>,
    /// An error that was found when the tool was made; `None` if there was none. An agent with a
    /// faulty tool can't be built, and its [`BuildError`](crate::BuildError) contains this text
    /// after the tool's name, for example: "its input schema can't be checked: …".
    pub fault: Option<String>,
    /// Other fields of the tool's definition, which are sent to the API as they are. For the
    /// Messages API, such fields are for example `strict`, `input_examples` and `cache_control`.
    pub extra: BTreeMap<String, Json>,
}

impl ToolSpec {
    /// Makes a spec with a name, a description and an input schema. All flags are `false`, and all
    /// options `None`.
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
            detach_after: None,
            budget: None,
            runs_first: false,
            transfers: false,
            targets: Vec::new(),
            needs: Vec::new(),
            fault: None,
            extra: BTreeMap::new(),
        }
    }

    /// Whether a host may make a call again that started and whose outcome is unknown, for example
    /// after a crash. `true` if the tool is [`read_only`](Self::read_only) or
    /// [`idempotent`](Self::idempotent). Also `true` if the tool
    /// [`needs_approval`](Self::needs_approval) and the call was not approved, because such a call
    /// has only asked for the approval. `allowed` is whether a person has approved the call
    /// ([`Call::approved`](crate::conversation::Call::approved)).
    pub fn may_be_repeated(&self, allowed: bool) -> bool {
        self.read_only || self.idempotent || (self.needs_approval && !allowed)
    }

    /// Whether other calls may have to wait for a call of this tool.
    pub(crate) fn takes_turns(&self) -> bool {
        self.exclusive || self.exclusive_by.is_some()
    }

    /// Returns whether equal calls of a turn share one execution. Exclusive calls don't: another
    /// call with effects may run between them. It is for hosts.
    pub fn may_share(&self) -> bool {
        self.shared && !self.takes_turns() && self.detach_after.is_none()
    }

    /// Whether a call may start while the reply still streams, as far as the tool is concerned.
    pub(crate) fn starts_early(&self, early: Early) -> bool {
        match early {
            Early::Never => false,
            _ if self.detach_after.is_some() => false,
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
            && self.detach_after.is_none()
            && self.targets.is_empty()
    }

    /// Whether steps of a plan that a call of this tool makes may start while the model still writes
    /// the plan, as far as the tool of the plan is concerned.
    pub(crate) fn may_plan_early(&self) -> bool {
        !self.takes_turns()
            && !self.needs_approval
            && self.detach_after.is_none()
            && self.permits.is_none()
            && self.budget.is_none()
    }

    /// Whether a call that is a step of a plan may start while the model still writes the plan. Calls
    /// with effects don't: if the plan is not carried out, no message could tell of them.
    pub(crate) fn starts_early_in_plan(&self) -> bool {
        self.starts_early(Early::ReadOnly) && !self.needs_approval && self.targets.is_empty()
    }
}
