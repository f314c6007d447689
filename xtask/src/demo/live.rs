//! The demo with a real model.

use std::error::Error;

use agent_llm::{Claude, ConfigError};

use super::{Stage, screen::Screen};

/// The client as the environment describes it.
pub(super) fn stage(screen: Screen) -> Result<Stage, Box<dyn Error>> {
    let claude = Claude::from_env().map_err(|error| match error {
        ConfigError::NoKey => "--live asks a real model, but no key is set: set ANTHROPIC_API_KEY \
            (and ANTHROPIC_BASE_URL for another server than Anthropic's), or leave --live out"
            .to_owned(),
        other => other.to_string(),
    })?;
    Ok(Stage { claude, screen, speed: None })
}
