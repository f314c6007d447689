//! One attempt at a request, before it is sent.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use agent_core::{Json, LlmError, model::LlmErrorKind};
use bytes::Bytes;
use reqwest::{
    Method, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};

use super::{api_request::ApiRequest, endpoint::Endpoint, shown::shown, sign_error::SignError};

/// One attempt at a request, before it is sent. A [rewrite](crate::transport#elsewhere) may change
/// its path, headers and body. Then a [signer](super::Sign) may add headers.
///
/// The request can't be sent to another host: the path is always below the base URL. `Debug` shows
/// neither the values of headers nor the body.
pub struct OutgoingRequest {
    method: Method,
    endpoint: Endpoint,
    path: Cow<'static, str>,
    query: Vec<(&'static str, String)>,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl OutgoingRequest {
    pub(crate) fn new(request: ApiRequest, endpoint: &Endpoint, headers: HeaderMap) -> Self {
        let ApiRequest { method, path, query, body, .. } = request;
        let url = endpoint.below(&path, &query);
        Self { method, endpoint: endpoint.clone(), path, query, url, headers, body }
    }

    /// The method, such as `POST`.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The whole URL, with the query.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The path below the base URL, without a slash in front, such as `v1/messages`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Sets the path below the base URL. The query stays as it is.
    pub fn set_path(&mut self, path: impl Into<String>) {
        self.path = path.into().into();
        self.url = self.endpoint.below(&self.path, &self.query);
    }

    /// The headers, including the API key if the client has one. `host` and `content-length` are
    /// not among them, because they are set when the request is sent.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The headers, to add or replace some. Their values are treated as secrets.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// Sets the header `authorization: Bearer …` with this token. It replaces any other
    /// `authorization`. Fails if a header can't have the token.
    pub fn set_bearer(&mut self, token: &str) -> Result<(), SignError> {
        let value = HeaderValue::try_from(format!("Bearer {}", token.trim()));
        let wrong = |_| SignError::permanent("the token has a character that no HTTP header may hold");
        self.headers.insert(AUTHORIZATION, value.map_err(wrong)?);
        Ok(())
    }

    /// The bytes of the body, exactly as they are sent. Empty if the method is `GET`.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Replaces the body.
    pub fn set_body(&mut self, body: Vec<u8>) {
        self.body = body.into();
    }

    /// The fields of the body, each as its JSON text. Fails if the body is not a JSON object.
    pub fn fields(&self) -> Result<BTreeMap<String, Json>, LlmError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!("the body for {:?} is no JSON object: {error}", self.path);
            LlmError::new(LlmErrorKind::InvalidRequest, message)
        })
    }

    /// Replaces the body by an object of these fields.
    pub fn set_fields(&mut self, fields: &BTreeMap<String, Json>) {
        let mut body = Vec::with_capacity(self.body.len() + 64);
        for (name, value) in fields {
            body.push(if body.is_empty() { b'{' } else { b',' });
            serde_json::to_writer(&mut body, name).expect("a text can be written as JSON");
            body.push(b':');
            body.extend_from_slice(value.text().as_bytes());
        }
        body.extend_from_slice(if body.is_empty() { b"{}" } else { b"}" });
        self.set_body(body);
    }

    /// Marks the values of all headers as secrets, so that no HTTP layer logs or indexes them.
    pub(crate) fn mark_secrets(&mut self) {
        self.headers.values_mut().for_each(|value| value.set_sensitive(true));
    }

    /// The request for the HTTP client.
    pub(crate) fn into_request(self) -> reqwest::Request {
        let mut request = reqwest::Request::new(self.method, self.url);
        *request.headers_mut() = self.headers;
        if !self.body.is_empty() {
            *request.body_mut() = Some(self.body.into());
        }
        request
    }
}

impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(|name| name.as_str()).collect();
        f.debug_struct("OutgoingRequest")
            .field("method", &self.method)
            .field("url", &shown(self.url.as_str()))
            .field("headers", &headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &'static str) -> OutgoingRequest {
        let endpoint = Endpoint::of("https://host/base?key=secret", false, "").unwrap();
        let request = ApiRequest::post("v1/messages", body.into()).query("limit", "2 3".to_owned());
        OutgoingRequest::new(request, &endpoint, HeaderMap::new())
    }

    #[test]
    fn a_path_stays_below_the_base_url_and_keeps_the_query() {
        let check = |path: &str, expected: &str| {
            let mut request = request("{}");
            request.set_path(path);
            assert_eq!(request.url().as_str(), format!("https://host/base/{expected}?key=secret&limit=2+3"));
        };
        check("models/m:rawPredict", "models/m:rawPredict");
        check("models/a?b#c", "models/a%3Fb%23c");
        check("//other/x", "//other/x");
        assert_eq!(request("{}").path(), "v1/messages");
    }

    #[test]
    fn fields_keep_the_text_in_which_they_were_written() {
        let big = r#"{"z":1,"a":{"n":123456789012345678901234567890 }}"#;
        let mut changed = request(big);
        let mut fields = changed.fields().unwrap();
        fields.remove("z");
        changed.set_fields(&fields);
        assert_eq!(changed.body(), br#"{"a":{"n":123456789012345678901234567890 }}"#);
        changed.set_fields(&BTreeMap::new());
        assert_eq!(changed.body(), b"{}");
        let error = request("[1]").fields().unwrap_err();
        assert!(error.message.starts_with(r#"the body for "v1/messages" is no JSON object"#), "{error}");
    }

    #[test]
    fn fault_34_a_request_shows_no_secret() {
        let mut request = request(r#"{"prompt":"secret"}"#);
        request.set_bearer(" secret\n").unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer secret");
        let error = request.set_bearer("secret\u{7f}").unwrap_err();
        let shown = format!("{request:?} {error:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}
