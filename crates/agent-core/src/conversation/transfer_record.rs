//! Transfers of the conversation between agents.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Conversation;
use crate::{Block, BlockKind, Message, Role, Rules, ToolCall, Transfer};

/// A transfer of the conversation from one agent to another that took place.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferRecord {
    /// The agent that had the conversation.
    pub from: Arc<str>,
    /// The agent that got the conversation.
    pub to: Arc<str>,
    /// The number of messages before the transfer. It is also the index of the first message that
    /// `to` writes.
    pub at: usize,
    /// The call that asked for the transfer; `None` if the conversation returned after a failure.
    pub call: Option<Arc<ToolCall>>,
    /// What went wrong, if the conversation returned after a failure; `None` for other transfers.
    pub why: Option<String>,
}

/// An agent to which the conversation returns after a failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Return {
    to: Arc<str>,
    /// How many turns that agent had had at the transfer.
    turns: u32,
    /// How many turns the other agent had had at the transfer.
    #[serde(default)]
    of_other: u32,
    transfer: Transfer,
}

impl Conversation {
    /// The transfers of the conversation so far, in order.
    pub fn transfer_records(&self) -> &[TransferRecord] {
        &self.transfer_records
    }

    /// The transfer by which the [`speaker`](Self::speaker) got the conversation, or is about to
    /// get it. `None` if the speaker has had the conversation from the start.
    pub fn transfer_to_speaker(&self) -> Option<TransferRecord> {
        match self.transfer() {
            Some((place, transfer)) => Some(TransferRecord {
                from: self.agent.clone(),
                to: transfer.to.as_str().into(),
                at: self.messages.len() + 1,
                call: Some(self.slots[place].call.clone()),
                why: None,
            }),
            None => {
                let given = |record: &&TransferRecord| record.to == self.agent && record.call.is_some();
                self.transfer_records.iter().rev().find(given).cloned()
            }
        }
    }

    /// Whether this block is a note that the library wrote into a user message, to tell an agent
    /// why the conversation returned to it.
    pub fn is_note(&self, block: &Block) -> bool {
        let came_back = self.transfer_records.iter().filter(|record| record.call.is_none());
        let mut notes = came_back.filter_map(|record| {
            self.messages.get(record.at.checked_sub(1)?).and_then(|message| message.content().last())
        });
        notes.any(|note| note.ptr_eq(block))
    }

    /// The agent that had the conversation when there were `messages` messages. If `messages()[i]`
    /// is a reply, `agent_at(i)` is its author.
    pub fn agent_at(&self, messages: usize) -> &str {
        let before = self.transfer_records.iter().take_while(|record| record.at <= messages).last();
        let first = || self.transfer_records.first().map_or(&*self.agent, |record| &*record.from);
        before.map_or_else(first, |record| &record.to)
    }

    /// How many turns the current agent has had since the user spoke. They include the turns of
    /// agents that failed and returned the conversation to it.
    pub fn turns(&self) -> u32 {
        self.turns
    }

    /// How many turns any agent has had since the user spoke.
    pub(crate) fn turns_of(&self, agent: &str) -> u32 {
        match *self.agent == *agent {
            true => self.turns,
            false => self.turns_of_others.get(agent).copied().unwrap_or(0),
        }
    }

    /// Whether the conversation is transferred to another agent with the next reply.
    pub(crate) fn has_pending_transfer(&self) -> bool {
        self.transfer().is_some()
    }

    /// Completes a transfer when the other agent has answered: all calls get their results, and
    /// that agent has the conversation.
    pub(super) fn complete_transfer(&mut self, place: usize) {
        let Some((_, transfer)) = self.transfer() else { return };
        let (transfer, call) = (transfer.clone(), self.slots[place].call.clone());
        let (turns, of_other) = (self.turns, self.turns_of(&transfer.to));
        let back = Return { to: self.agent.clone(), turns, of_other, transfer: transfer.clone() };
        let results = self.results_after_transfer(&transfer.to);
        self.append_results(results);
        self.change_agent(transfer.to.into(), Some(call), None);
        match transfer.comes_back {
            true => self.returns.push(back),
            false => self.returns.clear(),
        }
        self.transfers += 1;
    }

    /// Returns the conversation to the agent that transferred it, because the current one failed.
    /// That agent reads why. Nothing is removed from the record. Returns false if there is no such
    /// agent.
    pub(super) fn return_conversation(&mut self, why: &str) -> bool {
        let Some(Return { to, turns, of_other, transfer }) = self.returns.pop() else { return false };
        let mut blocks = self.close_open_calls();
        let why = format!("{} had taken over, but then: {why}", self.agent);
        blocks.push(Block::text(transfer.failed(&why)));
        self.messages.push(Message::new(Role::User, blocks));
        self.stop_details = None;
        let since = self.turns.saturating_sub(of_other);
        self.change_agent(to, None, Some(why));
        // Otherwise each agent to which it returns would have all its turns again.
        self.turns = turns.saturating_add(since);
        true
    }

    /// Whether the conversation has just returned after a failure, with no message since.
    pub(super) fn has_just_returned(&self) -> bool {
        let last = self.transfer_records.last();
        last.is_some_and(|record| record.call.is_none() && record.at == self.messages.len())
    }

    pub(super) fn turn_limit_message(&self, turns: u32) -> String {
        format!("agent {:?} was not done after {turns} turns", self.agent)
    }

    pub(super) fn change_agent(&mut self, to: Arc<str>, call: Option<Arc<ToolCall>>, why: Option<String>) {
        let turns = self.turns_of(&to);
        let from = std::mem::replace(&mut self.agent, to.clone());
        self.turns_of_others.insert(from.clone(), self.turns);
        self.turns = turns;
        self.transfer_records.push(TransferRecord { from, to, at: self.messages.len(), call, why });
    }

    /// The reason if this transfer is forbidden.
    pub(super) fn forbidden(&self, transfer: &Transfer, rules: &dyn Rules) -> Option<String> {
        let (had, turns) = (self.turns_of(&transfer.to), rules.turns(&transfer.to));
        if had >= turns && had > 0 {
            return Some(format!("{} has had its {turns} turns since the user spoke", transfer.to));
        }
        let limit = rules.limits().transfers;
        let most = transfer.at_most.map_or(limit, |most| most.min(limit));
        if self.transfers >= most {
            return Some(format!("the limit of {most} transfers is reached"));
        }
        let idle = |record: &&TransferRecord| record.at > self.said_at && !self.had_success_since(record.at);
        let same = |record: &&TransferRecord| record.from == self.agent && *record.to == *transfer.to;
        let times = self.transfer_records.iter().filter(idle).filter(same).count();
        let repeats = transfer.repeats?;
        (times >= repeats as usize)
            .then(|| format!("{} has already had the conversation, and nothing got done since", transfer.to))
    }

    /// Whether a tool other than a transfer has succeeded since there were `since` messages.
    fn had_success_since(&self, since: usize) -> bool {
        let is_transfer = |id: &str| {
            self.transfer_records.iter().filter_map(|record| record.call.as_ref()).any(|call| call.id == id)
        };
        let blocks = self.messages[since.min(self.messages.len())..].iter().flat_map(Message::content);
        blocks.into_iter().any(|block| match block.kind() {
            BlockKind::ToolResult { tool_use_id, is_error: false, .. } => !is_transfer(tool_use_id),
            _ => false,
        })
    }
}
