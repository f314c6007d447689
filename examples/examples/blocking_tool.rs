//! Tools that compute run on all cores and hold nothing up: cargo run --example blocking_tool
//!
//! A sync function runs on the blocking pool. It can't be aborted from outside, so it checks
//! `context.cancelled()` from time to time.

use std::{error::Error, time::Instant};

use agent_core::{
    Agent, Context,
    script::{Reply, Script},
};
use agent_tools::FnTool;
use program::{print, println};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
struct UpTo {
    limit: u64,
}

fn count_primes(UpTo { limit }: UpTo, context: Context) -> Result<u64, &'static str> {
    let mut count = 0;
    for number in 2..limit {
        if context.cancelled() {
            return Err("cancelled");
        }
        let is_prime = (2..).take_while(|divisor| divisor * divisor <= number).all(|d| number % d != 0);
        count += u64::from(is_prime);
    }
    Ok(count)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let call = |limit: u64| json!({"limit": limit});
    let model = Script::new([
        Reply::call("count_primes", call(100_000)).and_call("count_primes", call(200_000)),
        Reply::text("There are 9592 primes below 100,000 and 17984 below 200,000."),
    ]);
    let primes = FnTool::new("count_primes", "How many primes are below a limit.", count_primes);
    let agent = Agent::builder("mathematician", model).tool(primes.read_only()).build()?;

    let began = Instant::now();
    let mut conversation = agent.start("How many primes are there?");
    agent.run(&mut conversation).await?;
    print!("{conversation}");
    println!("(both counts side by side, in {:.0?})", began.elapsed());
    Ok(())
}
