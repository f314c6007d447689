//! Where the history is cut: between two turns, and never between a call and its result.

use agent_core::{Message, Request, Role};

use crate::estimate::tokens_of;

/// A place at which a request can be cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    /// How many messages of the request are summarised.
    pub(crate) messages: usize,
    /// The index in the record of the first message that stays.
    pub(crate) before: usize,
}

/// Why a request is not cut.
pub(crate) const NO_TURNS: &str = "there is no earlier turn that a summary could replace";
const CHANGED: &str =
    "a wrapper outside of `Compact` changed the number of messages: put `Compact` around that wrapper";
const LITTLE: &str = "nearly all of it is in the last turns, which stay";

/// Finds the cut that leaves as many messages as fit into `keep` tokens, and at least the last
/// turn. The error says why there is none.
pub(crate) fn find_cut(request: &Request, keep: u64) -> Result<Cut, &'static str> {
    let messages = &request.messages;
    if request.places.len() != messages.len() {
        return Err(CHANGED);
    }
    // A summary replaces at least one message of the record.
    let pairs = messages.iter().zip(&request.places);
    let mut own =
        pairs.enumerate().filter(|(_, (message, place))| place.is_some() && message.role() != Role::System);
    let first = own.next().map_or(usize::MAX, |(index, _)| index.saturating_add(1));
    let cuts = (first..messages.len()).filter(|index| begins_turn(messages, *index));
    let cuts: Vec<Cut> =
        cuts.filter_map(|index| Some(Cut { messages: index, before: request.places[index]? })).collect();
    let fits = |cut: &&Cut| tokens_of(&messages[cut.messages..]) <= keep;
    let is_of_user = |cut: &&Cut| is_of_user(&messages[cut.messages]);
    // A question and its answer stay together, unless they are too long.
    let whole = || cuts.iter().filter(is_of_user).find(fits);
    let cut = *whole().or_else(|| cuts.iter().find(fits)).or(cuts.last()).ok_or(NO_TURNS)?;
    match tokens_of(&messages[..cut.messages]) * 10 >= tokens_of(messages) {
        true => Ok(cut),
        false => Err(LITTLE),
    }
}

/// Whether the user said it, or it has results of calls.
pub(crate) fn is_of_user(message: &Message) -> bool {
    message.role() == Role::User && !message.is_background_result()
}

/// Whether a turn begins with the message at this index: the user's words, or a reply to what the
/// user or tools said.
pub(crate) fn begins_turn(messages: &[Message], index: usize) -> bool {
    let is_reply = |message: &Message| message.role() == Role::Assistant;
    let message = &messages[index];
    match message.role() {
        // Several replies in a row are one.
        Role::Assistant => !messages[..index].last().is_some_and(is_reply),
        Role::User => message.tool_results().next().is_none(),
        Role::System => false,
    }
}
