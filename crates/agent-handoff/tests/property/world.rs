//! Random teams.

use std::{sync::Arc, time::Duration};

use agent_core::{Agent, Limits, Message, Team, Tool, script::Script};
use agent_handoff::{Handoff, HistoryFilter, MixedTurn, OnFailure};
use agent_tools::{AgentTool, Detached, FanOut, PlanTool, detached_tools};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    says::{Says, says, script},
    tools::{Log, Watched, act, acts},
};

/// The agents of a team, as many as it has.
pub(crate) const NAMES: [&str; 4] = ["ann", "bob", "cyd", "dan"];

/// A team and what its models say.
#[derive(Clone, Debug)]
pub(crate) struct World {
    members: Vec<Member>,
    turns: u32,
    depth: u32,
    calls_at_once: Option<usize>,
    /// Whether there are tools for plans and for calls in the background.
    beside: bool,
}

/// An agent: which tools it has, and what its model says.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    acts: bool,
    /// Whether one of its acts comes first.
    first: bool,
    delegates: bool,
    hands_over: Option<Way>,
    pub(crate) says: Vec<Says>,
}

/// How an agent hands over.
#[derive(Clone, Debug)]
struct Way {
    one_tool_per_agent: bool,
    mixed_turn: MixedTurn,
    on_failure: OnFailure,
    reads: HistoryFilter,
    at_most: Option<u32>,
    repeats: u32,
}

impl World {
    /// The team, its models, and what its tools will do.
    pub(crate) fn begin(&self) -> (Team, Script, Log) {
        let (script, log) = (script(&self.members), Log::default());
        let names = &NAMES[..self.members.len()];
        let (acts, delegations) = ([false, true].map(acts), delegations(names));
        let agents = names.iter().zip(&self.members).map(|(name, member)| {
            let own = member.hands_over.iter().flat_map(|way| way.handoff(names).tools());
            let acts = acts[usize::from(member.first)].iter().filter(|_| member.acts).cloned();
            let delegations = delegations.iter().filter(|_| member.delegates).cloned();
            let beside = beside(names).into_iter().filter(|_| self.beside);
            let tools = acts.chain(delegations).chain(beside).chain(own);
            let watched = tools.map(|tool| Watched(tool, log.clone()));
            let builder =
                Agent::builder(*name, script.clone()).base_prompt("").system(format!("You are {name}."));
            builder.tools(watched).build().expect("an agent that can be built")
        });
        // Which work meets a limit of the whole run depends on the order it is done in.
        let limits = Limits::new().turns(self.turns).depth(self.depth).requests(None).calls(None);
        let limits = self.calls_at_once.into_iter().fold(limits, Limits::calls_at_once);
        let team = Team::new(agents).expect("all agents are there").with_limits(limits);
        (team, script, log)
    }
}

fn delegations(names: &[&str]) -> Vec<Arc<dyn Tool>> {
    names.iter().map(|name| Arc::new(AgentTool::new(*name, "Does tasks.")) as _).collect()
}

/// Tools whose calls go on in the background, at once or if they take long, those that look after them, and those that make
/// several calls.
fn beside(names: &[&str]) -> Vec<Arc<dyn Tool>> {
    let asks = |name: &str| FanOut::new(name, "Asks all.", names.to_vec());
    let mut tools: Vec<Arc<dyn Tool>> = vec![
        Arc::new(Detached::new(act("act_later"))),
        Arc::new(Detached::after(Duration::from_millis(15), act("act_soon"))),
        Arc::new(Detached::new(asks("ask_later"))),
        Arc::new(asks("ask_all").enough(1)),
        Arc::new(PlanTool::new()),
    ];
    tools.extend(detached_tools().map(|tool| Arc::new(tool) as Arc<dyn Tool>));
    tools
}

impl Way {
    fn handoff(&self, names: &[&str]) -> Handoff {
        let handoff = Handoff::to(names.iter().map(|name| (*name, "Knows things.")))
            .mixed_turn(self.mixed_turn)
            .on_failure(self.on_failure)
            .reads(self.reads.clone())
            .repeats(self.repeats);
        let handoff = self.at_most.into_iter().fold(handoff, Handoff::at_most);
        if self.one_tool_per_agent { handoff.one_tool_per_agent() } else { handoff }
    }
}

/// Teams, with plans and calls in the background if these are wanted.
pub(crate) fn world(beside: bool) -> impl Strategy<Value = World> {
    let limits = (1..7u32, 0..4u32, option::weighted(0.3, 1..3usize));
    (vec(member(beside), 2..=NAMES.len()), limits).prop_map(
        move |(members, (turns, depth, calls_at_once))| World {
            members,
            turns,
            depth,
            calls_at_once,
            beside,
        },
    )
}

fn member(beside: bool) -> impl Strategy<Value = Member> {
    let yes = |probability| prop::bool::weighted(probability);
    (yes(0.9), yes(0.3), yes(0.7), option::weighted(0.6, way()), vec(says(beside), 1..5)).prop_map(
        |(acts, first, delegates, hands_over, says)| Member { acts, first, delegates, hands_over, says },
    )
}

fn way() -> impl Strategy<Value = Way> {
    let policies = (
        select(vec![MixedTurn::HandoffFirst, MixedTurn::ToolsFirst]),
        select(vec![OnFailure::Return, OnFailure::Keep]),
        select(views()),
    );
    (any::<bool>(), policies, option::weighted(0.2, 0..3u32), 1..3u32).prop_map(
        |(one_tool_per_agent, (mixed_turn, on_failure, reads), at_most, repeats)| Way {
            one_tool_per_agent,
            mixed_turn,
            on_failure,
            reads,
            at_most,
            repeats,
        },
    )
}

fn views() -> Vec<HistoryFilter> {
    let every_other = |messages: &[Message]| messages.iter().step_by(2).cloned().collect();
    vec![
        HistoryFilter::Everything,
        HistoryFilter::WithoutHandoffs,
        HistoryFilter::WithoutTools,
        HistoryFilter::LastTurns(1),
        HistoryFilter::LastTurns(2),
        HistoryFilter::by(|_| Vec::new()),
        HistoryFilter::by(every_other),
        HistoryFilter::by(|messages| messages.iter().skip(1).cloned().collect()),
        HistoryFilter::by(|messages| messages.iter().rev().cloned().collect()),
    ]
}
