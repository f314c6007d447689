//! A server at a URL, by streamable HTTP.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};
use reqwest::Url;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

use super::OAuth;

/// The URL, and what is sent with each request.
#[derive(Clone)]
pub(super) struct Http {
    pub(super) url: String,
    pub(super) headers: HashMap<HeaderName, HeaderValue>,
    pub(super) bearer: Option<String>,
    pub(super) oauth: Option<OAuth>,
}

impl Http {
    pub(super) fn at(url: String) -> Self {
        Self { url, headers: HashMap::new(), bearer: None, oauth: None }
    }

    /// What may be secret in the URL.
    pub(super) fn secrets(&self) -> Vec<String> {
        let Ok(url) = Url::parse(&self.url) else { return Vec::new() };
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        let whole = [url.query(), url.password()].into_iter().flatten().map(str::to_owned);
        values.chain(whole).collect()
    }

    /// What rmcp is told.
    pub(super) fn config(&self) -> StreamableHttpClientTransportConfig {
        let config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        let config = config.custom_headers(self.headers.clone());
        match &self.bearer {
            Some(token) => config.auth_header(token),
            None => config,
        }
    }

    /// The URL without what may be secret in it: a password, and the query.
    pub(super) fn shown_url(&self) -> String {
        let Ok(mut url) = Url::parse(&self.url) else { return "a server at an invalid URL".to_owned() };
        url.set_query(None);
        url.set_fragment(None);
        // A URL that can't have these has none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    }
}
