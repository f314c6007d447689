//! What holds after every step.

use agent_core::{Block, Conversation, Message, Request, Role, Team, conversation::Turn, message::BlockKind};
use serde::Serialize;
use serde_json::{Value, json};

use crate::tools::Log;

/// What is wrong, if anything is.
pub(crate) type Verdict = Result<(), String>;

pub(crate) fn must(holds: bool, message: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(message()) }
}

/// All that holds of a conversation at rest.
pub(crate) fn all(conversation: &Conversation, team: &Team, log: &Log) -> Verdict {
    next_is_accepted(conversation, team)?;
    in_order(conversation, log)?;
    told_once(conversation)?;
    reread(&conversation.clone().with_id("fork"))?;
    goes_on(conversation.clone(), team, log)
}

/// The API takes the request.
pub(crate) fn accepted(request: &Request) -> Verdict {
    let said = || serde_json::to_string_pretty(&request.messages).expect("messages can be written");
    agent_mock::check(&body(request))
        .map_err(|refusal| format!("{}: {refusal}\n{}", request.agent, said()))?;
    let thinks_last = |message: &Message| {
        message.role() == Role::Assistant
            && matches!(message.content().last().map(|block| block.kind()), Some(BlockKind::Thinking { .. }))
    };
    must(!request.messages.iter().any(thinks_last), || format!("a reply ends with thinking\n{}", said()))
}

fn body(request: &Request) -> Value {
    // What the tools take is the same all along.
    let tools =
        request.tools.iter().map(|tool| json!({"name": tool.name, "input_schema": {"type": "object"}}));
    let mut body = json!({"model": "m", "max_tokens": request.max_tokens});
    body["system"] = json(&request.system);
    body["messages"] = json(&request.messages);
    if !request.tools.is_empty() {
        body["tools"] = tools.collect();
    }
    body
}

fn json(written: &impl Serialize) -> Value {
    let text = serde_json::to_string(written).expect("it can be written");
    serde_json::from_str(&text).expect("what was written is JSON")
}

/// What would be sent next is accepted, if it is the model's turn. It ends with words of a model only if
/// that has more to say.
fn next_is_accepted(conversation: &Conversation, team: &Team) -> Verdict {
    let mut fork = conversation.clone();
    let Turn::Model(turn) = fork.turn(team) else { return Ok(()) };
    let request = team.request(&turn).expect("the speaker is in the team");
    accepted(&request)?;
    let ends_with = |messages: &[Message]| messages.last().map(Message::role);
    must(ends_with(&request.messages) == ends_with(&turn.reads()), || {
        format!("{} is to go on from a reply:\n{conversation}", request.agent)
    })
}

/// Written and read back it is the same.
pub(crate) fn reread(conversation: &Conversation) -> Result<Conversation, String> {
    let written = serde_json::to_string(conversation).expect("a conversation can be written");
    let read: Conversation =
        serde_json::from_str(&written).map_err(|error| format!("{error}\n{conversation}"))?;
    must(read == *conversation, || format!("read back it is another one:\n{read}\n{conversation}"))?;
    Ok(read)
}

/// At any moment the user can say something, and is answered.
fn goes_on(mut fork: Conversation, team: &Team, log: &Log) -> Verdict {
    fork.say("And now?");
    in_order(&fork, log)?;
    next_is_accepted(&fork, team)?;
    must(matches!(fork.turn(team), Turn::Model(_)), || format!("nobody listens:\n{fork}"))
}

/// In the record, delegated conversations included: each call has exactly one result, in call order
/// and first in the next user message, those of the last reply aside; and what a tool gave is what
/// stands there.
fn in_order(conversation: &Conversation, log: &Log) -> Verdict {
    let mut open: Vec<&str> = Vec::new();
    for message in conversation.messages() {
        if message.role() == Role::Assistant {
            open.extend(message.tool_calls().map(|call| call.id.as_str()));
            continue;
        }
        let results: Vec<&str> = message.content().iter().filter_map(answers).collect();
        let first = message.content().iter().take_while(|block| answers(block).is_some()).count();
        must(results == open && first == open.len(), || {
            format!("called {open:?}, but then answered {results:?}\n{conversation}")
        })?;
        for (id, block) in results.iter().zip(message.content()) {
            let gave = log.ended(&format!("{}/{id}", conversation.id())).flatten();
            must(gave.is_none_or(|gave| gave.kind() == block.kind()), || {
                format!("{id} gave another result\n{conversation}")
            })?;
        }
        open.clear();
    }
    let written = json(conversation);
    let detached = written["detached"]["going_on"].as_array().into_iter().flatten();
    detached.map(|slot| &slot["state"]).try_for_each(|state| child_in_order(state, log))?;
    if open.is_empty() { Ok(()) } else { open_calls_in_order(conversation, &open, log) }
}

/// The result of each detached call is told once, or not yet.
fn told_once(conversation: &Conversation) -> Verdict {
    let written = json(conversation);
    let ids = |list: &str| -> Vec<String> {
        let slots = written["detached"][list].as_array().map(Vec::as_slice).unwrap_or_default();
        slots.iter().map(|slot| slot["call"]["id"].as_str().expect("an id").to_owned()).collect()
    };
    let text = |block: &Block| block.as_text().unwrap_or_default().to_owned();
    let blocks = || conversation.messages().iter().flat_map(|message| message.content());
    let told = blocks().map(text).filter_map(|text| {
        let (id, _) = text.strip_prefix("[The background call \"")?.split_once('"')?;
        Some(id.to_owned())
    });
    let mut all: Vec<String> = told.chain(ids("going_on")).chain(ids("untold")).collect();
    all.sort();
    let is_detached = |block: &Block| match block.kind() {
        BlockKind::ToolResult { tool_use_id, content, .. }
            if content.to_text().starts_with("This call of ") =>
        {
            Some(tool_use_id.clone())
        }
        _ => None,
    };
    let open = written["slots"].as_array().into_iter().flatten().filter_map(|slot| {
        let content = slot["state"]["Done"]["content"].as_str()?;
        content.starts_with("This call of ").then(|| slot["call"]["id"].as_str().expect("an id").to_owned())
    });
    let mut detached: Vec<String> = blocks().filter_map(is_detached).chain(open).collect();
    detached.sort();
    must(all == detached, || format!("detached {detached:?}, going on or told {all:?}\n{conversation}"))
}

fn answers(block: &Block) -> Option<&str> {
    match block.kind() {
        BlockKind::ToolResult { tool_use_id, .. } => Some(tool_use_id),
        _ => None,
    }
}

fn child_in_order(state: &Value, log: &Log) -> Verdict {
    let child @ Value::Object(_) = &state["Delegated"] else { return Ok(()) };
    let child = serde_json::from_str(&child.to_string()).map_err(|error| error.to_string())?;
    in_order(&child, log)?;
    told_once(&child)
}

/// What is kept of the calls of the last reply.
fn open_calls_in_order(conversation: &Conversation, open: &[&str], log: &Log) -> Verdict {
    let written = json(conversation);
    let slots = written["slots"].as_array().expect("there are open calls");
    let ids: Vec<&str> = slots.iter().filter_map(|slot| slot["call"]["id"].as_str()).collect();
    must(ids == open, || format!("open are {open:?}, kept are {ids:?}\n{conversation}"))?;
    for (slot, id) in slots.iter().zip(ids) {
        let state = &slot["state"];
        let is_open = state == "Open" || state == "Allowed" || !state["PendingApproval"].is_null();
        let has_ended = log.ended(&format!("{}/{id}", conversation.id())).is_some();
        must(!(is_open && has_ended), || format!("{id} has ended, and that was lost\n{conversation}"))?;
        child_in_order(state, log)?;
    }
    Ok(())
}
