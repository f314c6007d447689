//! Message threads: the server keeps the history, and a request carries only new messages.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use agent_core::script::Reply;
use serde_json::{Value, json};

use crate::{Refusal, json::list};

/// The histories of message threads, by the id of the last reply. Official clients use threads by
/// default where they run tools. Source: the beta `message-threads-2026-08-12`.
#[derive(Default)]
pub(crate) struct Threads(Mutex<HashMap<String, Arc<Thread>>>);

struct Thread {
    /// Whether a request has continued this already. The API allows that once.
    continued: AtomicBool,
    system: Value,
    tools: Value,
    messages: Vec<Value>,
}

impl Threads {
    /// The full request: if it continues a thread, the history of the thread is put in front.
    pub(crate) fn resume(&self, mut body: Value) -> Result<Value, Refusal> {
        if body["thread"]["type"] != "continue" {
            return Ok(body);
        }
        let repeated = ["system", "tools"].into_iter().find(|name| !body[*name].is_null());
        if let Some(name) = repeated {
            let message = format!(
                "{name}: a request that continues a thread must not have it, the thread has it already"
            );
            return Err(Refusal::invalid(message));
        }
        let id = body["thread"]["previous_message_id"].as_str().unwrap_or_default();
        let held = self.held().get(id).cloned().ok_or_else(|| {
            let refusal = Refusal::new(
                404,
                "not_found_error",
                format!("thread: there is no thread with the message {id:?}"),
            );
            refusal.with_code("thread_not_found")
        })?;
        if held.continued.load(Ordering::Relaxed) {
            let message = format!("thread: {id:?} has been continued already");
            return Err(Refusal::new(409, "conflict_error", message).with_code("thread_already_continued"));
        }
        body["system"] = held.system.clone();
        body["tools"] = held.tools.clone();
        body["messages"] = held.messages.iter().chain(list(&body["messages"])).cloned().collect();
        Ok(body)
    }

    /// Keeps the history under the id of the reply, if the request uses threads.
    pub(crate) fn hold(&self, id: &str, body: &Value, reply: &Reply, turn: usize) {
        if !body["thread"].is_object() {
            return;
        }
        let before =
            body["thread"]["previous_message_id"].as_str().and_then(|id| self.held().get(id).cloned());
        if let Some(before) = before {
            before.continued.store(true, Ordering::Relaxed);
        }
        let mut messages = list(&body["messages"]).to_vec();
        messages.push(json!({"role": "assistant", "content": reply.response(turn).content}));
        let (system, tools) = (body["system"].clone(), body["tools"].clone());
        let held = Thread { continued: AtomicBool::new(false), system, tools, messages };
        self.held().insert(id.to_owned(), held.into());
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Arc<Thread>>> {
        self.0.lock().expect("nothing that holds this lock can panic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_continues_with_its_history() {
        let threads = Threads::default();
        let message =
            |role: &str, text: &str| json!({"role": role, "content": [{"type": "text", "text": text}]});
        let first = json!({"thread": {"type": "create"}, "system": "S", "messages": [message("user", "a")]});
        assert_eq!(threads.resume(first.clone()).unwrap(), first);
        threads.hold("msg_1", &first, &Reply::text("b"), 0);
        let continuation = json!({"type": "continue", "previous_message_id": "msg_1"});
        let second = json!({"thread": continuation.clone(), "messages": [message("user", "c")]});
        let whole = threads.resume(second).unwrap();
        assert_eq!(whole["system"], "S");
        let said = [message("user", "a"), message("assistant", "b"), message("user", "c")];
        assert_eq!(whole["messages"], json!(said));
        let lost = json!({"thread": {"type": "continue", "previous_message_id": "msg_2"}});
        let refusal = threads.resume(lost).unwrap_err();
        assert_eq!((refusal.status, refusal.error_code), (404, Some("thread_not_found".into())));
        threads.hold("msg_3", &whole, &Reply::text("d"), 1);
        let forked = json!({"thread": continuation, "messages": [message("user", "e")]});
        let refusal = threads.resume(forked).unwrap_err();
        assert_eq!((refusal.status, refusal.error_code), (409, Some("thread_already_continued".into())));
    }

    #[test]
    fn a_thread_keeps_its_system_prompt_and_tools() {
        let body = json!({"thread": {"type": "continue", "previous_message_id": "x"}, "tools": []});
        let refusal = Threads::default().resume(body).unwrap_err();
        assert_eq!(
            refusal.message,
            "tools: a request that continues a thread must not have it, the thread has it already"
        );
    }
}
