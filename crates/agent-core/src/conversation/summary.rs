//! A summary of what a conversation has done, for the agent that delegated it and got no answer.

use std::{collections::BTreeMap, fmt::Write};

use super::{Conversation, Slot, State};
use crate::{Content, Message, Role, StopReason, ToolCall, message::truncate::prefix};

/// The most bytes of the list of calls, of the last text, and of the counts of calls that are not
/// listed. Together a summary has at most 4,000 bytes.
const LONGEST_LIST: usize = 2_600;
const LONGEST_WORDS: usize = 1_000;
const LONGEST_COUNT: usize = 300;

/// The lengths to which inputs and results are cut. The first one is used with which the list is
/// short enough.
const SHOWN: [usize; 4] = [1_200, 400, 150, 60];

/// A call and how it ended.
struct CallMade<'a> {
    /// The number of delegations between the conversation and the call.
    depth: usize,
    call: &'a ToolCall,
    how: CallEnd<'a>,
}

enum CallEnd<'a> {
    Result(&'a Content),
    Failed(&'a Content),
    /// The call has no result, for this reason.
    Open(String),
}

impl Conversation {
    /// The calls that were made, each with how it ended, and the last text. It is empty if there
    /// are neither, and has at most 4,000 bytes. `with_last_reply` says whether the text may be
    /// that of the last reply.
    pub(super) fn summary(&self, with_last_reply: bool) -> String {
        let mut made = Vec::new();
        self.calls_made(0, &mut made);
        let mut summary = String::new();
        if !made.is_empty() {
            summary.push_str("\nIts calls so far:");
            summary.push_str(&list(&made));
        }
        if let Some(words) = self.last_words(with_last_reply) {
            summary.push_str(&format!("\nIts last words: {}", excerpt(&words, LONGEST_WORDS)));
        }
        summary
    }

    fn calls_made<'a>(&'a self, depth: usize, made: &mut Vec<CallMade<'a>>) {
        let results: BTreeMap<&str, (&Content, bool)> = self
            .messages
            .iter()
            .flat_map(|message| message.tool_results())
            .map(|(id, content, is_error)| (id, (content, is_error)))
            .collect();
        let all = self.messages.iter().enumerate();
        let read = all.filter(|(place, _)| !self.is_refused_reply(*place));
        for call in read.flat_map(|(_, message)| message.tool_calls()) {
            let untold = || self.detached.untold.iter().find(|slot| slot.call.id == call.id);
            let slot = self.slot_of(&call.id).or_else(untold);
            // In a plan, the call of the slot has its results in its input.
            let call = slot.map_or(call, |slot| &slot.call);
            let how = match (slot, results.get(&*call.id)) {
                (Some(slot), _) => self.how(slot),
                (None, Some((content, true))) => CallEnd::Failed(content),
                (None, Some((content, false))) => CallEnd::Result(content),
                (None, None) => CallEnd::Open("no result".to_owned()),
            };
            made.push(CallMade { depth, call, how });
            if let Some(State::Delegated(child)) = slot.map(|slot| &slot.state) {
                child.calls_made(depth + 1, made);
            }
        }
    }

    fn how<'a>(&self, slot: &'a Slot) -> CallEnd<'a> {
        let runs_calls = self.stop.as_ref().is_none_or(StopReason::runs_calls);
        CallEnd::Open(match &slot.state {
            State::Done { content, is_error: false } | State::Answer { content, .. } => {
                return CallEnd::Result(content);
            }
            State::Done { content, .. } => return CallEnd::Failed(content),
            State::Skipped(skipped) => skipped.text(),
            State::Open | State::Approved if runs_calls => {
                "no result: not made, or stopped on its way".to_owned()
            }
            State::Open | State::Approved => "not made".to_owned(),
            State::Planned => "not made: it waited for other steps".to_owned(),
            State::Waiting { .. } => "not made: it waits for a person".to_owned(),
            State::Transfer(transfer) => format!("not done: {} did not take over", transfer.to),
            State::Delegated(child) => format!("no answer of {}, whose calls follow", child.agent),
        })
    }

    /// The last text of its agents. If `with_last` is false, the last reply is skipped.
    fn last_words(&self, with_last: bool) -> Option<String> {
        let is_last = |message: &&Message| !with_last && message.role() == Role::Assistant;
        let earlier = self.messages.iter().rev().skip_while(is_last);
        let mut replies = earlier.filter(|message| message.role() == Role::Assistant).map(Message::text);
        replies.find(|text| !text.trim().is_empty())
    }
}

/// One line for each call. If that is too long, the first calls are only counted.
fn list(made: &[CallMade<'_>]) -> String {
    let lines = |most: usize| -> Vec<String> { made.iter().map(|made| made.line(most)).collect() };
    let fits = |lines: &Vec<String>| lines.iter().map(String::len).sum::<usize>() <= LONGEST_LIST;
    if let Some(lines) = SHOWN.into_iter().map(lines).find(fits) {
        return lines.concat();
    }
    let (mut left, lines) = (LONGEST_LIST, lines(SHOWN[SHOWN.len() - 1]));
    let mut first = lines.len();
    while first > 0 && lines[first - 1].len() <= left {
        first -= 1;
        left -= lines[first].len();
    }
    counted(&made[..first]) + &lines[first..].concat()
}

/// One line with the number of calls of each tool.
fn counted(made: &[CallMade<'_>]) -> String {
    let calls = made.iter().map(|made| (&*made.call.name, matches!(made.how, CallEnd::Failed(_))));
    format!("\n- {} calls that are not shown: {}", made.len(), excerpt(&tally(calls), LONGEST_COUNT - 60))
}

/// How often each tool was called, and how often that failed.
pub(super) fn tally<'a>(calls: impl IntoIterator<Item = (&'a str, bool)>) -> String {
    let mut tools: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (tool, has_failed) in calls {
        let (all, failed) = tools.entry(tool).or_default();
        *all += 1;
        *failed += usize::from(has_failed);
    }
    let tools: Vec<String> = tools
        .into_iter()
        .map(|(tool, (all, failed))| match failed {
            0 => format!("{tool} {all}"),
            failed => format!("{tool} {all}, {failed} of them failed"),
        })
        .collect();
    tools.join("; ")
}

impl CallMade<'_> {
    fn line(&self, most: usize) -> String {
        // Cap the indent, so that deep calls don't use up the space.
        let space = "  ".repeat(self.depth.min(8));
        let (name, input) = (&self.call.name, excerpt(self.call.input.text(), most));
        let mut line = format!("\n{space}- {name} {input}");
        let result = |content: &Content| excerpt(&content.describe(), most);
        let written = match &self.how {
            CallEnd::Result(content) => write!(line, " = {}", result(content)),
            CallEnd::Failed(content) => write!(line, " failed: {}", result(content)),
            CallEnd::Open(why) => write!(line, ": {why}"),
        };
        written.expect("a String takes all that is written");
        line
    }
}

/// The text on one line, cut to `most` bytes.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > most {
        line.truncate(prefix(&line, most).len());
        line.push('…');
    }
    line
}
