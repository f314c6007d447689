//! Words as they come in, and everything else that happens: cargo run --example streaming
//!
//! `run.next()` returns the next event of the run, also of agents that it delegates to. `LiveText`
//! turns events into the text to print. If a reply breaks off and its request is made again, as at
//! the end here, the text so far is withdrawn first.

use std::{error::Error, io::Write, time::Duration};

use agent_core::{Agent, EventKind, Usage, event::LiveText, script::Reply};
use agent_llm::Claude;
use agent_mock::{Fault, Mock, Scenario};
use agent_tools::math;
use program::{Out, print, println};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pause = Duration::from_millis(40);
    let replies = [
        Reply::call("power", json!({"base": 2, "exponent": 64})),
        Reply::text("Two to the power of 64 is about 18.4 quintillion, which is rather a lot.")
            .per_token(pause),
    ];
    let paced = replies.map(|reply| reply.per_token(pause).usage(Usage::new(300, 20)));
    let server = Mock::start(Scenario::new(paced).fault(1, [Fault::cut("power")])).await?;
    let claude = Claude::builder().base_url(server.url()).key("no key is needed here").build()?;
    let agent = Agent::builder("mathematician", claude).tools(math::tools()).build()?;

    let mut conversation = agent.start("What is 2 to the power of 64?");
    let (mut run, mut live) = (agent.run(&mut conversation), LiveText::new());
    while let Some(event) = run.next().await {
        live.see(&event).iter().for_each(|change| print!("{change}"));
        Out.flush()?;
        match event.kind {
            EventKind::CallStarted { tool, input, .. } => println!("[calls {tool} {}]", input.text()),
            EventKind::CallEnded { tool, result, .. } => println!("[{tool} = {result}]"),
            _ => {}
        }
    }
    run.await?;
    println!("\n[{} output tokens]", conversation.usage().output_tokens);
    Ok(())
}
