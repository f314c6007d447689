//! Judges what the user said, beside the request.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use agent_core::{
    BoxStream, Delta, Json, Llm, LlmError, Request, Usage,
    budget::Usd,
    model::{Fold, non_streaming},
};
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select, try_join_all},
    stream,
};

use super::Piece;
use crate::{
    GuardRefusal, Input, InputGuard, Judgement,
    check::{Named, checked},
    refusal::Refused,
};

/// A wrapper around a model: nothing of a reply is handed on until all guards allow what it answers.
pub(crate) struct JudgedModel {
    pub(crate) llm: Arc<dyn Llm>,
    pub(crate) guards: Vec<Named<dyn InputGuard>>,
    pub(crate) limit: Option<Duration>,
}

impl JudgedModel {
    /// The first refusal ends the other checks.
    async fn judge(&self, input: Input) -> Result<(), GuardRefusal> {
        let checks = self.guards.iter().map(|Named { name, guard }| {
            let input = input.clone();
            async move {
                let refused = match checked(name, self.limit, async { guard.check(input).await }).await {
                    Ok(Judgement::Allow) => return Ok(()),
                    Ok(Judgement::Refuse(words)) | Err(words) => words,
                };
                Err(GuardRefusal::new(name, Refused::Input, refused))
            }
        });
        try_join_all(checks).await.map(|_| ())
    }
}

impl Llm for JudgedModel {
    fn stream(&self, request: Request) -> BoxStream<'_, Piece> {
        let Some(input) = Input::of(&request) else { return self.llm.stream(request) };
        let judging = Judging {
            judgement: Some(self.judge(input).boxed()),
            reply: Some(self.llm.stream(request)),
            held: VecDeque::new(),
            fold: Fold::default(),
        };
        stream::unfold(judging, Judging::next).boxed()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

/// A reply whose question is being judged.
struct Judging<'a> {
    /// `None` as soon as it is known.
    judgement: Option<BoxFuture<'a, Result<(), GuardRefusal>>>,
    /// `None` when it is over.
    reply: Option<BoxStream<'a, Piece>>,
    /// What came before the judgement.
    held: VecDeque<Piece>,
    /// What is held, for its tokens.
    fold: Fold,
}

enum Step {
    Judged(Result<(), GuardRefusal>),
    Came(Option<Piece>),
}

impl Judging<'_> {
    async fn next(mut self) -> Option<(Piece, Self)> {
        while let Some(step) = self.step().await {
            match step {
                Step::Judged(Ok(())) => self.judgement = None,
                Step::Judged(Err(refusal)) => return Some((self.refuse(refusal), self)),
                Step::Came(Some(Ok(notice @ Delta::Notice(_)))) => return Some((Ok(notice), self)),
                Step::Came(piece) => self.hold(piece),
            }
        }
        if let Some(held) = self.held.pop_front() {
            return Some((held, self));
        }
        let piece = self.reply.as_mut()?.next().await?;
        Some((piece, self))
    }

    /// What happens next; `None` if the judgement is known.
    async fn step(&mut self) -> Option<Step> {
        let judgement = self.judgement.as_mut()?;
        let Some(reply) = &mut self.reply else { return Some(Step::Judged(judgement.await)) };
        Some(match select(judgement, reply.next()).await {
            Either::Left((judged, _)) => Step::Judged(judged),
            Either::Right((piece, _)) => Step::Came(piece),
        })
    }

    fn hold(&mut self, piece: Option<Piece>) {
        // The fold also bounds what is held.
        let piece = piece.map(|piece| piece.and_then(|delta| self.fold.push(delta.clone()).map(|()| delta)));
        if !matches!(piece, Some(Ok(_))) {
            self.reply = None;
        }
        self.held.extend(piece);
    }

    /// Drops the request, and with it all that came.
    fn refuse(&mut self, refusal: GuardRefusal) -> Piece {
        (self.judgement, self.reply) = (None, None);
        let failed = self.held.drain(..).find_map(Result::err).map(|error| error.usage());
        let mut usage = self.fold.spent();
        usage += failed.unwrap_or_default();
        Ok(Delta::complete(refusal.into_reply(usage)))
    }
}

/// A stream that is a refusal.
pub(super) fn refused<'a>(refusal: GuardRefusal) -> BoxStream<'a, Result<Delta, LlmError>> {
    non_streaming(async { Ok(refusal.into_reply(Default::default())) })
}
