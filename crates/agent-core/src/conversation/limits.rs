//! The limits of a run.

use crate::{Budget, Permits, SharedBudget};

/// The limits of a run. If a call goes beyond a limit, it usually gets an error result that names
/// the limit, which the model reads. A field that is `None` sets no limit:
/// `Limits::new().calls(None)`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many turns an agent may have before the user speaks again. A turn is one request to the
    /// agent's model and its reply. The default is 10. An agent that has no turn left ends the run
    /// with [`End::TurnLimit`](crate::End::TurnLimit), or returns the conversation to the agent
    /// that transferred it with [`comes_back`](crate::tool::Transfer::comes_back).
    ///
    /// An agent that gets the conversation a second time has only its remaining turns. If it has
    /// none left, the transfer fails. If an agent fails and the conversation returns to the
    /// previous agent, the turns of the failed agent count for the previous agent too, but it
    /// always has at least one turn to answer.
    pub turns: u32,
    /// How many levels of delegation there may be. With 1, the user's agent may delegate, but the
    /// agents that it delegates to may not. With 0, no agent may. The default is 8, and the most is
    /// [`Limits::DEEPEST`]: a larger number counts as `DEEPEST`. A call that would delegate deeper
    /// gets an error result that names the limit.
    pub depth: u32,
    /// How many times the conversation may be transferred to another agent before the user speaks
    /// again. The default is 8. A call that asks for more gets an error result.
    pub transfers: u32,
    /// How many requests to models a run may make. The default is 200. Requests of delegated
    /// conversations, after transfers and after failures count. Retries by a backend don't count.
    /// If a run needs more, it ends with [`RunError::RequestLimit`](crate::RunError::RequestLimit),
    /// and the next run continues from there. If a delegated conversation needs more, the call that
    /// led to it gets an error result.
    pub requests: Option<u32>,
    /// How many tool calls a run may make, including those of delegated conversations. The default
    /// is 2,000. Further calls are not made and get an error result. Equal calls that
    /// [share](crate::ToolSpec::shared) one execution count as one. Calls that started early count
    /// even if their reply failed. A call that waits for a person counts when it asks, and not again
    /// when it is approved.
    pub calls: Option<u32>,
    /// How many tool calls of one reply are made. The default is 256. The first calls in call order
    /// are made; each of the others gets an error result.
    pub calls_in_reply: Option<u32>,
    /// How many tool calls may run in parallel, including those of delegated conversations. The
    /// default is 512. Further calls wait. A call that has delegated doesn't count while it waits
    /// for the other agent, so even a limit of 1 can't block agents that wait for other agents. On an
    /// engine, a number other than the default holds over all processes that work for the run.
    pub calls_at_once: Option<usize>,
    /// Limits how many tool calls run in parallel over all runs that share these permits, for
    /// example all runs of a process, or of all processes that serve the team to an engine. The
    /// default is no limit.
    pub permits: Option<Permits>,
    /// What a run may spend: requests, tokens, money, calls, time. It holds until the user says
    /// something again, also if another process continues the run. The default is no limit. See
    /// [`budget`](crate::budget).
    pub budget: Option<Box<Budget>>,
    /// What a conversation may spend in all its runs together. The default is no limit.
    pub conversation_budget: Option<Box<Budget>>,
    /// What all runs with this budget may spend together, for example those of a tenant. The
    /// default is no limit.
    pub shared_budget: Option<SharedBudget>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turns: 10,
            depth: 8,
            transfers: 8,
            requests: Some(200),
            calls: Some(2_000),
            calls_in_reply: Some(256),
            calls_at_once: Some(512),
            permits: None,
            budget: None,
            conversation_budget: None,
            shared_budget: None,
        }
    }
}

impl Limits {
    /// The most levels of delegation that [`Limits::depth`] can allow. Delegated conversations are
    /// nested in JSON. JSON deeper than 128 levels can't be read back, and each delegation needs
    /// four levels.
    pub const DEEPEST: u32 = 24;

    /// The default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`Limits::turns`].
    pub fn turns(mut self, turns: u32) -> Self {
        self.turns = turns;
        self
    }

    /// Sets [`Limits::depth`].
    pub fn depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    /// The depth limit in force: `depth`, but at most [`Limits::DEEPEST`].
    pub(crate) fn deepest(&self) -> u32 {
        self.depth.min(Self::DEEPEST)
    }

    /// Sets [`Limits::transfers`].
    pub fn transfers(mut self, transfers: u32) -> Self {
        self.transfers = transfers;
        self
    }

    /// Sets [`Limits::requests`]. `None` means no limit.
    pub fn requests(mut self, requests: impl Into<Option<u32>>) -> Self {
        self.requests = requests.into();
        self
    }

    /// Sets [`Limits::calls`]. `None` means no limit.
    pub fn calls(mut self, calls: impl Into<Option<u32>>) -> Self {
        self.calls = calls.into();
        self
    }

    /// Sets [`Limits::calls_in_reply`]. `None` means no limit.
    pub fn calls_in_reply(mut self, calls: impl Into<Option<u32>>) -> Self {
        self.calls_in_reply = calls.into();
        self
    }

    /// Sets [`Limits::permits`].
    pub fn permits(mut self, permits: Permits) -> Self {
        self.permits = Some(permits);
        self
    }

    /// Sets [`Limits::budget`].
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget.into());
        self
    }

    /// Sets [`Limits::conversation_budget`].
    pub fn conversation_budget(mut self, budget: Budget) -> Self {
        self.conversation_budget = Some(budget.into());
        self
    }

    /// Sets [`Limits::shared_budget`].
    pub fn shared_budget(mut self, budget: SharedBudget) -> Self {
        self.shared_budget = Some(budget);
        self
    }

    /// Sets [`Limits::calls_at_once`]. 0 counts as 1, and `None` means no limit.
    pub fn calls_at_once(mut self, calls: impl Into<Option<usize>>) -> Self {
        self.calls_at_once = calls.into().map(|calls| calls.max(1));
        self
    }

    /// Whether the call at this place of its reply is over the limit and not made.
    pub(crate) fn is_beyond(&self, place: usize) -> bool {
        self.calls_in_reply.is_some_and(|most| place >= most as usize)
    }
}
