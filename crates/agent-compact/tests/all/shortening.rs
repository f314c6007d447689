//! Requests that are shortened without a summary.

use agent_compact::{ShrinkResults, Window};
use agent_core::{
    Agent, BoxStream, Conversation, Delta, Llm, LlmError, Message, Request,
    model::{Notice, fold},
    script::{Reply, Script},
};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use crate::common::{long, look_up, model, outline};

/// Runs an agent that makes so many calls, and returns its requests and the whole conversation.
async fn calls(count: u32, wrap: impl Fn(Script) -> Box<dyn Llm>) -> (Vec<Request>, Conversation) {
    let model = Script::by(move |request| match request.turns < count {
        true => Reply::call("look_up", json!({"topic": format!("t{}", request.turns)})),
        false => Reply::text("Done."),
    });
    let agent = Agent::builder("main", Boxed(wrap(model.clone()))).base_prompt("").tool(look_up());
    let mut conversation = Conversation::start("main", "Look it up.");
    agent.max_turns(99).build().unwrap().run(&mut conversation).await.unwrap();
    (model.requests(), conversation)
}

struct Boxed(Box<dyn Llm>);

impl Llm for Boxed {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.0.stream(request)
    }
}

fn accept(request: &Request) {
    let tools: Vec<_> = request
        .tools
        .iter()
        .map(|tool| json!({"name": tool.name, "input_schema": {"type": "object"}}))
        .collect();
    let mut body = json!({"model": "m", "max_tokens": 1, "messages": request.messages});
    if !tools.is_empty() {
        body["tools"] = tools.into();
    }
    agent_mock::check(&body).unwrap();
}

#[tokio::test]
async fn a_window_sends_the_last_turns_and_moves_in_steps() {
    let (requests, conversation) = calls(12, |model| Box::new(Window::new(model, 6_000))).await;
    requests.iter().for_each(accept);
    assert_eq!(conversation.messages().len(), 26, "the record keeps all");
    let lengths: Vec<usize> = requests.iter().map(|request| request.messages.len()).collect();
    assert_snapshot!(format!("{lengths:?}"), @"[1, 3, 5, 7, 9, 11, 5, 7, 9, 11, 5, 7, 9]");
    assert_snapshot!(outline(&requests[12].messages).join(", "), @"User: (Earlier messages, Assistant: 1 calls, User: 1 results, Assistant: 1 calls, User: 1 results, Assistant: 1 calls, User: 1 results, Assistant: 1 calls, User: 1 results");
    assert!(requests.iter().all(|request| request.places.len() == request.messages.len()));
}

#[tokio::test]
async fn a_window_cuts_where_the_user_speaks_and_keeps_instructions() {
    let model = model(Reply::text("Never."));
    let agent = Agent::builder("main", Window::new(model.clone(), 3_500)).base_prompt("").build().unwrap();
    let mut conversation = Conversation::new("main");
    conversation.instruct("Speak French.");
    for number in 0..4 {
        conversation.say(long(&format!("u{number}")));
        agent.run(&mut conversation).await.unwrap();
    }
    assert_snapshot!(outline(&model.requests()[3].messages).join(", "), @"User: (Earlier messages, System: Speak French., User: u3 word");
    // The last turn is sent, however long it is.
    conversation.say("word ".repeat(9_000));
    agent.run(&mut conversation).await.unwrap();
    assert_snapshot!(outline(&model.requests()[4].messages).join(", "), @"User: (Earlier messages, System: Speak French., User: word word");
}

#[tokio::test]
async fn a_cut_is_said() {
    let window = Window::new(model(Reply::text("Never.")), 100);
    let said = ["u0", "a1", "u2"].map(long);
    let messages = vec![Message::user(&*said[0]), Message::assistant(&*said[1]), Message::user(&*said[2])];
    let mut notices = Vec::new();
    let see = |delta: &Delta| {
        if let Delta::Notice(Notice::Omitted { parts }) = delta {
            notices.extend(parts.clone());
        }
    };
    fold(window.stream(Request::new(messages)), see).await.unwrap();
    assert_eq!(notices, ["messages 0 to 1: left out, because they are over 100 tokens"]);
}

#[tokio::test]
async fn old_results_shrink_in_steps_and_the_record_keeps_them_whole() {
    let (requests, conversation) =
        calls(9, |model| Box::new(ShrinkResults::new(model).after(3).keep(20))).await;
    requests.iter().for_each(accept);
    let whole = |request: &Request| {
        let results = request.messages.iter().flat_map(|message| message.tool_results());
        let whole = results.filter(|(_, content, _)| content.to_text().len() > 1_000);
        format!("{} of {}", whole.count(), request.messages.len() / 2)
    };
    let counts: Vec<String> = requests.iter().map(whole).collect();
    assert_snapshot!(counts.join(", "), @"0 of 0, 1 of 1, 2 of 2, 3 of 3, 4 of 4, 5 of 5, 3 of 6, 4 of 7, 5 of 8, 3 of 9");
    let old = requests[9].messages[2].tool_results().next().unwrap().1.to_text();
    assert_snapshot!(old, @"t0 word word word wo… (3483 more bytes)");
    let kept = conversation.messages().iter().flat_map(|message| message.tool_results());
    assert!(kept.map(|(_, content, _)| content.to_text().len()).all(|bytes| bytes > 1_000));
    // Between two steps, a request begins as the one before.
    for (earlier, later) in [(6, 7), (7, 8)] {
        let earlier = &requests[earlier].messages;
        assert_eq!(requests[later].messages[..earlier.len()], earlier[..]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_cut_the_api_accepts_it(
        turns in prop::collection::vec((0..4usize, 1..2_000usize), 1..12),
        tokens in 1..3_000u64,
        after in 0..4usize,
    ) {
        let mut messages = Vec::new();
        for (turn, (calls, bytes)) in turns.into_iter().enumerate() {
            messages.push(Message::user("u".repeat(bytes)));
            for call in 0..calls {
                let id = format!("c{turn}_{call}");
                messages.push(Message::assistant(vec![agent_core::Block::tool_use(&id, "look_up", json!({}))]));
                let result = agent_core::Block::tool_result(&id, "r".repeat(bytes).into(), false);
                messages.push(Message::user(vec![result]));
            }
            messages.push(Message::assistant("Yes."));
        }
        messages.push(Message::user("And now?"));
        let script = model(Reply::text("Never."));
        let llm = Window::new(ShrinkResults::new(script.clone()).after(after).keep(10), tokens);
        let mut request = Request::new(messages);
        request.tools = [agent_core::Tool::spec(&look_up()).clone()].into();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(fold(llm.stream(request), |_| {})).unwrap();
        let sent = script.requests().pop().unwrap();
        accept(&sent);
        prop_assert_eq!(sent.last_text(), "And now?");
    }
}
