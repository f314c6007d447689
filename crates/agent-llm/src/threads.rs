//! Histories that the server keeps, so that a request carries only what is new.

use std::{
    mem,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agent_core::{
    BoxStream, Delta, Fold, Json, Kind, Llm, LlmError, LlmErrorKind, Message, Request, Response, StopReason,
};
use lru::LruCache;
use serde_json::json;

use crate::asking::{Again, Asking};

/// The beta feature that this is.
pub(crate) const BETA: &str = "message-threads-2026-08-12";

/// How many conversations are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_000).expect("it is not 0");

/// Asks a backend with what is new since its last reply, where the server holds the rest.
pub(crate) struct Threads<L> {
    llm: L,
    /// The threads of the conversations used last, which share their messages with them.
    known: Mutex<LruCache<Key, Known>>,
    /// The server knows no threads.
    off: AtomicBool,
}

/// A conversation and the agent that asks in it.
type Key = (Arc<str>, Arc<str>);

enum Known {
    Thread(Box<Thread>),
    /// The server does not take its requests in threads.
    Unsupported,
}

/// What the server holds.
#[derive(Clone)]
struct Thread {
    /// The id of the last reply.
    id: String,
    request: Request,
    reply: Option<Message>,
}

impl<L: Llm> Threads<L> {
    pub(crate) fn new(llm: L) -> Self {
        Self { llm, known: Mutex::new(LruCache::new(REMEMBERED)), off: AtomicBool::new(false) }
    }

    pub(crate) fn inner(&self) -> &L {
        &self.llm
    }

    fn form(&self, known: Option<&Known>, request: &Request) -> Form {
        match known {
            _ if self.off.load(Ordering::Relaxed) => Form::Without,
            Some(Known::Unsupported) => Form::Without,
            Some(Known::Thread(thread)) => thread.continued(request).map_or(Form::Create, Form::Continue),
            None => Form::Create,
        }
    }

    /// How it is sent after this refusal, if that is about threads.
    fn after(&self, form: &Form, error: &LlmError) -> Option<Form> {
        let next = form.after(error)?;
        if matches!(next, Form::Without) && error.error_code.is_none() {
            self.off.store(true, Ordering::Relaxed);
        }
        Some(next)
    }

    fn remember(&self, key: Key, form: &Form, request: Request, fold: Fold) {
        let thread =
            |response| Thread::after(request, response).map(|thread| Known::Thread(Box::new(thread)));
        let known = match form {
            Form::Without => Some(Known::Unsupported),
            Form::Create | Form::Continue(_) => fold.finish().ok().and_then(thread),
        };
        if let Some(known) = known {
            self.known().put(key, known);
        }
    }

    fn known(&self) -> MutexGuard<'_, LruCache<Key, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Llm> Llm for Threads<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let key: Key = (request.conversation.clone(), request.agent.clone());
        // Taken out: after a failure in the middle of a reply nobody knows what the server holds.
        let known = self.known().pop(&key);
        let form = self.form(known.as_ref(), &request);
        let fold = Fold::default();
        Threaded { threads: self, key, known, request, form, fold, begun: false }.stream()
    }
}

struct Threaded<'a, L> {
    threads: &'a Threads<L>,
    key: Key,
    known: Option<Known>,
    request: Request,
    form: Form,
    fold: Fold,
    begun: bool,
}

impl<'a, L: Llm> Asking<'a> for Threaded<'a, L> {
    fn ask(&mut self) -> BoxStream<'a, Result<Delta, LlmError>> {
        self.threads.llm.stream(self.form.of(&self.request))
    }

    fn see(&mut self, delta: &Delta) -> Result<Option<Delta>, LlmError> {
        self.begun |= !matches!(delta, Delta::Notice(_));
        self.fold.push(delta.clone()).map(|()| None)
    }

    fn end(&mut self) -> Result<(), LlmError> {
        let fold = mem::take(&mut self.fold);
        self.threads.remember(self.key.clone(), &self.form, self.request.clone(), fold);
        Ok(())
    }

    fn again(&mut self, error: LlmError) -> Result<Again, LlmError> {
        let next = if self.begun { None } else { self.threads.after(&self.form, &error) };
        let Some(next) = next else {
            // What was refused at once has changed nothing.
            let known = self.known.take().filter(|_| !self.begun);
            known.map(|known| self.threads.known().put(self.key.clone(), known));
            return Err(error);
        };
        self.form = next;
        let reason = format!("the whole history is sent, since {error}");
        Ok(Again { attempt: 1, wait: Duration::ZERO, reason })
    }
}

/// How a request is sent.
enum Form {
    /// Only what is new.
    Continue(Box<Request>),
    /// All of it, to be held by the server.
    Create,
    /// All of it, as to a server that knows no threads.
    Without,
}

impl Form {
    fn of(&self, request: &Request) -> Request {
        match self {
            Self::Continue(request) => (**request).clone(),
            Self::Create => in_thread(request.clone(), json!({"type": "create"})),
            Self::Without => request.clone(),
        }
    }

    /// How it is sent after this refusal, if that is about threads.
    fn after(&self, error: &LlmError) -> Option<Self> {
        match (self, error.error_code.as_deref()) {
            (Self::Without, _) => None,
            (_, Some("thread_unsupported_request")) => Some(Self::Without),
            (
                Self::Continue(_),
                Some("thread_not_found" | "thread_already_continued" | "thread_continue_in_flight"),
            ) => Some(Self::Create),
            // Who does not know the field says so in words of their own.
            (_, None) if error.kind == LlmErrorKind::InvalidRequest && error.message.contains("thread") => {
                Some(Self::Without)
            }
            _ => None,
        }
    }
}

impl Thread {
    /// What the server holds after this reply; `None` if it can't be gone on from.
    fn after(request: Request, response: Response) -> Option<Self> {
        let other_model = |kind: &Kind| matches!(kind, Kind::Other(name) if name == "fallback");
        if response.stop_reason == StopReason::Refusal
            || response.content.iter().any(|block| other_model(block.kind()))
        {
            return None;
        }
        let reply = Message::assistant(response.content).sendable().map(|reply| reply.into_owned());
        Some(Self { id: response.id?, request, reply })
    }

    /// The request with what is new since, if it goes on from there word for word.
    fn continued(&self, request: &Request) -> Option<Box<Request>> {
        let held = &self.request;
        let same = held.system == request.system
            && (Arc::ptr_eq(&held.tools, &request.tools) || held.tools == request.tools)
            && held.server_tools == request.server_tools
            && held.extra == request.extra;
        let said = request.messages.strip_prefix(held.messages.as_slice()).filter(|_| same)?;
        let (reply, new) = said.split_first()?;
        if self.reply.as_ref() != Some(reply) || new.is_empty() {
            return None;
        }
        let mut rest = request.clone();
        (rest.system, rest.tools, rest.server_tools) = (Vec::new(), Arc::new([]), Arc::new([]));
        rest.messages = new.to_vec();
        Some(Box::new(in_thread(rest, json!({"type": "continue", "previous_message_id": self.id}))))
    }
}

fn in_thread(mut request: Request, thread: impl Into<Json>) -> Request {
    request.extra.insert("thread".to_owned(), thread.into());
    request
}

#[cfg(test)]
mod tests {
    use agent_core::{
        fold,
        script::{Reply, Script},
    };
    use futures::StreamExt;

    use super::*;

    /// Answers where there is no thread, and refuses where there is one of a kind.
    fn server(refuses: &'static str, code: Option<&'static str>, message: &'static str) -> Script {
        Script::by(move |request| match thread(request) {
            Some(kind) if kind == refuses => {
                let mut error = LlmError::new(LlmErrorKind::InvalidRequest, message);
                error.error_code = code.map(str::to_owned);
                Reply::error(error)
            }
            _ => Reply::text("Hi."),
        })
    }

    fn thread(request: &Request) -> Option<String> {
        let thread: serde_json::Value = request.extra.get("thread")?.parse().ok()?;
        Some(thread["type"].as_str()?.to_owned())
    }

    /// Gives replies an id.
    struct WithIds(Script);

    impl Llm for WithIds {
        fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
            let named = self.0.stream(request).map(|delta| match delta {
                Ok(Delta::Start { model, usage, extra, .. }) => {
                    Ok(Delta::Start { id: Some("msg_1".to_owned()), model, usage, extra })
                }
                delta => delta,
            });
            named.boxed()
        }
    }

    /// Asks twice; how it was asked, and what came of it.
    async fn check(script: Script, expected: &[&str], ends: &str) {
        let threads = Threads::new(WithIds(script.clone()));
        let mut request = Request::new(vec![Message::user("Hi.")]);
        let mut end = String::new();
        for _ in 0..2 {
            match fold(threads.stream(request.clone()), |_| ()).await {
                Ok(reply) => {
                    end = Message::assistant(reply.content.clone()).text();
                    request.messages.extend([Message::assistant(reply.content), Message::user("And?")]);
                }
                Err(error) => end = error.message,
            }
        }
        let asked: Vec<String> = script
            .requests()
            .iter()
            .map(|request| thread(request).unwrap_or_else(|| "whole".to_owned()))
            .collect();
        assert_eq!(
            (asked.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), end.as_str()),
            (expected, ends)
        );
    }

    #[tokio::test]
    async fn a_thread_that_is_gone_is_made_anew_and_where_there_are_none_all_is_sent() {
        check(server("", None, ""), &["create", "continue"], "Hi.").await;
        for code in ["thread_not_found", "thread_already_continued", "thread_continue_in_flight"] {
            check(server("continue", Some(code), "no"), &["create", "continue", "create"], "Hi.").await;
        }
        let unsupported = Some("thread_unsupported_request");
        check(server("create", unsupported, "no"), &["create", "whole", "whole"], "Hi.").await;
        check(server("continue", unsupported, "no"), &["create", "continue", "whole"], "Hi.").await;
        let unknown = "thread: Extra inputs are not permitted";
        check(server("create", None, unknown), &["create", "whole", "whole"], "Hi.").await;
        // What is not about threads is left alone.
        check(
            server("create", None, "max_tokens: too large"),
            &["create", "create"],
            "max_tokens: too large",
        )
        .await;
    }
}
