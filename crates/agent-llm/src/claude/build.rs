//! From settings to a client.

use std::env;

use super::{
    api::{BASE_URL_VARIABLE, KEY_VARIABLE},
    builder::ClaudeBuilder,
    client::Claude,
    messages::Messages,
};
use crate::transport::config_error::ConfigError;

impl ClaudeBuilder {
    /// Makes the client. Fails if a setting is missing or invalid; the error says which one.
    pub fn build(self) -> Result<Claude, ConfigError> {
        self.build_in(|name| env::var(name).ok())
    }

    fn build_in(self, variable: impl Fn(&str) -> Option<String>) -> Result<Claude, ConfigError> {
        Messages::new(self.complete(variable), None).map(Claude::around)
    }

    /// Fills in from the environment what was not given.
    fn complete(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        self.http.complete(variable(KEY_VARIABLE), variable(BASE_URL_VARIABLE));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    fn refused(settings: ClaudeBuilder) -> String {
        settings.build_in(nothing).unwrap_err().to_string()
    }

    #[test]
    fn key_and_base_url_come_from_the_environment_unless_given() {
        let variable = |name: &str| match name {
            "ANTHROPIC_API_KEY" => Some("from-env\n".to_owned()),
            "ANTHROPIC_BASE_URL" => Some("http://localhost:1".to_owned()),
            _ => None,
        };
        let settings = ClaudeBuilder::default().complete(variable);
        assert_eq!(settings.http.key, Some(Key::from("from-env")));
        assert_eq!(settings.http.base_url.as_deref(), Some("http://localhost:1"));
        let given = ClaudeBuilder::default().key("given").base_url("http://[::1]").complete(variable);
        assert_eq!(
            (given.http.key, given.http.base_url.as_deref()),
            (Some("given".into()), Some("http://[::1]"))
        );
        let plain = ClaudeBuilder::default().build_in(|name| match name {
            "ANTHROPIC_BASE_URL" => Some("http://gateway".to_owned()),
            _ => Some("k".to_owned()),
        });
        assert_eq!(plain.unwrap_err(), ConfigError::PlainHttp { url: "http://gateway/".to_owned() });
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        insta::assert_snapshot!(refused(ClaudeBuilder::default()), @"no API key: set the environment variable ANTHROPIC_API_KEY, or call the builder's `key(..)`");
        insta::assert_snapshot!(refused(ClaudeBuilder::default().key(" ")), @"no API key: set the environment variable ANTHROPIC_API_KEY, or call the builder's `key(..)`");
        insta::assert_snapshot!(refused(ClaudeBuilder::default().key("sk-s\u{e9}cret\n\u{7f}")), @"the API key has a character that no key has, perhaps an invisible one: check what was pasted");
        let keyed = || ClaudeBuilder::default().key("k");
        insta::assert_snapshot!(refused(keyed().base_url("localhost:80")), @r#"the base URL "localhost:80" can't be used: it must begin with https:// or http://; it should look like https://api.anthropic.com"#);
        insta::assert_snapshot!(refused(keyed().base_url("api.anthropic.com")), @r#"the base URL "api.anthropic.com" can't be used: it must begin with https:// or http://; it should look like https://api.anthropic.com"#);
        insta::assert_snapshot!(refused(keyed().base_url("https://me:pass@host/?token=t")), @r#"the base URL "https://host/" can't be used: it must hold no user name and no password; it should look like https://api.anthropic.com"#);
        insta::assert_snapshot!(refused(keyed().base_url("http://gateway?token=t")), @r#"the base URL "http://gateway/" is plain http to another machine, so anybody on the way could read the key: use https, or call the builder's `allow_plain_http(true)`"#);
        insta::assert_snapshot!(refused(keyed().header("x y", "secret")), @r#"the header "x y" can't be sent: invalid HTTP header name"#);
        insta::assert_snapshot!(refused(keyed().header("x-y", "secret\n")), @r#"the header "x-y" can't be sent: failed to parse header value"#);
        insta::assert_snapshot!(refused(keyed().beta("a\nb")), @r#"the header "anthropic-beta" can't be sent: failed to parse header value"#);
    }

    #[test]
    fn a_client_with_a_signer_needs_no_key_and_reads_none_from_the_environment() {
        let signer = || crate::transport::bearer(|| std::future::ready(Ok("token".to_owned())));
        assert!(ClaudeBuilder::default().signer(signer()).build_in(nothing).is_ok());
        let settings = ClaudeBuilder::default().signer(signer()).complete(|name| Some(name.to_owned()));
        assert_eq!(settings.http.key, None);
        assert!(settings.http.base_url.is_some());
        let given = ClaudeBuilder::default().signer(signer()).key("given").complete(nothing);
        assert_eq!(given.http.key, Some(Key::from("given")));
    }

    #[test]
    fn fault_34_settings_and_client_show_no_secret() {
        let settings = ClaudeBuilder::default()
            .key("secret-1")
            .base_url("https://secret-2:secret-3@host/path?token=secret-4")
            .header("authorization", "secret-5")
            .extra("mcp_servers", serde_json::json!(["secret-6"]));
        let shown = format!("{settings:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("https://host/path"), "{shown}");
        let client = settings.base_url("https://host").build_in(nothing).unwrap();
        assert!(!format!("{client:#?}").contains("secret"), "{client:#?}");
    }
}
