//! An agent whose model knows what to call, and takes the time that a model takes.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Agent, BuildError, Delta, Request, Role, Usage,
    script::{Reply, Script},
};
use agent_tools::{FnTool, PlanTool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Way, shape::Shape};

/// The time to the first token of a reply, and for each token.
const FIRST: Duration = Duration::from_millis(600);
const PER_TOKEN: Duration = Duration::from_millis(15);

/// The input of each tool.
#[derive(Deserialize, JsonSchema)]
struct Input {
    /// What to search for, or to calculate.
    #[allow(dead_code, reason = "the model writes it")]
    about: String,
    /// The numbers to calculate with.
    #[serde(default)]
    #[allow(dead_code, reason = "the model writes it")]
    with: Vec<Value>,
    /// The number of the step, which says how long it takes.
    step: usize,
}

/// An agent with the tools of the shape, whose model makes its calls in this way.
pub(crate) fn agent(shape: &Shape, way: Way) -> Result<Agent, BuildError> {
    let replies = replies(shape, way);
    let model = Script::by(move |request| {
        let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
        timed(replies[turn].clone(), request)
    });
    let takes: Arc<[Duration]> = shape.steps.iter().map(|step| step.takes).collect();
    let tool = |name: &str| {
        let takes = takes.clone();
        FnTool::new(name, "Finds a number.", move |input: Input| {
            let takes = takes[input.step];
            async move {
                tokio::time::sleep(takes).await;
                Ok::<_, String>("1234.5".to_owned())
            }
        })
    };
    let agent = Agent::builder("clerk", model)
        .max_turns(20)
        .tool(tool("search").read_only())
        .tool(tool("calculate").read_only());
    if way == Way::Plan { agent.tool(PlanTool::new()) } else { agent }.build()
}

/// The least time in which the task can be done with a plan whose calls start when its reply has
/// ended: the reply with the plan, the calls that wait for each other, and the answer.
pub(crate) fn bound(shape: &Shape) -> Duration {
    let model = replies(shape, Way::Plan).into_iter().map(|reply| FIRST + PER_TOKEN * tokens(&reply));
    model.sum::<Duration>() + shape.critical_path()
}

/// The replies of the model, in order. What a call needs is a number once it is known, and in a plan the name of
/// its step.
fn replies(shape: &Shape, way: Way) -> Vec<Reply> {
    let known = |_: &usize| json!(1234.5);
    let calls: Vec<(usize, Reply)> = match way {
        Way::Plan => {
            let named = |needed: &usize| json!({"$from": format!("s{needed}")});
            let steps = shape.steps.iter().enumerate().map(|(place, step)| {
                json!({"id": format!("s{place}"), "tool": step.tool, "input": input(shape, place, &named)})
            });
            let plan = json!({"steps": steps.collect::<Vec<_>>()});
            vec![(0, Reply::call("plan", plan))]
        }
        _ => {
            let call = |place: usize| Reply::call(shape.steps[place].tool, input(shape, place, &known));
            (0..shape.steps.len()).map(|place| (shape.layer(place), call(place))).collect()
        }
    };
    let mut replies: Vec<Reply> = Vec::new();
    let mut last = None;
    for (layer, call) in calls {
        match replies.last_mut() {
            Some(reply) if way == Way::Parallel && last == Some(layer) => {
                let block = call.response(0).content.remove(0);
                *reply = reply.clone().and_block(block);
            }
            _ => replies.push(call),
        }
        last = Some(layer);
    }
    replies.push(Reply::text("The third thing is the largest of them after the changes."));
    replies
}

fn input(shape: &Shape, place: usize, needed: &dyn Fn(&usize) -> Value) -> Value {
    let step = &shape.steps[place];
    let with: Vec<Value> = step.needs.iter().map(needed).collect();
    match with.is_empty() {
        true => json!({"about": step.about, "step": place}),
        false => json!({"about": step.about, "with": with, "step": place}),
    }
}

/// The reply with the time that it takes, in which it streams evenly, and its usage.
fn timed(reply: Reply, request: &Request) -> Reply {
    let (tokens, deltas) = (tokens(&reply), reply.deltas(0));
    let pieces = deltas.iter().filter(|(_, delta)| matches!(delta, Delta::Piece { .. })).count();
    let usage = Usage::new(request.estimated_input_tokens(), tokens.into());
    reply.after(FIRST).per_token(PER_TOKEN * tokens / pieces as u32).usage(usage)
}

/// About four bytes are a token.
fn tokens(reply: &Reply) -> u32 {
    let content = reply.response(0).content;
    let bytes: usize = content.iter().map(|block| block.json().text().len()).sum();
    (bytes / 4) as u32
}
