//! Asks a model for another reply.

use std::time::Duration;

use agent_core::{BoxStream, Delta, Llm, Message, Request, model::Notice};

use super::Piece;
use crate::GuardRefusal;

/// A request that may be made again.
pub(super) struct Attempts<'a> {
    llm: &'a dyn Llm,
    request: Request,
    made: u32,
    tries: u32,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(llm: &'a dyn Llm, request: Request, tries: u32) -> Self {
        Self { llm, request, made: 0, tries }
    }

    pub(super) fn ask(&mut self) -> BoxStream<'a, Piece> {
        self.made += 1;
        self.llm.stream(self.request.clone())
    }

    /// Asks again after a reply with this text, with what is wrong with it. `None` if the tries are
    /// used up.
    pub(super) fn again(
        &mut self,
        said: &str,
        wrong: &GuardRefusal,
    ) -> Option<(Delta, BoxStream<'a, Piece>)> {
        if self.made >= self.tries {
            return None;
        }
        // A message must not be empty.
        if !said.trim().is_empty() {
            self.request.messages.push(Message::assistant(said.trim_end()));
        }
        let words = format!("Your last reply was withdrawn: {}\nReply again.", wrong.explanation);
        self.request.messages.push(Message::user(words));
        let reason = format!("the guard {:?} wants another reply: {}", wrong.guard, wrong.explanation);
        let notice = Notice::Retry { attempt: self.made, wait: Duration::ZERO, reason };
        Some((Delta::Notice(notice), self.ask()))
    }
}
