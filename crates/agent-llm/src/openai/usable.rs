//! What a server can't use of a request.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use agent_core::{Block, BoxStream, Delta, Llm, LlmError, Message, Request};
use serde_json::json;

use super::{
    api::Protocol,
    builder::OpenAiBuilder,
    call_ids::{CallIds, asks_for_nine, with_nine},
    fields::Fields,
    openai_blocks::{Kept, says_nothing},
    refused_fields::RefusedFields,
    settings::BodySettings,
    templates::Templates,
};
use crate::{
    without_blocks::without_blocks,
    wrappers::asking::{Again, Asking},
};

/// The field that asks for reasoning that can be sent back.
const INCLUDE: &str = "include";

/// Asks again without what the server refused since it can't use it:
///
/// - the reply that a request goes on from, if the server does not have it any more: all is sent
/// - reasoning that was encrypted for another account or model: it is left out
/// - the wish for encrypted reasoning, if the model does not reason; it is not sent again
/// - ids of calls that are not of 9 letters and digits, if it takes no others; they are not sent
///   again
/// - fields of chat completions that it does not know; they are not sent again
/// - an order of messages that a model's template refuses; it is not sent again
pub(crate) struct Usable<L> {
    llm: L,
    protocol: Protocol,
    body: BodySettings,
    fields: RefusedFields,
    templates: Templates,
    /// The program has said what to include.
    is_given: bool,
    /// The model does not reason.
    is_plain: AtomicBool,
    /// The server takes only ids of 9 letters and digits.
    takes_nine: AtomicBool,
}

impl<L: Llm> Usable<L> {
    pub(crate) fn new(llm: L, settings: &OpenAiBuilder, call_ids: CallIds) -> Self {
        let is_given = settings.body.fields.contains_key(INCLUDE);
        let takes_nine = AtomicBool::new(call_ids == CallIds::Nine);
        let (body, fields) = (settings.body.clone(), RefusedFields::default());
        let is_plain = AtomicBool::new(false);
        let templates = Templates::default();
        Self { llm, protocol: settings.protocol, body, fields, templates, is_given, is_plain, takes_nine }
    }

    pub(crate) fn inner(&self) -> &L {
        &self.llm
    }

    /// The same of chat completions only.
    fn without_in_chat(&self, request: &Request, error: &LlmError) -> Option<(&'static str, Request)> {
        let by_template = || self.templates.learn(request, error);
        self.fields.learn(&self.body, request, error).or_else(by_template)
    }

    /// The request without what this error says, if it says any of it.
    fn without(&self, request: &Request, error: &LlmError) -> Option<(&'static str, Request)> {
        if asks_for_nine(&error.message) {
            let request = with_nine(request)?;
            self.takes_nine.store(true, Relaxed);
            return Some(("the ids of calls are sent as 9 letters and digits", request));
        }
        if self.protocol == Protocol::Chat {
            return self.without_in_chat(request, error);
        }
        let is = |code: &str, words: &str| {
            error.error_code.as_deref() == Some(code) || error.message.contains(words)
        };
        let mut usable = request.clone();
        let is_gone = |id: &str| {
            let is_named = error.message.contains(id) || error.message.contains("previous_response");
            is_named && matches!(error.status, Some(400 | 404 | 410 | 422))
        };
        let previous = request.previous_reply.as_ref();
        if previous.is_some_and(|previous| {
            is("previous_response_not_found", "Previous response with id") || is_gone(&previous.response)
        }) {
            usable.previous_reply = None;
            return Some(("all of the history is sent", usable));
        }
        if is("invalid_encrypted_content", "encrypted content") && request.messages.iter().any(has_reasoning)
        {
            usable = without_blocks(usable, is_reasoning);
            usable.previous_reply = None;
            return Some(("reasoning is left out", usable));
        }
        let has_given = self.is_given || request.extra.contains_key(INCLUDE);
        let is_unknown = ["'include'", "body.include:", "supplied: include"]
            .iter()
            .any(|words| error.message.contains(words));
        if (is("", "Encrypted content is not supported") || is_unknown) && !has_given {
            self.is_plain.store(true, Relaxed);
            return Some(("no encrypted reasoning is asked for", plain(usable)));
        }
        None
    }
}

fn plain(mut request: Request) -> Request {
    request.extra.insert(INCLUDE.to_owned(), json!(null).into());
    request
}

fn has_reasoning(message: &Message) -> bool {
    message.content().iter().any(is_reasoning)
}

/// Reasoning that only its server can read.
fn is_reasoning(block: &Block) -> bool {
    let Some(Kept::Item(item)) = Kept::of(block) else { return false };
    let encrypted = Fields::of(item.text()).ok().and_then(|fields| fields.get("encrypted_content"));
    encrypted.is_some_and(|value| !says_nothing(value.get()))
}

impl<L: Llm> Llm for Usable<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let takes_nine = self.takes_nine.load(Relaxed);
        let request = takes_nine.then(|| with_nine(&request)).flatten().unwrap_or(request);
        if self.protocol == Protocol::Chat {
            let request = self.templates.in_order(self.fields.without(&self.body, request));
            return Trying { usable: self, request, attempt: 0 }.stream();
        }
        let is_plain = self.is_plain.load(Relaxed) && !request.extra.contains_key(INCLUDE);
        let request = if is_plain { plain(request) } else { request };
        Trying { usable: self, request, attempt: 0 }.stream()
    }
}

struct Trying<'a, L> {
    usable: &'a Usable<L>,
    request: Request,
    attempt: u32,
}

impl<'a, L: Llm> Asking<'a> for Trying<'a, L> {
    fn ask(&mut self) -> BoxStream<'a, Result<Delta, LlmError>> {
        self.usable.llm.stream(self.request.clone())
    }

    fn see(&mut self, _: &Delta) -> Result<Option<Delta>, LlmError> {
        Ok(None)
    }

    fn end(&mut self) -> Result<(), LlmError> {
        Ok(())
    }

    /// Only a request that was refused is changed; each change leaves nothing to change again.
    fn again(&mut self, error: LlmError) -> Result<Again, LlmError> {
        let changed = error.status.and_then(|_| self.usable.without(&self.request, &error));
        let Some((done, request)) = changed else { return Err(error) };
        self.request = request;
        self.attempt += 1;
        Ok(Again { attempt: self.attempt, wait: Duration::ZERO, reason: format!("{done}, since {error}") })
    }
}
