//! What the routes answer, as JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use agent_core::{
    Block, Content, Conversation, Message, Role,
    conversation::PendingApproval,
    message::BlockKind,
    sessions::{SessionState, SessionSummary, SessionsError},
};
use serde_json::{Value, json};

/// A time as ms since 1970.
pub(crate) fn ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A row of the list. A session that can't be read has only its error.
pub(crate) fn row(session: &Result<SessionSummary, SessionsError>) -> Value {
    match session {
        Ok(session) => summary(session),
        Err(error) => json!({"error": error.to_string()}),
    }
}

pub(crate) fn summary(session: &SessionSummary) -> Value {
    let usage = &session.usage;
    let how = match &session.state {
        SessionState::Ended(end) => Some(end.to_string()),
        _ => None,
    };
    let waiting: Vec<Value> = match &session.state {
        SessionState::Waiting(calls) => calls.iter().map(waiting).collect(),
        _ => Vec::new(),
    };
    json!({
        "id": session.id,
        "agent": session.agent,
        "state": session.state.word(),
        "how": how,
        "waiting": waiting,
        "turns": session.turns,
        "input_tokens": usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_micro_usd": usage.cost,
        "began_ms": ms(session.began),
        "changed_ms": ms(session.changed),
        "last_event": session.last_event,
    })
}

fn waiting(call: &PendingApproval) -> Value {
    json!({
        "key": call.key,
        "agent": call.agent,
        "tool": call.call.name,
        "input": call.call.input.text(),
        "question": call.question,
    })
}

/// A conversation as a list of messages. Conversations that are delegated now are in their calls.
pub(crate) fn transcript(conversation: &Conversation) -> Value {
    let mut turn = 0;
    let messages = conversation.messages().iter().enumerate().map(|(place, message)| {
        let is_reply = message.role() == Role::Assistant;
        turn += u64::from(is_reply);
        let from = match message.role() {
            Role::Assistant => conversation.agent_at(place),
            // A tool's words, in the role of the user.
            Role::User if message.is_background_result() => "background",
            Role::User => "user",
            Role::System => "system",
        };
        json!({
            "from": from,
            "role": message.role(),
            "turn": is_reply.then_some(turn),
            "blocks": blocks(conversation, message),
        })
    });
    json!({
        "agent": conversation.agent(),
        "messages": messages.collect::<Vec<_>>(),
        "waiting": conversation.waiting().iter().map(waiting).collect::<Vec<_>>(),
    })
}

fn blocks(conversation: &Conversation, message: &Message) -> Vec<Value> {
    message.content().iter().map(|part| block(conversation, part)).collect()
}

fn block(conversation: &Conversation, block: &Block) -> Value {
    match block.kind() {
        BlockKind::Text(text) => json!({"kind": "text", "text": text}),
        BlockKind::Thinking { thinking, .. } => json!({"kind": "thinking", "text": thinking}),
        BlockKind::HistorySummary { text, .. } => json!({"kind": "summary", "text": text}),
        BlockKind::ToolUse(call) => {
            let child = conversation.within(&format!("{}/{}", conversation.id(), call.id));
            let input = call.input.text();
            let delegated = child.map(transcript);
            json!({"kind": "call", "id": call.id, "tool": call.name, "input": input, "delegated": delegated})
        }
        BlockKind::ServerToolUse(call) => {
            json!({"kind": "call", "id": call.id, "tool": call.name, "input": call.input.text()})
        }
        BlockKind::ToolResult { tool_use_id, content, is_error } => {
            json!({"kind": "result", "id": tool_use_id, "is_error": is_error, "text": content.describe()})
        }
        BlockKind::ServerToolResult { tool_use_id } => {
            json!({"kind": "result", "id": tool_use_id, "is_error": false, "text": "(made by the server)"})
        }
        _ => json!({"kind": "other", "text": Content::Blocks(vec![block.clone()]).describe()}),
    }
}
