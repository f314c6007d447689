//! The agents of the demo, the same for the scripted model and a real one.

use std::error::Error;

use agent_core::{Agent, Llm, Team};
use agent_handoff::Handoff;
use agent_tools::{AgentTool, math};

/// A specialist: its name, its system prompt (by which the mock server knows it), what the
/// orchestrator reads of it.
pub(super) struct Specialist {
    pub(super) name: &'static str,
    pub(super) system: &'static str,
    description: &'static str,
}

pub(super) const GEOMETER: Specialist = Specialist {
    name: "geometer",
    system: "You are a geometer. You compute with your tools only.",
    description: "Computes areas, lengths and diagonals.",
};

pub(super) const ACCOUNTANT: Specialist = Specialist {
    name: "accountant",
    system: "You are an accountant. You compute with your tools only.",
    description: "Computes interest and returns.",
};

pub(super) const STATISTICIAN: Specialist = Specialist {
    name: "statistician",
    system: "You are a statistician. You compute with your tools only.",
    description: "Computes means and variances.",
};

pub(super) const ORCHESTRATOR: &str = "You are an orchestrator. Give each part of a task to the specialist for \
    it, all in one reply, with every number it needs. Then put their answers together.";

pub(super) const CALCULATOR: &str = "You are a calculator. You compute with your tools only, and make the \
    calls that don't depend on each other in one reply.";

pub(super) const DESK: &str = "You are the front desk. Hand over what is not yours.";

pub(super) const NIGHT_DESK: &str = "You are the front desk at night. Hand over what is not yours.";

pub(super) const BILLING: &str = "You are billing. You know all about invoices.";

pub(super) const SUPPORT: &str = "You are support. You know all about the app.";

/// A front desk that can hand over to two others.
pub(super) fn office(llm: impl Llm + Clone + 'static, desk: &str) -> Result<Team, Box<dyn Error>> {
    let handoff =
        Handoff::to([("billing", "Invoices and payments."), ("support", "The app and its faults.")]);
    Ok(Team::new([
        Agent::builder("desk", llm.clone()).system(desk).tools(handoff.tools()).build()?,
        Agent::builder("billing", llm.clone()).system(BILLING).tools(math::tools()).build()?,
        Agent::builder("support", llm).system(SUPPORT).build()?,
    ])?)
}

/// One agent with the math tools.
pub(super) fn calculator(llm: impl Llm + 'static) -> Result<Team, Box<dyn Error>> {
    let agent = Agent::builder("calculator", llm).system(CALCULATOR).tools(math::tools()).build()?;
    Ok(Team::new([agent])?)
}

/// An orchestrator and three specialists with the math tools.
pub(super) fn orchestra(llm: impl Llm + Clone + 'static) -> Result<Team, Box<dyn Error>> {
    let specialists = [GEOMETER, ACCOUNTANT, STATISTICIAN];
    let mut orchestrator = Agent::builder("orchestrator", llm.clone()).system(ORCHESTRATOR);
    let mut agents = Vec::new();
    for Specialist { name, system, description } in specialists {
        orchestrator = orchestrator.tool(AgentTool::new(name, description));
        agents.push(Agent::builder(name, llm.clone()).system(system).tools(math::tools()).build()?);
    }
    agents.push(orchestrator.build()?);
    Ok(Team::new(agents)?)
}
