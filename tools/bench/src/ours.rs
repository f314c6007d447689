//! The library's side: agents as a user would build them.

use std::convert::Infallible;

use agent_core::{Agent, Limits, Team};
use agent_llm::{Claude, ClaudeBuilder};
use agent_tools::{AgentTool, FnTool};

use crate::{
    Done,
    plot::TOOL,
    work::{Input, Work},
};

/// The system prompt of both sides.
pub(crate) const PROMPT: &str = "You do the work, with your tools.";

/// The agent that talks first.
pub(crate) const AGENT: &str = "agent";

/// One agent with one tool.
pub(crate) fn team(url: &str, work: Work, set: impl FnOnce(ClaudeBuilder) -> ClaudeBuilder) -> Done<Team> {
    // The longest plots have more than a run may by default.
    let limits = Limits::new().requests(None).calls(None);
    Ok(Team::new([agent(AGENT, claude(url, set)?, work)?])?.with_limits(limits))
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

fn agent(name: &str, claude: Claude, work: Work) -> Done<Agent> {
    // More than the longest plot has.
    let agent = Agent::builder(name, claude).base_prompt("").system(PROMPT).max_turns(1_000);
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
