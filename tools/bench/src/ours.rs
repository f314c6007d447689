//! The library's side: agents as a user would build them.

use std::{convert::Infallible, sync::Arc};

use agent_core::{Agent, Limits, Llm, Team};
use agent_llm::{Claude, ClaudeBuilder, OpenAi, OpenAiBuilder};
use agent_tools::{AgentTool, FnTool};

use crate::{
    Done,
    plot::TOOL,
    wire::Wire,
    work::{Input, Work},
};

/// The system prompt of both sides.
pub(crate) const PROMPT: &str = "You do the work, with your tools.";

/// The agent that talks first.
pub(crate) const AGENT: &str = "agent";

/// One agent with one tool.
pub(crate) fn team(llm: Arc<dyn Llm>, work: Work) -> Done<Team> {
    // The longest plots have more than a run may by default.
    let limits = Limits::new().requests(None).calls(None);
    Ok(Team::new([agent(AGENT, llm, work)?])?.with_limits(limits))
}

/// The library's client of an API. `set` is what Claude's has besides.
pub(crate) fn client(
    wire: Wire,
    url: &str,
    streamed: bool,
    set: fn(ClaudeBuilder) -> ClaudeBuilder,
) -> Done<Arc<dyn Llm>> {
    let openai = |api: fn(OpenAiBuilder) -> OpenAiBuilder| {
        let settings = OpenAi::builder().key("bench").base_url(format!("{url}/v1")).streaming(streamed);
        api(settings).build()
    };
    Ok(match wire {
        Wire::Claude => Arc::new(claude(url, |settings| set(settings.streaming(streamed)))?),
        Wire::Chat => Arc::new(openai(OpenAiBuilder::chat)?),
        Wire::Responses => Arc::new(openai(OpenAiBuilder::responses)?),
    })
}

/// An agent that has eight others as tools.
pub(crate) fn delegating(url: &str) -> Done<Team> {
    let boss = claude(&format!("{url}/boss"), |settings| settings)?;
    let worker = boss.with(|settings| settings.base_url(format!("{url}/worker")))?;
    let names: Vec<String> = (0..8).map(|place| format!("worker_{place}")).collect();
    let workers = names.iter().map(|name| agent(name, worker.clone(), Work::Instant));
    let mut agents = workers.collect::<Done<Vec<Agent>>>()?;
    let tools = names.iter().map(|name| AgentTool::new(name, "Does its part."));
    let boss = Agent::builder(AGENT, boss).base_prompt("").system(PROMPT);
    agents.push(tools.fold(boss, |boss, tool| boss.tool(tool)).build()?);
    Ok(Team::new(agents)?)
}

fn claude(url: &str, set: impl FnOnce(ClaudeBuilder) -> ClaudeBuilder) -> Done<Claude> {
    Ok(set(Claude::builder().key("bench").base_url(url)).build()?)
}

fn agent(name: &str, llm: impl Llm + 'static, work: Work) -> Done<Agent> {
    // More than the longest plot has.
    let agent = Agent::builder(name, llm).base_prompt("").system(PROMPT).max_turns(1_000);
    Ok(agent.tool(tool(work)).build()?)
}

fn tool(work: Work) -> FnTool {
    let about = "Does the work.";
    if matches!(work, Work::Block | Work::Compute) {
        let call = move |input: Input| Ok::<_, Infallible>(work.call_blocking(&input));
        return FnTool::new(TOOL, about, call);
    }
    let call = move |input: Input| async move { Ok::<_, Infallible>(work.call(input).await) };
    let tool = FnTool::new(TOOL, about, call);
    if work == Work::Uneven { tool.read_only() } else { tool }
}
