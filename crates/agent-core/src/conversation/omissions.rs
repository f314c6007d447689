//! What stays in the record and is not sent any more: what a model refused, and what the user took back.

use std::{borrow::Cow, collections::HashSet, ops::Range};

use serde::{Deserialize, Serialize};

use super::{Conversation, refused_calls::Notes};
use crate::{Block, BlockKind, Message, Role};

/// A part of the record that is not sent any more. Instructions in it still are, and so are results of calls from before it.
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
    /// The model refused: [`End::Refused`](crate::End::Refused). Which calls were made in it, and whether they failed, is sent
    /// in front of what the user says next; no inputs and no results are.
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
    /// Takes back the last exchange: what the user said last, and all that came of it. For a wrong question, a picture that no
    /// model takes, or what was refused. It can be called again, for the exchange before.
    ///
    /// The record keeps all of it; what is sent leaves it out from now on (see [`omissions`](Self::omissions)), instructions
    /// aside. Calls that are open are closed with an error result, as by [`say`](Self::say), and who had the conversation when
    /// the user spoke has it again. Then it is the user's turn: say something next. What calls have done meanwhile is done.
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
            self.pass(agent.into(), None, Some("the user took back what led to it".to_owned()));
        }
        self.leave_out(from, OmissionReason::TakenBack);
        self.stop_for_user();
        Ok(())
    }

    /// The parts of the record that are not sent any more, in the order in which that was decided; a later one may hold an
    /// earlier one. What was refused is sent all the same by agents that say so:
    /// [`AgentBuilder::resend_refused`](crate::AgentBuilder::resend_refused).
    pub fn omissions(&self) -> &[Omission] {
        &self.left_out
    }

    /// The conversation as it is for an agent that sends what was refused all the same.
    pub(crate) fn with_refused(&self) -> Cow<'_, Self> {
        let is_refused = |part: &Omission| part.why == OmissionReason::Refused;
        if !self.left_out.iter().any(is_refused) {
            return Cow::Borrowed(self);
        }
        let mut whole = self.clone();
        whole.left_out.retain(|part| !is_refused(part));
        Cow::Owned(whole)
    }

    /// The last reply is a refusal, and so is what it was asked: all since the user spoke.
    pub(super) fn leave_out_refused_exchange(&mut self) {
        let is_asked = |place: &usize| self.is_said(*place) || self.is_instruction(*place);
        let spoke = self.said_at.min(self.messages.len().saturating_sub(1));
        let from = (0..spoke).rev().take_while(is_asked).last().unwrap_or(spoke);
        self.leave_out(from, OmissionReason::Refused);
    }

    /// All messages from this place on.
    pub(super) fn leave_out(&mut self, from: usize, why: OmissionReason) {
        self.left_out.push(Omission { from, to: self.messages.len(), why });
    }

    /// Whether the message in this place is not sent any more.
    pub fn is_left_out(&self, place: usize) -> bool {
        self.left_out.iter().any(|part| part.places().contains(&place))
    }

    pub(super) fn is_taken_back(&self, place: usize) -> bool {
        let is_in = |part: &Omission| part.why == OmissionReason::TakenBack && part.places().contains(&place);
        self.left_out.iter().any(is_in)
    }

    /// Whether this message is a reply that refused: it is not read again, and its calls were not made.
    pub(super) fn is_refused_reply(&self, place: usize) -> bool {
        self.left_out.iter().any(|part| part.why == OmissionReason::Refused && part.to == place + 1)
    }

    /// The messages in these places as they are sent.
    pub(super) fn sent(&self, places: Range<usize>) -> Vec<Message> {
        let without = Without::of(self);
        let left = |place: usize| self.sent_as(place, &without);
        let notes = match without {
            Some(_) if !places.is_empty() => Notes::of(self, left),
            _ => Notes::default(),
        };
        places.filter_map(|place| Some(notes.put_into(place, left(place)?.into_owned()))).collect()
    }

    /// Whether there is something for the model to read since its last reply, or since something was taken back, and
    /// anything that the user said.
    pub(super) fn has_news(&self) -> bool {
        let taken_back = self.left_out.iter().filter(|part| part.why == OmissionReason::TakenBack);
        let (since, all) = (taken_back.map(|part| part.to).max().unwrap_or(0), self.messages.len());
        let without = Without::of(self);
        let role = |place: usize| self.messages[place].role();
        let is_sent = |place: usize| self.sent_as(place, &without).is_some();
        let mut unanswered = (since..all).rev().take_while(|place| role(*place) != Role::Assistant);
        unanswered.any(is_sent) && (0..all).any(|place| role(place) == Role::User && is_sent(place))
    }

    fn sent_as(&self, place: usize, without: &Option<Without>) -> Option<Cow<'_, Message>> {
        let message = &self.messages[place];
        without.as_ref().map_or_else(|| message.sendable(), |without| without.left_of(place, message))
    }

    /// Whether this message is what the user said: no message with results of calls only, and no note of ours that the
    /// conversation came back.
    fn is_said(&self, place: usize) -> bool {
        let message = &self.messages[place];
        let is_note =
            || self.transfer_records.iter().any(|passage| passage.call.is_none() && passage.at == place + 1);
        let has_words = || message.content().iter().any(|block| !is_result(block));
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

/// What is not sent.
struct Without {
    places: Vec<bool>,
    /// The calls in it, whose results may stand behind it.
    calls: HashSet<String>,
}

impl Without {
    /// `None` if all is sent, which is the rule.
    fn of(conversation: &Conversation) -> Option<Self> {
        if conversation.left_out.is_empty() {
            return None;
        }
        let mut places = vec![false; conversation.messages.len()];
        for part in &conversation.left_out {
            places[part.places()].fill(true);
        }
        let all = conversation.messages.iter().zip(&places);
        let left_out = all.filter_map(|(message, is_left_out)| is_left_out.then_some(message));
        let calls = left_out.flat_map(Message::tool_calls).map(|call| call.id.clone()).collect();
        Some(Self { places, calls })
    }

    /// What is sent of the message in this place.
    fn left_of<'m>(&self, place: usize, message: &'m Message) -> Option<Cow<'m, Message>> {
        let is_left_out = self.places[place] && message.role() != Role::System;
        let goes = |block: &Block| match block.kind() {
            BlockKind::ToolResult { tool_use_id, .. } => self.calls.contains(tool_use_id),
            _ => is_left_out,
        };
        if !message.content().iter().any(goes) {
            return message.sendable();
        }
        let left: Vec<Block> = message.content().iter().filter(|block| !goes(block)).cloned().collect();
        let left = Message::new(message.role(), left);
        left.sendable().map(|left| Cow::Owned(left.into_owned()))
    }
}

pub(super) fn is_result(block: &Block) -> bool {
    matches!(block.kind(), BlockKind::ToolResult { .. })
}
