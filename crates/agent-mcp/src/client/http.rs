//! A server at a URL, by streamable HTTP.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};
use reqwest::Url;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

use super::OAuth;

/// The longest part of a path that is shown. Words are shorter, and keys are longer.
const LONGEST_PART: usize = 20;

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
        let user = (!url.username().is_empty()).then(|| url.username());
        let whole = [url.query(), url.password(), user].into_iter().flatten().map(str::to_owned);
        let parts = url.path_segments().into_iter().flatten().filter(|part| is_secret(part));
        values.chain(whole).chain(parts.map(str::to_owned)).collect()
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

    /// The URL without what may be secret in it: a user and a password, long parts of the path, and
    /// the query.
    pub(super) fn shown_url(&self) -> String {
        let Ok(mut url) = Url::parse(&self.url) else { return "a server at an invalid URL".to_owned() };
        url.set_query(None);
        url.set_fragment(None);
        // A URL that can't have these has none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let shown = |part: &str| if is_secret(part) { "…".to_owned() } else { part.to_owned() };
        let path: Vec<String> = url.path().split('/').map(shown).collect();
        format!("{}{}", url.origin().ascii_serialization(), path.join("/"))
    }
}

/// Whether a part of a path may be a secret. Some servers give each user an address of their own.
fn is_secret(part: &str) -> bool {
    part.len() > LONGEST_PART
}

#[cfg(test)]
mod tests {
    use super::Http;

    #[test]
    fn field_86_secrets_of_a_url_are_known_and_not_shown() {
        let secret = "MDQyYzNlOTAtODM3ZS00";
        let http = Http::at(format!(
            "https://user-7:pass-7@example.com:8443/api/mcp/{secret}aaaa/mcp?key=query-7#x"
        ));
        assert_eq!(http.shown_url(), "https://example.com:8443/api/mcp/…/mcp");
        let mut secrets = http.secrets();
        secrets.sort();
        assert_eq!(secrets, [&*format!("{secret}aaaa"), "key=query-7", "pass-7", "query-7", "user-7"]);
        assert_eq!(Http::at("https://example.com/mcp".to_owned()).shown_url(), "https://example.com/mcp");
    }
}
