//! Which calls may start while the reply that makes them still streams.

/// Which calls of an agent may start while the reply that makes them still streams; set by
/// [`AgentBuilder::early`](crate::AgentBuilder::early).
///
/// A call starts early once the model has moved on from it: with the next block, or with the end of the reply. Never early
/// is a call that [takes turns](crate::ToolSpec::exclusive) with others or stands behind one that runs alone, nor any call of
/// an agent that has a tool whose calls come [first](crate::ToolSpec::runs_first). The conversation is the same whenever its
/// calls start. Hosts that outlive their process start nothing early that may have effects: agent-journal goes no further
/// than [`ReadOnly`](Self::ReadOnly), agent-restate starts nothing early.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Early {
    /// None.
    Never,
    /// Those of tools that are [`read_only`](crate::ToolSpec::read_only).
    #[default]
    ReadOnly,
    /// Those of all tools but the ones that need approval or lead to other agents: for a program that wants what the model
    /// asks for, even if the reply does not come to its end.
    ///
    /// A reply that breaks off and is asked again makes no such call twice: an equal one, of the same tool and input, has
    /// its result, each the result of one, in order. What the final reply does not make has happened all the same. It runs to
    /// its end before the run goes on, and [`EventKind::CallDiscarded`](crate::EventKind) says so, since no message does. The
    /// same holds if the reply fails or is refused. In one that is cut, or paused, such a call has its result, which the model
    /// reads when the conversation goes on. When a run is dropped, its calls are aborted, early ones too.
    All,
}
