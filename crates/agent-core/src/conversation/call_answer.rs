//! Answers of calls: results that end a run.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Conversation, Slot, State};
use crate::{Content, Message, Outcome, Role, ToolCall};

/// The result of a call that ended a run; see [`Outcome::Answer`](crate::Outcome::Answer).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CallAnswer {
    /// The index of the message with the result.
    at: usize,
    /// The id of the call.
    pub(super) call: String,
    /// The whole answer, if models read only a part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whole: Option<Content>,
}

impl CallAnswer {
    /// The first answer in call order among these calls, whose results will be the message at
    /// this index.
    pub(super) fn first_of(slots: &[Slot], at: usize) -> Option<Self> {
        slots.iter().find_map(|slot| match &slot.state {
            State::Answer { content, cut } => {
                let whole = cut.as_ref().map(|_| content.clone());
                Some(Self { at, call: slot.call.id.clone(), whole })
            }
            _ => None,
        })
    }

    /// Whether this many messages end with the result.
    pub(super) fn ends(&self, messages: usize) -> bool {
        self.at + 1 == messages
    }

    /// What models read of the answer. `None` if it is not in these messages.
    pub(super) fn result<'m>(&self, messages: &'m [Message]) -> Option<&'m Content> {
        let (_, content, _) = messages.get(self.at)?.tool_results().find(|(call, ..)| *call == self.call)?;
        Some(content)
    }
}

impl Conversation {
    /// The call whose result is the last answer, the one that [`text`](Self::text) returns; see
    /// [`Outcome::Answer`]. `None` if the last answer is a model's reply.
    ///
    /// ```
    /// use agent_core::{Agent, Block, Conversation, Outcome, Response, StopReason, conversation::Change};
    ///
    /// let mut conversation = Conversation::start("clerk", "Order two chairs.");
    /// let order = Block::tool_use("call_1", "order", serde_json::json!({"chairs": 2}));
    /// conversation.apply("run", Change::Answered(Response::new(vec![order], StopReason::ToolUse)))?;
    /// let done = Outcome::answer("Order 7").into();
    /// conversation.apply("run", Change::Recorded { call: "call_1".to_owned(), done })?;
    /// assert_eq!(conversation.text(), "Order 7");
    /// assert_eq!(conversation.answered_by().map(|call| call.name.as_str()), Some("order"));
    /// # Ok::<(), agent_core::conversation::InvalidChange>(())
    /// ```
    pub fn answered_by(&self) -> Option<&Arc<ToolCall>> {
        let CallAnswer { at, call, .. } = self.call_answer()?;
        self.messages.get(at.checked_sub(1)?)?.tool_calls().find(|made| made.id == *call)
    }

    /// The last answer, which a call gave, as an outcome. `read` is what models read of it.
    pub(super) fn answer_of_call(&self, read: Content) -> Outcome {
        match self.call_answer().and_then(|answer| answer.whole.clone()) {
            Some(whole) => Outcome::Answer { content: whole, cut: Some(read) },
            None => Outcome::answer(read),
        }
    }

    /// The text of the answer of a call, if the run has ended with it and nothing was said since.
    pub(super) fn answer_at_end(&self) -> Option<String> {
        let answer = self.call_answer().filter(|answer| answer.ends(self.messages.len()))?;
        Some(self.text_of(answer))
    }

    /// The text of the last answer, if a call gave it.
    pub(super) fn text_of_call_answer(&self) -> Option<String> {
        self.call_answer().map(|answer| self.text_of(answer))
    }

    /// The last answer that was not taken back, if a call gave it.
    fn call_answer(&self) -> Option<&CallAnswer> {
        let answer = self.call_answers.iter().rev().find(|answer| !self.is_taken_back(answer.at))?;
        let is_reply =
            |place: usize| self.messages[place].role() == Role::Assistant && !self.is_taken_back(place);
        let is_last = !(answer.at..self.messages.len()).any(is_reply);
        is_last.then_some(answer)
    }

    fn text_of(&self, answer: &CallAnswer) -> String {
        let content = answer.whole.as_ref().or_else(|| answer.result(&self.messages));
        content.map(Content::to_text).unwrap_or_default()
    }
}
