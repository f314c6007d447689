//! A tool that takes too long, and a model that hangs: cargo run --example timeouts
//!
//! The tool's call gets an error result, which the model reads. If a model hangs, its request is
//! made again. If the model hangs each time, the run ends with an error, and the next run continues
//! from there. Look for the lines with "timed out" and "in time": the second run does not call the
//! tool again.

use std::{error::Error, future::pending, time::Duration};

use agent_core::{Agent, event::EventLog, script::Reply};
use agent_llm::{Claude, RetryPolicy};
use agent_mock::{Fault, Mock, Scenario};
use agent_tools::FnTool;
use program::{print, println};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The server falls silent in the middle of the second reply, twice; its connections stay open.
    let replies = [Reply::call("look_up", json!({})), Reply::text("The archive does not answer today.")];
    let hangs = [Fault::silence("archive"), Fault::silence("archive")];
    let server = Mock::start(Scenario::new(replies).fault(1, hangs)).await?;

    let again = RetryPolicy::default().max_retries(1).first_wait(Duration::from_millis(100));
    let claude = Claude::builder().base_url(server.url()).key("no key is needed here");
    let claude = claude.idle_timeout(Duration::from_millis(300)).retry(again).build()?;

    // An async call is dropped when its time is over. A sync one looks at `context.cancelled()`.
    let stuck = FnTool::new("look_up", "Looks it up in the archive.", pending::<String>);
    let tool = stuck.timeout(Duration::from_millis(200));
    let agent = Agent::builder("clerk", claude).tool(tool).build()?;

    let mut conversation = agent.start("What does the archive say?");
    for number in 1..=2 {
        println!("Run {number}:");
        let log = EventLog::new(120);
        let run = agent.run(&mut conversation);
        let run = run.listen(move |event| log.line(event).into_iter().for_each(|line| println!("{line}")));
        if let Err(error) = run.await {
            println!("The caller reads: {error}");
        }
    }
    print!("\nThe record:\n{conversation}");
    Ok(())
}
