//! Calls that may not be made twice: that one begins is on the disk before it does.

use std::sync::Arc;

use agent_core::{
    Context, Conversation, Json, Outcome, Request, Team, Tool, ToolSpec, agent::Rules, async_trait,
    message::ToolCall,
};

use crate::{
    Entry,
    ledger::{Kept, Ledger},
};

/// A tool of which it is written down that a call begins. Around the tool, and so behind all that a call waits for: a call
/// that waited for its permits when the process ended has not begun.
struct Noted {
    tool: Arc<dyn Tool>,
    ledger: Arc<Ledger>,
}

/// The team, whose calls are written down where they may not be made twice.
pub(crate) fn noted(team: Team, ledger: &Arc<Ledger>) -> Team {
    team.wrap_tools(|tool| match tool.spec().may_be_repeated(true) {
        true => tool,
        false => Arc::new(Noted { tool, ledger: ledger.clone() }),
    })
}

#[async_trait]
impl Tool for Noted {
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
        match self.ledger.append(id, &[Entry::Started(call)], id, Kept::Nothing).await {
            Ok(()) => self.tool.call(input, context).await,
            // The run ends with the journal's error, which is there for what comes of this, too.
            Err(error) => Outcome::error(format!("not run: {error}")),
        }
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}
