//! The chunks of the AI SDK's UI message stream.

use agent_core::Json;
use serde::Serialize;

/// One chunk of the AI SDK's UI message stream. As JSON it has the form that the npm package `ai`
/// reads (versions 5 to 7; [`ResetStep`](Self::ResetStep) needs version 7). Source:
/// <https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol>.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum UiMessageChunk {
    /// The message begins.
    Start {
        /// The id of the message. Without one, the front end makes one.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
    },
    /// A reply of a model begins, with the calls that it makes.
    StartStep,
    /// The reply and its calls have ended.
    FinishStep,
    /// The reply is made again. The front end removes what it has of it.
    ResetStep,
    /// A text begins.
    TextStart {
        /// The id of the text in this message.
        id: String,
    },
    /// More of a text.
    TextDelta {
        /// The id of the text.
        id: String,
        /// The new part.
        delta: String,
    },
    /// A text has ended.
    TextEnd {
        /// The id of the text.
        id: String,
    },
    /// Thinking of the model begins.
    ReasoningStart {
        /// The id of the thinking in this message.
        id: String,
    },
    /// More of the thinking.
    ReasoningDelta {
        /// The id of the thinking.
        id: String,
        /// The new part.
        delta: String,
    },
    /// The thinking has ended.
    ReasoningEnd {
        /// The id of the thinking.
        id: String,
    },
    /// A tool call begins; its input follows.
    ToolInputStart {
        /// The id of the call.
        tool_call_id: String,
        /// The name of the tool.
        tool_name: String,
    },
    /// More of the input of a call.
    ToolInputDelta {
        /// The id of the call.
        tool_call_id: String,
        /// The new part.
        input_text_delta: String,
    },
    /// The input of a call is complete, and the call has started.
    ToolInputAvailable {
        /// The id of the call.
        tool_call_id: String,
        /// The name of the tool.
        tool_name: String,
        /// The input.
        input: Json,
    },
    /// A call waits for a person.
    ToolApprovalRequest {
        /// The key for `approve` and `deny`.
        approval_id: String,
        /// The id of the call.
        tool_call_id: String,
        /// The question for the person.
        reason: String,
    },
    /// A call has its result.
    ToolOutputAvailable {
        /// The id of the call.
        tool_call_id: String,
        /// The result: its JSON if it is an object or an array, otherwise its text.
        output: Json,
    },
    /// A call failed, or was not made.
    ToolOutputError {
        /// The id of the call.
        tool_call_id: String,
        /// The reason.
        error_text: String,
    },
    /// What an agent does: the one that has the conversation now, or one that works for it. The
    /// front end keeps one part for each conversation.
    DataAgent {
        /// The id of the conversation.
        id: String,
        /// The agent, its conversation and what it does.
        data: UiAgent,
    },
    /// A message for the moment, which the front end does not keep: a request waits or is retried,
    /// or a call reports progress.
    DataStatus {
        /// The message.
        data: UiStatus,
        /// Always true.
        transient: bool,
    },
    /// Something went wrong.
    Error {
        /// What went wrong.
        error_text: String,
    },
    /// The run was cancelled.
    Abort,
    /// The message is complete.
    Finish {
        /// Why it ended: `stop`, `length`, `content-filter`, `tool-calls`, `error` or `other`.
        finish_reason: &'static str,
    },
}

/// What an agent does ([`UiMessageChunk::DataAgent`]).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UiAgent {
    /// The agent.
    pub agent: String,
    /// The call of the message for which it works. `None` if it has the conversation itself.
    pub tool_call_id: Option<String>,
    /// What it does, in a few words: `thinks`, `calls search`, `has answered`.
    pub does: String,
    /// The key for `approve` and `deny`, if a call of the agent waits for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<String>,
}

/// A message for the moment ([`UiMessageChunk::DataStatus`]).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UiStatus {
    /// The call that it is about; `None` if it is about a request to the model.
    pub tool_call_id: Option<String>,
    /// The message.
    pub text: String,
}
