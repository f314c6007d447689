//! Where the API is.

use std::{fmt, net::IpAddr};

use reqwest::Url;

use crate::{ClaudeBuilder, ConfigError, shown::shown};

/// The address of an API, and of its endpoints, which are below it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    messages: Url,
    count_tokens: Url,
}

impl Endpoint {
    /// The base URL of the settings, checked.
    pub(crate) fn of(settings: &ClaudeBuilder) -> Result<Self, ConfigError> {
        let given = settings.base_url.as_deref().unwrap_or("https://api.anthropic.com").trim();
        let shown = || shown(given);
        let wrong = |reason: String| ConfigError::BaseUrl { url: shown(), reason };
        let url = Url::parse(given).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it must begin with https:// or http://".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must hold no user name and no password".to_owned()));
        }
        let endpoint = Self {
            messages: below(&url, "v1/messages"),
            count_tokens: below(&url, "v1/messages/count_tokens"),
        };
        if url.scheme() == "http" && !endpoint.is_loopback() && !settings.allow_plain_http {
            return Err(ConfigError::PlainHttp { url: shown() });
        }
        Ok(endpoint)
    }

    /// Where messages are made.
    pub(crate) fn messages(&self) -> &Url {
        &self.messages
    }

    /// Where tokens are counted.
    pub(crate) fn count_tokens(&self) -> &Url {
        &self.count_tokens
    }

    /// Whether it is on this machine. Of names, only `localhost` is sure to be: where others that end with
    /// it lead is up to the resolver.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.messages.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// Whether what is said there is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.messages.scheme() == "https"
    }
}

/// Its query may hold a secret.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&shown(self.messages.as_str())).finish()
    }
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, allow: bool) -> Result<Endpoint, String> {
        let settings = ClaudeBuilder::default().base_url(url).allow_plain_http(allow);
        Endpoint::of(&settings).map_err(|error| error.to_string())
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
        insta::assert_snapshot!(of("http://gateway:8080/?token=t", false).unwrap_err(), @r#"the base URL "http://gateway:8080/" is plain http to another machine, where all on the way could read the key: use https, or allow it with `Claude::builder().allow_plain_http(true)`"#);
    }

    #[test]
    fn endpoints_lie_below_the_base() {
        let paths = |url| {
            let endpoint = of(url, false).unwrap();
            [endpoint.messages().to_string(), endpoint.count_tokens().to_string()]
        };
        assert_eq!(
            paths("https://host"),
            ["https://host/v1/messages", "https://host/v1/messages/count_tokens"]
        );
        let below = ["https://host/a/v1/messages?q=1", "https://host/a/v1/messages/count_tokens?q=1"];
        assert_eq!(paths("https://host/a/?q=1"), below);
    }
}
