//! The innermost wrapper around the backend of each agent, which pays for each request.

use std::sync::Arc;

use futures::{
    StreamExt,
    future::{BoxFuture, Either, select},
    stream,
};

use super::estimate::tokens_in;
use super::request::meter::{Meter, MeterOf, Reservation, Settlement};
use crate::{BoxStream, Delta, Json, Llm, LlmError, Piece, Request, Usage, Usd};

/// A wrapper around a backend that pays for its requests from the budgets of the run that makes
/// them. Each agent's backend has it already. Use it for other backends that a wrapper asks in the
/// course of a run, with a clone of the run's request: for example a cheaper model that makes
/// summaries.
pub struct Metered<L>(L);

impl<L: Llm> Metered<L> {
    /// Wraps a backend.
    pub fn new(llm: L) -> Self {
        Self(llm)
    }
}

impl<L: Llm> Llm for Metered<L> {
    fn stream(&self, mut request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let Some(meter) = request.meter.0.clone() else { return self.0.stream(request) };
        // Taken out, so that no backend inside pays a second time.
        request.meter = MeterOf::default();
        let time_is_over = meter.time_is_over();
        let paid = Paid { llm: &self.0, meter, time_is_over, request, stage: Stage::Begin };
        stream::unfold(paid, Paid::next).boxed()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.0.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.0.max_cost(usage)
    }
}

/// A request that is paid for.
struct Paid<'a, L> {
    llm: &'a L,
    meter: Arc<dyn Meter>,
    time_is_over: BoxFuture<'static, LlmError>,
    request: Request,
    stage: Stage<'a>,
}

enum Stage<'a> {
    Begin,
    Streams(Streaming<'a>),
    Over,
}

struct Streaming<'a> {
    reply: BoxStream<'a, Result<Delta, LlmError>>,
    /// `None` while an attempt is over and the next one is not paid for.
    reservation: Option<Reservation>,
    /// What the attempt has used, as far as is known.
    used: Usage,
    /// The bytes of the reply, in case the server does not count its tokens.
    bytes: usize,
}

impl<L: Llm> Paid<'_, L> {
    async fn next(mut self) -> Option<(Result<Delta, LlmError>, Self)> {
        let delta = match self.step().await {
            Ok(delta) => Ok(delta?),
            Err(error) => {
                self.stage = Stage::Over;
                Err(error)
            }
        };
        Some((delta, self))
    }

    /// The next piece; `None` at the end.
    async fn step(&mut self) -> Result<Option<Delta>, LlmError> {
        self.pay().await?;
        let Stage::Streams(streaming) = &mut self.stage else { return Ok(None) };
        let delta = match select(streaming.reply.next(), &mut self.time_is_over).await {
            Either::Left((delta, _)) => delta,
            Either::Right((error, _)) => return Err(error),
        };
        match delta {
            Some(Ok(delta)) => {
                streaming.see(&delta);
                Ok(Some(delta))
            }
            Some(Err(error)) => {
                streaming.used += error.usage();
                streaming.settle(match streaming.used == Usage::default() {
                    true => Settlement::Nothing,
                    false => Settlement::Used(streaming.used),
                });
                Err(error)
            }
            None => {
                streaming.settle(streaming.settlement());
                self.stage = Stage::Over;
                Ok(None)
            }
        }
    }

    /// Reserves what the next attempt may use, if that is not done.
    async fn pay(&mut self) -> Result<(), LlmError> {
        if matches!(self.stage, Stage::Begin) {
            let llm = self.llm;
            let paid = self.meter.reserve(&mut self.request, &|usage| llm.max_cost(usage)).await;
            let reservation = Some(paid?);
            let reply = self.llm.stream(self.request.clone());
            self.stage = Stage::Streams(Streaming { reply, reservation, used: Usage::default(), bytes: 0 });
        }
        if matches!(&self.stage, Stage::Streams(streaming) if streaming.reservation.is_none()) {
            // The backend asks again when it is polled.
            let llm = self.llm;
            let paid = self.meter.reserve_again(&self.request, &|usage| llm.max_cost(usage)).await;
            let reservation = paid?;
            if let Stage::Streams(streaming) = &mut self.stage {
                streaming.reservation = Some(reservation);
            }
        }
        Ok(())
    }
}

impl Streaming<'_> {
    fn see(&mut self, delta: &Delta) {
        match delta {
            Delta::Start { usage, .. } | Delta::Stop { usage, .. } => self.used.update(usage),
            Delta::Complete(response) => self.used = response.usage,
            Delta::Restarted { .. } => self.settle(self.settlement()),
            _ => {}
        }
        self.bytes += bytes_of(delta);
    }

    /// How the attempt ends if it was answered.
    fn settlement(&self) -> Settlement {
        let is_counted = self.used.all_input_tokens() > 0 || self.used.output_tokens > 0;
        match is_counted {
            true => Settlement::Used(self.used),
            false => Settlement::NotCounted { output_tokens: tokens_in(self.bytes as u64) },
        }
    }

    fn settle(&mut self, settlement: Settlement) {
        (self.used, self.bytes) = (Usage::default(), 0);
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(settlement);
        }
    }
}

/// The bytes of a piece that a model wrote.
fn bytes_of(delta: &Delta) -> usize {
    match delta {
        Delta::Block { block, .. } => block.json().text().len(),
        Delta::Piece { piece: Piece::Text(text) | Piece::Thinking(text) | Piece::Input(text), .. } => {
            text.len()
        }
        Delta::Complete(response) => response.content.iter().map(|block| block.json().text().len()).sum(),
        _ => 0,
    }
}
