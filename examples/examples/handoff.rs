//! Two agents, and a question each of them answers: cargo run --example handoff
//!
//! The front desk hands questions about money over to billing. From then on the user talks to
//! billing.

use std::error::Error;

use agent_core::{
    Agent, Conversation, Team,
    script::{Reply, Script},
};
use agent_handoff::Handoff;
use program::println;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let to_billing = json!({"name": "billing", "reason": "They ask about an invoice."});
    let model = Script::by_agent([
        ("desk", vec![Reply::text("We are open from 9 to 5."), Reply::call("handoff", to_billing)]),
        ("billing", vec![Reply::text("Your invoice is paid."), Reply::text("You are welcome.")]),
    ]);
    let handoff = Handoff::to([("billing", "Invoices and payments.")]);
    let team = Team::new([
        Agent::builder("desk", model.clone()).tools(handoff).build()?,
        Agent::builder("billing", model).build()?,
    ])?;

    let mut conversation = Conversation::new("desk");
    for question in ["When are you open?", "Is my invoice paid?", "Thanks."] {
        conversation.say(question);
        let end = team.run(&mut conversation).await?;
        println!("user: {question}\n{}: {}", conversation.agent(), end.text());
    }
    println!("\nThe record:\n{conversation}");
    Ok(())
}
