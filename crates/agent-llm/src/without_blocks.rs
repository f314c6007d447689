//! Requests without blocks that the server which they go to can't read.

use agent_core::{Block, Message, Request};

/// The request without the blocks that are out, and without messages of which nothing is left. A
/// request of which nothing is out stays as it is.
pub(crate) fn without_blocks(mut request: Request, is_out: impl Fn(&Block) -> bool) -> Request {
    let has_out = |message: &Message| message.content().iter().any(&is_out);
    if !request.messages.iter().any(has_out) {
        return request;
    }
    let left = |message: &Message| {
        if !has_out(message) {
            return Some(message.clone());
        }
        let left: Vec<Block> = message.content().iter().filter(|block| !is_out(block)).cloned().collect();
        (!left.is_empty()).then(|| message.with_content(left))
    };
    let known = request.previous_reply.as_ref().map_or(0, |previous| previous.messages);
    let mut gone = 0;
    let mut messages = Vec::with_capacity(request.messages.len());
    for (place, message) in request.messages.iter().enumerate() {
        match left(message) {
            Some(left) => messages.push(left),
            None => gone += usize::from(place < known),
        }
    }
    request.messages = messages;
    if let Some(previous) = &mut request.previous_reply {
        previous.messages -= gone;
    }
    request
}
