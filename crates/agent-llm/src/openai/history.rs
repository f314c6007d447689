//! What is sent of a history, in an order that OpenAI's APIs take.

use std::collections::HashSet;

use agent_core::{Block, Content, Message, Request, Role, message::BlockKind};

/// Who writes the messages of a request, each API in its own way.
pub(super) trait WriteHistory<'a> {
    /// Instructions in the middle of a conversation.
    fn instruct(&mut self, message: &'a Message);

    /// What a model said: words, calls, and what else there is.
    fn assistant(&mut self, message: &'a Message);

    /// What a call led to. It stands right behind what the model said, and each call of that has
    /// one.
    fn result(&mut self, call: &'a str, content: &'a Content, is_error: bool);

    /// What a user says, without results.
    fn user(&mut self, blocks: Vec<&'a Block>);

    /// So many messages are written, and what follows does not depend on them.
    fn mark(&mut self, messages: usize);
}

/// What stands for the result of a call that has none.
pub(super) const NO_RESULT: &str = "[no result: the call was not made]";

/// Has these messages written. Each result answers a call of the message before it, and each call
/// has one: what is valid for the Messages API is so already, and what is not is mended, since a
/// history may come from anywhere. `called` are calls that the server knows, whose results come
/// first.
pub(super) fn write<'a>(messages: &'a [Message], called: &'a [Block], writer: &mut impl WriteHistory<'a>) {
    let mut history = History { open: ids(called), instructions: Vec::new() };
    for (place, message) in messages.iter().enumerate() {
        match message.role() {
            // Between calls and results nothing may stand.
            Role::System if !history.open.is_empty() => history.instructions.push(message),
            Role::System => writer.instruct(message),
            Role::Assistant => {
                history.close(writer);
                writer.assistant(message);
                history.open = ids(message.content());
            }
            Role::User => {
                history.user(message, writer);
                writer.mark(place + 1);
            }
        }
    }
    history.close(writer);
}

/// Whether a request has these calls still to answer: those of the reply that it goes on from.
pub(super) fn new_messages(request: &Request) -> Option<(&[Message], &[Block], &str)> {
    let previous = request.previous_reply.as_ref()?;
    let (before, new) = request.messages.split_at_checked(previous.messages)?;
    let is_same = before.last() == Some(&previous.reply);
    is_same.then(|| (new, previous.reply.content(), &*previous.response))
}

fn ids(content: &[Block]) -> Vec<&str> {
    content.iter().filter_map(Block::as_tool_use).map(|call| call.id.as_str()).collect()
}

struct History<'a> {
    /// The calls of the last reply that have no result yet.
    open: Vec<&'a str>,
    /// What stood between them and their results.
    instructions: Vec<&'a Message>,
}

impl<'a> History<'a> {
    fn user(&mut self, message: &'a Message, writer: &mut impl WriteHistory<'a>) {
        // As a rule each call has its result, in their order. Then nothing has to be searched.
        if message.tool_results().map(|(id, ..)| id).eq(self.open.iter().copied()) {
            self.open.clear();
            message.tool_results().for_each(|(id, content, is_error)| writer.result(id, content, is_error));
        } else {
            self.answer(message, writer);
        }
        self.close(writer);
        let is_other = |block: &&Block| !matches!(block.kind(), BlockKind::ToolResult { .. });
        writer.user(message.content().iter().filter(is_other).collect());
    }

    /// Writes the first result of each call that is open.
    fn answer(&mut self, message: &'a Message, writer: &mut impl WriteHistory<'a>) {
        let open: HashSet<&str> = self.open.iter().copied().collect();
        let mut answered = HashSet::new();
        for (id, content, is_error) in message.tool_results() {
            if open.contains(id) && answered.insert(id) {
                writer.result(id, content, is_error);
            }
        }
        self.open.retain(|id| !answered.contains(id));
    }

    /// Calls that nobody answered are answered, and the instructions that waited for that follow.
    fn close(&mut self, writer: &mut impl WriteHistory<'a>) {
        // Kept as long as the request, since the words outlive this.
        for id in self.open.drain(..) {
            writer.result(id, no_result(), true);
        }
        self.instructions.drain(..).for_each(|message| writer.instruct(message));
    }
}

fn no_result() -> &'static Content {
    static NONE: std::sync::OnceLock<Content> = std::sync::OnceLock::new();
    NONE.get_or_init(|| NO_RESULT.into())
}
