//! Replaces what the user said, before the request.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Block, BoxStream, Delta, Json, Llm, Message, Request, Role, Usage, budget::Usd, model::Notice,
};
use futures::{StreamExt, future::try_join_all, stream};

use super::{Piece, judged::refused};
use crate::{
    GuardRefusal, InputRewriter, UserText, Verdict,
    check::{Named, checked},
    refusal::Refused,
};

/// A wrapper around a model: it sends the user's texts as the guards want them.
pub(crate) struct RewrittenModel {
    pub(crate) llm: Arc<dyn Llm>,
    pub(crate) guards: Vec<Named<dyn InputRewriter>>,
    pub(crate) limit: Option<Duration>,
}

/// A text as it is sent, and the guards that replaced it.
type Rewritten = (String, Vec<Arc<str>>);

impl RewrittenModel {
    /// The request as it is sent, and a notice for each guard that replaced something new.
    async fn rewrite(&self, mut request: Request) -> Result<(Request, Vec<Delta>), GuardRefusal> {
        let texts = try_join_all(texts(&request).map(|text| self.rewrite_text(text))).await?;
        if texts.iter().all(|(_, by)| by.is_empty()) {
            return Ok((request, Vec::new()));
        }
        let replied = request.messages.iter().rposition(|message| message.role() == Role::Assistant);
        let (mut texts, mut notices) = (texts.into_iter(), Vec::<Arc<str>>::new());
        for (place, message) in request.messages.iter_mut().enumerate() {
            let count = user_texts(message).count();
            let new: Vec<Rewritten> = texts.by_ref().take(count).collect();
            if replied.is_none_or(|replied| place > replied) {
                notices.extend(new.iter().flat_map(|(_, by)| by.iter().cloned()));
            }
            *message = with_texts(message, new);
        }
        notices.dedup();
        Ok((request, notices.iter().map(|guard| notice(guard)).collect()))
    }

    async fn rewrite_text(&self, mut text: UserText) -> Result<Rewritten, GuardRefusal> {
        let mut by = Vec::new();
        for Named { name, guard } in &self.guards {
            let refused = match checked(name, self.limit, async { guard.rewrite(text.clone()).await }).await {
                Ok(Verdict::Allow) => continue,
                Ok(Verdict::Replace(other)) => {
                    text.text = other;
                    by.push(name.clone());
                    continue;
                }
                Ok(Verdict::Refuse(words)) | Err(words) => words,
            };
            return Err(GuardRefusal::new(name, Refused::Input, refused));
        }
        Ok((text.text, by))
    }
}

/// The user's texts in the messages, in order.
fn texts(request: &Request) -> impl Iterator<Item = UserText> + '_ {
    request.messages.iter().flat_map(user_texts).map(|text| UserText {
        agent: request.agent.clone(),
        conversation: request.conversation.clone(),
        depth: request.depth,
        text: text.to_owned(),
    })
}

fn user_texts(message: &Message) -> impl Iterator<Item = &str> {
    let blocks =
        if message.role() == Role::User && !message.is_background_result() { message.content() } else { &[] };
    blocks.iter().filter_map(Block::as_text)
}

/// The message with these texts in the place of its own. If none was replaced, it stays the same.
fn with_texts(message: &Message, texts: Vec<Rewritten>) -> Message {
    if texts.iter().all(|(_, by)| by.is_empty()) {
        return message.clone();
    }
    let mut texts = texts.into_iter();
    let mut rewritten = |block: &Block| {
        block.as_text()?;
        let (text, by) = texts.next()?;
        let text = Json::of(&text).expect("a text can always be written");
        (!by.is_empty()).then(|| block.with("text", text).expect("it is still a text block"))
    };
    let blocks = message.content().iter();
    let content: Vec<Block> = blocks.map(|block| rewritten(block).unwrap_or_else(|| block.clone())).collect();
    message.with_content(content)
}

fn notice(guard: &str) -> Delta {
    Delta::Notice(Notice::Guard { guard: guard.to_owned(), did: "replaced what the user said".to_owned() })
}

impl Llm for RewrittenModel {
    fn stream(&self, request: Request) -> BoxStream<'_, Piece> {
        let reply = |rewritten| match rewritten {
            Ok((request, notices)) => {
                let notices = stream::iter(notices).map(Ok);
                notices.chain(self.llm.stream(request)).boxed()
            }
            Err(refusal) => refused(refusal),
        };
        stream::once(self.rewrite(request)).flat_map(reply).boxed()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}
