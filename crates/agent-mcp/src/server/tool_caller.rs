//! The agent that makes the calls of clients to plain tools.

use std::sync::Arc;

use agent_core::{
    Agent, Block, BoxStream, BuildError, Conversation, Delta, Json, Llm, LlmError, Message, Request,
    Response, Team, Tool, Usage, agent::Rules, budget::Usd, model::non_streaming,
};

/// The name of the agent. Tools see it as the agent that calls them
/// ([`Context::agent`](agent_core::Context::agent)).
pub(crate) const TOOL_CALLER: &str = "mcp-client";

/// The id of the one call in its conversations.
pub(crate) const CALL: &str = "call";

/// The model of the agent: the client has decided already what to call, so there is nothing to say.
struct NothingToSay;

impl Llm for NothingToSay {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        non_streaming(async { Ok(Response::text("The call has ended.")) })
    }

    /// So that a budget in money can be set for what the calls lead to.
    fn max_cost(&self, _: &Usage) -> Option<Usd> {
        Some(Usd::default())
    }
}

/// Adds an agent that has these tools. Its calls are made by the loop, as those of any agent. So
/// the timeouts, permits and approvals of the tools hold, and a call may also delegate or transfer
/// to the agents of the team.
pub(crate) fn team_with(team: Option<&Team>, tools: Vec<Arc<dyn Tool>>) -> Result<Team, BuildError> {
    let caller = Agent::builder(TOOL_CALLER, NothingToSay).tools(tools).build()?;
    let Some(team) = team else { return Team::new([caller]) };
    let agents = team.agents().into_iter().filter_map(|name| team.agent(name)).cloned();
    Ok(Team::new(agents.chain([caller]))?.with_limits(team.limits().clone()))
}

/// The conversation in which the next thing to happen is this call.
pub(crate) fn conversation(tool: &str, input: Json) -> Conversation {
    let call = Block::tool_use(CALL, tool, input);
    let messages = [Message::user("A client of the server makes this call."), Message::assistant(vec![call])];
    Conversation::from_messages(TOOL_CALLER, messages)
        .expect("a question and one call of a known tool with an object as input are a valid history")
}
