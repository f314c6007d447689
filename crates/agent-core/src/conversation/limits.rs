//! What a run may use up.

use crate::Permits;

/// The limits of a run. What a model runs into comes back to it as an error result that it can read
/// and that names the limit. Where a limit may be absent, `None` is no limit:
/// `Limits::new().calls(None)`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many turns an agent's model may have before the user speaks again; 10. An agent that is
    /// handed the conversation a second time goes on with what it has left, and one that has
    /// nothing left is not handed it. An agent that has the conversation back from one that failed
    /// counts the turns of that one, too, and has at least one turn to say something about it.
    pub turns: u32,
    /// How deep agents may delegate to agents; 8. More than [`Limits::DEEPEST`] is taken as that.
    pub depth: u32,
    /// How often the conversation may go over to another agent before the user speaks again; 8.
    pub transfers: u32,
    /// How many requests all models of a run may get together; 200. Those of delegated
    /// conversations, of agents that took over and after a failure count; what a backend sends
    /// again by itself does not. A run that wants more ends with
    /// [`RunError::RequestLimit`](crate::RunError::RequestLimit), and the next one goes on from
    /// there. Where a delegated conversation wants more, the call that led to it has an error
    /// result.
    pub requests: Option<u32>,
    /// How many tool calls a run may make, over all its delegations; 2,000. Equal ones that share a
    /// call are one, and one that started early counts, also if its reply came to nothing.
    pub calls: Option<u32>,
    /// How many tool calls of one reply are made; 256. The first ones are, in call order.
    pub calls_in_reply: Option<u32>,
    /// How many tool calls may be under way at once, over all delegations; 512. The others wait.
    /// Delegations don't count, so a limit of 1 can't block agents that wait for agents.
    pub calls_at_once: Option<usize>,
    /// Bounds the tool calls under way of all runs that share it, of a whole process for one;
    /// unlimited.
    pub permits: Option<Permits>,
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
        }
    }
}

impl Limits {
    /// How deep agents may delegate to agents at most. Conversations stand inside each other, and
    /// JSON that is nested deeper than 128 levels can't be read back; each delegation takes four of
    /// them.
    pub const DEEPEST: u32 = 24;

    /// The default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// See [`Limits::turns`].
    pub fn turns(mut self, turns: u32) -> Self {
        self.turns = turns;
        self
    }

    /// See [`Limits::depth`].
    pub fn depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    /// How deep agents may delegate, so that it can be read back.
    pub(crate) fn deepest(&self) -> u32 {
        self.depth.min(Self::DEEPEST)
    }

    /// See [`Limits::transfers`].
    pub fn transfers(mut self, transfers: u32) -> Self {
        self.transfers = transfers;
        self
    }

    /// See [`Limits::requests`]; `None` is no limit.
    pub fn requests(mut self, requests: impl Into<Option<u32>>) -> Self {
        self.requests = requests.into();
        self
    }

    /// See [`Limits::calls`]; `None` is no limit.
    pub fn calls(mut self, calls: impl Into<Option<u32>>) -> Self {
        self.calls = calls.into();
        self
    }

    /// See [`Limits::calls_in_reply`]; `None` is no limit.
    pub fn calls_in_reply(mut self, calls: impl Into<Option<u32>>) -> Self {
        self.calls_in_reply = calls.into();
        self
    }

    /// See [`Limits::permits`].
    pub fn permits(mut self, permits: Permits) -> Self {
        self.permits = Some(permits);
        self
    }

    /// See [`Limits::calls_at_once`]; 0 is taken as 1, `None` is no limit.
    pub fn calls_at_once(mut self, calls: impl Into<Option<usize>>) -> Self {
        self.calls_at_once = calls.into().map(|calls| calls.max(1));
        self
    }

    /// Whether a call in this place of its reply is not made.
    pub(crate) fn is_beyond(&self, place: usize) -> bool {
        self.calls_in_reply.is_some_and(|most| place >= most as usize)
    }
}
