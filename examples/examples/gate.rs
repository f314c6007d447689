//! Many agents at one rate limit, without a gate and with a gate: cargo run --example gate
//!
//! The server accepts 5 requests per second. Without a gate, each agent's requests are refused
//! until it has waited long enough. One gate for all agents holds requests back before they are
//! refused. Look at how many requests are refused, and how many agents get an answer.

use std::{error::Error, time::Instant};

use agent_core::{Agent, Conversation, Team, script::Reply};
use agent_llm::{Claude, Gate};
use agent_mock::{Mock, RateLimit, Scenario};
use futures::StreamExt;
use program::println;

const AGENTS: usize = 20;

async fn show(title: &str, gate: Option<Gate>) -> Result<(), Box<dyn Error>> {
    let limit = RateLimit::new(5.0, 5).with_headers();
    let server = Mock::start(Scenario::new([Reply::text("Done.")]).rate_limit(limit)).await?;
    let mut claude = Claude::builder().base_url(server.url()).key("no key is needed here");
    if let Some(gate) = gate {
        // Clients that share an account share the gate: give each a clone.
        claude = claude.gate(gate);
    }
    let team = Team::new([Agent::builder("clerk", claude.build()?).build()?])?;

    let began = Instant::now();
    let questions = (1..=AGENTS).map(|number| Conversation::start("clerk", format!("Question {number}")));
    let ended: Vec<_> = team.run_many(questions, AGENTS).collect().await;
    let answered = ended.iter().filter(|finished| finished.end.is_ok()).count();
    let (asked, refused, took) = (server.count(), server.refused(), began.elapsed());
    println!("{title}: {answered} of {AGENTS} answered, {asked} requests, {refused} refused, {took:.1?}");
    if let Some(Err(error)) = ended.iter().map(|finished| &finished.end).find(|end| end.is_err()) {
        println!("  one that gave up says: {error}");
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    show("Without a gate", None).await?;
    show("With a gate   ", Some(Gate::new())).await
}
