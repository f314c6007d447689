//! What happens at each limit of a run: cargo run --example limits
//!
//! Most limits become the error result of a call: the model reads it and goes on. Other limits end
//! the run: then the caller gets an error. Look at who reads what. The clock is paused, so times
//! are exact.

use std::{error::Error, time::Duration};

use agent_core::{
    Agent, Conversation, EventKind, Limits, Team,
    script::{Reply, Script},
};
use agent_tools::{AgentTool, FnTool};
use program::println;
use serde_json::json;
use tokio::time::{Instant, sleep};

/// Runs a team in which `lead` can do a job of one second, or send work to another `lead`.
async fn show(limit: &str, limits: Limits, replies: &[Reply]) -> Result<(), Box<dyn Error>> {
    println!("\n{limit}");
    let job = FnTool::new("job", "A job of one second.", || sleep(Duration::from_secs(1)));
    let model = Script::by_agent([("lead", replies.to_vec())]);
    let lead =
        Agent::builder("lead", model).tool(job).tool(AgentTool::new("lead", "Leads.").named("delegate"));
    let team = Team::new([lead.build()?])?.with_limits(limits);

    let began = Instant::now();
    let mut conversation = Conversation::start("lead", "Do it.");
    let end = team.run(&mut conversation).listen(|event| {
        if let EventKind::CallEnded { tool, is_error: true, result, .. } = &event.kind {
            println!("  model:  {tool} failed: {result}");
        }
    });
    match end.await {
        Ok(end) => println!("  caller: {end:?} after {:?}", began.elapsed()),
        Err(error) => println!("  caller: error: {error}"),
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let limits = Limits::new;
    let (job, done) = (Reply::call("job", json!({})), Reply::text("Done."));
    let three = job.clone().and_call("job", json!({})).and_call("job", json!({}));
    let delegate = Reply::call("delegate", json!({"task": "Do it."}));
    let (once, forever) = ([three.clone(), done.clone()], vec![job; 100]);

    show("No limit is reached: three calls in one reply", limits(), &once).await?;
    show("One call under way: the others wait", limits().calls_at_once(1), &once).await?;
    show("Two calls in a reply", limits().calls_in_reply(2), &once).await?;
    show("Four calls in a run", limits().calls(4), &[three.clone(), three, done.clone()]).await?;
    show("One delegation deep", limits().depth(1), &[delegate, done]).await?;
    show("Three turns of an agent", limits().turns(3), &forever).await?;
    show("Five model requests in a run", limits().requests(5), &forever).await
}
