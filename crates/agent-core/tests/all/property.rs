//! Any script, any order: the history is valid at every instant.

use std::collections::HashSet;

use agent_core::{
    Block, Conversation, Done, Failure, Kind, LlmError, LlmErrorKind, Message, Outcome, Response, Role,
    StopReason, Team, Transfer, Turn, Work,
};
use proptest::prelude::*;
use serde_json::json;

use crate::common::team;

/// What one call leads to is told by its input, so that it does not depend on the order of things.
const OUTCOMES: u8 = 8;

fn outcome(call: &agent_core::Call) -> Outcome {
    let Ok(code) = call.call.parse::<serde_json::Value>() else { return Outcome::error("malformed") };
    match code["code"].as_u64().unwrap() {
        0 => Outcome::error(""),
        1 => Outcome::Transfer(Transfer::new("other", "{why}").comes_back(true)),
        2 => Outcome::Transfer(Transfer::new("nobody", "{why}")),
        3 => Outcome::delegate("other", "Do it."),
        4 if !call.allowed => Outcome::Wait { question: "May I?".to_owned() },
        5 => Outcome::output(" "),
        _ => Outcome::output("fine"),
    }
}

fn block() -> impl Strategy<Value = Block> {
    let id = prop::sample::select(vec!["", "0", "a", "b c", "a_2"]);
    let tool = prop::sample::select(vec!["act", "act", "act_first", "act_alone", "unknown", "od.d"]);
    let thinking = |signature: &str| {
        let json = json!({"type": "thinking", "thinking": "hm", "signature": signature});
        Block::from_json(json.into()).unwrap()
    };
    prop_oneof![
        1 => prop::sample::select(vec!["", "c2ln"]).prop_map(thinking),
        1 => Just(Block::tool_use("n", "act", json!([1]))),
        1 => prop::sample::select(vec!["", " \n", "words"]).prop_map(Block::text),
        4 => (id, tool, 0..OUTCOMES).prop_map(|(id, tool, code)| Block::tool_use(id, tool, json!({"code": code}))),
    ]
}

fn reply() -> impl Strategy<Value = Result<Response, LlmError>> {
    use StopReason::*;
    let rare = vec![EndTurn, PauseTurn, MaxTokens, Refusal, Compaction, Other("new".to_owned())];
    let stop = prop_oneof![5 => Just(ToolUse), 2 => prop::sample::select(rare)];
    let reply = (prop::collection::vec(block(), 0..5), stop);
    prop_oneof![
        9 => reply.prop_map(|(content, stop)| Ok(Response::new(content, stop))),
        1 => Just(Err(LlmError::new(LlmErrorKind::Server, "down"))),
    ]
}

/// The rules the API holds a history to, on what would be sent next.
fn validate(messages: &[Message]) {
    let mut ids = HashSet::new();
    let mut open: Vec<String> = Vec::new();
    for message in messages {
        assert!(!message.content().is_empty(), "empty message");
        assert!(!message.content().iter().any(Block::is_blank), "blank text");
        let last = message.content().last().map(Block::kind);
        assert!(!matches!(last, Some(Kind::Thinking { .. })), "thinking at the end");
        let mut results = Vec::new();
        for block in message.content() {
            match block.kind() {
                Kind::ToolUse(call) => {
                    assert!(ids.insert(call.id.clone()), "id {:?} twice", call.id);
                    assert!(!call.id.is_empty() && !call.id.contains(' '));
                    assert!(!call.name.contains('.') && call.input.text().starts_with('{'));
                    open.push(call.id.clone());
                }
                Kind::ToolResult { tool_use_id, content, is_error } => {
                    assert!(!is_error || !content.is_blank());
                    results.push(tool_use_id.clone());
                }
                _ => {}
            }
        }
        if message.role() == Role::User {
            assert_eq!(results, open, "each call has one result, in call order, in the next user message");
            open.clear();
        }
    }
    assert!(open.is_empty(), "calls without results at the end: {open:?}");
}

/// Plays the replies, recording what calls lead to in one order or the other. `step` sees the
/// conversation after each step.
fn play(
    team: &Team,
    replies: &[Result<Response, LlmError>],
    reverse: bool,
    step: &mut dyn FnMut(&mut Conversation),
) -> Conversation {
    let mut conversation = Conversation::start("main", "Go.");
    let mut replies = replies.iter().cloned();
    loop {
        step(&mut conversation);
        match conversation.turn(team) {
            Turn::Model(turn) => {
                validate(&turn.reads());
                let Some(reply) = replies.next() else { return conversation };
                let agent = turn.speaker().to_owned();
                // A failure given back leaves all as it was: the next reply is asked for.
                let _ = turn.answer(reply.map_err(|error| Failure { agent, error }));
            }
            Turn::Tools(mut turn) => {
                let mut work = turn.work().to_vec();
                if reverse {
                    work.reverse();
                }
                for work in work {
                    let mut next = Some(work);
                    while let Some(work) = next {
                        let done: Done = match &work {
                            Work::Call(call) => outcome(call).into(),
                            Work::Delegate(_) => Outcome::output("did it").into(),
                        };
                        next = turn.record(work.id(), done);
                    }
                }
            }
            Turn::User(agent_core::End::Waiting(calls)) => {
                for (place, call) in calls.iter().enumerate() {
                    match place % 2 {
                        0 => conversation.allow(&call.key).unwrap(),
                        _ => conversation.deny(&call.key, "no").unwrap(),
                    }
                }
            }
            Turn::User(_) => {
                let Some(_) = replies.next() else { return conversation };
                conversation.say("Go on.");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariant_3_each_tool_use_has_exactly_one_result_in_call_order_in_the_next_user_message(
        replies in prop::collection::vec(reply(), 0..12),
    ) {
        let (team, _, _) = team([("main", vec![]), ("other", vec![])]);
        play(&team, &replies, false, &mut |conversation| {
            // Whatever the moment: written and read back it is the same, and it can be gone on with.
            let written = serde_json::to_string(conversation).unwrap();
            assert_eq!(*conversation, serde_json::from_str(&written).unwrap());
            let mut fork = conversation.clone();
            fork.say("Stop.");
            validate(&fork.reads());
        });
    }

    #[test]
    fn invariant_5_the_order_in_which_outcomes_come_in_makes_no_difference(
        replies in prop::collection::vec(reply(), 0..12),
    ) {
        let (team, _, _) = team([("main", vec![]), ("other", vec![])]);
        let forth = play(&team, &replies, false, &mut |_| ());
        let back = play(&team, &replies, true, &mut |_| ());
        assert_eq!(forth, back);
    }
}
