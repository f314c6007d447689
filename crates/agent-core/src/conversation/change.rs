//! The changes of a conversation, and how they are applied to it again.

use serde::{Deserialize, Serialize};

use super::{Conversation, Slot, State, approvals::DENIED, results_limit::limited};
use crate::{BlockKind, Content, Done, Failure, Limits, Message, Outcome, Response, Role, Rules, Usage};

/// One change of a conversation. Nothing else changes one. So whoever keeps the list of its changes
/// can make the conversation from it again: [`Conversation::apply`] needs no agents and no rules.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// The user said something, or gave instructions ([`Role::System`]).
    Said {
        /// As whom.
        role: Role,
        /// What.
        content: Content,
    },
    /// The model of the agent that spoke next answered.
    Answered(Response),
    /// It did not, and the conversation went on from that.
    Failed(Failure),
    /// The user took back the last exchange: see [`Conversation::take_back`].
    TakenBack,
    /// It did not, nothing could go on from that, and this is what it cost.
    Spent {
        /// The agent whose model was asked.
        agent: String,
        /// What that cost.
        usage: Usage,
    },
    /// The agent that had been given the conversation was not done within its turns, and it came
    /// back.
    Returned,
    /// A call led to this, by the rules it was under: see [`Conversation::admit`].
    Recorded {
        /// The call's id.
        call: String,
        /// What it led to.
        done: Done,
    },
    /// A person approved a call.
    #[serde(alias = "Allowed")]
    Approved {
        /// The call's id.
        call: String,
    },
    /// A person denied a call.
    Denied {
        /// The call's id.
        call: String,
        /// Why, for the model.
        reason: String,
    },
}

/// A change does not fit the conversation as it is now: some changes before it are missing, or they
/// are not in order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a change does not fit conversation {conversation:?}: {why} (changes before it are missing, or they are not in order)"
)]
pub struct InvalidChange {
    /// The conversation's id.
    pub conversation: String,
    /// What is in the way.
    pub why: String,
}

impl Conversation {
    /// Applies a change again to this conversation, or to the one delegated from it that has this
    /// id.
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
            return Err(invalid(format!("{:?} has delegated nothing to it", self.id)));
        };
        conversation.apply_here(change).map_err(invalid)
    }

    /// This conversation, or the one delegated from it, at any depth, that has this id.
    pub fn within(&self, id: &str) -> Option<&Self> {
        if *self.id == *id {
            return Some(self);
        }
        self.slots.iter().find_map(|slot| match &slot.state {
            State::Delegated(child) if id.starts_with(&*child.id) => child.within(id),
            _ => None,
        })
    }

    fn within_mut(&mut self, id: &str) -> Option<&mut Self> {
        if *self.id == *id {
            return Some(self);
        }
        self.slots.iter_mut().find_map(|slot| match &mut slot.state {
            State::Delegated(child) if id.starts_with(&*child.id) => child.within_mut(id),
            _ => None,
        })
    }

    /// Whether this is a call of its last reply that has led to nothing final yet, so that what it
    /// leads to can be recorded.
    pub fn is_open(&self, call: &str) -> bool {
        self.slots.find(call).is_some_and(|place| !self.slots[place].is_settled())
    }

    /// What people decided about calls that waited in `earlier`, which this conversation was, and
    /// in those delegated from it, each with the id of the conversation that it changed.
    pub fn decided_since(&self, earlier: &Self) -> Vec<(String, Change)> {
        let mut changes = Vec::new();
        for Slot { call, state } in earlier.slots.iter() {
            let now = self.slots.find(&call.id).map(|place| &self.slots[place].state);
            match (state, now) {
                (State::Delegated(child), Some(State::Delegated(now))) => {
                    changes.extend(now.decided_since(child))
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

    /// Why a call of the last reply was denied, if it was.
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

    /// The message with the results of the last reply's calls, if they are all there: the first
    /// after it, whatever was said since.
    fn last_results(&self) -> Option<&Message> {
        let reply = self.messages.iter().rposition(|message| message.role() == Role::Assistant)?;
        self.messages.get(reply + 1)
    }

    /// What an outcome of a call of this conversation comes to under these rules: some are refused,
    /// with words the model reads, and results are cut to the call's part of what those of its
    /// reply may have together.
    pub fn admit(&self, outcome: Outcome, rules: &dyn Rules) -> Outcome {
        let limits = rules.limits();
        let unknown = |agent: &str| {
            let agents = rules.agents();
            let known = agents.contains(&agent);
            (!known).then(|| format!("there is no agent named {agent:?}; agents: {}", agents.join(", ")))
        };
        let refused = match &outcome {
            Outcome::Transfer(transfer) => unknown(&transfer.to)
                .or_else(|| self.forbidden(transfer, rules))
                .map(|why| transfer.failed(&why)),
            Outcome::Delegate { to, task, .. } => unknown(to).or_else(|| match () {
                () if self.depth >= limits.deepest() => {
                    let most = limits.deepest();
                    Some(format!("not delegated to {to:?}: the depth limit of {most} is reached"))
                }
                () => task.is_blank().then(|| format!("not delegated to {to:?}: the task is empty")),
            }),
            _ => None,
        };
        let admitted = refused.map_or(outcome, Outcome::error);
        limited(admitted, rules.max_results_bytes(&self.agent), self.slots.len())
    }

    /// A call led to this, by the rules.
    pub(super) fn record(&mut self, place: usize, done: Done) {
        self.slots[place].state = match done.outcome {
            Outcome::Output(content) => State::Done { content, is_error: false },
            Outcome::Error(content) => State::Done { content, is_error: true },
            Outcome::Wait { question } => State::Waiting { question },
            Outcome::Transfer(transfer) => State::Transfer(transfer),
            Outcome::Delegate { to, task, limits } => {
                let id = &self.slots[place].call.id;
                State::Delegated(Box::new(self.child(id, to, task, *limits)))
            }
        };
        self.usage += &done.usage;
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
            Change::Spent { agent, usage } => {
                self.add_usage(&agent, usage);
                Ok(())
            }
            Change::TakenBack => self.take_back().map_err(|error| error.to_string()),
            Change::Returned => match self.return_conversation(&self.turn_limit_message(self.turns)) {
                true => Ok(()),
                false => Err("no agent transferred it that it could return to".to_owned()),
            },
            Change::Recorded { call, done } => self.apply_result(&call, done),
            Change::Approved { call } => {
                self.approve(&format!("{}/{call}", self.id)).map_err(|error| error.to_string())
            }
            Change::Denied { call, reason } => {
                self.deny(&format!("{}/{call}", self.id), &reason).map_err(|error| error.to_string())
            }
        }
    }

    fn apply_result(&mut self, call: &str, done: Done) -> Result<(), String> {
        let place = self.slots.find(call).filter(|place| !self.slots[*place].is_settled());
        let Some(place) = place else {
            return Err(format!("call {call:?} is not open"));
        };
        if matches!(done.outcome, Outcome::Delegate { .. }) && self.depth >= Limits::DEEPEST {
            let most = Limits::DEEPEST;
            return Err(format!("it would be delegated deeper than {most}, which could not be read back"));
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
