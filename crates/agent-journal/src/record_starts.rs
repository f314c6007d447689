//! Records the start of calls that must not be made twice, before they start.

use std::sync::Arc;

use agent_core::{
    Context, Conversation, Json, Outcome, Request, Team, Tool, ToolSpec, agent::Rules, async_trait,
    message::ToolCall,
};

use crate::{
    Entry,
    ledger::{Completed, Ledger},
};

/// A tool around another one. It records that a call starts before it starts. This is the innermost
/// wrapper: a call that still waits for its permits when the process ends has not started.
struct RecordStart {
    tool: Arc<dyn Tool>,
    ledger: Arc<Ledger>,
}

/// Wraps the tools of a team so that the start of each call is recorded, unless it may be made
/// twice.
pub(crate) fn record_starts(team: Team, ledger: &Arc<Ledger>) -> Team {
    team.wrap_tools(|tool| match tool.spec().may_be_repeated(true) {
        true => tool,
        false => Arc::new(RecordStart { tool, ledger: ledger.clone() }),
    })
}

#[async_trait]
impl Tool for RecordStart {
    fn spec(&self) -> &ToolSpec {
        self.tool.spec()
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        if self.spec().may_be_repeated(context.approved()) {
            return self.tool.call(input, context).await;
        }
        let call = ToolCall {
            id: context.call_id().to_owned(),
            name: self.spec().name.clone(),
            input: input.clone(),
        };
        let id = context.conversation();
        match self.ledger.append(id, &[Entry::Started(call)], id, Completed::Nothing).await {
            Ok(()) => self.tool.call(input, context).await,
            // The run ends with the error of the journal, because recording this outcome fails too.
            Err(error) => Outcome::error(format!("not run: {error}")),
        }
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}
