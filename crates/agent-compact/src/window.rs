//! The wrapper that sends only the last messages.

use std::fmt;

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Message, Request, Role, Usage, budget::Usd};

use crate::{
    cut::{begins_turn, is_of_user},
    estimate::tokens_of,
    notice::with_notice,
};

/// What the model reads instead of the messages that are left out.
const NOTE: &str = "(Earlier messages are not shown.)";

/// A wrapper around any [`Llm`] that sends only the last messages, as many as fit into a number of
/// tokens. The record keeps all. It asks no model for a summary: use [`Compact`](crate::Compact) for
/// that.
///
/// - **Where it cuts.** Only between turns, and never between a call and its result. If it can, it
///   cuts where the user speaks. The last turn always stays, also if it is longer. So do instructions
///   ([`Conversation::instruct`](agent_core::Conversation::instruct)), the system prompt and the tools.
///   A note stands for what is left out.
/// - **In steps.** When the messages have too many tokens, it cuts them to half as many. The same
///   messages are then sent until they are too many again. So most requests begin as the one before,
///   and a prompt cache can be used.
/// - **What it says.** The reply to a request that was cut begins with a
///   [`Notice::Omitted`](agent_core::model::Notice).
///
/// The tokens of messages are [estimated](crate::estimate) from their bytes, so that the same
/// messages are always cut in the same place.
#[derive(Clone)]
pub struct Window<L> {
    llm: L,
    tokens: u64,
}

impl<L: Llm> Window<L> {
    /// Wraps a model. `tokens` is the most that the messages of a request may have, estimated,
    /// without the system prompt and the tools.
    pub fn new(llm: L, tokens: u64) -> Self {
        Self { llm, tokens }
    }
}

impl<L: Llm> Llm for Window<L> {
    fn stream(&self, mut request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let start = start(&request.messages, self.tokens);
        if start == 0 {
            return self.llm.stream(request);
        }
        cut(&mut request, start);
        let what =
            format!("messages 0 to {}: left out, because they are over {} tokens", start - 1, self.tokens);
        with_notice(what, self.llm.stream(request))
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

impl<L> fmt::Debug for Window<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// The index of the first message that is sent. It follows from the messages alone: it moves as if
/// each of the messages had been the last one of a request.
fn start(messages: &[Message], most: u64) -> usize {
    let sizes: Vec<u64> = messages.iter().map(|message| tokens_of(std::slice::from_ref(message))).collect();
    let (mut start, mut total) = (0, 0);
    for (end, size) in sizes.iter().enumerate() {
        total += size;
        if total <= most {
            continue;
        }
        let turns = |index: &usize| begins_turn(messages, *index);
        let half = |index: &usize| sizes[*index..=end].iter().sum::<u64>() <= most / 2;
        let is_of_user = |index: &usize| is_of_user(&messages[*index]);
        let cuts: Vec<usize> = (start + 1..=end).filter(turns).collect();
        let fitting = || cuts.iter().copied().filter(half);
        start =
            fitting().find(is_of_user).or_else(|| fitting().next()).or(cuts.last().copied()).unwrap_or(start);
        total = sizes[start..=end].iter().sum();
    }
    start
}

/// Leaves out the messages before this index, except instructions.
fn cut(request: &mut Request, start: usize) {
    let stays = |index: usize, message: &Message| index >= start || message.role() == Role::System;
    let has_places = request.places.len() == request.messages.len();
    let all = std::mem::take(&mut request.messages);
    let places = std::mem::take(&mut request.places);
    let kept: Vec<usize> = all
        .iter()
        .enumerate()
        .filter(|(index, message)| stays(*index, message))
        .map(|(index, _)| index)
        .collect();
    request.messages =
        std::iter::once(Message::user(NOTE)).chain(kept.iter().map(|index| all[*index].clone())).collect();
    if has_places {
        request.places = std::iter::once(None).chain(kept.iter().map(|index| places[*index])).collect();
    }
    // A server that keeps the history still has all of it.
    request.previous_reply = None;
}
