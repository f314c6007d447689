//! For any script and any order of results, the history is always valid.

use std::collections::HashSet;

use agent_core::{
    Block, Conversation, LlmError, Message, Outcome, Response, Role, StopReason, Team,
    conversation::{Change, Failure, Turn, Work},
    message::BlockKind,
    model::LlmErrorKind,
    tool::{Done, Transfer},
};
use proptest::prelude::*;
use serde_json::json;

use crate::common::team;

/// The number of outcomes. The input of a call decides its outcome, so that it does not depend on
/// the order.
const OUTCOMES: u8 = 10;

fn outcome(call: &agent_core::conversation::Call) -> Outcome {
    let Ok(code) = call.call.parse::<serde_json::Value>() else { return Outcome::error("malformed") };
    match code["code"].as_u64().unwrap() {
        0 => Outcome::error(""),
        1 => Outcome::Transfer(Transfer::new("other", "{why}").comes_back(true)),
        2 => Outcome::Transfer(Transfer::new("nobody", "{why}")),
        3 => Outcome::delegate("other", "Do it."),
        4 if !call.approved => Outcome::Wait { question: "May I?".to_owned() },
        5 => Outcome::output(" "),
        6 => Outcome::answer("yes"),
        7 => Outcome::answer(" "),
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
    let summary = |before| Response::new(vec![Block::history_summary("So far.", before)], Compaction);
    prop_oneof![
        9 => reply.prop_map(|(content, stop)| Ok(Response::new(content, stop))),
        3 => (0..12usize).prop_map(move |before| Ok(summary(before))),
        1 => Just(Err(LlmError::new(LlmErrorKind::Server, "down"))),
    ]
}

/// Checks the API's rules for histories on what would be sent next.
fn validate(messages: &[Message]) {
    let mut ids = HashSet::new();
    let mut open: Vec<String> = Vec::new();
    let first = messages.iter().find(|message| message.role() != Role::System);
    assert_eq!(first.map(Message::role), Some(Role::User), "a user speaks first");
    for message in messages {
        assert!(!message.content().is_empty(), "empty message");
        assert!(!message.content().iter().any(Block::is_blank), "blank text");
        let last = message.content().last().map(Block::kind);
        assert!(!matches!(last, Some(BlockKind::Thinking { .. })), "thinking at the end");
        let mut results = Vec::new();
        for block in message.content() {
            match block.kind() {
                BlockKind::ToolUse(call) => {
                    assert!(ids.insert(call.id.clone()), "id {:?} twice", call.id);
                    assert!(!call.id.is_empty() && !call.id.contains(' '));
                    assert!(!call.name.contains('.') && call.input.text().starts_with('{'));
                    open.push(call.id.clone());
                }
                BlockKind::ToolResult { tool_use_id, content, is_error } => {
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

/// Checks that after each exchange is taken back, the conversation can be serialized, it is the
/// user's turn, and what is sent next is valid.
fn taken_back(mut conversation: Conversation) {
    let (team, _, _) = team([("main", vec![]), ("other", vec![])]);
    while conversation.take_back().is_ok() {
        let written = serde_json::to_string(&conversation).unwrap();
        assert_eq!(conversation, serde_json::from_str(&written).unwrap());
        let nothing_said = "nothing was said: say something first".to_owned();
        assert_eq!(conversation.turn(&team).into_end(), Some(agent_core::End::Other(nothing_said)));
        let mut fork = conversation.clone();
        fork.say("Stop.");
        validate(&fork.reads());
        assert!(matches!(fork.turn(&team), Turn::Model(_)));
    }
    conversation.say("Stop.");
    assert_eq!(conversation.reads(), [Message::user("Stop.")], "all of it is taken back");
}

/// Plays the replies, and records the outcomes of calls in one order or the other. `step` sees the
/// conversation after each step. Also returns the changes.
fn play(
    team: &Team,
    replies: &[Result<Response, LlmError>],
    reverse: bool,
    step: &mut dyn FnMut(&mut Conversation),
) -> (Conversation, Vec<Change>) {
    let mut conversation = Conversation::start("main", "Go.");
    let mut told = Vec::new();
    let mut replies = replies.iter().cloned();
    loop {
        step(&mut conversation);
        let transfer_records = conversation.transfer_records().len();
        drop(conversation.turn(team));
        told.extend((transfer_records..conversation.transfer_records().len()).map(|_| Change::Returned));
        match conversation.turn(team) {
            Turn::Model(turn) => {
                validate(&turn.reads());
                let Some(reply) = replies.next() else { return (conversation, told) };
                let agent = turn.speaker().to_owned();
                let reply = reply.map_err(|error| Failure { agent, error });
                let said = reply.clone().map_or_else(Change::Failed, Change::Answered);
                // A failure that is returned changes nothing, so the next reply is asked for.
                told.extend(turn.answer(reply).is_ok().then_some(said));
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
                        let admitted = turn.admit(work.id(), done.outcome.clone());
                        let call = work.id().to_owned();
                        told.push(Change::Recorded {
                            call,
                            done: Done { outcome: admitted, usage: done.usage.clone() },
                        });
                        next = turn.record(work.id(), done);
                    }
                }
            }
            Turn::User(agent_core::End::Waiting(calls)) if calls.len() > 1 => {
                conversation.take_back().unwrap();
                conversation.say("Something else.");
                let content = "Something else.".into();
                told.extend([Change::TakenBack, Change::Said { role: Role::User, content }]);
            }
            Turn::User(agent_core::End::Waiting(calls)) => {
                for (place, waiting) in calls.iter().enumerate() {
                    let call = waiting.call.id.clone();
                    match place % 2 {
                        0 => {
                            conversation.approve(&waiting.key).unwrap();
                            told.push(Change::Approved { call });
                        }
                        _ => {
                            conversation.deny(&waiting.key, "no").unwrap();
                            told.push(Change::Denied { call, reason: "no".to_owned() });
                        }
                    }
                }
            }
            Turn::User(end) => {
                if let agent_core::End::Answered(text) = end {
                    assert_eq!(text, conversation.text());
                }
                let Some(reply) = replies.next() else { return (conversation, told) };
                // Once for each block of the reply that nobody reads.
                let blocks = reply.map_or(0, |reply| reply.content.len());
                told.extend(
                    (0..blocks).map_while(|_| conversation.take_back().ok().map(|()| Change::TakenBack)),
                );
                conversation.say("Go on.");
                told.push(Change::Said { role: Role::User, content: "Go on.".into() });
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
            // At any moment the conversation is the same after it was written and read back, and it
            // can continue.
            let written = serde_json::to_string(conversation).unwrap();
            assert_eq!(*conversation, serde_json::from_str(&written).unwrap());
            let mut fork = conversation.clone();
            fork.say("Stop.");
            validate(&fork.reads());
            taken_back(conversation.clone());
        });
    }

    #[test]
    fn invariant_5_the_order_in_which_outcomes_come_in_makes_no_difference(
        replies in prop::collection::vec(reply(), 0..12),
    ) {
        let (team, _, _) = team([("main", vec![]), ("other", vec![])]);
        let (forth, _) = play(&team, &replies, false, &mut |_| ());
        let (back, _) = play(&team, &replies, true, &mut |_| ());
        assert_eq!(forth, back);
    }

    #[test]
    fn invariant_8_a_conversation_is_the_fold_of_what_it_was_told_without_agents_or_rules(
        replies in prop::collection::vec(reply(), 0..12),
    ) {
        let (team, _, _) = team([("main", vec![]), ("other", vec![])]);
        let (conversation, told) = play(&team, &replies, true, &mut |_| ());
        let written = serde_json::to_string(&told).unwrap();
        let read: Vec<Change> = serde_json::from_str(&written).unwrap();
        let mut fold = Conversation::start("main", "Go.");
        for told in read {
            fold.apply("run", told).unwrap();
        }
        assert_eq!(fold, conversation);
    }
}
