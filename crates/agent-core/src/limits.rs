//! What a run may use up.

use crate::Permits;

/// The limits of a run. What a model runs into comes back to it as an error result that it can read.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many turns an agent's model may have before the user speaks again; 10.
    pub turns: u32,
    /// How deep agents may delegate to agents; 8. More than [`Limits::DEEPEST`] is taken as that.
    pub depth: u32,
    /// How often the conversation may go over to another agent before the user speaks again; 8.
    pub transfers: u32,
    /// How many tool calls a run may make, over all its delegations; unlimited. Equal ones that share a call are one,
    /// and one that started early counts, also if its reply came to nothing.
    pub calls: Option<u32>,
    /// How many tool calls may be under way at once, over all delegations; unlimited. Delegations
    /// don't count, so a limit of 1 can't block agents that wait for agents.
    pub calls_at_once: Option<usize>,
    /// Bounds the tool calls under way of all runs that share it, of a whole process for one; unlimited.
    pub permits: Option<Permits>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { turns: 10, depth: 8, transfers: 8, calls: None, calls_at_once: None, permits: None }
    }
}

impl Limits {
    /// How deep agents may delegate to agents at most. Conversations stand inside each other, and JSON that is nested
    /// deeper than 128 levels can't be read back; each delegation takes four of them.
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

    /// See [`Limits::calls`].
    pub fn calls(mut self, calls: u32) -> Self {
        self.calls = Some(calls);
        self
    }

    /// See [`Limits::permits`].
    pub fn permits(mut self, permits: Permits) -> Self {
        self.permits = Some(permits);
        self
    }

    /// See [`Limits::calls_at_once`]; 0 is taken as 1.
    pub fn calls_at_once(mut self, calls: usize) -> Self {
        self.calls_at_once = Some(calls.max(1));
        self
    }
}
