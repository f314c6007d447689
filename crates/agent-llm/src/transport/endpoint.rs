//! The address of an API.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use reqwest::Url;

use super::{config_error::ConfigError, shown::shown};

/// The address of an API. The URLs of its endpoints begin with it. Clones share it.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Inner>);

struct Inner {
    url: Url,
    /// The path that was asked for first, with its URL. Most requests go there.
    usual: OnceLock<(String, Url)>,
}

impl Endpoint {
    /// The address of a base URL, if it can be used. `example` shows what one looks like. Plain
    /// http to another machine must be allowed.
    pub(crate) fn of(
        base_url: &str,
        allow_plain_http: bool,
        example: &'static str,
    ) -> Result<Self, ConfigError> {
        let given = base_url.trim();
        let shown = || shown(given);
        let wrong = |reason: String| ConfigError::BaseUrl { url: shown(), reason, example };
        let unbegun = || wrong("it must begin with https:// or http://".to_owned());
        let url = match Url::parse(given) {
            // As the library says it: "relative URL without a base".
            Err(_) if !given.contains("://") => return Err(unbegun()),
            url => url.map_err(|error| wrong(error.to_string()))?,
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unbegun());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must hold no user name and no password".to_owned()));
        }
        let endpoint = Self(Arc::new(Inner { url, usual: OnceLock::new() }));
        if !endpoint.is_tls() && !endpoint.is_loopback() && !allow_plain_http {
            return Err(ConfigError::PlainHttp { url: shown() });
        }
        Ok(endpoint)
    }

    /// The URL at this path below the address, with this query behind the address's own.
    pub(crate) fn below(&self, path: &str, query: &[(&str, String)]) -> Url {
        let (usual, url) = self.0.usual.get_or_init(|| (path.to_owned(), self.joined(path)));
        let mut url = if usual == path { url.clone() } else { self.joined(path) };
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn joined(&self, path: &str) -> Url {
        let mut url = self.0.url.clone();
        url.set_path(&format!("{}/{path}", self.0.url.path().trim_end_matches('/')));
        url
    }

    /// Whether it is on this machine. The only name that is sure to be here is `localhost`; names
    /// that end in it may lead elsewhere, as the resolver decides.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }

    pub(crate) fn host(&self) -> &str {
        self.0.url.host_str().unwrap_or_default()
    }

    /// Its port, if that is not the usual one.
    pub(crate) fn port(&self) -> Option<u16> {
        self.0.url.port()
    }

    /// Whether its connections are encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.url.scheme() == "https"
    }
}

/// Without the query, which may hold a secret.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&shown(self.0.url.as_str())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, allow: bool) -> Result<Endpoint, String> {
        Endpoint::of(url, allow, "https://api.example.com").map_err(|error| error.to_string())
    }

    #[test]
    fn plain_http_leaves_this_machine_only_where_that_is_allowed() {
        let loopback = ["http://localhost:80", "http://LOCALHOST", "http://127.0.0.1", "http://127.9.9.9:1"];
        let too = ["http://[::1]:8080/x", "http://[::ffff:127.0.0.1]", "http://0x7f000001"];
        for url in loopback.iter().chain(&too) {
            assert!(of(url, false).unwrap().is_loopback(), "{url}");
        }
        let elsewhere =
            ["http://10.0.0.1", "http://gateway:8080", "http://localhost.evil.com", "http://0.0.0.0"];
        let names = ["http://api.localhost", "http://[::2]", "http://128.0.0.1"];
        for url in elsewhere.iter().chain(&names) {
            assert!(of(url, false).unwrap_err().contains("allow_plain_http"), "{url}");
            assert!(!of(url, true).unwrap().is_loopback(), "{url}");
        }
        assert!(!of("https://gateway", false).unwrap().is_loopback());
        insta::assert_snapshot!(of("http://gateway:8080/?token=t", false).unwrap_err(), @r#"the base URL "http://gateway:8080/" is plain http to another machine, so anybody on the way could read the key: use https, or call the builder's `allow_plain_http(true)`"#);
    }

    #[test]
    fn endpoints_lie_below_the_base() {
        let paths = |url| {
            let endpoint = of(url, false).unwrap();
            [
                endpoint.below("v1/messages", &[]).to_string(),
                endpoint.below("v1/messages/count_tokens", &[]).to_string(),
            ]
        };
        assert_eq!(
            paths("https://host"),
            ["https://host/v1/messages", "https://host/v1/messages/count_tokens"]
        );
        let below = ["https://host/a/v1/messages?q=1", "https://host/a/v1/messages/count_tokens?q=1"];
        assert_eq!(paths("https://host/a/?q=1"), below);
    }
}
