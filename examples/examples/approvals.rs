//! A call waits for a person, who answers later: cargo run --example approvals
//!
//! The run ends and returns the calls that wait; nothing runs until they are decided. The
//! conversation is a value: save it in memory, or as JSON, as here. Look at the output: the call
//! that needs no approval did not wait, and the result of the denied call says why. With
//! `agent-journal` the conversation is on the disk, and the decision may come in another process
//! (docs/guide/09-sessions-and-approvals.md).

use std::error::Error;

use agent_core::{
    Agent, Conversation, End,
    script::{Reply, Script},
};
use agent_tools::FnTool;
use program::{print, println};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
struct Payment {
    to: String,
    euros: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pay =
        FnTool::new("pay", "Pays.", |payment: Payment| format!("paid {} to {}", payment.euros, payment.to));
    let balance = FnTool::new("balance", "The balance.", || 10_000);
    let model = Script::new([
        Reply::call("pay", json!({"to": "Ada", "euros": 70}))
            .and_call("pay", json!({"to": "Eve", "euros": 9000}))
            .and_call("balance", json!({})),
        Reply::text("Ada has her money; Eve has not."),
    ]);
    let agent = Agent::builder("clerk", model).tool(pay.needs_approval()).tool(balance).build()?;

    let mut conversation = agent.start("Pay Ada and Eve.");
    let End::Waiting(calls) = agent.run(&mut conversation).await? else { panic!("two calls wait") };
    let kept = serde_json::to_string(&conversation)?;
    println!("The run is over, and {} calls wait. Kept: {} bytes of JSON.\n", calls.len(), kept.len());

    // Later: a person reads the questions.
    let mut conversation: Conversation = serde_json::from_str(&kept)?;
    for call in conversation.waiting() {
        let is_fine = call.call.input.parse::<Payment>()?.euros < 100;
        println!("{}  {}", call.question, if is_fine { "yes" } else { "no" });
        match is_fine {
            true => conversation.approve(&call.key)?,
            false => conversation.deny(&call.key, "that is too much")?,
        }
    }
    agent.run(&mut conversation).await?;
    print!("\nThe record:\n{conversation}");
    Ok(())
}
