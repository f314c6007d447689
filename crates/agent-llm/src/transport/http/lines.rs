//! An answer of many lines, each of which is read when it comes.

use std::pin::pin;

use agent_core::{LlmError, model::LlmErrorKind};
use futures::{Stream, stream};
use memchr::memchr;

use super::{Attempt, Http};
use crate::transport::{api_request::ApiRequest, causes::causes, limit::Clock, size::Size};

/// How such an answer is asked for. Servers call it by other names, too.
pub(super) const LINES: &str = "application/binary";

/// The lines of an answer that are still to come.
struct Lines<'a> {
    http: &'a Http,
    attempt: Attempt<'a>,
    clock: Clock,
    state: State,
    /// What came behind the last line.
    rest: Vec<u8>,
    /// How much of the rest has no end of a line in it.
    searched: usize,
}

enum State {
    Unasked(ApiRequest),
    Open(reqwest::Response),
    Over,
}

impl Http {
    /// What `read` makes of the lines of an answer, without blank ones. Each may be as long as a
    /// reply. The request is made when the stream is first polled. After an error there is nothing
    /// more.
    pub(crate) fn lines<T>(
        &self,
        request: ApiRequest,
        read: fn(&str) -> Result<T, LlmError>,
    ) -> impl Stream<Item = Result<T, LlmError>> + Send + use<'_, T> {
        let lines = Lines {
            http: self,
            attempt: Attempt::new(&self.secrets),
            clock: Clock::start(&self.settings.limits, 0),
            state: State::Unasked(request),
            rest: Vec::new(),
            searched: 0,
        };
        stream::unfold(lines, move |mut lines| async move {
            let read = lines.next().await.transpose()?.and_then(|line| read(&line));
            let read = read.map_err(|error| {
                lines.state = State::Over;
                lines.take_rest();
                lines.attempt.scrub(error)
            });
            Some((read, lines))
        })
    }
}

impl Lines<'_> {
    /// The next line that is not blank. `None` at the end.
    async fn next(&mut self) -> Result<Option<String>, LlmError> {
        loop {
            let line = match self.line() {
                Some(line) => line,
                None if self.read().await? => continue,
                None if self.rest.is_empty() => return Ok(None),
                // The last line may lack its end.
                None => self.take_rest(),
            };
            if !line.trim_ascii().is_empty() {
                // In JSON only a string can hold what is no UTF-8.
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
        }
    }

    /// A line that has come already, with its end.
    fn line(&mut self) -> Option<Vec<u8>> {
        let end = memchr(b'\n', &self.rest[self.searched..]).map(|place| self.searched + place + 1);
        self.searched = end.map_or(self.rest.len(), |_| 0);
        let behind = self.rest.split_off(end?);
        Some(std::mem::replace(&mut self.rest, behind))
    }

    fn take_rest(&mut self) -> Vec<u8> {
        self.searched = 0;
        std::mem::take(&mut self.rest)
    }

    /// Reads more. `false` at the end of the answer.
    async fn read(&mut self) -> Result<bool, LlmError> {
        let late = |error| self.attempt.late(error);
        match std::mem::replace(&mut self.state, State::Over) {
            State::Unasked(request) => {
                self.clock = Clock::start(&self.http.settings.limits, 0);
                let sent = pin!(self.http.send(request, LINES, &self.attempt));
                self.state = State::Open(self.clock.keep(sent).await.map_err(late)??);
                Ok(true)
            }
            State::Open(mut answer) => {
                let read = self.clock.keep(pin!(answer.chunk())).await?;
                let broke_off = |error| LlmError::new(LlmErrorKind::Incomplete, causes(error));
                let Some(bytes) = read.map_err(broke_off)? else { return Ok(false) };
                self.clock.heard();
                self.clock.told();
                self.clock.check()?;
                self.rest.extend_from_slice(&bytes);
                Size::at_most(self.http.settings.longest_reply).add(self.rest.len())?;
                self.state = State::Open(answer);
                Ok(true)
            }
            State::Over => Ok(false),
        }
    }
}
