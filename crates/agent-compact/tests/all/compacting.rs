//! What is sent after a summary, and what the record keeps.

use agent_compact::Compact;
use agent_core::{
    Conversation, End, Role, Team, Usage,
    model::{LlmErrorKind, Notice},
    script::{Reply, Script},
};
use agent_tools::{NeedsApproval, RunTyped};
use insta::{assert_debug_snapshot, assert_snapshot};
use serde_json::json;

use crate::common::{is_for_summary, long, look_up, model, outline, talk, team};

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| long(name)).collect()
}

/// The requests of the model, each as its outline.
fn requests(model: &Script) -> String {
    model.requests().iter().map(|request| format!("{:?}\n", outline(&request.messages))).collect()
}

#[tokio::test]
async fn earlier_turns_become_a_summary_and_the_record_keeps_them() {
    let model = model(Reply::text("They said u0 to u2.").usage(Usage::new(70, 7)));
    let (team, mut conversation) =
        (team(&model, |compact| compact.keep_last(2_000)), Conversation::new("main"));
    let notices = talk(&team, &mut conversation, &texts(&["u0", "u1", "u2", "u3", "u4", "u5"])).await;
    assert_snapshot!(requests(&model), @r#"
    ["User: u0 word"]
    ["User: u0 word", "Assistant: I read", "User: u1 word"]
    ["User: u0 word", "Assistant: I read", "User: u1 word", "Assistant: I read", "User: u2 word"]
    ["User: u0 word", "Assistant: I read", "User: u1 word", "Assistant: I read", "User: u2 word", "Assistant: I read", "User: u3 word"]
    ["User: u0 word", "Assistant: I read", "User: u1 word", "Assistant: I read", "User: u2 word", "Assistant: I read", "User: u3 word", "Assistant: I read", "User: Summarise the"]
    ["User: (summary)", "User: u4 word"]
    ["User: (summary)", "User: u4 word", "Assistant: I read", "User: u5 word"]
    "#);
    assert_debug_snapshot!(notices, @r#"
    [
        Compacted {
            messages: 8,
            tokens: 5097,
            summary_tokens: 1037,
        },
    ]
    "#);
    assert_eq!(conversation.messages().len(), 13);
    assert_eq!((conversation.usage(), conversation.turns()), (Usage::new(70, 7), 1));
    let said = conversation.messages().iter().filter(|message| message.role() == Role::User);
    assert!(said.map(|message| message.text()).eq(texts(&["u0", "u1", "u2", "u3", "u4", "u5"])));
}

#[tokio::test]
async fn the_summary_has_the_users_last_words_and_replaces_the_one_before() {
    let model = model(Reply::text("So far."));
    let (team, mut conversation) =
        (team(&model, |compact| compact.keep_last(2_000)), Conversation::new("main"));
    talk(&team, &mut conversation, &(0..12).map(|i| long(&format!("u{i}"))).collect::<Vec<_>>()).await;
    let last = model.requests().pop().unwrap();
    assert_snapshot!(outline(&last.messages).join(", "), @"User: (summary), User: u10 word, Assistant: I read, User: u11 word");
    let summary = last.messages[0].text();
    assert_snapshot!(summary.split("word").next().unwrap(), @r#"
    [A summary of the earlier part of this conversation, which is not shown]
    So far.
    [What the user said last in it]
    u9
    "#);
}

#[tokio::test]
async fn instructions_stay() {
    let model = model(Reply::text("So far."));
    let (team, mut conversation) =
        (team(&model, |compact| compact.keep_last(2_000)), Conversation::new("main"));
    conversation.instruct("Speak French.");
    talk(&team, &mut conversation, &texts(&["u0", "u1", "u2", "u3", "u4", "u5"])).await;
    let last = model.requests().pop().unwrap();
    assert_snapshot!(outline(&last.messages).join(", "), @"User: (summary), System: Speak French., User: u4 word, Assistant: I read, User: u5 word");
}

/// A model that looks up 12 long things one after the other, and then answers.
fn researcher() -> Script {
    Script::by(|request| {
        let read = request.messages.iter().flat_map(|message| message.tool_results()).count();
        match is_for_summary(request) {
            true => Reply::text("Looked up some."),
            false if request.messages.len() > 3 && request.turns >= 12 => {
                Reply::text(format!("Done, {read} read."))
            }
            false => Reply::call("look_up", json!({"topic": format!("t{}", request.turns)})),
        }
    })
}

#[tokio::test]
async fn fault_91_a_cut_is_never_between_a_call_and_its_result() {
    let model = researcher();
    let agent = agent_core::Agent::builder("main", model.clone())
        .base_prompt("")
        .tool(look_up())
        .max_turns(40)
        .build()
        .unwrap();
    let wrap = |llm| std::sync::Arc::new(Compact::new(llm, 6_000).keep_last(2_500)) as _;
    let team = Team::new([agent]).unwrap().wrap_models(wrap);
    let mut conversation = Conversation::start("main", "Look it all up.");
    let end = team.run(&mut conversation).await.unwrap();
    assert_eq!(end, End::Answered("Done, 3 read.".to_owned()));
    assert_eq!(conversation.messages().iter().flat_map(|message| message.tool_results()).count(), 12);
    let last = model.requests().pop().unwrap();
    assert_snapshot!(outline(&last.messages).join(", "), @"User: (summary), Assistant: 1 calls, User: 1 results, Assistant: 1 calls, User: 1 results, Assistant: 1 calls, User: 1 results");
    assert!(last.messages[0].text().ends_with("[What the user said last in it]\nLook it all up."));
    for request in model.requests() {
        let body = json!({"model": "m", "max_tokens": 1, "messages": request.messages,
            "tools": request.tools.iter().map(|tool| json!({"name": tool.name, "input_schema": {"type": "object"}})).collect::<Vec<_>>()});
        agent_mock::check(&body).unwrap();
    }
}

#[tokio::test]
async fn fault_92_the_request_for_a_summary_has_no_tools_and_no_open_pairs() {
    let model = researcher();
    let answer = json!({"type": "tool", "name": "look_up"});
    let agent = agent_core::Agent::builder("main", model.clone())
        .tool(look_up())
        .max_turns(40)
        .extra("tool_choice", answer);
    let wrap = |llm| std::sync::Arc::new(Compact::new(llm, 6_000).keep_last(2_500)) as _;
    let team = Team::new([agent.build().unwrap()]).unwrap().wrap_models(wrap);
    team.run(&mut Conversation::start("main", "Look it all up.")).await.unwrap();
    let asked: Vec<_> = model.requests().into_iter().filter(is_for_summary).collect();
    assert!(asked.len() > 2);
    for request in asked {
        assert!(request.tools.is_empty() && request.extra.is_empty() && request.previous_reply.is_none());
        assert!(
            !request.messages.iter().flat_map(|message| message.content()).any(|block| block.is_tool_block())
        );
        agent_mock::check(&json!({"model": "m", "max_tokens": 1, "messages": request.messages})).unwrap();
    }
}

#[tokio::test]
async fn a_request_for_a_summary_that_is_too_long_itself_has_its_texts_cut() {
    let model = model(Reply::text("So far."));
    let (team, mut conversation) = (team(&model, |compact| compact), Conversation::new("main"));
    talk(&team, &mut conversation, &["word ".repeat(20_000), "And now?".to_owned()]).await;
    let asked = &model.requests()[1];
    assert!(is_for_summary(asked));
    assert!(asked.messages[0].text().contains("… (96000 more bytes)"));
}

#[tokio::test]
async fn tokens_are_counted_by_the_program_or_corrected_by_the_last_reply() {
    // The server counts twice as many tokens as are estimated.
    let reply = |request: &agent_core::Request| match is_for_summary(request) {
        true => Reply::text("So far."),
        false => Reply::text("Yes.").usage(Usage::new(2 * agent_compact::estimate(request), 1)),
    };
    let summaries =
        |model: &Script| model.requests().iter().filter(|request| is_for_summary(request)).count();
    let counted = Script::by(reply);
    let mut conversation = Conversation::new("main");
    talk(&team(&counted, |compact| compact), &mut conversation, &texts(&["u0", "u1", "u2"])).await;
    assert_eq!(summaries(&counted), 1);
    let exact = model(Reply::text("So far."));
    let mut conversation = Conversation::new("main");
    let team_of = |count: fn() -> Result<u64, agent_core::LlmError>| {
        team(&exact, move |compact| compact.count_with(move |_| async move { count() }))
    };
    talk(&team_of(|| Ok(9_000)), &mut conversation, &texts(&["u0", "u1", "u2"])).await;
    assert_eq!(summaries(&exact), 1, "it is first asked when the estimate is half of what is too much");
    let fails = || Err(agent_core::LlmError::new(LlmErrorKind::Server, "down"));
    let notices = talk(&team_of(fails), &mut conversation, &texts(&["u4"])).await;
    assert_eq!(notices, [Notice::Estimated { reason: "the model's server failed: down".to_owned() }]);
}

#[tokio::test]
async fn a_prompt_and_a_model_of_ones_own_write_the_summary() {
    let (own, other) = (model(Reply::text("Never.")), model(Reply::text("In short.")));
    let mut conversation = Conversation::new("main");
    let change = |compact: Compact| compact.prompt("Be brief.").summarizer(other.clone());
    talk(&team(&own, change), &mut conversation, &texts(&["u0", "u1", "u2", "u3", "u4"])).await;
    assert!(!own.requests().iter().any(is_for_summary));
    assert_eq!(other.requests().len(), 1);
    assert!(other.requests()[0].last_text().ends_with("Be brief."));
}

#[tokio::test]
async fn a_typed_answer_comes_after_a_summary() {
    let model = Script::by(|request| match is_for_summary(request) {
        true if request.answer_schema.is_none() && request.tools.is_empty() => Reply::text("So far."),
        true => panic!("a summary is no typed answer"),
        false => Reply::text(r#"{"answer": 7}"#),
    });
    let mut conversation = Conversation::new("main");
    let team = team(&model, |compact| compact);
    talk(&team, &mut conversation, &texts(&["u0", "u1", "u2", "u3"])).await;
    conversation.say(long("How many?"));
    let typed = team.run_typed::<u32>(&mut conversation).await.unwrap();
    assert_eq!(typed.value, 7);
    assert!(model.requests().iter().any(is_for_summary));
}

#[tokio::test]
async fn fault_96_a_call_that_waits_for_a_person_outlives_a_summary() {
    let model =
        Script::by(|request| match (is_for_summary(request), request.last_text().starts_with("pay")) {
            (true, _) => Reply::text("So far."),
            (false, true) => Reply::call("look_up", json!({"topic": "the bill"})),
            (false, false) => Reply::text("Yes."),
        });
    let pay = NeedsApproval::new(look_up());
    let agent = agent_core::Agent::builder("main", model.clone()).base_prompt("").tool(pay).build().unwrap();
    let wrap = |llm| std::sync::Arc::new(Compact::new(llm, 4_500)) as _;
    let team = Team::new([agent]).unwrap().wrap_models(wrap);
    let mut conversation = Conversation::new("main");
    // The summary is made just before the reply with the call.
    talk(&team, &mut conversation, &texts(&["u0", "u1", "u2", "pay"])).await;
    assert_eq!(conversation.omissions().len(), 1);
    let waiting = conversation.waiting();
    assert_eq!(waiting.len(), 1);
    conversation.approve(&waiting[0].key).unwrap();
    let end = team.run(&mut conversation).await.unwrap();
    assert_eq!(end, End::Answered("Yes.".to_owned()));
    let last = model.requests().pop().unwrap();
    assert_snapshot!(outline(&last.messages).join(", "), @"User: (summary), User: pay word, Assistant: 1 calls, User: 1 results");
}
