//! The demo's options.

use clap::Args;

#[derive(Args)]
pub(crate) struct Demo {
    /// How many times faster than a real model the scripted one answers, 0.1 to 1000. At 1, a reply
    /// takes 2 s
    // Then the whole demo ends in 15 s.
    #[arg(long, value_name = "TIMES", default_value = "4", value_parser = speed, conflicts_with = "live")]
    pub(super) speed: f64,
    /// Prints one line of figures in ms, as JSON, instead of the log
    #[arg(long)]
    pub(super) json: bool,
    /// Writes a page with the timelines of the second scenario to target/demo.html, and opens it if
    /// there is a desktop
    #[arg(long, conflicts_with = "json")]
    pub(super) page: bool,
    /// Asks Claude instead of the scripted model. Uses the key in ANTHROPIC_API_KEY, and the server
    /// at ANTHROPIC_BASE_URL if it is set
    #[arg(long)]
    pub(super) live: bool,
    /// Model to ask [default: the default of agent-llm]
    #[arg(long, requires = "live")]
    pub(super) model: Option<String>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.1..=1000.0).contains(speed));
    speed.ok_or_else(|| "it should be a number from 0.1 to 1000".to_owned())
}
