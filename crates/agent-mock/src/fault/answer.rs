//! An answer that takes the place of a reply.

use std::collections::BTreeMap;

use hyper::{
    HeaderMap, Response, StatusCode,
    header::{HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};

use crate::{
    response::{Body, full, refusal_response},
    vendor::Vendor,
};

/// An HTTP answer for [`Fault::answer`](crate::Fault::answer): any status, headers and body. If you
/// set no body, the body is an error in the form of the API to which the request was sent.
///
/// ```
/// use agent_mock::Answer;
/// let busy = Answer::new(429).header("retry-after", "2");
/// let proxy = Answer::new(502).header("content-type", "text/html").body("<html>Bad gateway</html>");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl Answer {
    /// Makes an answer with this status, from 200 to 999. With any other status, the server answers
    /// with 500.
    pub fn new(status: u16) -> Self {
        Self { status, headers: BTreeMap::new(), body: None }
    }

    /// Sets a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// Sets the body. The answer then has no content type unless you set that header.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The answer to the request with this id. The error says what HTTP can't send.
    pub(crate) fn response(&self, vendor: &dyn Vendor, request_id: &str) -> Result<Response<Body>, String> {
        let status = StatusCode::from_u16(self.status).ok().filter(|status| !status.is_informational());
        let status = status.ok_or_else(|| {
            format!("{} is not a status that an answer can have: use one from 200 to 999", self.status)
        })?;
        let mut response = match &self.body {
            Some(body) => Response::new(full(body.clone())),
            None => refusal_response(vendor, &vendor.usual_error(self.status), request_id),
        };
        *response.status_mut() = status;
        response.headers_mut().extend(self.valid_headers()?);
        Ok(response)
    }

    fn valid_headers(&self) -> Result<HeaderMap, String> {
        let valid = |(name, value): (&String, &String)| {
            let wrong = |error: &dyn std::fmt::Display| format!("the header {name:?} can't be sent: {error}");
            let value = HeaderValue::from_str(value).map_err(|error| wrong(&error))?;
            Ok((HeaderName::try_from(name).map_err(|error| wrong(&error))?, value))
        };
        self.headers.iter().map(valid).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Anthropic;

    #[test]
    fn an_answer_that_http_cannot_send_is_an_error() {
        let check = |answer: Answer, expected: &str| {
            assert_eq!(answer.response(&Anthropic, "req_1").map(|_| ()).unwrap_err(), expected);
        };
        check(Answer::new(42), "42 is not a status that an answer can have: use one from 200 to 999");
        check(Answer::new(100), "100 is not a status that an answer can have: use one from 200 to 999");
        check(
            Answer::new(200).header("x y", "1"),
            r#"the header "x y" can't be sent: invalid HTTP header name"#,
        );
        check(
            Answer::new(200).header("x", "\n"),
            r#"the header "x" can't be sent: failed to parse header value"#,
        );
    }
}
