//! A streamed reply: from the bytes of an HTTP answer to deltas.

use std::{pin::pin, time::Duration};

use agent_core::{Delta, LlmError, LlmErrorKind, Piece};
use reqwest::header::HeaderMap;

use crate::{StreamParser, limit::Clock, refusal::request_id};

/// A reply that is being read.
#[derive(Debug)]
pub(crate) struct Reply {
    answer: reqwest::Response,
    clock: Clock,
    parser: StreamParser,
}

impl Reply {
    pub(crate) fn new(answer: reqwest::Response, clock: Clock) -> Self {
        Self { answer, clock, parser: StreamParser::default() }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.answer.headers()
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
            if let Some(delta) = self.parser.pull()? {
                if says_something(&delta) {
                    self.clock.told();
                }
                return Ok(Some(delta));
            }
            if self.parser.is_whole() {
                return Ok(None);
            }
            match self.clock.keep(pin!(self.answer.chunk())).await? {
                Ok(Some(bytes)) => {
                    self.clock.heard();
                    self.parser.push(&bytes)?;
                }
                Ok(None) => self.parser.finish()?,
                Err(error) => return Err(LlmError::new(LlmErrorKind::Incomplete, causes(error))),
            }
        }
    }

    /// Reads the answer to its end, which as a rule is here already: only then is its connection kept
    /// for the next request. A server that holds it open is not waited for.
    pub(crate) async fn give_back(&mut self) {
        let rest = async { while let Ok(Some(_)) = self.answer.chunk().await {} };
        // Shorter than a new connection would take; when it is over, the connection is closed.
        let _ = tokio::time::timeout(Duration::from_millis(20), rest).await;
    }
}

/// Whether a delta is more than a sign of life, as some gateways send in the form of no words.
fn says_something(delta: &Delta) -> bool {
    use Piece::{Input, Signature, Text, Thinking};
    match delta {
        Delta::Piece { piece: Text(words) | Thinking(words) | Signature(words) | Input(words), .. } => {
            !words.is_empty()
        }
        _ => true,
    }
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
