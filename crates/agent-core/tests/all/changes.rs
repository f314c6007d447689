//! Changes that are applied to a conversation again.

use agent_core::{Conversation, Outcome, Response, Role, StopReason, conversation::Change, tool::Done};
use serde_json::json;

/// A conversation with two open calls. The second one is delegated.
fn conversation() -> Conversation {
    let calls = ["a", "b"].map(|id| agent_core::Block::tool_use(id, "act", json!({})));
    let mut conversation = Conversation::start("main", "Go.");
    conversation.apply("run", Change::Answered(Response::new(calls.to_vec(), StopReason::ToolUse))).unwrap();
    conversation.apply("run", recorded("b", Outcome::delegate("other", "Do it."))).unwrap();
    conversation
}

fn recorded(call: &str, outcome: Outcome) -> Change {
    Change::Recorded { call: call.to_owned(), done: Done::from(outcome) }
}

/// Checks the error of a change that does not fit, and that the conversation is unchanged.
fn check(id: &str, change: Change, expected: &str) {
    let mut conversation = conversation();
    let before = conversation.clone();
    assert_eq!(conversation.apply(id, change).unwrap_err().why, expected);
    assert_eq!(conversation, before);
}

#[test]
fn a_change_of_a_delegated_conversation_is_applied_there() {
    let mut conversation = conversation();
    conversation.apply("run/b", Change::Answered(Response::text("Did it."))).unwrap();
    assert_eq!(conversation.within("run/b").unwrap().text(), "Did it.");
    assert_eq!(conversation.within("run").unwrap(), &conversation);
    assert!(conversation.within("run/a").is_none());
}

#[test]
fn what_does_not_follow_is_an_error_and_changes_nothing() {
    let words = |role| Change::Said { role, content: "Hi.".into() };
    check("run", Change::Answered(Response::text("Hi.")), "it is not its model's turn");
    check("run", recorded("c", Outcome::output("c")), "call \"c\" is not open");
    check("run", Change::Returned, "there is no earlier agent to which it could return");
    check("run", words(Role::Assistant), "a reply is Change::Answered, not Change::Said");
    check("run/a", words(Role::User), "\"run\" has no delegated conversation with this id");
    let allowed = Change::Approved { call: "a".to_owned() };
    check(
        "run",
        allowed,
        "no call with the key \"run/a\" waits for a person (it may be decided already): Conversation::waiting lists the calls that wait, with their keys",
    );
}

#[test]
fn a_call_is_open_until_it_has_led_to_something_final() {
    let mut conversation = conversation();
    let open = |conversation: &Conversation| ["a", "b", "c"].map(|call| conversation.is_open(call));
    assert_eq!(open(&conversation), [true, true, false]);
    conversation.apply("run", recorded("a", Outcome::output("a"))).unwrap();
    assert_eq!(open(&conversation), [false, true, false]);
}

#[test]
fn what_people_decided_is_found_by_comparing_with_what_was() {
    let mut before = conversation();
    before.apply("run", recorded("a", Outcome::Wait { question: "May I?".to_owned() })).unwrap();
    let call = agent_core::Block::tool_use("c", "act", json!({}));
    before.apply("run/b", Change::Answered(Response::new(vec![call], StopReason::ToolUse))).unwrap();
    before.apply("run/b", recorded("c", Outcome::Wait { question: "And I?".to_owned() })).unwrap();
    assert_eq!(before.decided_since(&before), []);

    let mut after = before.clone();
    after.approve("run/a").unwrap();
    // This was the last call, so the results are now in the messages.
    after.deny("run/b/c", "not today").unwrap();
    let allowed = Change::Approved { call: "a".to_owned() };
    let denied = Change::Denied { call: "c".to_owned(), reason: "not today".to_owned() };
    assert_eq!(after.decided_since(&before), [("run".to_owned(), allowed), ("run/b".to_owned(), denied)]);
}

#[test]
fn a_denial_is_found_also_if_something_was_said_since() {
    let (mut before, denied) = (Conversation::start("main", "Go."), "not today".to_owned());
    let call = agent_core::Block::tool_use("a", "act", json!({}));
    before.apply("run", Change::Answered(Response::new(vec![call], StopReason::ToolUse))).unwrap();
    before.apply("run", recorded("a", Outcome::Wait { question: "May I?".to_owned() })).unwrap();
    let mut after = before.clone();
    after.deny("run/a", &denied).unwrap();
    after.say("Something else, then.");
    after.instruct("Be brief.");
    let denied = Change::Denied { call: "a".to_owned(), reason: denied };
    assert_eq!(after.decided_since(&before), [("run".to_owned(), denied)]);
}
