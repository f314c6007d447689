//! Writes events as lines of text.

use std::fmt::Write;

use crate::{Event, EventKind, Notice, safe_line};

/// Writes the events of a run as lines for people to read: the time in seconds, the agent, and what
/// happened. Lines of delegated agents are indented.
///
/// The log shows calls, transfers, delays, failures and the answer. It does not show the text that
/// a model writes beside its calls. To show that text, use [`LiveText`](crate::event::LiveText)
/// during the run, or print the [`Conversation`](crate::Conversation).
#[derive(Clone, Debug)]
pub struct EventLog {
    width: usize,
    with_ids: bool,
}

impl EventLog {
    /// Makes a log whose lines have at most `width` characters. Less than 40 counts as 40.
    pub fn new(width: usize) -> Self {
        Self { width: width.max(40), with_ids: false }
    }

    /// Adds the conversation's id to each line, for logs of several conversations.
    pub fn with_ids(mut self) -> Self {
        self.with_ids = true;
        self
    }

    /// Returns the line for an event; `None` for events that are not shown.
    pub fn line(&self, event: &Event) -> Option<String> {
        let what = describe(&event.kind)?;
        let mut line = format!("{:>8.3} s  ", event.at.as_secs_f64());
        let indent = 2 * event.depth as usize;
        let id = if self.with_ids { format!("{} ", event.conversation) } else { String::new() };
        write!(line, "{:indent$}{id}{}: {what}", "", event.agent)
            .expect("a String takes all that is written");
        Some(cut(&line, self.width))
    }
}

fn describe(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::CallStarted { tool, input, .. } => format!("> {tool} {}", input.text()),
        EventKind::CallCouldStartEarlier { tool, by, .. } => {
            let by = by.as_millis();
            format!("… {tool} could have started {by} ms earlier: mark it read_only if it has no effects")
        }
        EventKind::CallDiscarded { tool, .. } => {
            format!("! {tool} ran early, but its reply does not count: no message tells of it")
        }
        EventKind::CallGoesOn { tool, why, .. } => {
            format!("! {tool} {why}, but has not returned: calls that take turns with it wait")
        }
        EventKind::CallDetached { tool, .. } => format!("… {tool} goes on in the background"),
        EventKind::CallQueued { tool, .. } => format!("… {tool} waits for other calls to end"),
        EventKind::PlanStarted { tool, .. } => format!("… {tool}: its first step starts"),
        EventKind::CallProgress { tool, text, dropped, .. } => {
            format!("… {tool}: {text}{}", not_shown(*dropped))
        }
        EventKind::CallEnded { tool, is_error: false, result, .. } => format!("< {tool} = {result}"),
        EventKind::CallEnded { tool, result, .. } => format!("< {tool} failed: {result}"),
        EventKind::CallNotMade { tool, why, .. } => format!("! {tool} {why}"),
        EventKind::CallWaiting { question, key, .. } => format!("? {question}{}", in_brackets(key)),
        EventKind::TurnFailed { error, .. } => format!("! {error}"),
        EventKind::Transferred { from } => format!("takes over from {from}"),
        EventKind::TransferFailed { from, why } => format!("! does not take over from {from}: {why}"),
        EventKind::CameBack { from, why } => format!("has it back from {from}: {why}"),
        EventKind::Delta(crate::Delta::Notice(notice)) => return describe_notice(notice),
        EventKind::Delta(crate::Delta::Restarted { reason }) => format!("! starts its reply again: {reason}"),
        EventKind::Ended(crate::End::Answered(text)) => format!("answers: {text}"),
        EventKind::Ended(end) => format!("ends: {end}"),
        EventKind::TurnStarted { .. }
        | EventKind::TurnEnded { .. }
        | EventKind::IdReplaced { .. }
        | EventKind::Delegated { .. }
        | EventKind::TransferAsked { .. }
        | EventKind::Delta(_)
        | EventKind::Other { .. } => return None,
    })
}

/// Events of an earlier version have no key.
fn in_brackets(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(" ({key})") }
}

fn not_shown(dropped: u64) -> String {
    if dropped == 0 { String::new() } else { format!(" ({dropped} before it not shown)") }
}

fn describe_notice(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Retry { attempt, wait, reason } => {
            format!("! attempt {attempt} failed, again in {wait:.1?}: {reason}")
        }
        // Nobody knows for how long.
        Notice::Wait { wait, reason } if wait.is_zero() => format!("… waits: {reason}"),
        Notice::Wait { wait, reason } => format!("… waits {wait:.1?}: {reason}"),
        Notice::Omitted { parts } => format!("… left out or cut: {}", parts.join("; ")),
        Notice::Guard { guard, did } => format!("… guard {guard:?} {did}"),
        Notice::Compacted { messages, tokens, summary_tokens } => format!(
            "… a summary of about {summary_tokens} tokens replaces {messages} messages; the request had {tokens} tokens"
        ),
        Notice::NotCompacted { reason } => format!("! the history stays as long as it is: {reason}"),
        Notice::Estimated { reason } => format!("! tokens are only estimated: {reason}"),
        Notice::Budget { message } => message.clone(),
        Notice::RateLimit { .. } | Notice::Sent { .. } | Notice::Other { .. } => return None,
    })
}

/// Cuts a text to one line of at most `width` characters.
fn cut(line: &str, width: usize) -> String {
    let line = safe_line(line);
    match line.chars().count() <= width {
        true => line.into_owned(),
        false => line.chars().take(width - 1).chain(['…']).collect(),
    }
}
