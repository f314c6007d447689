//! Reads the stream of one request.

use agent_core::{BoxStream, Delta, LlmError, Response, model::Fold};
use futures::{FutureExt, StreamExt};

use super::{
    delta_rules::DeltaRules,
    mismatch::{Checked, Mismatch, must},
};

/// The stream of a request, while it is read.
pub(super) struct Reading<'a> {
    stream: BoxStream<'a, Result<Delta, LlmError>>,
    rules: DeltaRules,
    fold: Fold,
    shown: String,
}

/// How a request ended.
pub(super) type Answer = Result<Response, LlmError>;

impl<'a> Reading<'a> {
    pub(super) fn new(stream: BoxStream<'a, Result<Delta, LlmError>>) -> Self {
        Self { stream, rules: DeltaRules::default(), fold: Fold::default(), shown: String::new() }
    }

    /// Reads to the end. Fails if the deltas break a rule, or if something follows an error.
    pub(super) async fn read_to_end(mut self) -> Result<Answer, Mismatch> {
        while let Some(delta) = self.stream.next().await {
            match delta {
                Ok(delta) => self.take(delta)?,
                Err(error) => return self.nothing_follows(error).map(Err),
            }
        }
        Ok(self.fold.finish())
    }

    /// Reads until the text so far has these words. Fails if the reply ends before.
    pub(super) async fn read_to(&mut self, words: &str) -> Checked {
        while !self.shown.contains(words) {
            let so_far = || format!("text with {words:?} while the server is silent");
            match self.stream.next().await {
                Some(Ok(delta)) => self.take(delta)?,
                Some(Err(error)) => return Err(Mismatch::new(so_far(), error)),
                None => return Err(Mismatch::new(so_far(), "the end of the stream")),
            }
        }
        Ok(())
    }

    fn take(&mut self, delta: Delta) -> Checked {
        self.rules.push(&delta)?;
        match &delta {
            Delta::Restarted { .. } => self.shown.clear(),
            delta => self.shown.extend(delta.text()),
        }
        self.fold.push(delta).map_err(|error| Mismatch::new("deltas that make a reply", error))
    }

    /// A stream that waits for more has nothing more either.
    fn nothing_follows(&mut self, error: LlmError) -> Result<LlmError, Mismatch> {
        let next = self.stream.next().now_or_never().flatten();
        let is_over = next.is_none();
        must(is_over, || Mismatch::new(format!("nothing after the error ({error})"), "one more delta"))?;
        Ok(error)
    }
}
