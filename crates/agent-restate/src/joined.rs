//! What a session makes of a conversation that comes from elsewhere.

use agent_core::{
    Conversation,
    conversation::{SessionIdError, check_session_id},
};
use restate_sdk::errors::TerminalError;

/// The status of an error that says that it is another conversation.
pub(crate) const DIVERGED: u16 = 412;

/// The status of an error that says that no session may have this id.
pub(crate) const NOT_AN_ID: u16 = 400;

/// What the session knows, or what was told to the conversation beyond that.
pub(crate) fn joined(mut known: Conversation, given: Conversation) -> Result<Conversation, TerminalError> {
    let given = given.with_id(known.id());
    if goes_on(&known, &given) && !goes_on(&given, &known) {
        return Ok(given);
    }
    if !goes_on(&given, &known) {
        let why = format!("{:?} is another conversation here: it does not go on from this one", known.id());
        return Err(TerminalError::new_with_code(DIVERGED, why));
    }
    for (id, told) in given.decided_since(&known) {
        // It may have been decided about here, too, and that was first.
        let _ = known.apply(&id, told);
    }
    Ok(known)
}

/// Whether nothing that was said or taken back in `earlier` is missing.
pub(crate) fn goes_on(earlier: &Conversation, later: &Conversation) -> bool {
    later.messages().starts_with(earlier.messages()) && later.omissions().starts_with(earlier.omissions())
}

/// Fails for an id that no session may have. An earlier version let conversations without an id of
/// their own begin. Only who holds all messages of such a one can go on with it.
pub(crate) fn check_id(id: &str, holds_all: bool) -> Result<(), TerminalError> {
    match check_session_id(id) {
        Err(SessionIdError::NotItsOwn) if holds_all => Ok(()),
        checked => checked.map_err(|error| TerminalError::new_with_code(NOT_AN_ID, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{Block, Conversation, Response, StopReason, conversation::Change};

    use super::{check_id, joined};

    /// A conversation in which this was said, and each time answered.
    fn said(words: &[&str]) -> Conversation {
        let mut conversation = Conversation::new("clerk").with_id("c");
        for word in words {
            conversation.say(*word);
            conversation.apply("c", Change::Answered(Response::text("Yes."))).unwrap();
        }
        conversation
    }

    #[test]
    fn what_is_further_counts() {
        let (short, long) = (said(&["one"]), said(&["one", "two"]));
        assert_eq!(joined(short.clone(), long.clone()).unwrap(), long);
        assert_eq!(joined(long.clone(), short.clone()).unwrap(), long);
        assert_eq!(joined(long.clone(), said(&["one"]).with_id("of another name")).unwrap(), long);
        let error = joined(long, said(&["one", "three"])).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (412, r#""c" is another conversation here: it does not go on from this one"#)
        );
    }

    #[test]
    fn field_42_what_was_taken_back_counts() {
        let said = said(&["one", "two"]);
        let mut taken_back = said.clone();
        taken_back.take_back().unwrap();
        assert_eq!(joined(said.clone(), taken_back.clone()).unwrap(), taken_back);
        assert_eq!(joined(taken_back.clone(), said.clone()).unwrap(), taken_back);
        let mut more = said;
        more.say("three");
        assert_eq!(joined(taken_back, more).unwrap_err().code(), 412, "it does not know that");
    }

    #[test]
    fn what_was_decided_elsewhere_is_told() {
        let mut known = Conversation::start("clerk", "Pay.").with_id("c");
        let call = Block::tool_use("1", "pay", serde_json::json!({}));
        known.apply("c", Change::Answered(Response::new(vec![call], StopReason::ToolUse))).unwrap();
        let done = agent_core::Outcome::Wait { question: "May it?".to_owned() }.into();
        known.apply("c", Change::Recorded { call: "1".to_owned(), done }).unwrap();
        let mut given = known.clone();
        given.approve("c/1").unwrap();
        assert_eq!(joined(known, given.clone()).unwrap(), given);
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
