//! Agents that the tests run.

use std::{path::Path, time::Duration};

use agent_core::{
    Agent, Conversation, End, Role, Team,
    script::{Reply, Script},
};
use agent_journal::Journal;
use agent_tools::FnTool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
struct Payment {
    to: String,
}

/// A clerk that pays somebody and says so. Each word of it takes so long.
pub(crate) fn clerk(to: &str, word: Duration) -> Team {
    let to = to.to_owned();
    let model = Script::by(move |request| {
        let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
        let reply = match turn {
            0 => Reply::text("I pay.").and_call("pay", json!({"to": to})),
            _ => Reply::text(format!(
                "I have paid, and this is a long report about it: {}",
                "word ".repeat(60)
            )),
        };
        reply.per_token(word)
    });
    let pay = FnTool::new("pay", "Pays somebody.", |payment: Payment| format!("paid {}", payment.to));
    Team::new([Agent::builder("clerk", model).tool(pay.needs_approval()).build().unwrap()]).unwrap()
}

/// Starts the session, or continues it, until it waits or has ended. Its events are kept.
pub(crate) async fn run(file: &Path, team: Team) -> End {
    let mut conversation = Conversation::new("clerk").with_id("s");
    let journal = Journal::open(file).unwrap();
    let host = journal.host(team, &mut conversation).await.unwrap().keep_events();
    if conversation.messages().is_empty() {
        conversation.say("Pay Ada.");
    }
    host.run(&mut conversation).await.unwrap()
}
