//! A mock server as a process of its own. It prints its URL and serves until it is killed.

use std::{error::Error, fs, path::PathBuf};

use agent_mock::{Mock, Scenario};
use clap::Parser;
use program::println;

/// Serves a scripted model at a local URL until it is stopped, and prints the URL
#[derive(Parser)]
struct Options {
    /// A file with the replies of the model, as JSON [default: it calls the first tool, then
    /// answers]
    #[arg(value_name = "SCENARIO.json")]
    scenario: Option<PathBuf>,
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { scenario, port } = Options::parse();
    let scenario = match scenario {
        Some(path) => {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            Scenario::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => Scenario::default(),
    };
    let server = Mock::start_at(([127, 0, 0, 1], port).into(), scenario).await?;
    println!("{}", server.url());
    std::future::pending().await
}
