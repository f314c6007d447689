//! Gives each call exactly one result, in call order, in one user message.

use super::{CallAnswer, Conversation, Slot, State};
use crate::{Block, Message, Role, StopReason};

/// The error result of a call that is not made because its reply ended for this reason.
pub(crate) fn not_run_message(reason: &StopReason) -> String {
    format!("not run: the reply ended with {}", reason.as_str())
}

/// The error result of a call that had no result when the user spoke. It says that the call may
/// have had its effect, so that the model does not simply make it again.
const WENT_ON: &str =
    "no result: the user went on before the call ended. If it had begun, it may have had its effect";

/// The same of a call that a person had approved.
const WENT_ON_AFTER_APPROVAL: &str = "no result: a person had approved it, and the user went on before it ended. If it had begun, \
     it may have had its effect";

impl Conversation {
    /// Appends the user message with all results if every call has its result. If one of them is
    /// an answer, the run ends with it. In a plan, the next steps can begin.
    pub(super) fn append_results_if_done(&mut self) {
        self.advance_plan();
        if !self.slots.is_empty() && self.slots.are_done() {
            let unreachable = |slot: &Slot| unreachable!("call {:?} is done", slot.call.id);
            self.keep_plan_result();
            let slots = self.slots.take();
            self.call_answers.extend(CallAnswer::first_of(&slots, self.messages.len()));
            self.append_results(slots.into_iter().map(|slot| slot.into_result(unreachable)).collect());
            self.tell_detached();
        }
    }

    pub(super) fn append_results(&mut self, results: Vec<Block>) {
        self.usage += &self.usage_of_children();
        self.slots.clear();
        self.messages.push(Message::new(Role::User, results));
        (self.stop, self.stop_details) = (None, None);
    }

    /// The results as they will be when the agent `to` has the conversation.
    pub(super) fn results_after_transfer(&self, to: &str) -> Vec<Block> {
        let chosen = self.transfer().map(|(place, _)| place);
        let results = self.slots.iter().enumerate().map(|(place, slot)| match Some(place) == chosen {
            true => Block::tool_result(&slot.call.id, format!("Transferred to {to}.").into(), false),
            false => slot.clone().into_result(|_| format!("not run: control passed to {to}")),
        });
        results.collect()
    }

    /// Closes all open calls because the user spoke. Returns all results.
    pub(super) fn close_open_calls(&mut self) -> Vec<Block> {
        self.usage += &self.usage_of_children();
        let stop = self.stop.take();
        let why = |slot: &Slot| match (stop.as_ref().filter(|reason| !reason.runs_calls()), &slot.state) {
            (Some(reason), _) => not_run_message(reason),
            (None, State::Waiting { .. }) => {
                "not run: the user went on before a person approved it".to_owned()
            }
            // It is not known here whether the call began: a run that is dropped records nothing of
            // the calls that it was making.
            (None, State::Approved) => WENT_ON_AFTER_APPROVAL.to_owned(),
            (None, _) => WENT_ON.to_owned(),
        };
        let slots = self.slots.take();
        slots.into_iter().map(|slot| slot.into_result(why)).collect()
    }
}
