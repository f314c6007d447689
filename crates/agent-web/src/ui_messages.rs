//! Events as the AI SDK's UI message stream, for front ends with `useChat`.

mod parts;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use agent_core::{Delta, End, Event, EventKind, Json, StopReason, model::Notice};

use self::parts::Parts;
use crate::ui_message_chunk::{UiAgent, UiMessageChunk, UiStatus};

/// Turns the events of a run into the chunks of the AI SDK's UI message stream, so that a front end
/// with `useChat` shows the run. Use one for each run.
/// [`ui_message_response`](crate::ui_message_response) is the whole answer of a server.
///
/// The message has the replies of the user's own conversation, with thinking, tool calls, their
/// inputs while they stream, their results, and requests for approval. Delegated agents appear as
/// parts `data-agent`, retries and progress as transient parts `data-status`.
///
/// ```
/// use agent_core::{Agent, script::{Reply, Script}};
/// use agent_web::{UiMessageChunk, UiMessages};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let agent = Agent::builder("main", Script::new([Reply::text("Hi.")])).build()?;
/// let mut conversation = agent.start("Hello.");
/// let (mut messages, mut sent) = (UiMessages::new(), Vec::new());
/// let mut run = agent.run(&mut conversation);
/// while let Some(event) = run.next().await {
///     sent.extend(messages.chunks(&event));
/// }
/// sent.extend(messages.end());
/// assert_eq!(sent.last(), Some(&UiMessageChunk::Finish { finish_reason: "stop" }));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct UiMessages {
    message_id: Option<String>,
    has_begun: bool,
    in_step: bool,
    parts: Parts,
    /// The last failure of a turn, which is an error if the run ends with it.
    failed: Option<String>,
    finish_reason: Option<&'static str>,
    /// The ids that the front end has for calls whose ids were replaced.
    shown_ids: HashMap<String, String>,
}

impl UiMessages {
    /// Makes a mapping for one run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the id of the message. By default the front end makes one.
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.message_id = Some(id.into());
        self
    }

    /// The chunks of the next event, in order. Many events have none.
    pub fn chunks(&mut self, event: &Event) -> Vec<UiMessageChunk> {
        let mut chunks = Vec::new();
        if !self.has_begun {
            self.has_begun = true;
            chunks.push(UiMessageChunk::Start { message_id: self.message_id.clone() });
        }
        match event.depth {
            0 => self.own(event, &mut chunks),
            _ => chunks.extend(self.delegated(event)),
        }
        chunks
    }

    /// The last chunks, after the last event. If a run failed, the reason is among them.
    pub fn end(&mut self) -> Vec<UiMessageChunk> {
        let mut chunks = Vec::new();
        let (failed, mut reason) = (self.failed.take(), self.finish_reason.take());
        if reason.is_none() && failed.as_deref() == Some(StopReason::Cancelled.as_str()) {
            // A run that was cancelled tells no end, unless it keeps the beginning of a reply.
            chunks.push(UiMessageChunk::Abort);
            reason = Some("other");
        } else if reason.is_none() {
            let error_text = failed.unwrap_or_else(|| "the run stopped without an answer".to_owned());
            chunks.push(UiMessageChunk::Error { error_text });
        }
        self.end_step(&mut chunks);
        chunks.push(UiMessageChunk::Finish { finish_reason: reason.unwrap_or("error") });
        chunks
    }

    /// The chunks of an event in the user's own conversation.
    fn own(&mut self, event: &Event, chunks: &mut Vec<UiMessageChunk>) {
        match &event.kind {
            EventKind::TurnStarted { .. } => {
                self.end_step(chunks);
                self.in_step = true;
                chunks.push(UiMessageChunk::StartStep);
            }
            EventKind::Delta(delta) => self.delta(delta, chunks),
            EventKind::TurnEnded { .. } => {
                self.failed = None;
                self.parts.end_all(chunks);
            }
            EventKind::TurnFailed { error, .. } => {
                self.parts.end_all(chunks);
                self.failed = Some(error.into());
            }
            EventKind::IdReplaced { was, id, .. } => self.replace_id(was, id),
            EventKind::Transferred { .. } | EventKind::CameBack { .. } => {
                let does = "has the conversation".to_owned();
                chunks.push(agent(event, None, does));
            }
            EventKind::Ended(end) => self.ended(end, chunks),
            call => self.call(&event.conversation, call, chunks),
        }
    }

    fn delta(&mut self, delta: &Delta, chunks: &mut Vec<UiMessageChunk>) {
        match delta {
            Delta::Block { index, block } => {
                let shown = block.as_tool_use().map(|call| self.shown(&call.id));
                self.parts.begin(*index, block, shown, chunks);
            }
            Delta::Piece { index, piece } => self.parts.grow(*index, piece, chunks),
            Delta::BlockEnd { index } => self.parts.end(*index, chunks),
            Delta::Complete(reply) => {
                for (index, block) in reply.content.iter().enumerate() {
                    let shown = block.as_tool_use().map(|call| self.shown(&call.id));
                    self.parts.begin(index, block, shown, chunks);
                }
            }
            Delta::Restarted { .. } => {
                self.parts.clear();
                chunks.push(UiMessageChunk::ResetStep);
            }
            Delta::Notice(Notice::Retry { reason, .. } | Notice::Wait { reason, .. }) => {
                chunks.push(status(None, reason));
            }
            _ => {}
        }
    }

    /// The chunks of an event about a call.
    fn call(&mut self, conversation: &str, kind: &EventKind, chunks: &mut Vec<UiMessageChunk>) {
        match kind {
            EventKind::CallStarted { id, tool, input } => {
                let (tool_call_id, tool_name) = (self.shown(id), tool.into());
                self.parts.know(&tool_call_id);
                chunks.push(UiMessageChunk::ToolInputAvailable {
                    tool_call_id,
                    tool_name,
                    input: input.clone(),
                });
            }
            EventKind::CallProgress { id, text, .. } => chunks.push(status(Some(self.shown(id)), text)),
            EventKind::CallWaiting { id, question, .. } => chunks.push(UiMessageChunk::ToolApprovalRequest {
                approval_id: format!("{conversation}/{id}"),
                tool_call_id: self.shown(id),
                reason: question.into(),
            }),
            EventKind::CallNotMade { id, tool, why } => self.call_failed(id, tool, why, chunks),
            EventKind::CallEnded { id, tool, is_error: true, result } => {
                self.call_failed(id, tool, result, chunks);
            }
            EventKind::CallEnded { id, tool, result, .. } => {
                let tool_call_id = self.shown(id);
                self.introduce(&tool_call_id, tool, chunks);
                chunks.push(UiMessageChunk::ToolOutputAvailable { tool_call_id, output: output(result) });
            }
            _ => {}
        }
    }

    fn call_failed(&mut self, id: &str, tool: &str, why: &str, chunks: &mut Vec<UiMessageChunk>) {
        let tool_call_id = self.shown(id);
        self.introduce(&tool_call_id, tool, chunks);
        chunks.push(UiMessageChunk::ToolOutputError { tool_call_id, error_text: why.to_owned() });
    }

    /// The front end accepts results only of calls that it knows.
    fn introduce(&mut self, tool_call_id: &str, tool: &str, chunks: &mut Vec<UiMessageChunk>) {
        if self.parts.know(tool_call_id) {
            chunks.push(UiMessageChunk::ToolInputStart {
                tool_call_id: tool_call_id.to_owned(),
                tool_name: tool.to_owned(),
            });
        }
    }

    fn ended(&mut self, end: &End, chunks: &mut Vec<UiMessageChunk>) {
        let reason = match end {
            End::Answered(_) => "stop",
            End::Waiting(_) => "tool-calls",
            End::Cut(StopReason::Cancelled) => {
                chunks.push(UiMessageChunk::Abort);
                "other"
            }
            End::Cut(_) => "length",
            End::Refused(_) => "content-filter",
            other => {
                chunks.push(UiMessageChunk::Error { error_text: other.to_string() });
                "other"
            }
        };
        self.finish_reason = Some(reason);
    }

    fn end_step(&mut self, chunks: &mut Vec<UiMessageChunk>) {
        if std::mem::take(&mut self.in_step) {
            self.parts.end_all(chunks);
            self.parts.next();
            chunks.push(UiMessageChunk::FinishStep);
        }
    }

    /// A call gets another id. If the front end has it by now, it keeps the old one.
    fn replace_id(&mut self, was: &str, id: &str) {
        let shown = self.shown(was);
        if self.parts.knows(&shown) {
            self.shown_ids.insert(id.to_owned(), shown);
        }
    }

    fn shown(&self, id: &str) -> String {
        self.shown_ids.get(id).map_or(id, String::as_str).to_owned()
    }

    /// What is shown of an event in a delegated conversation.
    fn delegated(&self, event: &Event) -> Option<UiMessageChunk> {
        let does = match &event.kind {
            EventKind::TurnStarted { .. } => "thinks".to_owned(),
            EventKind::CallStarted { tool, .. } => format!("calls {tool}"),
            EventKind::CallWaiting { question, .. } => format!("asks: {question}"),
            EventKind::TurnFailed { error, .. } => format!("failed: {error}"),
            EventKind::Ended(End::Answered(_)) => "has answered".to_owned(),
            EventKind::Ended(_) => "has ended".to_owned(),
            _ => return None,
        };
        let call = event.conversation.split('/').rev().nth(event.depth as usize - 1);
        let mut data = agent_data(event, call.map(|id| self.shown(id)), does);
        if let EventKind::CallWaiting { id, .. } = &event.kind {
            data.approval_id = Some(format!("{}/{id}", event.conversation));
        }
        Some(UiMessageChunk::DataAgent { id: event.conversation.to_string(), data })
    }
}

fn agent(event: &Event, tool_call_id: Option<String>, does: String) -> UiMessageChunk {
    let data = agent_data(event, tool_call_id, does);
    UiMessageChunk::DataAgent { id: event.conversation.to_string(), data }
}

fn agent_data(event: &Event, tool_call_id: Option<String>, does: String) -> UiAgent {
    UiAgent { agent: event.agent.to_string(), tool_call_id, does, approval_id: None }
}

fn status(tool_call_id: Option<String>, text: &str) -> UiMessageChunk {
    UiMessageChunk::DataStatus { data: UiStatus { tool_call_id, text: text.to_owned() }, transient: true }
}

/// A result that is an object or an array stays one. Everything else is shown as text.
fn output(result: &str) -> Json {
    let begins = result.trim_start().starts_with(['{', '[']);
    let read = begins.then(|| Json::read(result).ok()).flatten();
    read.unwrap_or_else(|| serde_json::Value::from(result).into())
}
