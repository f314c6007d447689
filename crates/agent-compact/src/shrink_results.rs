//! The wrapper that cuts old tool results.

use std::fmt;

use agent_core::{
    Block, BoxStream, Content, Delta, Json, Llm, LlmError, Message, Request, Role, Usage, budget::Usd,
    message::BlockKind,
};

use crate::{as_text::cut, notice::with_notice};

/// A wrapper around any [`Llm`] that sends old tool results cut to their beginning. The record keeps
/// them whole. An agent that reads many long files or pages rarely needs all of an old one, and can
/// call the tool again.
///
/// - **What is old.** By default, results with at least 10 replies after theirs; see
///   [`after`](Self::after). The boundary moves in steps of as many replies, so that most requests
///   begin as the one before, and a prompt cache can be used. So 10 to 19 replies have whole results.
/// - **What is left.** The first 400 bytes of text ([`keep`](Self::keep)), and a note that says how
///   much is left out. Pictures and other parts of an old result are left out. Short results stay as
///   they are. Calls, ids and whether a call failed never change.
/// - **What it says.** The reply to such a request begins with a
///   [`Notice::Omitted`](agent_core::model::Notice).
#[derive(Clone)]
pub struct ShrinkResults<L> {
    llm: L,
    replies: usize,
    bytes: usize,
}

impl<L: Llm> ShrinkResults<L> {
    /// Wraps a model.
    pub fn new(llm: L) -> Self {
        Self { llm, replies: 10, bytes: 400 }
    }

    /// Sets after how many replies a result is old, and in steps of how many replies the boundary
    /// moves. 0 counts as 1. The default is 10.
    pub fn after(mut self, replies: usize) -> Self {
        self.replies = replies.max(1);
        self
    }

    /// Sets how many bytes of an old result are sent. The default is 400.
    pub fn keep(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Shrinks the old results. Returns how many became shorter.
    fn shrink(&self, request: &mut Request) -> usize {
        let is_reply = |message: &Message| message.role() == Role::Assistant;
        let replies = request.messages.iter().filter(|message| is_reply(message)).count();
        let old = (replies / self.replies).saturating_sub(1) * self.replies;
        let (mut seen, mut count) = (0, 0);
        let mut changed = Vec::new();
        for (index, message) in request.messages.iter().enumerate() {
            seen += usize::from(is_reply(message));
            if seen > old {
                break;
            }
            let shorter: Vec<Option<Block>> =
                message.content().iter().map(|block| shortened(block, self.bytes)).collect();
            let shortened = shorter.iter().flatten().count();
            if shortened > 0 {
                let blocks = shorter.into_iter().zip(message.content());
                let blocks = blocks.map(|(shorter, block)| shorter.unwrap_or_else(|| block.clone()));
                changed.push((index, message.with_content(blocks.collect::<Vec<Block>>())));
                count += shortened;
            }
        }
        for (index, message) in changed {
            request.messages[index] = message;
        }
        count
    }
}

/// The result with less text; `None` if the block is no result, or short.
fn shortened(block: &Block, bytes: usize) -> Option<Block> {
    let BlockKind::ToolResult { content, .. } = block.kind() else { return None };
    let others = match content {
        Content::Text(_) => 0,
        Content::Blocks(blocks) => blocks.iter().filter(|block| block.as_text().is_none()).count(),
    };
    let text = content.to_text();
    if others == 0 && text.len() <= bytes {
        return None;
    }
    let others = if others == 0 { String::new() } else { format!(" ({others} other parts left out)") };
    let shorter = format!("{}{others}", cut(&text, bytes));
    // A note can be longer than what it stands for.
    let is_shorter = shorter.len() < block.json().text().len();
    let content = Json::of(&shorter).expect("a string can always be written");
    is_shorter.then(|| block.with("content", content)).and_then(Result::ok)
}

impl<L: Llm> Llm for ShrinkResults<L> {
    fn stream(&self, mut request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        match self.shrink(&mut request) {
            0 => self.llm.stream(request),
            count => {
                let what = format!("{count} old tool results: cut to {} bytes each", self.bytes);
                with_notice(what, self.llm.stream(request))
            }
        }
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

impl<L> fmt::Debug for ShrinkResults<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShrinkResults")
            .field("replies", &self.replies)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
