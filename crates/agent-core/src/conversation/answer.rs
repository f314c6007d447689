//! Taking in what the model said.

use std::sync::Arc;

use super::{Container, Conversation, Replied, Slot, WhyLeftOut};
use crate::{
    Block, Failure, Json, Kind, Message, Response, Role, StopReason, ToolCall, Usage,
    tool_call::written_input,
};

/// How many characters the name of a tool may have.
const LONGEST_NAME: usize = 128;

impl Conversation {
    pub(super) fn answer(&mut self, result: Result<Response, Failure>) -> Result<(), Failure> {
        let going_over = self.transfer().map(|(place, transfer)| (place, transfer.to.clone()));
        if let Err(Failure { error, .. }) = &result {
            let asked = going_over.as_ref().map_or(&*self.agent, |(_, to)| to).to_owned();
            self.spend(&asked, error.usage());
        }
        match (result, going_over) {
            (Err(failure), None) => {
                if !self.give_back(&failure.to_string()) {
                    return Err(failure);
                }
            }
            (Err(failure), Some((place, _))) => self.stay(place, &failure.to_string()),
            (Ok(response), Some((place, to))) if response.stop_reason == StopReason::Refusal => {
                self.usage.add(&to, response.usage);
                self.stay(place, &format!("agent {to:?} refused"));
            }
            (Ok(response), Some((place, _))) => {
                self.go_over(place);
                self.append_reply(response);
            }
            (Ok(response), None) => {
                let refused = response.stop_reason == StopReason::Refusal;
                self.append_reply(response);
                if refused {
                    self.take_refusal();
                }
            }
        }
        Ok(())
    }

    /// The last reply is a refusal. What it was asked stays if another agent can answer that.
    fn take_refusal(&mut self) {
        match self.returns.is_empty() {
            true => self.leave_out_refused_exchange(),
            false => {
                self.leave_out(self.messages.len() - 1, WhyLeftOut::Refused);
                let why = format!("agent {:?} refused", self.agent);
                self.give_back(&why);
            }
        }
    }

    /// A model was asked and did not answer. An agent that cost nothing is none that was asked.
    pub(super) fn spend(&mut self, agent: &str, usage: Usage) {
        if usage != Usage::default() {
            self.usage.add(agent, usage);
        }
    }

    fn append_reply(&mut self, response: Response) {
        use StopReason::{Compaction, PauseTurn};
        let goes_on = matches!(response.stop_reason, PauseTurn | Compaction);
        if let Some(id) = response.container() {
            self.container = Some(Container { agent: self.agent.clone(), id });
        }
        let content = self.mended(response.content.clone());
        let is_as_it_came = content == response.content && response.stop_reason != StopReason::Refusal;
        let id = response.id.filter(|_| is_as_it_came);
        let (agent, at) = (self.agent.clone(), self.messages.len());
        self.replied = id.map(|id| Replied { agent, id: id.into(), at });
        self.call_ids.extend(&content);
        let reply = Message::new(Role::Assistant, content);
        self.slots.extend(reply.tool_calls().cloned().map(Slot::open));
        self.messages.push(reply);
        (self.stop, self.stop_details) = (Some(response.stop_reason), response.stop_details);
        self.usage.add(&self.agent, response.usage);
        self.turns += 1;
        if goes_on && !self.slots.is_empty() {
            // The reply is sent back as it is, and the API takes no call back without its result.
            let results = self.close_open_calls();
            self.append_results(results);
        }
    }

    /// The other agent did not answer: its call has failed, and the asking agent still has the
    /// conversation.
    fn stay(&mut self, place: usize, why: &str) {
        if let Some((_, transfer)) = self.transfer() {
            let message = transfer.failed(why);
            self.slots[place].fail(message);
        }
        self.append_results_if_done();
    }

    /// What some models and backends write the API refuses to read back: ids that are empty, or the
    /// same every turn, names with other characters, inputs that are no object. Such a call is
    /// mended, always in the same way for the same history.
    pub(crate) fn mended(&self, content: Vec<Block>) -> Vec<Block> {
        let mut mended = Vec::with_capacity(content.len());
        for block in content {
            let block = self.mend(block, &mended);
            mended.push(block);
        }
        mended
    }

    /// The same of one block, behind those of its reply that are mended already.
    pub(crate) fn mend(&self, block: Block, before: &[Block]) -> Block {
        let Some(call) = block.as_tool_use() else { return without_result(block) };
        let is_free = |id: &str| {
            let mut calls = before.iter().filter_map(Block::as_tool_use);
            calls.all(|call| call.id != id) && !self.has_call(id)
        };
        if is_valid(&call.id) && is_valid_name(&call.name) && is_object(&call.input) && is_free(&call.id) {
            return block;
        }
        let id = free_id(&call.id, is_free);
        block.with_call(ToolCall { id, name: valid_name(&call.name), input: object_input(&call.input) })
    }

    fn has_call(&self, id: &str) -> bool {
        let is_it = |call: &Arc<ToolCall>| call.id == id;
        self.call_ids.may_have(id) && self.messages.iter().flat_map(Message::tool_calls).any(is_it)
    }
}

/// Results stand in what is said to a model. One that a model writes is kept as its words.
fn without_result(block: Block) -> Block {
    match block.kind() {
        Kind::ToolResult { .. } => Block::text(block.json().text()),
        _ => block,
    }
}

fn free_id(id: &str, is_free: impl Fn(&str) -> bool) -> String {
    let stem = if is_valid(id) { id } else { "call" };
    if stem == id && is_free(id) {
        return id.to_owned();
    }
    let mut ids = (2..).map(|number: u32| format!("{stem}_{number}"));
    ids.find(|id| is_free(id)).expect("numbers do not run out")
}

fn is_valid(id: &str) -> bool {
    !id.is_empty() && id.chars().all(is_word)
}

fn is_valid_name(name: &str) -> bool {
    is_valid(name) && name.len() <= LONGEST_NAME
}

fn valid_name(name: &str) -> String {
    let chars = name.chars().take(LONGEST_NAME);
    let name: String = chars.map(|char| if is_word(char) { char } else { '_' }).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || char == '-'
}

fn is_object(input: &Json) -> bool {
    input.text().starts_with('{')
}

fn object_input(input: &Json) -> Json {
    if is_object(input) { input.clone() } else { written_input(input.text()) }
}
