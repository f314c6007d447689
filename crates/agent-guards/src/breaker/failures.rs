//! Counts equal failing calls in a history.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use agent_core::{
    Block, Content, Message, Request, Role,
    conversation::detached_message,
    message::{BlockKind, ToolCall},
};
use serde_json::Value;

/// The equal failing calls up to a place in the history.
#[derive(Default)]
pub(super) struct Failures {
    /// The calls, by their ids, each with the number of its reply.
    calls: HashMap<String, (Arc<ToolCall>, usize)>,
    replies: usize,
    /// How often a call has failed with an error, once for each reply.
    counts: HashMap<(Call, String), usize>,
    /// The failures that count, with the numbers of their replies.
    counted: HashSet<(usize, (Call, String))>,
    /// The calls that have succeeded, with their results.
    successes: HashSet<(Call, String)>,
}

/// A tool and an input.
type Call = (String, String);

/// A call that was made too often.
pub(super) struct Repeated {
    pub(super) tool: String,
    pub(super) times: usize,
    pub(super) error: String,
}

impl Failures {
    /// Adds a warning to each result of a call that has failed `most` times. Returns the tools for
    /// which that is new. The `Err` is a call that was made again after the warning.
    pub(super) fn warn(request: &mut Request, most: usize) -> Result<Vec<String>, Repeated> {
        let mut failures = Self::default();
        let mut last = Vec::new();
        for place in 0..request.messages.len() {
            let message = &request.messages[place];
            match message.role() {
                Role::Assistant => {
                    failures.open(message);
                    last.clear();
                }
                Role::User => {
                    let often = failures.close(message, most);
                    if !often.is_empty() {
                        request.messages[place] = warned(message, &often);
                        last.extend(often);
                    }
                }
                Role::System => last.clear(),
            }
        }
        // The user may have spoken since, or the work may have gone on.
        last.retain(|failure| failures.counts.get(&failure.of) == Some(&failure.times));
        match last.iter().position(|failure| failure.times > most) {
            Some(place) => Err(last.swap_remove(place).into()),
            None => {
                let mut tools: Vec<String> = last.into_iter().map(|failure| failure.of.0.0).collect();
                tools.dedup();
                Ok(tools)
            }
        }
    }

    fn open(&mut self, reply: &Message) {
        self.replies += 1;
        let calls = reply.tool_calls().map(|call| (call.id.clone(), (call.clone(), self.replies)));
        self.calls.extend(calls);
    }

    /// Counts the results in a message. Returns those of calls that have failed often.
    fn close(&mut self, message: &Message, most: usize) -> Vec<Failure> {
        let mut failed = Vec::new();
        for (id, text, is_error) in results(message) {
            // The reply with the call may not be in the request, because the history is cut.
            let told = message.background_result().map(|(call, ..)| (call.clone(), self.replies));
            let Some((call, reply)) = self.calls.get(&id).cloned().or(told) else { continue };
            if !message.is_background_result() && text == detached_message(&call) {
                // What comes of it is told later.
                continue;
            }
            let of = (call_of(&call), text);
            if is_error {
                failed.push((id, reply, of));
            } else if self.successes.insert(of) {
                // Work that goes on is no loop.
                self.counts.clear();
            }
        }
        for (_, reply, failure) in &failed {
            if self.counted.insert((*reply, failure.clone())) {
                *self.counts.entry(failure.clone()).or_default() += 1;
            }
        }
        let often = failed.into_iter().filter_map(|(id, _, of)| {
            let times = self.counts.get(&of).copied().unwrap_or(0);
            (times >= most).then_some(Failure { id, times, of })
        });
        let often: Vec<Failure> = often.collect();
        let has_words =
            !message.is_background_result() && message.content().iter().any(|block| !block.is_tool_block());
        match has_words {
            true => {
                // The user may have changed what made the calls fail.
                (self.counts, self.counted, self.successes) = Default::default();
                Vec::new()
            }
            false => often,
        }
    }
}

/// The results in a message: the id of the call, the text, and whether it has failed.
fn results(message: &Message) -> Vec<(String, String, bool)> {
    if let Some((call, content, is_error)) = message.background_result() {
        return vec![(call.id.clone(), content.to_text(), is_error)];
    }
    let results = message.tool_results();
    results.map(|(id, content, is_error)| (id.to_owned(), content.to_text(), is_error)).collect()
}

fn call_of(call: &ToolCall) -> Call {
    let input = call.input.parse::<Value>().map(|input| input.to_string());
    (call.name.clone(), input.unwrap_or_else(|_| call.input.text().to_owned()))
}

/// A result of a call that has failed often.
struct Failure {
    id: String,
    times: usize,
    /// The call and its error.
    of: (Call, String),
}

impl From<Failure> for Repeated {
    fn from(Failure { times, of: ((tool, _), error), .. }: Failure) -> Self {
        Self { tool, times, error }
    }
}

fn warning(failure: &Failure) -> String {
    format!(
        "This call has failed {} times with the same input and the same error. Don't make it again: change \
         the input, do something else, or say what is missing.",
        failure.times
    )
}

/// The message with a warning in these results.
fn warned(message: &Message, failures: &[Failure]) -> Message {
    if let ([failure, ..], true) = (failures, message.is_background_result()) {
        return message.with_content([message.content(), &[Block::text(warning(failure))]].concat());
    }
    let warned = |block: &Block| match block.kind() {
        BlockKind::ToolResult { tool_use_id, content, is_error } => {
            let failure = failures.iter().find(|failure| failure.id == *tool_use_id)?;
            let warning = warning(failure);
            let content = match content {
                Content::Text(error) => Content::Text(format!("{error}\n\n{warning}")),
                Content::Blocks(blocks) => Content::Blocks([&blocks[..], &[Block::text(warning)]].concat()),
            };
            Some(Block::tool_result(tool_use_id, content, *is_error))
        }
        _ => None,
    };
    let blocks = message.content().iter();
    let blocks: Vec<Block> = blocks.map(|block| warned(block).unwrap_or_else(|| block.clone())).collect();
    message.with_content(blocks)
}
