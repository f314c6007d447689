//! Keeps how a session was after each of its turns, so that a copy can end there.
//!
//! The messages of a turn are in the state anyway, and only the rest has to be kept: who has the
//! conversation, what was used, and what is omitted. It can't be made from later states, because
//! the usage is one sum, and a return after a failure changes counts.

use std::collections::BTreeMap;

use agent_core::{Conversation, Message, Role};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{keys::Keys, payload::MAX_CONVERSATION_BYTES};

/// The most bytes that the turns of a session may have. Later turns are not kept. The engine reads
/// them with each request, beside the conversation.
const MAX_TURNS_BYTES: usize = MAX_CONVERSATION_BYTES / 8;

/// The keys of turns.
pub(crate) static TURN: Keys = Keys::new("turn");

/// Which turns are kept, and how many bytes they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptTurns {
    /// The first turn that may still be kept. An earlier one has ended.
    next: usize,
    pub(crate) bytes: usize,
}

/// A copy of a session, for a new one, or why there is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Copied {
    Copy(Box<SessionCopy>),
    /// The session has only so many turns.
    NoSuchTurn {
        turns: usize,
    },
    NotKept,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionCopy {
    pub(crate) conversation: Conversation,
    /// Whether delegated conversations may be running that belong to it.
    #[serde(default)]
    pub(crate) is_latest: bool,
    /// The turns before its last one, so that the copy can be copied in the same way.
    #[serde(default)]
    pub(crate) turns: BTreeMap<usize, Box<RawValue>>,
}

impl KeptTurns {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a turn is kept with so many bytes. If not, it is not kept later either, because a
    /// later state of the same turn may have what the user said after it.
    pub(crate) fn add(&mut self, turn: usize, bytes: usize) -> bool {
        let is_kept = turn >= self.next && self.bytes + bytes <= MAX_TURNS_BYTES;
        self.bytes += if is_kept { bytes } else { 0 };
        self.pass(turn);
        is_kept
    }

    /// Something has happened after this turn.
    pub(crate) fn pass(&mut self, turn: usize) {
        self.next = self.next.max(turn + 1);
    }

    pub(crate) fn may_keep(self, turn: usize) -> bool {
        turn >= self.next
    }
}

/// How many replies of the model the conversation has.
pub(crate) fn turns_of(conversation: &Conversation) -> usize {
    conversation.messages().iter().filter(|message| message.role() == Role::Assistant).count()
}

/// Whether something has happened since this earlier state that is not part of its last turn. The
/// results of that turn's calls are part of it.
pub(crate) fn goes_beyond(earlier: &Conversation, later: &Conversation) -> bool {
    let has_more = |message: &Message| {
        message.role() != Role::User || message.content().iter().any(|block| !block.is_tool_block())
    };
    earlier.omissions() != later.omissions()
        || later.messages().iter().skip(earlier.messages().len()).any(has_more)
}

#[cfg(test)]
mod tests {
    use agent_core::{Block, Conversation, Response, StopReason, conversation::Change};

    use super::{KeptTurns, MAX_TURNS_BYTES, goes_beyond};

    #[test]
    fn results_belong_to_the_turn_and_what_is_said_does_not() {
        let mut asks = Conversation::start("clerk", "Pay.").with_id("c");
        let call = Block::tool_use("1", "pay", serde_json::json!({}));
        let reply = Response::new(vec![call], StopReason::ToolUse);
        asks.apply("c", Change::Answered(reply)).unwrap();
        let [mut paid, mut said] = [asks.clone(), asks.clone()];
        let done = agent_core::Outcome::output("paid").into();
        paid.apply("c", Change::Recorded { call: "1".to_owned(), done }).unwrap();
        assert!(paid.messages().len() > asks.messages().len() && !goes_beyond(&asks, &paid));
        said.say("Don't.");
        assert!(goes_beyond(&asks, &said), "the result is an error, and then the user speaks");
        let mut answered = paid.clone();
        answered.apply("c", Change::Answered(Response::text("Done."))).unwrap();
        assert!(goes_beyond(&paid, &answered));
        let before = answered.clone();
        answered.take_back().unwrap();
        assert!(goes_beyond(&before, &answered));
    }

    #[test]
    fn a_turn_is_kept_once_and_only_so_much_is_kept() {
        let mut kept = KeptTurns::default();
        assert!(kept.is_none() && kept.add(0, 7) && kept.add(2, 5));
        assert!(!kept.add(2, 5) && !kept.add(1, 5), "they have ended");
        assert_eq!(kept.bytes, 12);
        assert!(!kept.add(3, MAX_TURNS_BYTES - 11));
        assert!(!kept.add(3, 1), "it has passed");
        assert!(kept.add(4, MAX_TURNS_BYTES - 12));
    }
}
