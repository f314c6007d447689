//! What holds after every step.

use agent_core::{Conversation, Kind, Message, Request, Role, Team, Turn};
use serde_json::{Value, json};

use crate::tools::Log;

/// What is wrong, if anything is.
pub(crate) type Verdict = Result<(), String>;

fn must(holds: bool, message: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(message()) }
}

/// All that holds of a conversation at rest.
pub(crate) fn all(conversation: &Conversation, team: &Team, log: &Log) -> Verdict {
    next_is_accepted(conversation, team)?;
    let written = serde_json::to_string(conversation).expect("a conversation can be written");
    in_order(&serde_json::from_str(&written).expect("JSON"), log)?;
    reread(conversation)?;
    fork_is_valid(conversation, team, log)?;
    let wrong = log.wrong();
    must(wrong.is_empty(), || wrong.join("\n"))?;
    must(log.under_way() == 0, || format!("{} calls go on without a run", log.under_way()))
}

/// The API takes the request.
pub(crate) fn accepted(request: &Request) -> Verdict {
    let said = || serde_json::to_string_pretty(&request.messages).expect("messages can be written");
    agent_mock::check(&body(request))
        .map_err(|refusal| format!("{}: {refusal}\n{}", request.agent, said()))?;
    let thinks_last = |message: &Message| {
        message.role() == Role::Assistant
            && matches!(message.content().last().map(|block| block.kind()), Some(Kind::Thinking { .. }))
    };
    must(!request.messages.iter().any(thinks_last), || format!("a reply ends with thinking\n{}", said()))
}

fn body(request: &Request) -> Value {
    let json = |text: String| -> Value { serde_json::from_str(&text).expect("JSON") };
    let tools = request.tools.iter().map(|tool| {
        let schema: Value = tool.input_schema.parse().expect("a schema is JSON");
        json!({"name": tool.name, "description": tool.description, "input_schema": schema})
    });
    let mut body = json!({"model": "m", "max_tokens": request.max_tokens});
    body["system"] = json(serde_json::to_string(&request.system).expect("blocks can be written"));
    body["messages"] = json(serde_json::to_string(&request.messages).expect("messages can be written"));
    if !request.tools.is_empty() {
        body["tools"] = tools.collect();
    }
    body
}

/// What would be sent next is accepted, if it is the model's turn.
fn next_is_accepted(conversation: &Conversation, team: &Team) -> Verdict {
    let mut fork = conversation.clone();
    match fork.turn(team) {
        Turn::Model(turn) => accepted(&team.request(&turn).expect("the speaker is in the team")),
        Turn::Tools(_) | Turn::User(_) => Ok(()),
    }
}

/// Written and read back it is the same.
pub(crate) fn reread(conversation: &Conversation) -> Result<Conversation, String> {
    let written = serde_json::to_string(conversation).expect("a conversation can be written");
    let read: Conversation =
        serde_json::from_str(&written).map_err(|error| format!("{error}\n{conversation}"))?;
    must(read == *conversation, || format!("read back it is another one:\n{read}\n{conversation}"))?;
    Ok(read)
}

/// Two ways lead to the same conversations.
pub(crate) fn same(some: &[Conversation], others: &[Conversation]) -> Verdict {
    let show = |conversation: &Conversation| format!("{conversation}{:?}\n", conversation.usage());
    some.iter().zip(others).enumerate().try_for_each(|(place, (one, other))| {
        must(one == other, || format!("run {place} is another one:\n{}---\n{}", show(one), show(other)))
    })?;
    must(some.len() == others.len(), || "there are more of them".to_owned())
}

/// A fork under another id can be written, and goes on with what the user says.
fn fork_is_valid(conversation: &Conversation, team: &Team, log: &Log) -> Verdict {
    reread(&conversation.clone().with_id("fork"))?;
    let mut fork = conversation.clone();
    fork.say("And now?");
    next_is_accepted(&fork, team)?;
    must(matches!(fork.turn(team), Turn::Model(_)), || format!("nobody listens:\n{fork}"))?;
    let written = serde_json::to_string(&fork).expect("a conversation can be written");
    in_order(&serde_json::from_str(&written).expect("JSON"), log)
}

/// In the record, delegated conversations included: each call has exactly one result, in call order
/// and first in the next user message, those of the last reply aside; and what a tool gave is what
/// stands there.
fn in_order(conversation: &Value, log: &Log) -> Verdict {
    let id = conversation["id"].as_str().expect("it has an id");
    let mut open: Vec<&Value> = Vec::new();
    for message in list(&conversation["messages"]) {
        let blocks = list(&message["content"]);
        if message["role"] == "assistant" {
            open.extend(blocks.iter().filter(|block| block["type"] == "tool_use").map(|block| &block["id"]));
            continue;
        }
        let results = || blocks.iter().filter(|block| block["type"] == "tool_result");
        let answered: Vec<&Value> = results().map(|block| &block["tool_use_id"]).collect();
        must(answered == open, || format!("{id}: called {open:?}, but then answered {answered:?}"))?;
        let first = blocks.iter().take_while(|block| block["type"] == "tool_result").count();
        must(first == open.len(), || format!("{id}: results come first"))?;
        results().try_for_each(|result| is_what_the_tool_gave(result, id, log))?;
        open.clear();
    }
    let slots = list(&conversation["slots"]);
    let slot_ids: Vec<&Value> = slots.iter().map(|slot| &slot["call"]["id"]).collect();
    must(slot_ids == open, || format!("{id}: open are {open:?}, kept are {slot_ids:?}"))?;
    slots.iter().try_for_each(|slot| slot_in_order(slot, id, log))
}

fn is_what_the_tool_gave(result: &Value, id: &str, log: &Log) -> Verdict {
    let call = result["tool_use_id"].as_str().expect("a result has an id");
    match log.ended(&format!("{id}/{call}")) {
        Some(Some(gave)) => {
            must(gave == *result, || format!("{id}: the tool gave {gave}, recorded is {result}"))
        }
        _ => Ok(()),
    }
}

fn slot_in_order(slot: &Value, id: &str, log: &Log) -> Verdict {
    let state = &slot["state"];
    let call = slot["call"]["id"].as_str().expect("a call has an id");
    let is_open = state == "Open" || state == "Allowed" || !state["Waiting"].is_null();
    let has_ended = log.ended(&format!("{id}/{call}")).is_some();
    must(!(is_open && has_ended), || format!("{id}: {call} has ended, and that was lost"))?;
    match &state["Delegated"] {
        Value::Null => Ok(()),
        child => in_order(child, log),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
