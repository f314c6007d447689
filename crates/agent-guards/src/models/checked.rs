//! Checks what a model says, before it is handed on.

use std::sync::Arc;

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request, model::Fold};
use futures::{StreamExt, stream};

use super::{Piece, Windows, output_check::OutputCheck, windows::Windowed};
use crate::Output;

/// A wrapper around a model: its replies are held back until the guards have checked their text.
pub(crate) struct CheckedModel {
    pub(crate) llm: Arc<dyn Llm>,
    pub(crate) check: OutputCheck,
    pub(crate) windows: Option<Windows>,
}

impl Llm for CheckedModel {
    fn stream(&self, request: Request) -> BoxStream<'_, Piece> {
        let about = Output::of(&request);
        let reply = self.llm.stream(request);
        match self.windows {
            Some(windows) => Windowed::stream(&self.check, windows, about, reply),
            None => {
                let held = Held { check: &self.check, about, reply: Some(reply), fold: Fold::default() };
                stream::unfold(held, Held::next).flat_map(stream::iter).boxed()
            }
        }
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }
}

/// A reply that is held back until it is whole and checked.
struct Held<'a> {
    check: &'a OutputCheck,
    about: Output,
    /// `None` when it is over.
    reply: Option<BoxStream<'a, Piece>>,
    fold: Fold,
}

impl Held<'_> {
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
        vec![Err(self.fold.fail(error))]
    }

    async fn end(&mut self) -> Vec<Piece> {
        self.reply = None;
        match std::mem::take(&mut self.fold).finish() {
            Ok(reply) => self.check.check_reply(&self.about, reply).await.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    }
}
