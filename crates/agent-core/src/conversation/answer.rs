//! Taking in what the model said.

use super::{Conversation, Slot};
use crate::{Block, Failure, Message, Response, Role, StopReason};

impl Conversation {
    pub(super) fn answer(&mut self, result: Result<Response, Failure>) -> Result<(), Failure> {
        let going_over = self.transfer().map(|(place, transfer)| (place, transfer.to.clone()));
        match (result, going_over) {
            (Err(failure), None) => {
                if !self.give_back(&failure.to_string()) {
                    return Err(failure);
                }
            }
            (Err(failure), Some((place, _))) => self.stay(place, &failure.to_string()),
            (Ok(response), Some((place, to))) if response.stop_reason == StopReason::Refusal => {
                self.usage += response.usage;
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
                    let why = format!("agent {:?} refused", self.agent);
                    self.give_back(&why);
                }
            }
        }
        Ok(())
    }

    fn append_reply(&mut self, response: Response) {
        let content = self.with_new_ids(response.content);
        let reply = Message::new(Role::Assistant, content);
        self.slots.extend(reply.tool_calls().cloned().map(Slot::open));
        self.messages.push(reply);
        (self.stop, self.stop_details) = (Some(response.stop_reason), response.stop_details);
        self.usage += response.usage;
        self.turns += 1;
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

    /// Some backends send the same ids every turn, or none, or with characters the API refuses. Such
    /// an id is replaced, always by the same one for the same history.
    fn with_new_ids(&self, content: Vec<Block>) -> Vec<Block> {
        let mut taken: Vec<String> = Vec::new();
        let renamed = content.into_iter().map(|block| {
            let Some(call) = block.as_tool_use() else { return block };
            let is_free = |id: &str| !taken.iter().any(|other| other == id) && !self.has_call(id);
            if is_valid(&call.id) && is_free(&call.id) {
                taken.push(call.id.clone());
                return block;
            }
            let stem = if is_valid(&call.id) { &call.id } else { "call" };
            let mut names = (2..).map(|number: u32| format!("{stem}_{number}"));
            let new = names.find(|id| is_free(id)).expect("numbers do not run out");
            let block = block.with_tool_use_id(&new);
            taken.push(new);
            block
        });
        renamed.collect()
    }

    fn has_call(&self, id: &str) -> bool {
        self.messages.iter().flat_map(Message::tool_calls).any(|call| call.id == id)
    }
}

fn is_valid(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
