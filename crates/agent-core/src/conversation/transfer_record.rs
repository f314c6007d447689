//! How the conversation changes hands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Conversation;
use crate::{Block, BlockKind, Message, Role, Rules, ToolCall, Transfer};

/// The conversation went from one agent to another.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferRecord {
    /// The agent that had it.
    pub from: Arc<str>,
    /// The agent that has it since.
    pub to: Arc<str>,
    /// How many messages there were before the first of `to`.
    pub at: usize,
    /// The call that asked for it; `None` if it came back.
    pub call: Option<Arc<ToolCall>>,
    /// What went wrong, if it came back.
    pub why: Option<String>,
}

/// Where the conversation comes back to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Return {
    to: Arc<str>,
    /// How many turns that agent had had.
    turns: u32,
    /// How many the one that took over had had.
    #[serde(default)]
    of_other: u32,
    transfer: Transfer,
}

impl Conversation {
    /// How the conversation changed hands so far, in order.
    pub fn transfer_records(&self) -> &[TransferRecord] {
        &self.transfer_records
    }

    /// The transfer by which the agent that speaks next got the conversation, or is about to get
    /// it; `None` if it had it from the start.
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

    /// Whether this block of the record is a word of ours to the agent that the conversation came
    /// back to, and none of the user's, though it stands in a message of theirs.
    pub fn is_note(&self, block: &Block) -> bool {
        let came_back = self.transfer_records.iter().filter(|record| record.call.is_none());
        let mut notes = came_back.filter_map(|record| {
            self.messages.get(record.at.checked_sub(1)?).and_then(|message| message.content().last())
        });
        notes.any(|note| note.ptr_eq(block))
    }

    /// The agent that had the conversation when there were this many messages: the one that wrote
    /// the message that stands there, if it is a reply.
    pub fn agent_at(&self, messages: usize) -> &str {
        let before = self.transfer_records.iter().take_while(|record| record.at <= messages).last();
        let first = || self.transfer_records.first().map_or(&*self.agent, |record| &*record.from);
        before.map_or_else(first, |record| &record.to)
    }

    /// How many turns the agent that has the conversation had since the user spoke, with those of
    /// agents that gave it back.
    pub fn turns(&self) -> u32 {
        self.turns
    }

    /// The same of any agent.
    pub(crate) fn turns_of(&self, agent: &str) -> u32 {
        match *self.agent == *agent {
            true => self.turns,
            false => self.turns_of_others.get(agent).copied().unwrap_or(0),
        }
    }

    /// Whether it goes over to another agent with the next reply.
    pub(crate) fn has_pending_transfer(&self) -> bool {
        self.transfer().is_some()
    }

    /// The other agent has answered: all calls get their results, and it has the conversation.
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

    /// The agent that has the conversation has failed: it comes back to the one that gave it away,
    /// which reads why. Nothing is taken back from the record. False if there is no such agent.
    pub(super) fn return_conversation(&mut self, why: &str) -> bool {
        let Some(Return { to, turns, of_other, transfer }) = self.returns.pop() else { return false };
        let mut blocks = self.close_open_calls();
        let why = format!("{} had taken over, but then: {why}", self.agent);
        blocks.push(Block::text(transfer.failed(&why)));
        self.messages.push(Message::new(Role::User, blocks));
        self.stop_details = None;
        let since = self.turns.saturating_sub(of_other);
        self.change_agent(to, None, Some(why));
        // Or each agent it comes back to would have all its turns again.
        self.turns = turns.saturating_add(since);
        true
    }

    /// Whether it came back, and nobody has said anything since.
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

    /// Why this transfer may not be, if it may not.
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

    /// Whether a tool gave a result since there were this many messages, transfers aside.
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
