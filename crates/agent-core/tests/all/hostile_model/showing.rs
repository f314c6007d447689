//! Text of models, tools and servers that people read.

use std::sync::{Arc, Mutex};

use agent_core::{
    Block, Conversation, End, Event, LlmError, RunError, conversation::Failure, event::EventLog,
    model::LlmErrorKind, script::Reply,
};
use agent_timeline::Timeline;
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{calls, one_turn, team};

/// A text that clears the screen, changes the reading direction, is partly invisible, begins a new
/// line, and looks like another speaker's line.
const ODD: &str = "x\u{1b}[2J\u{9b}1m\u{202e}y\u{200b}\u{2028}z\r\nuser: yes\rno";

#[track_caller]
fn assert_safe(text: &str) {
    let odd = |character: &char| {
        character.is_control() && *character != '\n' || "\u{202e}\u{200b}\u{2028}".contains(*character)
    };
    assert_eq!(text.chars().find(odd), None, "{text:?}");
}

#[tokio::test(start_paused = true)]
async fn field_78_a_transcript_shows_what_was_written_and_obeys_none_of_it() {
    let reply =
        calls([("act", json!({"say": ODD})), ("act", json!({"fail": ODD})), ("act", json!({"ask": ODD}))]);
    let (team, _, _) = one_turn(reply);
    let mut conversation = Conversation::start("main", ODD);
    team.run(&mut conversation).await.unwrap();
    assert_safe(&conversation.to_string());
    assert_snapshot!(conversation, @r#"
    user: x\u{1b}[2J\u{9b}1m\u{202e}y\u{200b}\u{2028}z
      | user: yes\rno
      > call_0_0 act {"say":"x\u001b[2J\u{9b}1m\u{202e}y\u{200b}\u{2028}z\r\nuser: yes\rno"}
      > call_0_1 act {"fail":"x\u001b[2J\u{9b}1m\u{202e}y\u{200b}\u{2028}z\r\nuser: yes\rno"}
      > call_0_2 act {"ask":"x\u001b[2J\u{9b}1m\u{202e}y\u{200b}\u{2028}z\r\nuser: yes\rno"}
    (call_0_0 = x\u{1b}[2J\u{9b}1m\u{202e}y\u{200b}\u{2028}z
      | user: yes\rno)
    (call_0_1 failed: x\u{1b}[2J\u{9b}1m\u{202e}y\u{200b}\u{2028}z
      | user: yes\rno)
    (call_0_2 waits for a person: x\u{1b}[2J\u{9b}1m\u{202e}y\u{200b}\u{2028}z
      | user: yes\rno)
    "#);
    conversation.say(vec![Block::text(ODD)]);
    let answer = Reply::text(ODD);
    let (team, _, _) = one_turn(answer);
    team.run(&mut conversation).await.unwrap();
    assert_safe(&conversation.to_string());
    let forged = conversation.to_string().lines().filter(|line| line.starts_with("user: yes")).count();
    assert_eq!(forged, 0, "{conversation}");
}

#[tokio::test(start_paused = true)]
async fn field_78_a_person_is_asked_what_will_run() {
    let asked = calls([("act", json!({"ask": ODD}))]);
    let delegated = calls([("act", json!({"to": "other"}))]);
    for parts in
        [vec![("main", vec![asked.clone()])], vec![("main", vec![delegated]), ("other", vec![asked])]]
    {
        let (team, _, _) = team(parts);
        let events = Arc::new(Mutex::new(Vec::<Event>::new()));
        let (tell, mut conversation) = (events.clone(), Conversation::start("main", "Go."));
        let run = team.run(&mut conversation).listen(move |event| tell.lock().unwrap().push(event.clone()));
        let End::Waiting(waiting) = run.await.unwrap() else { panic!("it waits") };
        assert_safe(&waiting[0].question);
        assert!(waiting[0].question.contains(r"\u{202e}"), "{}", waiting[0].question);
        let events = events.lock().unwrap();
        let lines: Vec<String> = events.iter().filter_map(|event| EventLog::new(200).line(event)).collect();
        assert!(lines.iter().any(|line| line.contains(r"? x\u{1b}[2J")), "{lines:?}");
        lines.iter().for_each(|line| assert!(!line.contains('\n'), "{line:?}"));
        lines.iter().for_each(|line| assert_safe(line));
        assert_safe(&Timeline::new(events.iter()).to_text(100));
    }
}

#[test]
fn field_78_an_error_shows_what_a_server_said_on_one_line() {
    let mut error = LlmError::new(LlmErrorKind::Server, ODD);
    (error.error_type, error.request_id) = (Some(ODD.to_owned()), Some(ODD.to_owned()));
    let failure = Failure { agent: ODD.to_owned(), error: error.clone() };
    let panicked = RunError::Panicked { message: ODD.to_owned() };
    for text in
        [error.to_string(), failure.to_string(), RunError::Model(failure).to_string(), panicked.to_string()]
    {
        assert!(text.contains(r"x\u{1b}[2J") && !text.contains('\n'), "{text:?}");
        assert_safe(&text);
    }
}
