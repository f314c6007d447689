//! A summary of what a conversation did so far: for an agent that delegated it and has no answer.

use std::{collections::BTreeMap, fmt::Write};

use super::{Conversation, Slot, State};
use crate::{Content, Message, Role, StopReason, ToolCall, message::truncate::prefix};

/// The most bytes of the list of calls, of the words after it, and of all calls that are only
/// counted. All is at most 4,000.
const LONGEST_LIST: usize = 2_600;
const LONGEST_WORDS: usize = 1_000;
const LONGEST_COUNT: usize = 300;

/// How many bytes of an input and of a result are shown: the most with which the list is not too
/// long.
const SHOWN: [usize; 4] = [1_200, 400, 150, 60];

/// A call, and how it ended.
struct CallMade<'a> {
    /// How many delegations below the conversation it was made.
    depth: usize,
    call: &'a ToolCall,
    how: CallEnd<'a>,
}

enum CallEnd<'a> {
    Result(&'a Content),
    Failed(&'a Content),
    /// It has no result, for this reason.
    Open(String),
}

impl Conversation {
    /// The calls that were made here, each with how it ended, and the last words; empty if there is
    /// neither. At most 4,000 bytes. `with_last_reply` says whether the words of the last reply may
    /// be among them.
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
            let slot = self.slots.find(&call.id).map(|place| &self.slots[place]);
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
            State::Done { content, is_error: false } => return CallEnd::Result(content),
            State::Done { content, .. } => return CallEnd::Failed(content),
            State::Open | State::Approved if runs_calls => {
                "no result: not made, or stopped on its way".to_owned()
            }
            State::Open | State::Approved => "not made".to_owned(),
            State::Waiting { .. } => "not made: it waits for a person".to_owned(),
            State::Transfer(transfer) => format!("not done: {} did not take over", transfer.to),
            State::Delegated(child) => format!("no answer of {}, whose calls follow", child.agent),
        })
    }

    /// The last words that its agents said; without those of the last reply if these may not be
    /// among them.
    fn last_words(&self, with_last: bool) -> Option<String> {
        let is_last = |message: &&Message| !with_last && message.role() == Role::Assistant;
        let earlier = self.messages.iter().rev().skip_while(is_last);
        let mut replies = earlier.filter(|message| message.role() == Role::Assistant).map(Message::text);
        replies.find(|text| !text.trim().is_empty())
    }
}

/// The calls, a line each. The first ones are only counted if all would be too many.
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

/// How often each tool was called, in one line.
fn counted(made: &[CallMade<'_>]) -> String {
    let calls = made.iter().map(|made| (&*made.call.name, matches!(made.how, CallEnd::Failed(_))));
    format!("\n- {} calls that are not shown: {}", made.len(), excerpt(&tally(calls), LONGEST_COUNT - 60))
}

/// How often each of these tools was called, and how often that failed.
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
        // How deep it is costs no more than a little.
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

/// The text on one line, cut if it is longer.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > most {
        line.truncate(prefix(&line, most).len());
        line.push('…');
    }
    line
}
