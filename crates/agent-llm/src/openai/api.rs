//! The names of OpenAI's APIs: their variables, addresses and headers.

use crate::transport::{api::Api, rate_limit};

/// The environment variable with the key.
pub(super) const KEY_VARIABLE: &str = "OPENAI_API_KEY";

/// The environment variable with the address, if it is not the default.
pub(super) const BASE_URL_VARIABLE: &str = "OPENAI_BASE_URL";

/// The environment variables with the organization and the project that pay.
pub(super) const ORGANIZATION_VARIABLE: &str = "OPENAI_ORG_ID";
pub(super) const PROJECT_VARIABLE: &str = "OPENAI_PROJECT_ID";

/// Where models are listed, below the address.
pub(super) const MODELS: &str = "models";

/// The headers that name them.
pub(super) const ORGANIZATION: &str = "openai-organization";
pub(super) const PROJECT: &str = "openai-project";

/// Source: <https://platform.openai.com/docs/api-reference/authentication>.
pub(super) const OPENAI: Api = Api {
    provider: "openai",
    key_variable: Some(KEY_VARIABLE),
    base_url: "https://api.openai.com/v1",
    key_header: "authorization",
    key_scheme: "Bearer ",
    request_id: "x-request-id",
    rate_limits: &rate_limit::OPENAI,
};

/// A server that speaks like OpenAI's. It may need no key.
pub(super) const COMPATIBLE: Api =
    Api { key_variable: None, base_url: "http://localhost:11434/v1", ..OPENAI };

/// Which of the two APIs is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Chat,
    Responses,
}

impl Protocol {
    /// Where it is, below the address.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat/completions",
            Self::Responses => "responses",
        }
    }
}
