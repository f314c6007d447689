//! Counts equal failing calls in a history.

use std::collections::{HashMap, HashSet};

use agent_core::{Block, Content, Message, Request, Role, message::BlockKind};
use serde_json::Value;

/// The equal failing calls up to a place in the history.
#[derive(Default)]
pub(super) struct Failures {
    /// The calls that have no result yet, by their ids.
    open: HashMap<String, Call>,
    /// How often a call has failed with an error, once for each reply.
    counts: HashMap<(Call, String), usize>,
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
                Role::Assistant => failures.open(message),
                Role::User => {
                    last = failures.close(message, most);
                    if !last.is_empty() {
                        request.messages[place] = warned(&request.messages[place], &last);
                    }
                }
                Role::System => {}
            }
        }
        if request.messages.last().is_none_or(|message| message.role() != Role::User) {
            last.clear();
        }
        match last.iter().position(|failure| failure.times > most) {
            Some(place) => Err(last.swap_remove(place).into()),
            None => {
                let mut tools: Vec<String> = last.into_iter().map(|failure| failure.tool).collect();
                tools.dedup();
                Ok(tools)
            }
        }
    }

    fn open(&mut self, reply: &Message) {
        let calls = reply.tool_calls().map(|call| {
            let input = call.input.parse::<Value>().map(|input| input.to_string());
            (call.id.clone(), (call.name.clone(), input.unwrap_or_else(|_| call.input.text().to_owned())))
        });
        self.open = calls.collect();
    }

    /// Counts the results in a message. Returns those of calls that have failed often.
    fn close(&mut self, message: &Message, most: usize) -> Vec<Failure> {
        let mut failed = Vec::new();
        for (id, content, is_error) in message.tool_results() {
            let Some(call) = self.open.remove(id) else { continue };
            let text = content.to_text();
            match is_error {
                true => failed.push((id.to_owned(), (call, text))),
                // Work that goes on is no loop.
                false if self.successes.insert((call, text)) => self.counts.clear(),
                false => {}
            }
        }
        let different: HashSet<(Call, String)> = failed.iter().map(|(_, failure)| failure.clone()).collect();
        different.into_iter().for_each(|failure| *self.counts.entry(failure).or_default() += 1);
        let often = failed.into_iter().filter_map(|(id, failure)| {
            let times = self.counts[&failure];
            let ((tool, _), error) = failure;
            (times >= most).then_some(Failure { id, tool, times, error })
        });
        let often: Vec<Failure> = often.collect();
        let has_words =
            !message.is_background_result() && message.content().iter().any(|block| !block.is_tool_block());
        match has_words {
            true => {
                // The user may have changed what made the calls fail.
                *self = Self::default();
                Vec::new()
            }
            false => often,
        }
    }
}

/// A result of a call that has failed often.
struct Failure {
    id: String,
    tool: String,
    times: usize,
    error: String,
}

impl From<Failure> for Repeated {
    fn from(Failure { tool, times, error, .. }: Failure) -> Self {
        Self { tool, times, error }
    }
}

/// The message with a warning in these results.
fn warned(message: &Message, failures: &[Failure]) -> Message {
    let warned = |block: &Block| match block.kind() {
        BlockKind::ToolResult { tool_use_id, content, is_error } => {
            let failure = failures.iter().find(|failure| failure.id == *tool_use_id)?;
            let warning = format!(
                "This call has failed {} times with the same input and the same error. Don't make it \
                 again: change the input, do something else, or say what is missing.",
                failure.times
            );
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
    Message::new(message.role(), blocks)
}
