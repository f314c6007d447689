//! Orders of messages that the chat templates of some models refuse.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use agent_core::{Block, LlmError, Message, Request, Role};

/// What a server's chat template has refused. It is not sent again. The templates of many models
/// that llama.cpp and vLLM run are stricter than OpenAI's server.
#[derive(Debug, Default)]
pub(super) struct Templates {
    /// Two messages of the user in a row.
    rows: AtomicBool,
    /// Instructions in the middle of the conversation.
    instructions: AtomicBool,
}

impl Templates {
    /// The request in an order that this error does not refuse, and what was done; `None` if it
    /// refuses none.
    pub(super) fn learn(&self, request: &Request, error: &LlmError) -> Option<(&'static str, Request)> {
        let message = error.message.to_lowercase();
        let (flag, done) = if message.contains("roles must alternate") {
            (&self.rows, "messages of the user in a row are sent as one")
        } else if message.contains("system message must be") {
            (&self.instructions, "instructions in the middle are sent with the system prompt")
        } else {
            return None;
        };
        let was_known = flag.swap(true, Relaxed);
        let changed = self.in_order(request.clone());
        if changed == *request {
            flag.store(was_known, Relaxed);
            return None;
        }
        Some((done, changed))
    }

    /// The request in an order that was not refused before.
    pub(super) fn in_order(&self, mut request: Request) -> Request {
        if self.instructions.load(Relaxed) {
            with_instructions_first(&mut request);
        }
        if self.rows.load(Relaxed) {
            without_rows(&mut request);
        }
        request
    }
}

fn with_instructions_first(request: &mut Request) {
    if request.messages.iter().all(|message| message.role() != Role::System) {
        return;
    }
    let (instructions, messages): (Vec<Message>, Vec<Message>) =
        request.messages.drain(..).partition(|message| message.role() == Role::System);
    request.system.extend(instructions.iter().map(|message| Block::text(message.text())));
    request.messages = messages;
}

fn without_rows(request: &mut Request) {
    let is_user = |message: &Message| message.role() == Role::User;
    let is_row = |pair: &[Message]| is_user(&pair[0]) && is_user(&pair[1]);
    // It is not sent, so the messages around it are in a row.
    let says_nothing = |message: &Message| {
        let is_reply = message.role() == Role::Assistant;
        is_reply && message.text().trim().is_empty() && message.tool_calls().next().is_none()
    };
    if !request.messages.iter().any(says_nothing) && !request.messages.windows(2).any(is_row) {
        return;
    }
    let mut joined: Vec<Message> = Vec::with_capacity(request.messages.len());
    for message in request.messages.drain(..).filter(|message| !says_nothing(message)) {
        match joined.last_mut() {
            Some(last) if is_user(last) && is_user(&message) => {
                let blocks = last.content().iter().chain(message.content()).cloned();
                *last = Message::user(blocks.collect::<Vec<_>>());
            }
            _ => joined.push(message),
        }
    }
    request.messages = joined;
}

#[cfg(test)]
mod tests {
    use agent_core::model::LlmErrorKind;

    use super::*;

    fn instructions(text: &str) -> Message {
        Message::new(Role::System, vec![Block::text(text)])
    }

    /// The messages after this refusal, each with its role, and the system prompt before them.
    fn check(message: &str, messages: Vec<Message>, expected: Option<&str>) {
        let mut request = Request::new(messages);
        request.system = vec![Block::text("Be kind.")];
        let templates = Templates::default();
        let error = LlmError::new(LlmErrorKind::Server, message);
        let changed = templates.learn(&request, &error).map(|(_, request)| request);
        let shown = changed.as_ref().map(|request| {
            let role = |message: &Message| format!("{:?}: {}", message.role(), message.text());
            let messages: Vec<String> = request.messages.iter().map(role).collect();
            format!("{} | {}", request.system_text(), messages.join(" | ")).replace('\n', "~")
        });
        assert_eq!(shown.as_deref(), expected, "{message}");
        assert_eq!(templates.in_order(request.clone()), changed.clone().unwrap_or(request));
        if let Some(changed) = changed {
            assert_eq!(templates.learn(&changed, &error), None, "there is nothing to change again");
        }
    }

    #[test]
    fn an_order_that_a_template_refuses_is_not_sent_again() {
        let (one, two) = (|| Message::user("1"), || Message::user("2"));
        let alternate =
            "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/...";
        let expected = "Be kind. | User: 12 | Assistant: a";
        check(alternate, vec![one(), two(), Message::assistant("a")], Some(expected));
        check(alternate, vec![one(), Message::assistant(" "), two()], Some("Be kind. | User: 12"));
        check(alternate, vec![one(), Message::assistant("a"), two()], None);
        let first = "System message must be at the beginning.";
        let expected = "Be kind.~~Be brief. | User: 1 | User: 2";
        check(first, vec![one(), instructions("Be brief."), two()], Some(expected));
        check(first, vec![one(), two()], None);
        check("something else", vec![one(), two()], None);
    }
}
