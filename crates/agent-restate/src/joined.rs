//! What a session makes of a conversation that comes from elsewhere.

use agent_core::Conversation;
use restate_sdk::errors::TerminalError;

/// The status of an error that says that it is another conversation.
pub(crate) const DIVERGED: u16 = 412;

/// What the session knows, or what was told to the conversation beyond that.
pub(crate) fn joined(mut known: Conversation, given: Conversation) -> Result<Conversation, TerminalError> {
    let given = given.with_id(known.id());
    let is_further = given.messages().len() > known.messages().len();
    if is_further && goes_on(&known, &given) {
        return Ok(given);
    }
    if !goes_on(&given, &known) {
        let why = format!("{:?} is another conversation here: it does not go on from this one", known.id());
        return Err(TerminalError::new_with_code(DIVERGED, why));
    }
    for (id, told) in given.decided_since(&known) {
        // It may have been decided about here, too, and that was first.
        let _ = known.tell(&id, told);
    }
    Ok(known)
}

/// Whether nothing that was said in `earlier` is missing.
pub(crate) fn goes_on(earlier: &Conversation, later: &Conversation) -> bool {
    later.messages().starts_with(earlier.messages())
}

/// A slash in an id leads to a delegated conversation.
pub(crate) fn check_id(id: &str) -> Result<(), TerminalError> {
    match id.contains('/') {
        true => Err(TerminalError::new_with_code(
            400,
            format!("{id:?} can't be a session's id: a \"/\" stands before the id of a call"),
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{Block, Conversation, Response, StopReason, Told};

    use super::{check_id, joined};

    /// A conversation in which this was said, and each time answered.
    fn said(words: &[&str]) -> Conversation {
        let mut conversation = Conversation::new("clerk").with_id("c");
        for word in words {
            conversation.say(*word);
            conversation.tell("c", Told::Answered(Response::text("Yes."))).unwrap();
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
    fn what_was_decided_elsewhere_is_told() {
        let mut known = Conversation::start("clerk", "Pay.").with_id("c");
        let call = Block::tool_use("1", "pay", serde_json::json!({}));
        known.tell("c", Told::Answered(Response::new(vec![call], StopReason::ToolUse))).unwrap();
        let done = agent_core::Outcome::Wait { question: "May it?".to_owned() }.into();
        known.tell("c", Told::Recorded { call: "1".to_owned(), done }).unwrap();
        let mut given = known.clone();
        given.allow("c/1").unwrap();
        assert_eq!(joined(known, given.clone()).unwrap(), given);
    }

    #[test]
    fn an_id_with_a_slash_is_none() {
        assert!(check_id("trip 7").is_ok());
        assert_eq!(check_id("trip/7").unwrap_err().code(), 400);
    }
}
