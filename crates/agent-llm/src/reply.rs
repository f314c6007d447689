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
                    Said::Delta(delta) => return Ok(Some(delta)),
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

    /// Reads the rest of the answer on the side, which is as a rule its mere end: only an answer that
    /// was read to its end leaves its connection for the next request.
    pub(crate) fn give_back(mut self) {
        tokio::spawn(async move {
            let rest = async { while let Ok(Some(_)) = self.answer.chunk().await {} };
            // A server that holds the answer open loses the connection instead; nobody waits for it.
            let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
        });
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
