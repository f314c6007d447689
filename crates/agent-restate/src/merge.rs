//! Merges a conversation from a client with the saved one.

use agent_core::{
    Conversation,
    conversation::{SessionIdError, check_session_id},
};
use restate_sdk::errors::TerminalError;

/// The status of the error for a different conversation.
pub(crate) const DIVERGED: u16 = 412;

/// The status of the error for an id that no session may have.
pub(crate) const NOT_AN_ID: u16 = 400;

/// The newer one of the two conversations, with the decisions of the other one. Fails if neither
/// continues the other.
pub(crate) fn merge(mut known: Conversation, given: Conversation) -> Result<Conversation, TerminalError> {
    let given = given.with_id(known.id());
    if is_earlier_state(&known, &given) && !is_earlier_state(&given, &known) {
        return Ok(given);
    }
    if !is_earlier_state(&given, &known) {
        let why = format!("the engine has a different conversation with the id {:?}", known.id());
        return Err(TerminalError::new_with_code(DIVERGED, why));
    }
    for (id, change) in given.decided_since(&known) {
        // The session may have a decision already. Then that one counts.
        let _ = known.apply(&id, change);
    }
    Ok(known)
}

/// Whether `later` contains everything that `earlier` contains.
pub(crate) fn is_earlier_state(earlier: &Conversation, later: &Conversation) -> bool {
    later.messages().starts_with(earlier.messages()) && later.omissions().starts_with(earlier.omissions())
}

/// Fails for an id that no session may have. An earlier version accepted conversations without
/// their own id. Such a session can be continued only by a client that has all its messages.
pub(crate) fn check_id(id: &str, holds_all: bool) -> Result<(), TerminalError> {
    match check_session_id(id) {
        Err(SessionIdError::NotItsOwn) if holds_all => Ok(()),
        checked => checked.map_err(|error| TerminalError::new_with_code(NOT_AN_ID, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{Block, Conversation, Response, StopReason, conversation::Change};

    use super::{check_id, merge};

    /// A conversation with these messages of the user, each with a reply.
    fn said(words: &[&str]) -> Conversation {
        let mut conversation = Conversation::new("clerk").with_id("c");
        for word in words {
            conversation.say(*word);
            conversation.apply("c", Change::Answered(Response::text("Yes."))).unwrap();
        }
        conversation
    }

    #[test]
    fn the_newer_conversation_counts() {
        let (short, long) = (said(&["one"]), said(&["one", "two"]));
        assert_eq!(merge(short.clone(), long.clone()).unwrap(), long);
        assert_eq!(merge(long.clone(), short.clone()).unwrap(), long);
        assert_eq!(merge(long.clone(), said(&["one"]).with_id("of another name")).unwrap(), long);
        let error = merge(long, said(&["one", "three"])).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (412, r#"the engine has a different conversation with the id "c""#)
        );
    }

    #[test]
    fn field_42_what_was_taken_back_counts() {
        let said = said(&["one", "two"]);
        let mut taken_back = said.clone();
        taken_back.take_back().unwrap();
        assert_eq!(merge(said.clone(), taken_back.clone()).unwrap(), taken_back);
        assert_eq!(merge(taken_back.clone(), said.clone()).unwrap(), taken_back);
        let mut more = said;
        more.say("three");
        assert_eq!(merge(taken_back, more).unwrap_err().code(), 412, "it does not know that");
    }

    #[test]
    fn decisions_of_the_client_are_applied() {
        let mut known = Conversation::start("clerk", "Pay.").with_id("c");
        let call = Block::tool_use("1", "pay", serde_json::json!({}));
        known.apply("c", Change::Answered(Response::new(vec![call], StopReason::ToolUse))).unwrap();
        let done = agent_core::Outcome::Wait { question: "May it?".to_owned() }.into();
        known.apply("c", Change::Recorded { call: "1".to_owned(), done }).unwrap();
        let mut given = known.clone();
        given.approve("c/1").unwrap();
        assert_eq!(merge(known, given.clone()).unwrap(), given);
    }

    #[test]
    fn field_43_an_odd_id_is_refused_and_one_that_is_everybodys_by_who_does_not_hold_all() {
        assert!(check_id("trip 7", false).is_ok());
        for id in ["trip/7", "", " ", "a\u{202e}b", "a\nb"] {
            assert_eq!(check_id(id, true).unwrap_err().code(), 400);
        }
        assert!(check_id("run", true).is_ok());
        let error = check_id("run", false).unwrap_err();
        assert!(error.message().ends_with("call Conversation::with_id first"), "{}", error.message());
    }
}
