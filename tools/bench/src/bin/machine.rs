//! What the loop costs without a server: a turn of 4 instant tools, asked of a model that has its replies ready.
//!
//! A program of its own, since its allocator counts.

use std::{convert::Infallible, sync::Arc};

use agent_core::{
    Agent, Block, BoxStream, BuildError, Delta, Llm, LlmError, Request, Response, RunError, StopReason,
};
use agent_tools::FnTool;
use futures::{StreamExt, future, stream};
use program::println;
use rustix::time::{ClockId, clock_gettime};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Turns of a conversation, the last of which has no calls.
const TURNS: usize = 10;

/// Conversations a run, and runs of which the median counts.
const CONVERSATIONS: usize = 500;
const RUNS: usize = 15;

/// Replies by turn, the same for each conversation.
struct Ready(Arc<[Response]>);

impl Llm for Ready {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        // A question, then an answer and its results each turn.
        let reply = self.0[request.messages.len() / 2].clone();
        stream::once(future::ready(Ok(Delta::complete(reply)))).boxed()
    }
}

#[derive(Deserialize, JsonSchema)]
struct Input {
    /// A file.
    path: String,
}

/// Prints nanoseconds of CPU and allocations a turn, and what more a call takes on the blocking pool, as JSON.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let converse_with = |agent: &Agent| {
        let mut conversation = agent.start("Do the work.");
        runtime.block_on(agent.run(&mut conversation)).map(drop)
    };
    let (in_place, on_the_pool) = (agent(FnTool::instant)?, agent(|tool| tool)?);
    let converse = || converse_with(&in_place);
    converse()?;
    let mut allocations = 0;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let begun = nanoseconds(ClockId::ThreadCPUTime);
        let counted = allocation_counter::measure(|| {
            (0..CONVERSATIONS).for_each(|_| converse().expect("it went well the first time"));
        });
        times.push(nanoseconds(ClockId::ThreadCPUTime) - begun);
        allocations = counted.count_total;
    }
    times.sort_unstable();
    let turns = (CONVERSATIONS * TURNS) as f64;
    let figure = |total: f64| (total / turns).round();
    let ns = figure(times[RUNS / 2] as f64);
    let hop = more(&|| converse_with(&in_place), &|| converse_with(&on_the_pool))?;
    println!("{}", json!({"loop_ns": ns, "loop_allocs": figure(allocations as f64), "hop_ns": hop}));
    Ok(())
}

/// An agent whose tool is instant, run as `how` says.
fn agent(how: fn(FnTool) -> FnTool) -> Result<Agent, BuildError> {
    let tool = FnTool::new("work", "Does the work.", |input: Input| Ok::<_, Infallible>(input.path));
    Agent::builder("agent", Ready((0..TURNS).map(reply).collect())).tool(how(tool)).build()
}

/// Nanoseconds of CPU of all threads that a call takes more in conversations of the second kind.
fn more(
    one: &dyn Fn() -> Result<(), RunError>,
    other: &dyn Fn() -> Result<(), RunError>,
) -> Result<f64, RunError> {
    let mut differences = Vec::new();
    for _ in 0..RUNS {
        let mut times = [0; 2];
        for (time, converse) in times.iter_mut().zip([one, other]) {
            let begun = nanoseconds(ClockId::ProcessCPUTime);
            (0..CONVERSATIONS / 10).try_for_each(|_| converse())?;
            *time = nanoseconds(ClockId::ProcessCPUTime) - begun;
        }
        differences.push(times[1] - times[0]);
    }
    differences.sort_unstable();
    let calls = CONVERSATIONS / 10 * (TURNS - 1) * 4;
    Ok((differences[RUNS / 2] as f64 / calls as f64).round())
}

fn reply(turn: usize) -> Response {
    if turn + 1 == TURNS {
        return Response::text("All of it is done.");
    }
    let call =
        |place| Block::tool_use(format!("toolu_{turn}_{place}"), "work", json!({"path": "src/lib.rs"}));
    Response::new((0..4).map(call).collect(), StopReason::ToolUse)
}

/// CPU time: of this thread, which does all the work but what is on the pool, or of the process.
fn nanoseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
