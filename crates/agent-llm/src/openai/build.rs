//! From settings to a client.

use std::env;

use super::{
    api::{BASE_URL_VARIABLE, KEY_VARIABLE, ORGANIZATION_VARIABLE, PROJECT_VARIABLE},
    builder::OpenAiBuilder,
    client::OpenAi,
    plain_client::Plain,
};
use crate::transport::config_error::ConfigError;

impl OpenAiBuilder {
    /// Makes the client. Fails if a setting is missing or invalid; the error says which one.
    pub fn build(self) -> Result<OpenAi, ConfigError> {
        self.build_in(|name| env::var(name).ok())
    }

    fn build_in(self, variable: impl Fn(&str) -> Option<String>) -> Result<OpenAi, ConfigError> {
        Plain::new(self.complete(variable), None).map(OpenAi::around)
    }

    /// Fills in from the environment what was not given. Another server gets nothing of it: the key
    /// is OpenAI's.
    fn complete(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        if self.body.is_compatible {
            return self;
        }
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        self.http.complete(variable(KEY_VARIABLE), variable(BASE_URL_VARIABLE));
        self.organization = self.organization.or_else(|| variable(ORGANIZATION_VARIABLE));
        self.project = self.project.or_else(|| variable(PROJECT_VARIABLE));
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

    fn in_environment(name: &str) -> Option<String> {
        Some(format!("http://localhost/{name}"))
    }

    #[test]
    fn what_is_not_given_comes_from_the_environment_and_none_of_it_goes_to_another_server() {
        let settings = OpenAiBuilder::default().complete(in_environment);
        assert_eq!(settings.http.key, Some(Key::from("http://localhost/OPENAI_API_KEY")));
        assert_eq!(settings.http.base_url.as_deref(), Some("http://localhost/OPENAI_BASE_URL"));
        assert_eq!(settings.organization.as_deref(), Some("http://localhost/OPENAI_ORG_ID"));
        assert_eq!(settings.project.as_deref(), Some("http://localhost/OPENAI_PROJECT_ID"));
        let given = OpenAiBuilder::default().key("given").base_url("http://[::1]").complete(in_environment);
        assert_eq!(given.http.key, Some(Key::from("given")));
        assert_eq!(given.http.base_url.as_deref(), Some("http://[::1]"));
        let other = OpenAiBuilder::compatible("http://localhost:1/v1".to_owned()).complete(in_environment);
        assert_eq!((other.http.key, other.organization, other.project), (None, None, None));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        let refused = |settings: OpenAiBuilder| settings.build_in(nothing).unwrap_err().to_string();
        let compatible = |url: &str| OpenAiBuilder::compatible(url.to_owned()).model("m");
        insta::assert_snapshot!(refused(OpenAiBuilder::default()), @"no API key: set the environment variable OPENAI_API_KEY, or call the builder's `key(..)`");
        insta::assert_snapshot!(refused(OpenAiBuilder::default().key("k").base_url("localhost:80")), @r#"the base URL "localhost:80" can't be used: it must begin with https:// or http://; it should look like https://api.openai.com/v1"#);
        insta::assert_snapshot!(refused(compatible("http://gateway/v1")), @r#"the base URL "http://gateway/v1" is plain http to another machine, so anybody on the way could read the key: use https, or call the builder's `allow_plain_http(true)`"#);
        insta::assert_snapshot!(refused(compatible("http://localhost/v1").model(" ")), @"no model: call the builder's `model(..)`");
        insta::assert_snapshot!(refused(compatible("http://localhost/v1").project("a\nb")), @r#"the header "openai-project" can't be sent: failed to parse header value"#);
        insta::assert_snapshot!(refused(compatible("http://localhost/v1/chat/completions/")), @r#"the base URL "http://localhost/v1/chat/completions/" can't be used: it must end before /chat/completions, which the client adds; it should look like http://localhost:11434/v1"#);
        insta::assert_snapshot!(refused(compatible("")), @r#"the base URL "" can't be used: it must begin with https:// or http://; it should look like http://localhost:11434/v1"#);
        assert!(compatible("http://localhost/v1").build_in(nothing).is_ok());
    }

    #[test]
    fn a_client_with_a_signer_needs_no_key_and_reads_none_from_the_environment() {
        let signer = || crate::transport::bearer(|| std::future::ready(Ok("token".to_owned())));
        assert!(OpenAiBuilder::default().signer(signer()).build_in(nothing).is_ok());
        let settings = OpenAiBuilder::default().signer(signer()).complete(|name| Some(name.to_owned()));
        assert_eq!(settings.http.key, None);
        assert!(settings.http.base_url.is_some());
        let given = OpenAiBuilder::default().signer(signer()).key("given").complete(nothing);
        assert_eq!(given.http.key, Some(Key::from("given")));
    }

    #[test]
    fn fault_34_settings_and_client_of_openai_show_no_secret() {
        let settings = OpenAiBuilder::default()
            .key("secret-1")
            .base_url("https://host/path?token=secret-2")
            .header("authorization", "secret-3")
            .extra("metadata", serde_json::json!(["secret-4"]));
        let client = settings.clone().build_in(nothing).unwrap();
        let shown = format!("{settings:?} {client:#?}");
        assert!(!shown.contains("secret") && shown.contains("https://host/path"), "{shown}");
    }
}
