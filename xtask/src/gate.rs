//! What the shared gate does for a crowd of agents at a server with a rate limit.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use agent_core::{Agent, Conversation, End, Team, host::Finished, script::Reply};
use agent_llm::{Claude, Gate};
use agent_mock::{Mock, RateLimit, Scenario};
use agent_tools::math;
use futures::StreamExt;
use program::println;
use serde_json::json;

use crate::task::{Done, verdict};

const AGENTS: usize = 64;
const TURNS: usize = 4;
const PER_SECOND: u32 = 8;
const BURST: u32 = 8;
const LATENCY: Duration = Duration::from_millis(50);
/// How often a failed request is made again, with the gate and without.
const RETRIES: usize = 10;
/// The most of the requests that may be refused with the gate, and the longest it may take, of the bound.
const REFUSED: f64 = 0.05;
const TOTAL: f64 = 1.1;

/// What came of one variant.
struct Outcome {
    total: Duration,
    asked: usize,
    refused: usize,
    finished: usize,
}

/// Runs the crowd with and without rate-limit headers, each without the gate and with it; with the gate, all
/// must finish, in time and with few requests refused.
pub(crate) fn run() -> Done {
    let bound = (AGENTS * TURNS - BURST as usize) as f64 / f64::from(PER_SECOND);
    println!(
        "{AGENTS} agents, {TURNS} turns each, {LATENCY:?} latency, {RETRIES} retries, at a server that takes {PER_SECOND} requests \
         a second, {BURST} at once: at least {bound} s\n"
    );
    println!("headers  gate      total  requests  refused         finished");
    let runtime = tokio::runtime::Runtime::new()?;
    let mut wrong = Vec::new();
    for (headers, gated) in [(false, false), (false, true), (true, false), (true, true)] {
        let outcome = runtime.block_on(crowd(headers, gated))?;
        println!("{}", outcome.line(headers, gated));
        if gated {
            wrong.extend(outcome.wrong(bound).map(|what| format!("gate, headers {}: {what}", word(headers))));
        }
    }
    verdict("\nwith the gate, all finish in time, and few requests are refused", &wrong)
}

impl Outcome {
    fn share(&self) -> f64 {
        self.refused as f64 / self.asked as f64
    }

    fn line(&self, headers: bool, gated: bool) -> String {
        let Self { total, asked, refused, finished } = self;
        let (headers, gate) = (word(headers), word(gated));
        let (total, share) = (total.as_secs_f64(), 100.0 * self.share());
        format!(
            "{headers:7}  {gate:4}  {total:7.2} s  {asked:8}  {refused:5} {share:5.1} %  {finished:4} of {AGENTS}"
        )
    }

    fn wrong(&self, bound: f64) -> impl Iterator<Item = String> {
        let (total, share) = (self.total.as_secs_f64(), self.share());
        let unfinished = AGENTS - self.finished;
        let slow = total > bound * TOTAL;
        [
            (unfinished > 0).then(|| format!("{unfinished} agents did not finish")),
            slow.then(|| format!("{total:.2} s is over {:.2} s", bound * TOTAL)),
            (share >= REFUSED).then(|| format!("{:.1} % of the requests were refused", 100.0 * share)),
        ]
        .into_iter()
        .flatten()
    }
}

fn word(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

async fn crowd(headers: bool, gated: bool) -> Result<Outcome, Box<dyn Error>> {
    let limit = RateLimit::new(f64::from(PER_SECOND), BURST);
    let limit = if headers { limit.with_headers() } else { limit };
    let sum = Reply::call("sum_numbers", json!({"numbers": [1, 2]}));
    let replies = vec![sum; TURNS - 1].into_iter().chain([Reply::text("3")]);
    let scenario = Scenario::new(replies.map(|reply| reply.after(LATENCY))).rate_limit(limit);
    let server = Mock::start(scenario).await?;
    let claude = Claude::builder().base_url(server.url()).key("no key is needed here").max_retries(RETRIES);
    let claude = if gated { claude.gate(Gate::new()) } else { claude };
    let agent =
        Agent::builder("adder", claude.build()?).system("You add numbers.").tools(math::tools()).build()?;
    let conversations = (0..AGENTS).map(|_| Conversation::start("adder", "What is 1 + 2?"));
    let begun = Instant::now();
    let ended: Vec<Finished> = Team::new([agent])?.run_many(conversations, AGENTS).collect().await;
    let finished = ended.iter().filter(|ended| matches!(ended.end, Ok(End::Answered(_)))).count();
    Ok(Outcome { total: begun.elapsed(), asked: server.count(), refused: server.refused(), finished })
}
