//! The APIs, and our client for each.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::Llm;
use agent_llm::{Claude, ConfigError, OpenAi, ToolChoice};

/// A small model on a busy machine may be silent so long.
const SILENCE: Duration = Duration::from_secs(120);

/// The model's name at each server.
const MODEL: &str = "smollm2";

/// What LiteLLM takes for its key. The others take any.
pub(super) const KEY: &str = "sk-no-secret";

/// An API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Messages,
    Chat,
    Responses,
}

impl Wire {
    pub(super) const ALL: [Self; 3] = [Self::Messages, Self::Chat, Self::Responses];

    /// A model behind this API, which calls a tool before it answers. Requests are made again as by default, since
    /// servers close connections that nobody uses; any other reason for that is a finding.
    pub(super) fn model(self, url: &str, streamed: bool) -> Result<Arc<dyn Llm>, ConfigError> {
        macro_rules! client {
            ($builder:expr) => {
                Arc::new(
                    $builder
                        .key(KEY)
                        .model(MODEL)
                        .tool_choice(ToolChoice::Any)
                        .streaming(streamed)
                        .first_byte_timeout(SILENCE)
                        .idle_timeout(SILENCE)
                        .content_timeout(SILENCE)
                        .build()?,
                )
            };
        }
        let openai = || OpenAi::compatible(format!("{url}/v1"));
        Ok(match self {
            Self::Messages => client!(Claude::builder().base_url(url)),
            Self::Chat => client!(openai().chat()),
            Self::Responses => client!(openai().responses()),
        })
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Messages => "/v1/messages",
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
        })
    }
}
