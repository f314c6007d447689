//! A mock server of its own: prints its URL and serves until it is killed.
//! `cargo run -p agent-mock --example serve -- [SCRIPT.json [PORT]]`; the script's form is `Scenario`'s.

use std::{error::Error, fs, path::PathBuf};

use agent_mock::{Mock, Scenario};
use clap::Parser;
use program::println;

/// Serves a scripted model on this machine until it is stopped, and prints its URL
#[derive(Parser)]
struct Options {
    /// What the model says, as JSON [default: it calls the first tool that it is offered, then answers]
    #[arg(value_name = "SCRIPT.json")]
    script: Option<PathBuf>,
    /// Where it is served, on 127.0.0.1; 0 is any port that is free
    #[arg(default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { script, port } = Options::parse();
    let plot = match script {
        Some(path) => {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            Scenario::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => Scenario::default(),
    };
    let server = Mock::start_at(([127, 0, 0, 1], port).into(), plot).await?;
    println!("{}", server.url());
    std::future::pending().await
}
