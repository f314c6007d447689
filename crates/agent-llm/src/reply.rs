//! A streamed reply: from the bytes of an HTTP answer to deltas.

use std::time::Duration;

use agent_core::{Delta, LlmError, LlmErrorKind};

use crate::{
    limit::Clock,
    refusal::request_id,
    sse::Decoder,
    wire::{Said, read},
};

/// A reply that is being read.
#[derive(Debug)]
pub(crate) struct Reply {
    answer: reqwest::Response,
    clock: Clock,
    events: Decoder,
}

impl Reply {
    pub(crate) fn new(answer: reqwest::Response, clock: Clock) -> Self {
        Self { answer, clock, events: Decoder::default() }
    }

    /// The next piece; `None` once the reply is whole.
    pub(crate) async fn next(&mut self) -> Result<Option<Delta>, LlmError> {
        let next = self.read_on().await;
        next.map_err(|mut error| {
            error.request_id = error.request_id.or_else(|| request_id(self.answer.headers()));
            error
        })
    }

    async fn read_on(&mut self) -> Result<Option<Delta>, LlmError> {
        loop {
            while let Some(event) = self.events.next() {
                match read(&event)? {
                    Said::Delta(delta) => {
                        self.clock.told();
                        return Ok(Some(delta));
                    }
                    Said::End => return Ok(None),
                    Said::Nothing => {}
                }
            }
            match self.clock.next().keep(self.answer.chunk()).await? {
                Ok(Some(bytes)) => {
                    self.clock.heard();
                    self.events.push(&bytes)?;
                }
                Ok(None) => return self.last(),
                Err(error) => return Err(broken_off(&causes(error))),
            }
        }
    }

    /// The answer ended. That is in order only if its last event, though it lacks its blank line,
    /// says that the reply is whole.
    fn last(&mut self) -> Result<Option<Delta>, LlmError> {
        let last = std::mem::take(&mut self.events).finish();
        match last.as_ref().map(read) {
            Some(Ok(Said::End)) => Ok(None),
            _ => Err(broken_off("the stream ended before message_stop")),
        }
    }

    /// Reads the answer to its end, which as a rule is here already: only then is its connection kept
    /// for the next request. A server that holds it open is not waited for.
    pub(crate) async fn give_back(mut self) {
        let rest = async { while let Ok(Some(_)) = self.answer.chunk().await {} };
        // Shorter than a new connection would take; when it is over, the connection is closed.
        let _ = tokio::time::timeout(Duration::from_millis(20), rest).await;
    }
}

fn broken_off(why: &str) -> LlmError {
    LlmError::new(LlmErrorKind::Incomplete, why)
}

/// What went wrong and why, down to the first cause. Without the URL, which may hold secrets.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.ends_with(&why) {
            text.push_str(&format!(": {why}"));
        }
        cause = error.source();
    }
    text
}
