//! A conversation that goes from one API to another, in the middle of a turn with tools.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use agent_core::{Agent, Block, BoxStream, Conversation, Delta, Json, Llm, LlmError, Request, script::Reply};
use agent_llm::Claude;
use agent_mock::{Mock, Scenario};
use serde_json::json;

use crate::{
    common::{WAYS, Way, bodies, server},
    runs::Act,
};

/// Asks these models by turns.
struct ByTurns {
    models: Vec<Arc<dyn Llm>>,
    asked: AtomicUsize,
}

impl Llm for ByTurns {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let turn = self.asked.fetch_add(1, SeqCst);
        self.models[turn % self.models.len()].stream(request)
    }
}

/// What Claude says: it thinks, searches the web at its server, and calls two tools.
fn by_claude() -> Vec<Reply> {
    let block = |json: &str| Block::from_json(Json::read(json).unwrap()).unwrap();
    let thinking = block(r#"{"type":"thinking","thinking":"","signature":"c2ln"}"#);
    let search = block(r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}"#);
    let found = block(r#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}"#);
    let call = |say: &str| Reply::call("act", json!({"say": say}));
    let first = Reply::text("First.").and_block(thinking).and_block(search).and_block(found).and_text("So.");
    vec![
        first.and_call("act", json!({"say": "1"})).and_call("act", json!({"say": "2"})),
        call("5"),
        Reply::text("Done."),
    ]
}

async fn run(way: Way, claude_first: bool) -> Conversation {
    // It refuses what the API refuses.
    let (replies, turn) = (by_claude(), AtomicUsize::new(0));
    let scenario = Scenario::by(move |_| replies[turn.fetch_add(1, SeqCst)].clone());
    let claude_server = Mock::start(scenario).await.unwrap();
    let claude = Claude::builder().key("k").base_url(claude_server.url()).max_retries(0).build().unwrap();
    let long = "i".repeat(60);
    let calls = [("a", "act", r#"{"say":"3"}"#), (long.as_str(), "act", r#"{"say":"4"}"#)];
    let openai_server =
        server([way.reply("Next.", &calls), way.reply("", &[("b", "act", "{}")]), way.reply("Done.", &[])])
            .await;
    let openai = way.settings(openai_server.uri()).build().unwrap();
    let mut models: Vec<Arc<dyn Llm>> = vec![Arc::new(claude), Arc::new(openai)];
    if !claude_first {
        models.reverse();
    }
    let model = ByTurns { models, asked: AtomicUsize::new(0) };
    let (act, _) = Act::new();
    let agent = Agent::builder("main", model).tool(act).build().unwrap();
    let mut conversation = agent.start("Go.");
    let end = agent.run(&mut conversation).await.unwrap();
    assert_eq!(end.text(), "Done.", "{conversation}");
    assert_eq!(claude_server.refused(), 0);
    for request in claude_server.requests() {
        let body = serde_json::to_string(&request.body).unwrap();
        assert!(!body.contains("openai:"), "{body}");
    }
    for body in bodies(&openai_server).await {
        let body = body.to_string();
        let claudes = ["c2ln", "srvtoolu_1", "web_search", "openai:", "thinking"];
        assert!(claudes.iter().all(|word| !body.contains(word)), "{body}");
        // What it said itself comes back.
        let is_own = |word: &str| !body.contains("Next.") || way.is_chat || body.contains(word);
        assert!(is_own(r#""encrypted_content":"gA""#), "{body}");
    }
    // The record has all of it.
    let record = serde_json::to_string(&conversation).unwrap();
    assert!(record.contains("c2ln") && record.contains("web_search_tool_result"), "{record}");
    assert!(way.is_chat || record.contains("openai:item"), "{record}");
    conversation
}

#[tokio::test]
async fn fault_35_a_conversation_goes_from_claude_to_openai_and_back_in_the_middle_of_a_turn() {
    for way in WAYS {
        run(way, true).await;
        run(way, false).await;
    }
}
