//! A mock server of its own: prints its URL and serves until it is killed.
//! `cargo run -p agent-mock --example serve -- [SCRIPT.json [PORT]]`; the script's form is `Plot`'s.

use std::error::Error;

use agent_mock::{Mock, Plot};
use program::println;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let plot = match arguments.next() {
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
            Plot::from_json(&text).map_err(|error| format!("{path}: {error}"))?
        }
        None => Plot::default(),
    };
    let port: u16 = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let server = Mock::start_at(([127, 0, 0, 1], port).into(), plot).await?;
    println!("{}", server.url());
    std::future::pending().await
}
