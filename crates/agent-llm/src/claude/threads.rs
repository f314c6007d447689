//! Histories that the server keeps, so that a request carries only what is new.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agent_core::{
    BoxStream, Delta, Json, Llm, LlmError, Request,
    message::BlockKind,
    model::{LlmErrorKind, PreviousReply},
};
use lru::LruCache;
use serde_json::json;

use crate::wrappers::asking::{Again, Asking};

/// The beta feature that this is.
pub(crate) const BETA: &str = "message-threads-2026-08-12";

/// Asks a backend with what is new since the last reply, where the server holds the rest.
pub(crate) struct Threads<L> {
    llm: L,
    /// What was asked for the replies that can be gone on from, by their ids; those used last.
    held: Mutex<LruCache<Arc<str>, Request>>,
    /// Conversations, and the agents that ask in them, whose requests the server does not take in
    /// threads.
    unsupported: Mutex<LruCache<Key, ()>>,
    /// The server knows no threads.
    off: AtomicBool,
}

type Key = (Arc<str>, Arc<str>);

impl<L: Llm> Threads<L> {
    /// `remembered` says how many conversations are remembered; 0 counts as 1.
    pub(crate) fn new(llm: L, remembered: usize) -> Self {
        let most = NonZeroUsize::new(remembered).unwrap_or(NonZeroUsize::MIN);
        // They take memory only as they fill, whatever the most is.
        let (held, unsupported) = (LruCache::sparse(most), LruCache::sparse(most));
        Self { llm, held: held.into(), unsupported: unsupported.into(), off: AtomicBool::new(false) }
    }

    pub(crate) fn inner(&self) -> &L {
        &self.llm
    }

    fn form(&self, request: &Request, held: Option<&Request>) -> Form {
        let key = (request.conversation.clone(), request.agent.clone());
        match self.off.load(Ordering::Relaxed) || lock(&self.unsupported).contains(&key) {
            true => Form::Without,
            false => held.and_then(|held| continued(held, request)).map_or(Form::Create, Form::Continue),
        }
    }

    /// How it is sent after this refusal, if that is about threads.
    fn after(&self, form: &Form, request: &Request, error: &LlmError) -> Option<Form> {
        let next = form.after(error)?;
        match (&next, &error.error_code) {
            (Form::Without, None) => self.off.store(true, Ordering::Relaxed),
            (Form::Without, Some(_)) => {
                let key = (request.conversation.clone(), request.agent.clone());
                lock(&self.unsupported).put(key, ());
            }
            _ => {}
        }
        Some(next)
    }

    fn hold(&self, response: Arc<str>, request: Request) {
        lock(&self.held).put(response, request);
    }
}

impl<L: Llm> Llm for Threads<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        // Taken out: after a failure in the middle of a reply nobody knows what the server holds,
        // and a reply is gone on from once.
        let held = request.previous_reply.as_ref().and_then(|from| lock(&self.held).pop(&from.response));
        let form = self.form(&request, held.as_ref());
        Threaded { threads: self, held, request, form, reply: Reply::default() }.stream()
    }
}

struct Threaded<'a, L> {
    threads: &'a Threads<L>,
    held: Option<Request>,
    request: Request,
    form: Form,
    reply: Reply,
}

/// What of a reply says whether it can be gone on from.
#[derive(Default)]
struct Reply {
    begun: bool,
    id: Option<Arc<str>>,
    /// It is another model's.
    fell_back: bool,
}

impl Reply {
    fn see(&mut self, delta: &Delta) {
        let other_model = |kind: &BlockKind| matches!(kind, BlockKind::Other(name) if name == "fallback");
        match delta {
            Delta::Notice(_) => return,
            Delta::Start { id, .. } => self.id = id.as_deref().map(Arc::from),
            Delta::Block { block, .. } => self.fell_back |= other_model(block.kind()),
            Delta::Complete(reply) => {
                self.id = reply.id.as_deref().map(Arc::from);
                self.fell_back = reply.content.iter().any(|block| other_model(block.kind()));
            }
            _ => {}
        }
        self.begun = true;
    }
}

impl<'a, L: Llm> Asking<'a> for Threaded<'a, L> {
    fn ask(&mut self) -> BoxStream<'a, Result<Delta, LlmError>> {
        self.reply = Reply::default();
        self.threads.llm.stream(self.form.of(&self.request))
    }

    fn see(&mut self, delta: &Delta) -> Result<Option<Delta>, LlmError> {
        self.reply.see(delta);
        Ok(None)
    }

    fn end(&mut self) -> Result<(), LlmError> {
        // A refusal is not gone on from either, which the conversation knows.
        let id = self.reply.id.take().filter(|_| !self.reply.fell_back);
        if let (Some(id), Form::Create | Form::Continue(_)) = (id, &self.form) {
            self.threads.hold(id, self.request.clone());
        }
        Ok(())
    }

    fn again(&mut self, error: LlmError) -> Result<Again, LlmError> {
        if self.reply.begun {
            return Err(error);
        }
        let Some(next) = self.threads.after(&self.form, &self.request, &error) else {
            // What was refused at once has changed nothing.
            if let (Some(held), Some(from)) = (self.held.take(), &self.request.previous_reply) {
                self.threads.hold(from.response.clone(), held);
            }
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
    Continue(Request),
    /// All of it, to be held by the server.
    Create,
    /// All of it, as to a server that knows no threads.
    Without,
}

impl Form {
    fn of(&self, request: &Request) -> Request {
        match self {
            Self::Continue(request) => request.clone(),
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
            // Where a block is only says something if it is counted in all that there is.
            (Self::Continue(_), None)
                if error.kind == LlmErrorKind::InvalidRequest && error.message.contains("messages.") =>
            {
                Some(Self::Create)
            }
            _ => None,
        }
    }
}

/// The request with what is new since the reply to what the server holds, if that is still how it
/// begins.
fn continued(held: &Request, request: &Request) -> Option<Request> {
    let PreviousReply { response, messages, reply } = request.previous_reply.as_ref()?;
    let same = held.system == request.system
        && (Arc::ptr_eq(&held.tools, &request.tools) || held.tools == request.tools)
        && held.server_tools == request.server_tools
        && held.extra == request.extra;
    let (said, new) = request.messages.split_at_checked(*messages).filter(|_| same)?;
    let (last, before) = said.split_last()?;
    if last != reply || before != held.messages || new.is_empty() {
        return None;
    }
    let mut rest = Request::new(new.to_vec());
    (rest.agent, rest.conversation) = (request.agent.clone(), request.conversation.clone());
    (rest.container, rest.extra) = (request.container.clone(), request.extra.clone());
    rest.max_tokens = request.max_tokens;
    Some(in_thread(rest, json!({"type": "continue", "previous_message_id": &**response})))
}

fn in_thread(mut request: Request, thread: impl Into<Json>) -> Request {
    request.extra.insert("thread".to_owned(), thread.into());
    request
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use agent_core::{
        Message,
        model::fold,
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
                    Ok(Delta::Start { id: Some("msg_1".into()), model, usage, extra })
                }
                delta => delta,
            });
            named.boxed()
        }
    }

    /// Asks twice; how it was asked, and what came of it.
    async fn check(script: Script, expected: &[&str], ends: &str) {
        let threads = Threads::new(WithIds(script.clone()), 1_000);
        let mut request = Request::new(vec![Message::user("Hi.")]);
        let mut end = String::new();
        for _ in 0..2 {
            match fold(threads.stream(request.clone()), |_| ()).await {
                Ok(reply) => {
                    end = Message::assistant(reply.content.clone()).text();
                    request.messages.push(Message::assistant(reply.content));
                    let (response, messages) = (reply.id.unwrap().into(), request.messages.len());
                    let reply = request.messages[messages - 1].clone();
                    request.previous_reply = Some(PreviousReply { response, messages, reply });
                    request.messages.push(Message::user("And?"));
                }
                Err(error) => end = error.message.clone(),
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
        // Where a block of it all stands, only all of it says.
        let block = "messages.0.content.0: refused";
        check(server("continue", None, block), &["create", "continue", "create"], "Hi.").await;
        // What is not about threads is left alone.
        check(
            server("create", None, "max_tokens: too large"),
            &["create", "create"],
            "max_tokens: too large",
        )
        .await;
    }

    /// Whether a request goes on in the thread once it was changed like this.
    fn goes_on(change: impl FnOnce(&mut Request)) -> bool {
        let mut held = Request::new(vec![Message::user("Hi.")]);
        held.tools = [agent_core::ToolSpec::new("f", "Does f.", json!({"type": "object"}))].into();
        let mut request = held.clone();
        request.messages.extend([Message::assistant("Hi."), Message::user("And?")]);
        let reply = request.messages[1].clone();
        request.previous_reply = Some(PreviousReply { response: "msg_1".into(), messages: 2, reply });
        change(&mut request);
        continued(&held, &request).is_some()
    }

    #[test]
    fn a_thread_goes_on_only_where_the_request_begins_with_what_the_server_holds() {
        assert!(goes_on(|_| ()));
        assert!(goes_on(|request| request.max_tokens = 1), "what each request says anew");
        assert!(!goes_on(|request| request.previous_reply = None), "a handoff, or a reply that was mended");
        assert!(!goes_on(|request| request.messages[0] = Message::user("Hello.")), "an edited view");
        assert!(
            !goes_on(|request| request.messages[1] = Message::assistant("H.")),
            "a reply that was redacted"
        );
        assert!(!goes_on(|request| drop(request.messages.remove(0))), "a shorter view");
        assert!(!goes_on(|request| drop(request.messages.pop())), "nothing new");
        assert!(!goes_on(|request| request.system.push(agent_core::Block::text("Be brief."))));
        assert!(!goes_on(|request| request.tools = Arc::new([])));
        assert!(!goes_on(|request| drop(request.extra.insert("speed".to_owned(), json!("fast").into()))));
    }
}
