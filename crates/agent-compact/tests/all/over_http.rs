//! Runs against a server that refuses what is longer than its window.

use std::sync::Arc;

use agent_compact::Compact;
use agent_core::{Agent, Conversation, Llm, Team, script::Reply};
use agent_llm::{Claude, RetryPolicy};
use agent_mock::{Mock, RecordedRequest, Scenario};

use crate::common::look_up;

/// The tokens that the server accepts. It counts one for four bytes.
const WINDOW: usize = 5_000;

/// A model that looks up eight long things, one after the other.
fn says(request: &RecordedRequest) -> Reply {
    let is_for_summary = request.text.contains("You summarise conversations");
    match is_for_summary {
        true => Reply::text("Looked up some of it."),
        false if request.text.contains("t7 word") => Reply::text("All done."),
        false => {
            let next = (0..8).rev().find(|number| request.text.contains(&format!("t{number} word")));
            let topic = format!("t{}", next.map_or(0, |number| number + 1));
            Reply::call("look_up", serde_json::json!({"topic": topic}))
        }
    }
}

/// Runs the agent. Returns the conversation, and whether a request was longer than the window.
async fn run(wrap: impl Fn(Claude) -> Arc<dyn Llm>) -> (Conversation, bool) {
    let server = Mock::start(Scenario::by(says).context(WINDOW)).await.unwrap();
    let claude =
        Claude::builder().key("k").base_url(server.url()).retry(RetryPolicy::never()).build().unwrap();
    let agent = Agent::builder("main", wrap(claude)).base_prompt("").tool(look_up()).max_turns(20);
    let mut conversation = Conversation::start("main", "Look it all up.");
    let team = Team::new([agent.build().unwrap()]).unwrap();
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "All done.");
    let is_too_long = server.requests().iter().any(|request| request.text.len() / 4 > WINDOW);
    (conversation, is_too_long)
}

#[tokio::test]
async fn with_summaries_no_request_is_longer_than_the_window() {
    // The client itself cuts what the server has refused.
    assert!(run(|claude| Arc::new(claude)).await.1);
    let compact = |claude| Compact::new(claude, WINDOW as u64).keep_last(2_000);
    let (conversation, is_too_long) = run(|claude| Arc::new(compact(claude))).await;
    assert!(!is_too_long && !conversation.omissions().is_empty());
    // The server counts.
    let counting = |claude: Claude| {
        compact(claude.clone()).count_with(move |request| {
            let claude = claude.clone();
            async move { claude.count_tokens(&request).await }
        })
    };
    let (conversation, is_too_long) = run(|claude| Arc::new(counting(claude))).await;
    assert!(!is_too_long && !conversation.omissions().is_empty());
}
