//! For any script and any order of results, the history is always valid.

use std::collections::HashSet;

use agent_core::{
    Block, Conversation, LlmError, Message, Outcome, Response, Role, StopReason, Team,
    conversation::{Change, Delegation, Failure, ToolTurn, Turn, Work},
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

/// The outcomes with which a call gets its own conversation: the first one is detached, and the next
/// two are. They end with a result, an error, and after a person has approved the call.
const DETACH: std::ops::Range<u8> = 10..14;

/// The outcome of a call that makes a plan, which is in its input.
const PLAN: u64 = 99;

/// A step, as numbers: its outcome, how it depends on an earlier step, and which one that is.
type StepSeed = (u8, u8, usize);

/// A plan in which each step may need an earlier one. It may end before all steps have: then it matters
/// which results come first.
fn plan(seeds: Vec<StepSeed>, ends_early: bool) -> serde_json::Value {
    let step = |(place, (code, kind, earlier)): (usize, StepSeed)| {
        let other = format!("s{}", earlier % place.max(1));
        let tool = if code % 3 == 0 { "act_alone" } else { "act" };
        let mut step = json!({"id": format!("s{place}"), "tool": tool, "input": {"code": code}});
        match kind {
            _ if place == 0 => {}
            0 => step["input"]["x"] = json!({"$from": other}),
            1 => step["input"]["x"] = json!({"$from": [other, "s0"]}),
            2 => step["after"] = json!([other]),
            3 => step["if_failed"] = json!(other),
            4 => step["input"]["x"] = json!({"$from": other, "path": "/nothing"}),
            _ => {}
        }
        if kind >= 6 {
            step["for_each"] = json!([code, 0, 8]);
            step["input"]["code"] = json!({"$item": ""});
        }
        step
    };
    let early = ends_early.then_some(seeds.len() as u32);
    let steps: Vec<_> = seeds.into_iter().enumerate().map(step).collect();
    match early {
        Some(steps_left) if steps_left % 2 == 0 => json!({"steps": steps, "stop_on_failure": true}),
        Some(_) => json!({"steps": steps, "enough": 1}),
        None => json!({"steps": steps}),
    }
}

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
        10.. if call.may_detach && code["code"] != PLAN => Outcome::Detach,
        12 => Outcome::error("no"),
        13 if !call.approved => Outcome::Wait { question: "May I?".to_owned() },
        PLAN => Outcome::plan(serde_json::from_value(code["plan"].clone()).unwrap()),
        _ => Outcome::output("fine"),
    }
}

/// What the replies of a script may make: plans that end early, and calls that are detached.
#[derive(Clone, Copy)]
struct Kinds {
    ends_early: bool,
    detaches: bool,
}

fn block(Kinds { ends_early, detaches }: Kinds) -> impl Strategy<Value = Block> {
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
        1 => prop::collection::vec((0..OUTCOMES, 0..8u8, 0..4usize), 1..5).prop_map(move |seeds| {
            Block::tool_use("p", "act", json!({"code": PLAN, "plan": plan(seeds, ends_early)}))
        }),
        4 => (id, tool, 0..if detaches { DETACH.end } else { OUTCOMES }).prop_map(|(id, tool, code)| Block::tool_use(id, tool, json!({"code": code}))),
    ]
}

fn reply(kinds: Kinds) -> impl Strategy<Value = Result<Response, LlmError>> {
    use StopReason::*;
    let rare = vec![EndTurn, PauseTurn, MaxTokens, Refusal, Compaction, Other("new".to_owned())];
    let stop = prop_oneof![5 => Just(ToolUse), 2 => prop::sample::select(rare)];
    let reply = (prop::collection::vec(block(kinds), 0..5), stop);
    let summary = |before| Response::new(vec![Block::history_summary("So far.", before)], Compaction);
    prop_oneof![
        9 => reply.prop_map(|(content, stop)| Ok(Response::new(content, stop))),
        3 => (0..12usize).prop_map(move |before| Ok(summary(before))),
        1 => Just(Err(LlmError::new(LlmErrorKind::Server, "down"))),
    ]
}

/// Replies of any kind.
fn script() -> impl Strategy<Value = Vec<Result<Response, LlmError>>> {
    let kinds = (prop::bool::ANY, prop::bool::ANY);
    kinds.prop_flat_map(|(ends_early, detaches)| {
        prop::collection::vec(reply(Kinds { ends_early, detaches }), 0..12)
    })
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

/// The changes of a conversation and of those that it delegated, each with the id of what changed.
type Told = Vec<(String, Change)>;

/// Does the work of a turn. An outcome is recorded before the next work starts.
fn do_work(team: &Team, mut turn: ToolTurn<'_>, reverse: bool, told: &mut Told) {
    let id = turn.conversation().id().to_owned();
    if turn.conversation().messages().len() % 3 == 0 {
        record_detached(team, &mut turn, reverse, told);
    }
    let mut queue: Vec<Work> = turn.work().iter().filter(|work| is_open(&turn, work)).cloned().collect();
    queue.reverse();
    while !queue.is_empty() {
        let work = if reverse { queue.remove(0) } else { queue.pop().unwrap() };
        let call = work.id().to_owned();
        let done: Done = match work {
            _ if turn.has_enough() => Outcome::error("cancelled").into(),
            Work::Call(call) => outcome(&call).into(),
            Work::Delegate(delegation) if detaches(&turn, &delegation) => {
                told.push((id.clone(), Change::Detached { call: call.clone() }));
                queue.extend(turn.detach(&call));
                continue;
            }
            Work::Delegate(delegation) if is_plan(&delegation.conversation) => {
                let (child, done) = plan_done(team, *delegation.conversation, reverse, told);
                turn.keep(&call, child.into());
                done
            }
            Work::Delegate(_) => Outcome::output("did it").into(),
        };
        let admitted = turn.admit(&call, done.outcome.clone());
        let recorded = Done { outcome: admitted, usage: done.usage.clone() };
        told.push((id.clone(), Change::Recorded { call: call.clone(), done: recorded }));
        queue.extend(turn.record(&call, done));
    }
}

/// Records the results of detached calls while calls of the last reply are open.
fn record_detached(team: &Team, turn: &mut ToolTurn<'_>, reverse: bool, told: &mut Told) {
    let id = turn.conversation().id().to_owned();
    let calls: Vec<String> = turn.conversation().detached_calls().map(|call| call.id.clone()).collect();
    for call in calls {
        let child = turn.conversation().within(&format!("{id}/{call}")).unwrap().clone();
        let (child, done) = plan_done(team, child, reverse, told);
        turn.keep(&call, child.into());
        let done = Done { outcome: turn.admit(&call, done.outcome), usage: done.usage };
        told.push((id.clone(), Change::Recorded { call: call.clone(), done: done.clone() }));
        assert!(turn.record(&call, done).is_empty());
    }
}

fn is_open(turn: &ToolTurn<'_>, work: &Work) -> bool {
    turn.conversation().is_open(work.id())
}

/// Whether the work of a call that may be detached is to be detached now.
fn detaches(turn: &ToolTurn<'_>, delegation: &Delegation) -> bool {
    let input = || delegation.call.parse::<serde_json::Value>().unwrap();
    delegation.is_detachable()
        && !turn.conversation().is_detached(&delegation.call.id)
        && input()["code"] != u64::from(DETACH.start)
}

fn is_plan(conversation: &Conversation) -> bool {
    conversation.messages()[0].text().starts_with("Carry out a plan")
}

/// Carries out a plan. Calls that wait for a person are approved.
fn plan_done(team: &Team, mut child: Conversation, reverse: bool, told: &mut Told) -> (Conversation, Done) {
    let written = serde_json::to_string(&child).unwrap();
    assert_eq!(child, serde_json::from_str(&written).unwrap());
    loop {
        match child.turn(team) {
            Turn::Model(_) => panic!("a plan asks no model"),
            Turn::Tools(turn) => do_work(team, turn, reverse, told),
            Turn::User(agent_core::End::Waiting(calls)) => {
                for call in calls {
                    child.approve(&call.key).unwrap();
                    let (id, call) = call.key.rsplit_once('/').unwrap();
                    told.push((id.to_owned(), Change::Approved { call: call.to_owned() }));
                }
            }
            Turn::User(end) => {
                validate(child.messages());
                let done = child.done(&Ok(end)).unwrap();
                return (child, done);
            }
        }
    }
}

/// Plays the replies, and records the outcomes of calls in one order or the other. `step` sees the
/// conversation after each step. Also returns the changes.
fn play(
    team: &Team,
    replies: &[Result<Response, LlmError>],
    reverse: bool,
    step: &mut dyn FnMut(&mut Conversation),
) -> (Conversation, Told) {
    let mut conversation = Conversation::start("main", "Go.");
    let mut told = Told::new();
    let own = |change: Change| ("run".to_owned(), change);
    let mut replies = replies.iter().cloned();
    loop {
        step(&mut conversation);
        let transfer_records = conversation.transfer_records().len();
        drop(conversation.turn(team));
        told.extend((transfer_records..conversation.transfer_records().len()).map(|_| own(Change::Returned)));
        match conversation.turn(team) {
            Turn::Model(turn) => {
                validate(&turn.reads());
                let Some(reply) = replies.next() else { return (conversation, told) };
                let agent = turn.speaker().to_owned();
                let reply = reply.map_err(|error| Failure { agent, error });
                let said = reply.clone().map_or_else(Change::Failed, Change::Answered);
                // A failure that is returned changes nothing, so the next reply is asked for.
                told.extend(turn.answer(reply).is_ok().then_some(own(said)));
            }
            Turn::Tools(turn) => do_work(team, turn, reverse, &mut told),
            Turn::User(agent_core::End::Waiting(calls)) if calls.len() > 1 => {
                conversation.take_back().unwrap();
                conversation.say("Something else.");
                let content = "Something else.".into();
                told.extend([own(Change::TakenBack), own(Change::Said { role: Role::User, content })]);
            }
            Turn::User(agent_core::End::Waiting(calls)) => {
                for (place, waiting) in calls.iter().enumerate() {
                    let (id, call) = waiting.key.rsplit_once('/').unwrap();
                    let (id, call) = (id.to_owned(), call.to_owned());
                    match place % 2 {
                        0 => {
                            conversation.approve(&waiting.key).unwrap();
                            told.push((id, Change::Approved { call }));
                        }
                        _ => {
                            conversation.deny(&waiting.key, "no").unwrap();
                            told.push((id, Change::Denied { call, reason: "no".to_owned() }));
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
                    (0..blocks).map_while(|_| conversation.take_back().ok().map(|()| own(Change::TakenBack))),
                );
                conversation.say("Go on.");
                told.push(own(Change::Said { role: Role::User, content: "Go on.".into() }));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariant_3_each_tool_use_has_exactly_one_result_in_call_order_in_the_next_user_message(
        replies in script(),
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
        replies in prop::collection::vec(reply(Kinds { ends_early: false, detaches: false }), 0..12),
    ) {
        let (team, _, _) = team([("main", vec![]), ("other", vec![])]);
        let (forth, _) = play(&team, &replies, false, &mut |_| ());
        let (back, _) = play(&team, &replies, true, &mut |_| ());
        assert_eq!(forth, back);
    }

    #[test]
    fn invariant_8_a_conversation_is_the_fold_of_what_it_was_told_without_agents_or_rules(
        replies in script(),
    ) {
        let (team, _, _) = team([("main", vec![]), ("other", vec![])]);
        let (conversation, told) = play(&team, &replies, true, &mut |_| ());
        let written = serde_json::to_string(&told).unwrap();
        let read: Told = serde_json::from_str(&written).unwrap();
        let mut fold = Conversation::start("main", "Go.");
        for (id, change) in read {
            fold.apply(&id, change).unwrap();
        }
        assert_eq!(fold, conversation);
    }
}
