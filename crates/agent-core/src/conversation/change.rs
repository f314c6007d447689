//! The changes of a conversation, and how to apply them again.

use serde::{Deserialize, Serialize};

use super::{Conversation, Reservations, Reserved, Slot, State, outcome::DENIED};
use crate::{BlockKind, Content, Done, Failure, Limits, Message, Outcome, Response, Role, Usage};

/// One change of a conversation, as data. A journal needs to save only the changes:
/// [`Conversation::apply`] rebuilds the conversation from them, without agents or
/// [rules](crate::agent::Rules).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// The user said something, or the program gave instructions ([`Role::System`]).
    Said {
        /// The role of the message.
        role: Role,
        /// The content of the message.
        content: Content,
    },
    /// The model answered.
    Answered(Response),
    /// A request to the model failed, and another agent goes on: the one that asked for the
    /// transfer keeps the conversation, or an earlier agent gets it back.
    Failed(Failure),
    /// The user took back the last exchange; see [`Conversation::take_back`].
    TakenBack,
    /// A request to the model is about to be sent, and may use at most this much. It is only
    /// recorded if a [budget](crate::budget) applies. It replaces an earlier one. The reply, the
    /// failure, the outcome of the call or `Spent` settles it.
    Reserved {
        /// The agent whose model is asked.
        agent: String,
        /// The most that this turn's requests may use, or this request of a call.
        usage: Usage,
        /// `None` in the model's turn. If a call asks a model
        /// ([`Context::pay_for`](crate::Context::pay_for)), the id of the call, a `/`, and the
        /// number of its request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
    },
    /// A request to the model failed, and the run ended. The conversation is unchanged except for
    /// the usage.
    Spent {
        /// The agent whose model was asked.
        agent: String,
        /// The usage of the request.
        usage: Usage,
    },
    /// An agent reached its turn limit, and the conversation returned to the agent that had
    /// transferred it.
    Returned,
    /// A call had an outcome, which [`Conversation::admit`] has already checked.
    Recorded {
        /// The id of the call.
        call: String,
        /// The outcome and its usage.
        done: Done,
    },
    /// A call goes on in the background, and has a result that says so. Its own result is
    /// `Recorded` when it has ended.
    Detached {
        /// The id of the call.
        call: String,
    },
    /// A person approved a call.
    #[serde(alias = "Allowed")]
    Approved {
        /// The id of the call.
        call: String,
    },
    /// A person denied a call.
    Denied {
        /// The id of the call.
        call: String,
        /// The reason, which the model reads.
        reason: String,
    },
}

/// The error if a change does not fit the conversation: changes before it are missing, or the order
/// is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a change does not fit conversation {conversation:?}: {why} (changes before it are missing, or they are in the wrong order)"
)]
pub struct InvalidChange {
    /// The id of the conversation.
    pub conversation: String,
    /// Why the change does not fit.
    pub why: String,
}

impl Conversation {
    /// Applies a recorded change. `id` is the id of the conversation to change: this one, or one
    /// that was delegated from it. Fails if the change does not fit the state of that conversation.
    ///
    /// ```
    /// use agent_core::{Conversation, Response, conversation::Change};
    ///
    /// let mut conversation = Conversation::start("weather", "Is it raining?");
    /// conversation.apply("run", Change::Answered(Response::text("It is.")))?;
    /// assert_eq!(conversation.text(), "It is.");
    /// # Ok::<(), agent_core::conversation::InvalidChange>(())
    /// ```
    pub fn apply(&mut self, id: &str, change: Change) -> Result<(), InvalidChange> {
        let invalid = |why: String| InvalidChange { conversation: id.to_owned(), why };
        let Some(conversation) = self.within_mut(id) else {
            return Err(invalid(format!("{:?} has no delegated conversation with this id", self.id)));
        };
        conversation.apply_here(change).map_err(invalid)
    }

    /// Finds a conversation by its id: this one, or one delegated from it, at any depth. `None` if
    /// there is no conversation with that id.
    pub fn within(&self, id: &str) -> Option<&Self> {
        if *self.id == *id {
            return Some(self);
        }
        self.all_slots().find_map(|slot| match &slot.state {
            State::Delegated(child) if id.starts_with(&*child.id) => child.within(id),
            _ => None,
        })
    }

    pub(super) fn within_mut(&mut self, id: &str) -> Option<&mut Self> {
        if *self.id == *id {
            return Some(self);
        }
        self.slots.iter_mut().chain(&mut self.detached.going_on).find_map(|slot| match &mut slot.state {
            State::Delegated(child) if id.starts_with(&*child.id) => child.within_mut(id),
            _ => None,
        })
    }

    /// Whether `call` is the id of a call of the last reply that has no final outcome yet. Only the
    /// outcomes of such calls can be recorded.
    pub fn is_open(&self, call: &str) -> bool {
        self.slots.find(call).is_some_and(|place| !self.slots[place].is_settled()) || self.is_detached(call)
    }

    /// Returns the approvals and denials since `earlier`, an older copy of this conversation, also
    /// those in delegated conversations. Each is the id of the conversation that changed, and the
    /// change. Approvals come first, because a denial may end a plan that has other calls.
    pub fn decided_since(&self, earlier: &Self) -> Vec<(String, Change)> {
        let mut changes = self.decisions_since(earlier);
        changes.sort_by_key(|(_, change)| matches!(change, Change::Denied { .. }));
        changes
    }

    fn decisions_since(&self, earlier: &Self) -> Vec<(String, Change)> {
        let mut changes = Vec::new();
        for Slot { call, state } in earlier.all_slots() {
            let now = self.slot_of(&call.id).map(|slot| &slot.state);
            match (state, now) {
                (State::Delegated(child), Some(State::Delegated(now))) => {
                    changes.extend(now.decisions_since(child))
                }
                (State::Waiting { .. }, Some(State::Approved)) => {
                    changes.push((self.id.to_string(), Change::Approved { call: call.id.clone() }));
                }
                (State::Waiting { .. }, _) => {
                    let denied =
                        self.denied(&call.id).map(|reason| Change::Denied { call: call.id.clone(), reason });
                    changes.extend(denied.map(|denied| (self.id.to_string(), denied)));
                }
                _ => {}
            }
        }
        changes
    }

    /// The reason if a call of the last reply was denied.
    fn denied(&self, call: &str) -> Option<String> {
        let state = self.slots.find(call).map(|place| &self.slots[place].state);
        let text = match state {
            Some(State::Done { content, is_error: true }) => content.to_text(),
            Some(_) => return None,
            None => self.last_results()?.content().iter().find_map(|block| match block.kind() {
                BlockKind::ToolResult { tool_use_id, content, is_error: true } if tool_use_id == call => {
                    Some(content.to_text())
                }
                _ => None,
            })?,
        };
        text.strip_prefix(DENIED).map(str::to_owned)
    }

    /// The message with the results of the last reply's calls, if it exists: the first message
    /// after the reply.
    fn last_results(&self) -> Option<&Message> {
        let reply = self.messages.iter().rposition(|message| message.role() == Role::Assistant)?;
        self.messages.get(reply + 1)
    }

    fn apply_here(&mut self, change: Change) -> Result<(), String> {
        match change {
            Change::Said { role: Role::Assistant, .. } => {
                Err("a reply is Change::Answered, not Change::Said".to_owned())
            }
            Change::Said { role, content } => {
                self.say_as(role, content);
                Ok(())
            }
            Change::Answered(response) => self.apply_reply(Ok(response)),
            Change::Failed(failure) => self.apply_reply(Err(failure)),
            Change::Reserved { agent, usage, request } => {
                self.reserved.add(request, Reserved { agent, usage });
                Ok(())
            }
            Change::Spent { agent, usage } => {
                self.reserved = Reservations::default();
                self.add_usage(&agent, usage);
                Ok(())
            }
            Change::TakenBack => self.take_back().map_err(|error| error.to_string()),
            Change::Returned => match self.return_conversation(&self.turn_limit_message(self.turns)) {
                true => Ok(()),
                false => Err("there is no earlier agent to which it could return".to_owned()),
            },
            Change::Recorded { call, done } => self.apply_result(&call, done),
            Change::Detached { call } => self.apply_detached(&call),
            Change::Approved { call } => {
                self.approve(&format!("{}/{call}", self.id)).map_err(|error| error.to_string())
            }
            Change::Denied { call, reason } => {
                self.deny(&format!("{}/{call}", self.id), &reason).map_err(|error| error.to_string())
            }
        }
    }

    fn apply_detached(&mut self, call: &str) -> Result<(), String> {
        let place = self.slots.find(call).filter(|place| !self.slots[*place].is_settled());
        if !place.is_some_and(|place| self.detach(place)) {
            return Err(format!("call {call:?} can't be detached"));
        }
        self.append_results_if_done();
        Ok(())
    }

    fn apply_result(&mut self, call: &str, done: Done) -> Result<(), String> {
        let place = self.slots.find(call).filter(|place| !self.slots[*place].is_settled());
        let Some(place) = place else {
            return match self.record_detached(call, done) {
                true => Ok(()),
                false => Err(format!("call {call:?} is not open")),
            };
        };
        if matches!(done.outcome, Outcome::Delegate { .. } | Outcome::Plan { .. } | Outcome::Detach)
            && self.depth >= Limits::DEEPEST
        {
            let most = Limits::DEEPEST;
            return Err(format!("the delegation would be deeper than {most}, and could not be read back"));
        }
        self.record(place, done);
        self.append_results_if_done();
        Ok(())
    }

    fn apply_reply(&mut self, result: Result<Response, Failure>) -> Result<(), String> {
        if self.messages.is_empty() || (!self.slots.is_empty() && !self.has_pending_transfer()) {
            return Err("it is not its model's turn".to_owned());
        }
        self.answer(result).map_err(|failure| format!("no agent could go on from this failure: {failure}"))
    }
}
