//! What stays in the record and is not sent any more: what a model refused, and what the user took
//! back.

use std::{borrow::Cow, ops::Range};

use serde::{Deserialize, Serialize};

use super::Conversation;
use crate::{Message, Role};

/// A part of the record that is not sent any more. Instructions in it still are, and so are results
/// of calls from before it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omission {
    /// The place of its first message in [`Conversation::messages`].
    pub from: usize,
    /// The place behind its last message.
    pub to: usize,
    /// Why.
    pub why: OmissionReason,
}

/// Why a part of the record is not sent any more.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OmissionReason {
    /// The model refused: [`End::Refused`](crate::End::Refused). Which calls were made in it, and
    /// whether they failed, is sent in front of what the user says next; no inputs and no results
    /// are.
    Refused,
    /// The user took it back: [`Conversation::take_back`].
    TakenBack,
}

/// There is nothing to take back: the user has said nothing, or all of it is taken back already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing was said in conversation {conversation:?} that could be taken back")]
pub struct NothingToTakeBack {
    /// The conversation's id.
    pub conversation: String,
}

impl Conversation {
    /// Takes back the last exchange: what the user said last, and all that came of it. For a wrong
    /// question, a picture that no model takes, or what was refused. It can be called again, for
    /// the exchange before.
    ///
    /// The record keeps all of it; what is sent leaves it out from now on (see
    /// [`omissions`](Self::omissions)), instructions aside. Calls that are open are closed with an
    /// error result, as by [`say`](Self::say), and who had the conversation when the user spoke has
    /// it again. Then it is the user's turn: say something next. What calls have done meanwhile is
    /// done.
    ///
    /// ```
    /// use agent_core::{Conversation, Response, conversation::Change};
    ///
    /// let mut conversation = Conversation::start("weather", "Is it raining?");
    /// conversation.apply("run", Change::Answered(Response::text("Where?")))?;
    /// conversation.take_back()?;
    /// conversation.say("Is it raining in Oslo?");
    /// assert_eq!((conversation.messages().len(), conversation.reads().len()), (3, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_back(&mut self) -> Result<(), NothingToTakeBack> {
        let is_left = |place: &usize| self.is_said(*place) && !self.is_taken_back(*place);
        let Some(from) = (0..self.messages.len()).rev().find(is_left) else {
            return Err(NothingToTakeBack { conversation: self.id.to_string() });
        };
        let results = self.close_open_calls();
        if !results.is_empty() {
            self.messages.push(Message::new(Role::User, results));
        }
        let agent = self.agent_at(from).to_owned();
        if agent != *self.agent {
            self.change_agent(agent.into(), None, Some("the user took back what led to it".to_owned()));
        }
        self.omit(from, OmissionReason::TakenBack);
        self.stop_for_user();
        Ok(())
    }

    /// The parts of the record that are not sent any more, in the order in which that was decided;
    /// a later one may hold an earlier one. What was refused is sent all the same by agents that
    /// say so: [`AgentBuilder::resend_refused`](crate::AgentBuilder::resend_refused).
    pub fn omissions(&self) -> &[Omission] {
        &self.omissions
    }

    /// The conversation as it is for an agent that sends what was refused all the same.
    pub(crate) fn with_refused(&self) -> Cow<'_, Self> {
        let is_refused = |part: &Omission| part.why == OmissionReason::Refused;
        if !self.omissions.iter().any(is_refused) {
            return Cow::Borrowed(self);
        }
        let mut whole = self.clone();
        whole.omissions.retain(|part| !is_refused(part));
        Cow::Owned(whole)
    }

    /// The last reply is a refusal, and so is what it was asked: all since the user spoke.
    pub(super) fn omit_refused_exchange(&mut self) {
        let is_asked = |place: &usize| self.is_said(*place) || self.is_instruction(*place);
        let spoke = self.said_at.min(self.messages.len().saturating_sub(1));
        let from = (0..spoke).rev().take_while(is_asked).last().unwrap_or(spoke);
        self.omit(from, OmissionReason::Refused);
    }

    /// All messages from this place on.
    pub(super) fn omit(&mut self, from: usize, why: OmissionReason) {
        self.omissions.push(Omission { from, to: self.messages.len(), why });
    }

    /// Whether the message in this place is not sent any more.
    pub fn is_omitted(&self, place: usize) -> bool {
        self.omissions.iter().any(|part| part.places().contains(&place))
    }

    pub(super) fn is_taken_back(&self, place: usize) -> bool {
        let is_in = |part: &Omission| part.why == OmissionReason::TakenBack && part.places().contains(&place);
        self.omissions.iter().any(is_in)
    }

    /// Whether this message is a reply that refused: it is not read again, and its calls were not
    /// made.
    pub(super) fn is_refused_reply(&self, place: usize) -> bool {
        self.omissions.iter().any(|part| part.why == OmissionReason::Refused && part.to == place + 1)
    }

    /// Whether this message is what the user said: no message with results of calls only, and no
    /// note of ours that the conversation came back.
    fn is_said(&self, place: usize) -> bool {
        let message = &self.messages[place];
        let is_note =
            || self.transfer_records.iter().any(|record| record.call.is_none() && record.at == place + 1);
        let has_words = || message.content().iter().any(|block| !block.is_tool_result());
        message.role() == Role::User
            && (place == self.said_at || ((message.content().is_empty() || has_words()) && !is_note()))
    }

    fn is_instruction(&self, place: usize) -> bool {
        self.messages[place].role() == Role::System
    }
}

impl Omission {
    pub(super) fn places(&self) -> Range<usize> {
        self.from..self.to
    }
}
