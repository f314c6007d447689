//! Records a model's reply or failure in the conversation.

use super::{
    Container, Conversation, OmissionReason, Replied, Reservations, sanitize::Sanitized, slots::Slots,
};
use crate::{Failure, Message, Response, Role, StopReason, Usage, model::EarlyResult};

impl Conversation {
    pub(super) fn answer(&mut self, result: Result<Response, Failure>) -> Result<(), Failure> {
        self.reserved = Reservations::default();
        let going_over = self.transfer().map(|(place, transfer)| (place, transfer.to.clone()));
        if let Err(Failure { error, .. }) = &result {
            let asked = going_over.as_ref().map_or(&*self.agent, |(_, to)| to).to_owned();
            self.add_usage(&asked, error.usage());
        }
        match (result, going_over) {
            (Err(failure), None) => {
                if !self.return_conversation(&failure.to_string()) {
                    return Err(failure);
                }
            }
            (Err(failure), Some((place, _))) => self.fail_transfer(place, &failure.to_string()),
            (Ok(response), Some((place, to))) if response.stop_reason == StopReason::Refusal => {
                self.usage.add_reply(&to, response.model.as_deref(), response.usage);
                self.fail_transfer(place, &format!("agent {to:?} refused"));
            }
            (Ok(response), Some((place, _))) => {
                self.complete_transfer(place);
                self.append_reply(response);
            }
            (Ok(response), None) => {
                let refused = response.stop_reason == StopReason::Refusal;
                self.append_reply(response);
                if refused {
                    self.record_refusal();
                }
            }
        }
        self.tell_detached();
        Ok(())
    }

    /// Records that the last reply is a refusal. The question stays if another agent can still
    /// answer it.
    fn record_refusal(&mut self) {
        match self.returns.is_empty() {
            true => self.omit_refused_exchange(),
            false => {
                self.omit(self.messages.len() - 1, OmissionReason::Refused);
                let why = format!("agent {:?} refused", self.agent);
                self.return_conversation(&why);
            }
        }
    }

    /// Adds the usage of a request that failed. Zero is not added, so that agents that used nothing
    /// are not listed.
    pub(super) fn add_usage(&mut self, agent: &str, usage: Usage) {
        if usage != Usage::default() {
            self.usage.add(agent, usage);
        }
    }

    fn append_reply(&mut self, response: Response) {
        use StopReason::{Compaction, PauseTurn};
        let goes_on = matches!(response.stop_reason, PauseTurn | Compaction);
        let compacted = self.part_to_compact(&response);
        if let Some(id) = response.container() {
            self.container = Some(Container { agent: self.agent.clone(), id });
        }
        let Sanitized { content, calls, numbers } = self.sanitize_all(response.content.clone());
        let is_as_it_came = content == response.content && response.stop_reason != StopReason::Refusal;
        let id = response.id.filter(|_| is_as_it_came);
        let (agent, at) = (self.agent.clone(), self.messages.len());
        self.replied = id.map(|id| Replied { agent, id: id.into(), at });
        self.call_ids.extend(calls, numbers);
        let reply = Message::new(Role::Assistant, content);
        self.slots = Slots::of(reply.tool_calls().cloned());
        for (id, EarlyResult { content, is_error }) in response.early_results {
            if let Some(place) = self.slots.find(&id) {
                self.slots[place].finish(content, is_error);
            }
        }
        self.messages.push(reply);
        (self.stop, self.stop_details) = (Some(response.stop_reason), response.stop_details);
        self.usage.add_reply(&self.agent, response.model.as_deref(), response.usage);
        match compacted {
            Some(part) => self.compact(part),
            None => self.turns += 1,
        }
        if goes_on && !self.slots.is_empty() {
            // The reply is sent back unchanged, and the API refuses a call without its result.
            let results = self.close_open_calls();
            self.append_results(results);
        }
    }

    /// The other agent did not answer. The call gets an error result, and the asking agent keeps
    /// the conversation.
    fn fail_transfer(&mut self, place: usize, why: &str) {
        if let Some((_, transfer)) = self.transfer() {
            let message = transfer.failed(why);
            self.slots[place].fail(message);
        }
        self.append_results_if_done();
    }
}
