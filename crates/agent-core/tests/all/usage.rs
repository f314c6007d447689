//! What a run costs, and what the server keeps for it.

use agent_core::{Conversation, Usage, script::Reply};
use serde_json::json;

use crate::common::{calls, run, team};

fn searched(times: u64) -> Usage {
    let usage =
        json!({"input_tokens": 10, "output_tokens": 1, "server_tool_use": {"web_search_requests": times}});
    serde_json::from_value(usage).unwrap()
}

#[tokio::test(start_paused = true)]
async fn usage_is_known_by_agent_over_delegations_and_transfers() {
    let to_expert = || calls([("act", json!({"to": "expert"})), ("act", json!({"to": "expert"}))]);
    let (team, _, _) = team([
        ("main", vec![to_expert().usage(searched(1)), calls([("act", json!({"transfer": "next"}))])]),
        ("expert", vec![Reply::text("Yes.").usage(searched(2))]),
        ("next", vec![Reply::text("Done.").usage(searched(3))]),
    ]);
    let conversation = run(&team).await.conversation;
    let by_agent = conversation.usage_by_agent();
    let each: Vec<(&str, Usage)> = by_agent.iter().collect();
    let twice = |mut usage: Usage| {
        usage += usage;
        usage
    };
    assert_eq!(each, [("expert", twice(searched(2))), ("main", searched(1)), ("next", searched(3))]);
    assert_eq!(conversation.usage().server_tool_use.web_search_requests, 8);
    let text = serde_json::to_string(&conversation).unwrap();
    assert_eq!(serde_json::from_str::<Conversation>(&text).unwrap().usage_by_agent(), by_agent);
}

#[tokio::test(start_paused = true)]
async fn a_container_is_named_in_the_next_request_of_the_agent_that_got_it() {
    let ran = calls([("act", json!({}))]).extra("container", json!({"id": "container_1", "expires_at": "…"}));
    let (team, model, _) = team([
        ("main", vec![ran, calls([("act", json!({"transfer": "next"}))])]),
        ("next", vec![Reply::text("Done.")]),
    ]);
    run(&team).await;
    let asked = model.requests();
    let containers: Vec<Option<&str>> = asked.iter().map(|request| request.container.as_deref()).collect();
    assert_eq!(containers, [None, Some("container_1"), None]);
}
