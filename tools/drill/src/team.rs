//! The team of the drill: an orchestrator that also makes calls that depend on each other, three specialists with tools, and
//! an agent that takes over, one of whose calls goes on in the background. A run of it has 29 effects: 11 answers and 18
//! calls. If the call in the background ends early, the last agent has one answer less.

use std::time::Duration;

use agent_core::{
    Agent, Context, Request, Role, Team, Usage,
    script::{Reply, Script},
    tool::Permits,
};
use agent_handoff::Handoff;
use agent_tools::{AgentTool, Detached, FnTool, PlanTool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{Done, log::Log};

/// What a run of the team leads to.
pub const EFFECTS: usize = 29;

/// What the user says.
pub const TASK: &str = "Plan the trip, then have it booked.";

/// The output tokens of each reply, and the most that a reply may have.
const OUTPUT: u64 = 30;
const MOST_OUTPUT: u32 = 100;

/// How many of the specialists' calls may run in parallel, of six.
const LOOKS: usize = 2;

const SPECIALISTS: [&str; 3] = ["trains", "hotels", "museums"];

#[derive(Deserialize, JsonSchema)]
struct Given {
    /// What to look up, book or pay.
    what: String,
}

/// How the team works.
#[derive(Clone)]
pub struct Ways {
    /// Whether its tools may be called twice.
    pub repeatable: bool,
    /// Whether the last agent makes a call in the background. When its result is told, and so how many answers there are, is a
    /// matter of time.
    pub in_background: bool,
    /// Whether models and tools take their time, or none.
    pub takes_time: bool,
    /// Where tools say that they begin and end, and models what they read and answer. Only then do their replies have
    /// usages, and may only some of the specialists' calls run in parallel.
    pub log: Option<Log>,
}

/// The team. The agent that has its conversations first is `lead`.
pub fn team(ways: &Ways) -> Done<Team> {
    let Ways { takes_time, log, in_background, .. } = ways.clone();
    let model = Script::by(move |request| {
        let reply = match &log {
            Some(log) => {
                let usage = Usage::new(request.estimated_input_tokens() / 2, OUTPUT);
                log.read(request);
                log.answer(&usage);
                reply(request, in_background).usage(usage)
            }
            None => reply(request, in_background),
        };
        if takes_time { reply.after(Duration::from_millis(4)) } else { reply }
    });
    let agent = |name: &str| Agent::builder(name, model.clone()).max_tokens(MOST_OUTPUT);
    let lead = SPECIALISTS
        .iter()
        .fold(agent("lead"), |lead, name| lead.tool(AgentTool::new(*name, format!("Knows about {name}."))));
    let handoff = Handoff::to([("booking", "Books and pays.")]);
    // If the end of a step were unknown, others would not be made, and the run would have another end.
    let price = tool("price", ways).idempotent();
    let lead = lead.tool(tool("note", ways)).tool(price).tool(PlanTool::new());
    let mut agents = vec![lead.tools(handoff.tools()).build()?];
    let permits = ways.log.as_ref().map(|_| Permits::new(LOOKS));
    for name in SPECIALISTS {
        let look = tool("look", ways);
        let look = permits.iter().fold(look, |look, permits| look.permits(permits.clone()));
        agents.push(agent(name).tool(look).build()?);
    }
    // Idempotent for the same reason as the price.
    let confirm = Detached::new(tool("confirm", ways).idempotent());
    agents.push(agent("booking").tool(tool("book", ways)).tool(confirm).build()?);
    Ok(Team::new(agents)?)
}

/// The same for the same request, whoever asks and however often.
fn reply(request: &Request, in_background: bool) -> Reply {
    let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
    let call = |tool: &str, what: &str| Reply::call(tool, json!({"what": what}));
    match (&*request.agent, turn) {
        ("lead", 0) => {
            let first = call("note", "the dates").and_call("plan", prices());
            SPECIALISTS
                .iter()
                .fold(first, |reply, name| reply.and_call(*name, json!({"task": format!("Find {name}.")})))
        }
        ("lead", _) => Reply::call("handoff", json!({"name": "booking", "reason": "It is all planned."})),
        ("booking", 1) => {
            let both = call("book", "a train").and_call("book", json!({"what": "a hotel"}));
            if in_background { both.and_call("confirm", json!({"what": "the seats"})) } else { both }
        }
        ("booking", _) => Reply::text("All is booked."),
        (name, 0) => {
            let first = call("look", &format!("{name} in May"));
            first.and_call("look", json!({"what": format!("{name} in June")}))
        }
        (name, _) => Reply::text(format!("These are the best {name}.")),
    }
}

/// Whether the call of this key is a step of the plan, or in the background: in a conversation with the id of the call. Such
/// calls may always be made twice.
pub(crate) fn may_be_repeated(key: &str) -> bool {
    let mut path = key.rsplit('/');
    let (call, conversation) = (path.next(), path.next());
    key.contains("/call_0_1/") || (call.is_some() && call == conversation)
}

/// A price, two that need it, and one that needs these.
fn prices() -> serde_json::Value {
    json!({"steps": [
        {"id": "list", "tool": "price", "input": {"what": "the trip"}},
        {"id": "each", "tool": "price", "for_each": ["by day", "by night"],
            "input": {"what": {"$text": [{"$from": "list"}, " ", {"$item": ""}]}}},
        {"id": "sum", "tool": "price", "input": {"what": {"$from": "each", "path": "/1"}}}
    ]})
}

fn tool(name: &str, ways: &Ways) -> FnTool {
    let (Ways { takes_time, log, .. }, own) = (ways.clone(), name.to_owned());
    let tool = FnTool::new(name, "Does its part of a trip.", move |given: Given, context: Context| {
        let (log, own) = (log.clone(), own.clone());
        async move {
            let key = context.key();
            log.iter().for_each(|log| log.start(&key));
            if takes_time {
                // Each call takes as long as it takes, whenever it is made.
                let long = key.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte)) % 8;
                tokio::time::sleep(Duration::from_millis(2 + long)).await;
            }
            log.iter().for_each(|log| log.end(&key));
            Ok::<_, String>(format!("{own}: {}", given.what))
        }
    });
    if ways.repeatable { tool.idempotent() } else { tool }
}
