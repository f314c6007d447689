//! Summaries that are sent instead of earlier messages. The record keeps the messages.

use agent_core::{
    Block, Conversation, Message, Outcome, Response, StopReason, Team,
    conversation::{Change, OmissionReason, Turn},
    script::Script,
    tool::{Done, Transfer},
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, agent};

/// The changes of a conversation, each in one line.
#[derive(Clone)]
enum Step {
    Says(&'static str),
    Instructs(&'static str),
    Answers(&'static str),
    /// Calls `act`, which gives this.
    Acts(&'static str),
    HandsOver(&'static str),
    Sums(&'static str, usize),
    Refuses,
    TakesBack,
}
use Step::*;

fn play(steps: &[Step]) -> Conversation {
    let mut conversation = Conversation::new("main");
    for step in steps {
        let id = format!("c{}", conversation.messages().len());
        let call = || Response::new(vec![Block::tool_use(&id, "act", json!({}))], StopReason::ToolUse);
        let given = |outcome| Change::Recorded { call: id.clone(), done: Done::from(outcome) };
        let changes = match step {
            Says(words) => vec![Change::Said { role: agent_core::Role::User, content: (*words).into() }],
            Instructs(words) => {
                vec![Change::Said { role: agent_core::Role::System, content: (*words).into() }]
            }
            Answers(words) => vec![Change::Answered(Response::text(*words))],
            Acts(result) => vec![Change::Answered(call()), given(Outcome::output(*result))],
            HandsOver(to) => {
                vec![
                    Change::Answered(call()),
                    given(Outcome::Transfer(Transfer::new(*to, "{why}").comes_back(true))),
                ]
            }
            Sums(text, before) => vec![Change::Answered(summary(text, *before))],
            Refuses => vec![Change::Answered(Response::new(vec![], StopReason::Refusal))],
            TakesBack => vec![Change::TakenBack],
        };
        for change in changes {
            conversation.apply("run", change).unwrap();
        }
        let written = serde_json::to_string(&conversation).unwrap();
        assert_eq!(conversation, serde_json::from_str(&written).unwrap());
    }
    conversation
}

fn summary(text: &str, before: usize) -> Response {
    Response::new(vec![Block::history_summary(text, before)], StopReason::Compaction)
}

/// What is sent, each message in a word or two.
fn sent(conversation: &Conversation) -> String {
    let word = |block: &Block| match (block.as_text(), block.as_tool_use()) {
        (Some(text), _) => text.to_owned(),
        (_, Some(_)) => "call".to_owned(),
        _ => "result".to_owned(),
    };
    let line = |message: &Message| {
        let words: Vec<String> = message.content().iter().map(word).collect();
        format!("{:?} {}", message.role(), words.join(" + "))
    };
    conversation.reads().iter().map(line).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(steps: &[Step], expected: &str) -> Conversation {
    let conversation = play(steps);
    assert_eq!(sent(&conversation), expected);
    conversation
}

#[test]
fn what_is_sent_begins_with_the_summary_and_the_record_keeps_all() {
    let steps = [Says("u0"), Answers("a1"), Says("u2"), Sums("S", 2), Answers("a4")];
    let conversation = check(&steps, "User S, User u2, Assistant a4");
    assert_eq!(conversation.messages().len(), 5);
    let part = conversation.omissions()[0];
    assert_eq!((part.from, part.to, part.why, part.summary), (0, 2, OmissionReason::Compacted, Some(3)));
    assert_eq!(conversation.text(), "a4");
    assert_snapshot!(conversation, @r"
    user: u0
    main: a1
    user: u2
    -- sent instead of what is older than message 2: S
    main: a4
    ");
}

#[test]
fn a_summary_replaces_an_earlier_one_and_keeps_instructions() {
    let first = [Says("u0"), Instructs("i1"), Answers("a2"), Says("u3"), Sums("S", 3), Answers("a5")];
    check(&first, "User S, System i1, User u3, Assistant a5");
    let second = [&first[..], &[Says("u6"), Sums("T", 6), Answers("a8")]].concat();
    check(&second, "User T, System i1, User u6, Assistant a8");
}

#[test]
fn a_summary_that_would_leave_out_nothing_changes_nothing_and_counts_as_a_turn() {
    let begin = [Says("u0"), Answers("a1"), Says("u2")];
    for (text, before, turns) in [("S", 2, 0), ("S", 0, 1), ("S", 4, 1), (" ", 2, 1)] {
        let conversation = play(&[&begin[..], &[Sums(text, before)]].concat());
        assert_eq!(
            (conversation.turns(), conversation.omissions().is_empty()),
            (turns, turns == 1),
            "{before}"
        );
    }
    let twice = play(&[&begin[..], &[Sums("S", 2), Sums("S", 2)]].concat());
    assert_eq!((twice.turns(), twice.omissions().len()), (1, 1));
    assert_eq!(sent(&twice), "User S, User u2");
}

#[test]
fn fault_91_a_cut_between_a_call_and_its_result_sends_neither() {
    check(&[Says("u0"), Acts("r"), Sums("S", 2)], "User S");
    check(&[Says("u0"), Acts("r"), Acts("r"), Sums("S", 3)], "User S, Assistant call, User result");
}

#[test]
fn what_is_taken_back_or_refused_later_is_in_no_summary() {
    let before = [Says("u0"), Answers("a1"), Says("u2")];
    // The summary has only what was before: it stays.
    check(&[&before[..], &[Sums("S", 2), Answers("a4"), TakesBack, Says("u5")]].concat(), "User S, User u5");
    check(&[&before[..], &[Sums("S", 2), Refuses, Says("u5")]].concat(), "User S, User u5");
    // It has a part of what is taken back or refused: the messages before are sent again.
    let within = [&before[..], &[Acts("r"), Acts("r"), Sums("S", 5)]].concat();
    check(&within, "User S, Assistant call, User result");
    check(&[&within[..], &[TakesBack, Says("u9")]].concat(), "User u0, Assistant a1, User u9");
    check(
        &[&within[..], &[Refuses, Says("u9")]].concat(),
        "User u0, Assistant a1, User [left out: what was refused. Calls made in it: act = ok; act = ok] + u9",
    );
}

#[test]
fn a_note_about_what_was_refused_does_not_move_to_a_later_message() {
    let steps = [Says("u0"), Acts("r"), Refuses, Says("u4"), Answers("a5"), Says("u6"), Sums("S", 6)];
    check(&steps, "User S, User u6");
}

#[test]
fn the_summary_of_an_agent_that_took_over_replaces_nothing_of_what_others_read() {
    let steps =
        [Says("u0"), Answers("a1"), Says("u2"), HandsOver("other"), Acts("r"), Acts("r"), Sums("S", 7)];
    // For `other`, the summary stands for all that it has read.
    let conversation = check(&steps, "User S, Assistant call, User result");
    assert_eq!(conversation.agent(), "other");
    assert_eq!(conversation.reads_around(5).0, []);
    // `other` refuses, and `main` has the conversation back.
    let conversation = play(&[&steps[..], &[Refuses]].concat());
    assert_eq!(conversation.agent(), "main");
    assert_snapshot!(sent(&conversation), @r#"User u0, Assistant a1, User u2, Assistant call, User result, User S, Assistant call, User result, User other had taken over, but then: agent "other" refused"#);
}

#[test]
fn a_first_reply_after_a_transfer_can_be_no_summary() {
    let conversation = play(&[Says("u0"), HandsOver("other"), Sums("S", 2)]);
    assert_eq!((conversation.agent(), conversation.omissions().len(), conversation.turns()), ("other", 0, 1));
    assert_eq!(sent(&conversation), "User u0, Assistant call, User result");
}

fn team() -> Team {
    Team::new(["main", "other"].map(|name| agent(name, &Script::new([]), &Log::default()).build().unwrap()))
        .unwrap()
}

#[test]
fn a_request_says_where_its_messages_are_in_the_record() {
    let check = |steps: &[Step], expected: &[Option<usize>]| {
        let request = team().request(&play(steps)).unwrap();
        assert_eq!((&request.places[..], request.messages.len()), (expected, expected.len()));
    };
    let before = [Says("u0"), Answers("a1"), Says("u2"), Answers("a3"), Says("u4")];
    check(&before, &[0, 1, 2, 3, 4].map(Some));
    check(&[&before[..], &[TakesBack, TakesBack, Says("u5")]].concat(), &[0, 1, 5].map(Some));
    check(&[&before[..], &[Sums("S", 4)]].concat(), &[None, Some(4)]);
    // What is read of the messages before a transfer is filtered.
    check(&[&before[..], &[HandsOver("other")]].concat(), &[None; 7]);
    let after = [&before[..], &[HandsOver("other"), Acts("r")]].concat();
    check(&after, &[&[None; 7][..], &[Some(7), Some(8)]].concat());
}

#[test]
fn fault_95_the_servers_history_is_not_used_after_a_summary() {
    let mut reply = Response::text("a1");
    reply.id = Some("r1".into());
    let mut conversation = play(&[Says("u0")]);
    conversation.apply("run", Change::Answered(reply)).unwrap();
    conversation.say("u2");
    assert!(team().request(&conversation).unwrap().previous_reply.is_some());
    conversation.apply("run", Change::Answered(summary("S", 2))).unwrap();
    assert_eq!(team().request(&conversation).unwrap().previous_reply, None);
}

#[test]
fn the_model_is_asked_again_after_a_summary_also_when_the_user_has_spoken() {
    for more in [vec![], vec![Says("u4")], vec![Instructs("i4")]] {
        let steps = [&[Says("u0"), Answers("a1"), Says("u2"), Sums("S", 2)][..], &more].concat();
        assert!(matches!(play(&steps).turn(&team()), Turn::Model(_)));
    }
}

#[test]
fn a_conversation_whose_summary_is_missing_is_not_read() {
    let conversation = play(&[Says("u0"), Answers("a1"), Says("u2"), Sums("S", 2)]);
    let mut written = serde_json::to_value(&conversation).unwrap();
    written["omissions"][0]["summary"] = json!(1);
    let error = serde_json::from_value::<Conversation>(written).unwrap_err();
    assert_snapshot!(error, @"not a valid conversation: the messages 0 to 2 are compacted, but have no summary");
}
