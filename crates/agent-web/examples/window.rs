//! A page that shows agents at work: cargo run -p agent-web --example window
//!
//! It needs no key. Open the address that it prints, and approve or deny the payment. Stop the
//! program in the middle and start it again: the run continues, and so does the page.

use std::{collections::BTreeMap, env, error::Error, sync::Arc, time::Duration};

use agent_core::{
    Agent, Conversation, End, Request, Role, Team,
    script::{Reply, Script},
};
use agent_journal::Journal;
use agent_tools::{AgentTool, FnTool};
use agent_web::{Access, router};
use serde_json::json;

/// Plays a model: what it says depends on how often it has replied.
fn plays(request: &Request) -> Reply {
    let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
    let ask = |place: &str| json!({"task": format!("What does a night in {place} cost?")});
    let reply = match (&*request.agent, turn) {
        ("lead", 0) => Reply::text("I ask about both places in parallel.")
            .and_call("expert", ask("Lisbon"))
            .and_call("expert", ask("Porto")),
        ("lead", 1) => {
            Reply::text("Lisbon it is. I book three nights.").and_call("pay", json!({"euros": 240}))
        }
        ("lead", _) => Reply::text("Your trip is planned: three nights in Lisbon, by the river."),
        _ => Reply::text("A night costs 80 euros, and there are rooms in three hotels."),
    };
    reply.per_token(Duration::from_millis(150))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pay = FnTool::new("pay", "Pays.", |sums: BTreeMap<String, u32>| format!("paid {sums:?}"));
    let lead = Agent::builder("lead", Script::by(plays)).tool(pay.needs_approval());
    let lead = lead.tool(AgentTool::new("expert", "Knows places."));
    let team = Team::new([lead.build()?, Agent::builder("expert", Script::by(plays)).build()?])?;

    let journal = Journal::open(env::temp_dir().join("window.journal"))?;
    let access = Access::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    program::println!("Open {}", access.url(&format!("http://{}/", listener.local_addr()?)));
    let routes = router(Arc::new(journal.clone()), &access);
    let page = tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut conversation = Conversation::new("lead").with_id("trip");
    let host = journal.host(team, &mut conversation).await?.keep_events();
    if conversation.messages().is_empty() {
        conversation.say("Plan a trip to Portugal for me.");
    }
    while let End::Waiting(_) = host.run(&mut conversation).await? {
        host.decided(&conversation).await?;
    }
    Ok(page.await??)
}
