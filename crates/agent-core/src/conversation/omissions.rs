//! Parts of the record that are no longer sent to models: what a model refused, what the user took
//! back, and what a summary replaces.

mod compaction;

use std::{borrow::Cow, ops::Range};

use serde::{Deserialize, Serialize};

use super::Conversation;
use crate::{Message, Role};

/// A part of the record that is no longer sent to models. Two things in that part are still sent:
/// instructions, and results of calls that were made before it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omission {
    /// The index of the first message of the part in [`Conversation::messages`].
    pub from: usize,
    /// The index after the last message of the part.
    pub to: usize,
    /// The reason.
    pub why: OmissionReason,
    /// The index of the reply with the summary that is sent instead. `None` unless the reason is
    /// [`Compacted`](OmissionReason::Compacted).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<usize>,
}

/// Why a part of the record is no longer sent.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OmissionReason {
    /// The model refused; see [`End::Refused`](crate::End::Refused). A note before the user's next
    /// message names the calls that were made in the refused part, and whether they failed, but not
    /// their inputs and results.
    Refused,
    /// The user took it back; see [`Conversation::take_back`].
    TakenBack,
    /// A summary is sent instead; see [`Block::history_summary`](crate::Block::history_summary). If
    /// a part of what was summarised is refused or taken back later, the summary counts no more, and
    /// the messages are sent again.
    Compacted,
}

/// The error if there is nothing to take back: the user has said nothing, or everything is already
/// taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "conversation {conversation:?} has nothing to take back: the user has said nothing, or all of it is taken back already"
)]
pub struct NothingToTakeBack {
    /// The id of the conversation.
    pub conversation: String,
}

impl Conversation {
    /// Takes back the last exchange: the user's last message, and all that followed. Use it after a
    /// wrong question, a picture that no model accepts, or a refusal. Call it again to take back
    /// the exchange before that.
    ///
    /// [`messages`](Self::messages) still has them, but they are no longer sent, except
    /// instructions (see [`omissions`](Self::omissions)). Open calls get an error result, as with
    /// [`say`](Self::say), and calls that go on in the background are dropped. The agent that had the conversation before the exchange has it again.
    /// Say something next. Effects of calls are not undone.
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
        self.take_back_detached(from);
        self.omit(from, OmissionReason::TakenBack);
        self.stop_for_user();
        Ok(())
    }

    /// The parts of the record that are no longer sent, in the order in which they were left out. A
    /// later part may contain an earlier one. Agents with
    /// [`AgentBuilder::resend_refused`](crate::AgentBuilder::resend_refused) still send refused
    /// parts. A summary may count no more; see [`OmissionReason::Compacted`].
    pub fn omissions(&self) -> &[Omission] {
        &self.omissions
    }

    /// The conversation for an agent that still sends refused parts.
    pub(crate) fn with_refused(&self) -> Cow<'_, Self> {
        let is_refused = |part: &Omission| part.why == OmissionReason::Refused;
        if !self.omissions.iter().any(is_refused) {
            return Cow::Borrowed(self);
        }
        let mut whole = self.clone();
        whole.omissions.retain(|part| !is_refused(part));
        Cow::Owned(whole)
    }

    /// Leaves out the refused last reply, and everything since the user spoke.
    pub(super) fn omit_refused_exchange(&mut self) {
        let is_asked = |place: &usize| self.is_said(*place) || self.is_instruction(*place);
        let spoke = self.said_at.min(self.messages.len().saturating_sub(1));
        let from = (0..spoke).rev().take_while(is_asked).last().unwrap_or(spoke);
        self.omit(from, OmissionReason::Refused);
    }

    /// Leaves out all messages from this index on.
    pub(super) fn omit(&mut self, from: usize, why: OmissionReason) {
        self.omissions.push(Omission { from, to: self.messages.len(), why, summary: None });
    }

    /// Whether the message at this index is no longer sent.
    pub fn is_omitted(&self, place: usize) -> bool {
        self.omissions_in_force().any(|part| part.places().contains(&place))
    }

    pub(super) fn is_taken_back(&self, place: usize) -> bool {
        let is_in = |part: &Omission| part.why == OmissionReason::TakenBack && part.places().contains(&place);
        self.omissions.iter().any(is_in)
    }

    /// Whether this message is the refusal itself: it is not read again, and its calls were not
    /// made.
    pub(super) fn is_refused_reply(&self, place: usize) -> bool {
        self.omissions.iter().any(|part| part.why == OmissionReason::Refused && part.to == place + 1)
    }

    /// Whether this message has the user's own words: not only results of calls, and not this
    /// library's note that the conversation returned.
    fn is_said(&self, place: usize) -> bool {
        let message = &self.messages[place];
        let is_note = || {
            self.detached.is_told_at(place)
                || self.transfer_records.iter().any(|record| record.call.is_none() && record.at == place + 1)
        };
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
