//! The requests of a batch, as one body.

use std::collections::HashSet;

use agent_core::{LlmError, Request, model::LlmErrorKind};

use super::custom_id;
use crate::claude::{builder::ClaudeBuilder, wire};

/// The most requests of a batch.
pub(super) const MOST_REQUESTS: usize = 100_000;

/// The most bytes of a batch.
const MOST_BYTES: usize = 256_000_000;

/// A request of a batch, with your own id for it if you want one. It is made from a [`Request`], or
/// from a pair of an id and a `Request`.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchRequest {
    /// Your own id: letters, digits, `_` and `-`, 58 characters at most. `None` if you need none.
    pub custom_id: Option<String>,
    /// The request.
    pub request: Request,
}

impl From<Request> for BatchRequest {
    fn from(request: Request) -> Self {
        Self { custom_id: None, request }
    }
}

impl<I: Into<String>> From<(I, Request)> for BatchRequest {
    fn from((custom_id, request): (I, Request)) -> Self {
        Self { custom_id: Some(custom_id.into()), request }
    }
}

/// The body of a batch that is being written.
pub(super) struct Requests {
    text: Vec<u8>,
    ids: HashSet<String>,
}

impl Requests {
    /// Begins the body of a batch of so many requests.
    pub(super) fn begin(count: usize) -> Result<Self, LlmError> {
        match count {
            0 => Err(invalid("a batch needs at least one request".to_owned())),
            1..=MOST_REQUESTS => Ok(Self { text: br#"{"requests":["#.to_vec(), ids: HashSet::new() }),
            _ => Err(invalid(format!(
                "{count} requests are too many for a batch: it has {MOST_REQUESTS} at most"
            ))),
        }
    }

    pub(super) fn add(
        &mut self,
        position: usize,
        custom_id: Option<String>,
        settings: &ClaudeBuilder,
        request: &Request,
    ) -> Result<(), LlmError> {
        let wrong = |reason: String| invalid(format!("request {position} of the batch: {reason}"));
        let id = custom_id::written(position, custom_id.as_deref()).map_err(wrong)?;
        if let Some(again) = custom_id.and_then(|own| self.ids.replace(own)) {
            return Err(wrong(format!("the id {again:?} is there already")));
        }
        if position > 0 {
            self.text.push(b',');
        }
        self.text.extend_from_slice(format!(r#"{{"custom_id":"{id}","params":"#).as_bytes());
        self.text.append(&mut wire::in_batch(settings, request));
        self.text.push(b'}');
        if self.text.len() > MOST_BYTES {
            return Err(wrong(format!(
                "with it the batch has more than {MOST_BYTES} bytes: make several batches"
            )));
        }
        Ok(())
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.text.extend_from_slice(b"]}");
        self.text
    }
}

fn invalid(message: String) -> LlmError {
    LlmError::new(LlmErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use agent_core::Message;

    use super::*;

    fn said(done: Result<impl Sized, LlmError>) -> String {
        done.map_or_else(|error| error.message.clone(), |_| "fine".to_owned())
    }

    #[test]
    fn a_batch_that_the_api_refuses_is_an_error_before_it_is_sent() {
        insta::assert_snapshot!(said(Requests::begin(0)), @"a batch needs at least one request");
        insta::assert_snapshot!(said(Requests::begin(100_001)), @"100001 requests are too many for a batch: it has 100000 at most");
        let settings = ClaudeBuilder::default();
        let request = Request::new(vec![Message::user("hi")]);
        let mut body = Requests::begin(3).unwrap();
        let mut add = |id: &str| said(body.add(1, Some(id.to_owned()), &settings, &request));
        assert_eq!(add("a"), "fine");
        insta::assert_snapshot!(add("a"), @r#"request 1 of the batch: the id "a" is there already"#);
        insta::assert_snapshot!(add("a b"), @r#"request 1 of the batch: the id "a b" should have letters, digits, `_` and `-` only"#);
        body.text.resize(MOST_BYTES, b' ');
        insta::assert_snapshot!(said(body.add(2, None, &settings, &request)), @"request 2 of the batch: with it the batch has more than 256000000 bytes: make several batches");
    }
}
