//! Which calls may start while the reply still streams.

/// Which calls of an agent may start while the reply that makes them still streams. Set it with
/// [`AgentBuilder::early`](crate::AgentBuilder::early).
///
/// An early call starts when its block has ended: when the next block begins or the reply ends.
/// These calls never start early:
///
/// - calls that need approval, or lead to other agents;
/// - calls that [take turns](crate::ToolSpec::exclusive) with others, and calls after a call that
///   runs alone;
/// - all calls of an agent with a tool that [runs first](crate::ToolSpec::runs_first).
///
/// Steps of a [plan](crate::Tool::input_is_plan) whose tools are read-only start while the model
/// still writes the plan, unless this is [`Never`](Self::Never). Other steps don't start early.
///
/// An early start does not change the conversation. Hosts whose runs survive their process don't
/// start calls with effects early: agent-journal and agent-restate start at most the calls of
/// [`ReadOnly`](Self::ReadOnly).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Early {
    /// No calls.
    Never,
    /// Calls of tools that are [`read_only`](crate::ToolSpec::read_only).
    #[default]
    ReadOnly,
    /// Calls of all tools, except those that need approval or lead to other agents. Use it if it
    /// does no harm when a call is made although its reply fails afterwards.
    ///
    /// If a reply breaks off and is asked again, an equal call (same tool and input) of the new
    /// reply gets the result of the earlier one and is not made again. Calls that the new reply no
    /// longer makes have still run: the run waits for their end and reports
    /// [`EventKind::CallDiscarded`](crate::EventKind), because no message mentions them. The same
    /// holds if the reply fails or is refused. If a reply is cut or paused, its early calls keep
    /// their results, and the model reads them when the conversation goes on. Dropping a run aborts
    /// its calls, early ones too.
    All,
}
