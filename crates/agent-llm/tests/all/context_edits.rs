//! Settings by which the API shortens the history.

use agent_core::{Agent, Block, StopReason, script::Reply};
use agent_llm::{ClearThinking, ClearToolUses, CompactHistory};
use agent_mock::{Mock, Scenario};
use serde_json::json;

use crate::common::settings;

#[tokio::test]
async fn the_apis_own_summary_goes_back_unchanged_and_the_model_goes_on() {
    let compaction = json!({"type": "compaction", "content": "So far.", "encrypted_content": "c2Vj"});
    let compaction = Block::from_json(compaction.into()).unwrap();
    let paused = Reply::default().and_block(compaction.clone()).stop(StopReason::Compaction);
    let server = Mock::start(Scenario::new([paused, Reply::text("Done.")])).await.unwrap();
    let claude = settings(server.url())
        .context_edit(CompactHistory::new().at(150_000).pause(true))
        .context_edit(ClearToolUses::new().at_tool_uses(20).keep(5))
        .context_edit(ClearThinking::keep_all())
        .build()
        .unwrap();
    let agent = Agent::builder("main", claude).build().unwrap();
    let mut conversation = agent.start("Go on.");
    assert_eq!(agent.run(&mut conversation).await.unwrap().text(), "Done.");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].body["messages"][1]["content"][0], serde_json::to_value(&compaction).unwrap());
    for request in &requests {
        let betas = "compact-2026-01-12,context-management-2025-06-27";
        assert_eq!(request.header("anthropic-beta"), Some(betas));
        assert_eq!(
            request.body["context_management"],
            json!({"edits": [
                {"type": "clear_thinking_20251015", "keep": "all"},
                {"type": "clear_tool_uses_20250919", "trigger": {"type": "tool_uses", "value": 20},
                 "keep": {"type": "tool_uses", "value": 5}},
                {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 150_000},
                 "pause_after_compaction": true},
            ]})
        );
    }
}
