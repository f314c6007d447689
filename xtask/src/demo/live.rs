//! The demo with a real model.

use std::error::Error;

use agent_llm::{Claude, ClaudeBuilder, ConfigError};

use super::{Stage, screen::Screen};

/// The client as the environment describes it, for this model if one is named.
pub(super) fn stage(screen: Screen, model: Option<&str>) -> Result<Stage, Box<dyn Error>> {
    let settings = Claude::builder();
    let settings = model.into_iter().fold(settings, ClaudeBuilder::model);
    let claude = settings.build().map_err(|error| -> Box<dyn Error> {
        match error {
            ConfigError::NoKey { .. } => {
                "--live asks a real model, but no key is set: set ANTHROPIC_API_KEY \
            (and ANTHROPIC_BASE_URL for another server than Anthropic's), or leave --live out"
                    .into()
            }
            other => other.into(),
        }
    })?;
    Ok(Stage { claude, screen, speed: None, page: false })
}
