//! Tool results of bounded size.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    Content, Context, Conversation, DelegationLimits, Json, Outcome, Request, Rules, Tool, ToolSpec,
    async_trait,
};

/// A tool whose results are cut where they are too long, with a word about it. It is asked once
/// what it is: that is foreign code, which runs when an agent is built and never in a run.
pub(crate) struct Bounded {
    tool: Arc<dyn Tool>,
    spec: ToolSpec,
    max_bytes: usize,
}

impl Bounded {
    pub(crate) fn new(tool: Arc<dyn Tool>, spec: ToolSpec, max_bytes: usize) -> Self {
        Self { tool, spec, max_bytes }
    }
}

impl Bounded {
    /// What a spec promises holds for the whole call, or the call is refused.
    fn delegated(&self, to: String, task: Content, began: Instant) -> Outcome {
        let ToolSpec { name, permits, timeout, .. } = &self.spec;
        if permits.is_some() {
            // Held by agents that wait for agents, they could be what these wait for.
            return Outcome::error(format!(
                "not delegated to {to:?}: the tool {name:?} has permits, which only calls without another agent may hold"
            ));
        }
        let limits = DelegationLimits {
            max_result_bytes: Some(self.max_bytes),
            timeout: *timeout,
            time_left: timeout.map(|limit| limit.saturating_sub(began.elapsed())),
        };
        Outcome::Delegate { to, task, limits: limits.into() }
    }
}

#[async_trait]
impl Tool for Bounded {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let began = Instant::now();
        match (*self.tool).call(input, context).await {
            Outcome::Delegate { to, task, .. } => self.delegated(to, task, began),
            Outcome::Output(content) => Outcome::Output(content.truncated(self.max_bytes)),
            Outcome::Error(content) => Outcome::Error(content.truncated(self.max_bytes)),
            other => other,
        }
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}
