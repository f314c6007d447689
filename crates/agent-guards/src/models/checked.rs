//! Checks what a model says, before it is handed on.

use std::sync::Arc;

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request, Usage, budget::Usd, model::Fold};
use futures::{StreamExt, stream};

use super::{
    Piece, Windows,
    attempts::Attempts,
    output_check::{OutputCheck, text_of},
    windowed::Windowed,
};
use crate::Output;

/// A wrapper around a model: its replies are held back until the guards have checked their text.
pub(crate) struct CheckedModel {
    pub(crate) llm: Arc<dyn Llm>,
    pub(crate) check: OutputCheck,
    pub(crate) windows: Option<Windows>,
    pub(crate) tries: u32,
}

impl Llm for CheckedModel {
    fn stream(&self, request: Request) -> BoxStream<'_, Piece> {
        let about = Output::of(&request);
        let attempts = Attempts::new(&*self.llm, request, self.tries);
        match self.windows {
            Some(windows) => Windowed::stream(&self.check, windows, about, attempts),
            None => Held::stream(&self.check, about, attempts),
        }
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

/// A reply that is held back until it is whole and checked.
struct Held<'a> {
    check: &'a OutputCheck,
    about: Output,
    attempts: Attempts<'a>,
    /// `None` when it is over.
    reply: Option<BoxStream<'a, Piece>>,
    fold: Fold,
    /// The tokens of withdrawn replies.
    spent: Usage,
}

impl<'a> Held<'a> {
    fn stream(check: &'a OutputCheck, about: Output, mut attempts: Attempts<'a>) -> BoxStream<'a, Piece> {
        let (reply, fold, spent) = (Some(attempts.ask()), Fold::default(), Usage::default());
        let held = Self { check, about, attempts, reply, fold, spent };
        stream::unfold(held, Self::next).flat_map(stream::iter).boxed()
    }

    /// The pieces to hand on next.
    async fn next(mut self) -> Option<(Vec<Piece>, Self)> {
        loop {
            let pieces = match self.reply.as_mut()?.next().await {
                Some(Ok(notice @ Delta::Notice(_))) => vec![Ok(notice)],
                // An attempt that broke off is never shown.
                Some(Ok(delta)) => match self.fold.push(delta) {
                    Ok(()) => continue,
                    Err(error) => self.fail(error),
                },
                Some(Err(error)) => self.fail(error),
                None => self.end().await,
            };
            return Some((pieces, self));
        }
    }

    fn fail(&mut self, error: LlmError) -> Vec<Piece> {
        self.reply = None;
        let error = self.fold.fail(error);
        let mut usage = error.usage();
        usage += self.spent;
        vec![Err(error.costing(usage))]
    }

    async fn end(&mut self) -> Vec<Piece> {
        self.reply = None;
        let spent = self.fold.spent();
        let mut reply = match std::mem::take(&mut self.fold).finish() {
            Ok(reply) => reply,
            Err(error) => return self.fail(error),
        };
        reply.usage += self.spent;
        match self.check.check_reply(&self.about, reply).await {
            Ok(pieces) => pieces.into_iter().map(Ok).collect(),
            Err((reply, refusal)) => match self.attempts.again(&text_of(&reply), &refusal) {
                Some((notice, reply)) => {
                    self.spent += spent;
                    self.spent.broken_off.attempts += 1;
                    self.reply = Some(reply);
                    vec![Ok(notice)]
                }
                None => vec![Ok(Delta::complete(refusal.into_reply(reply.usage)))],
            },
        }
    }
}
