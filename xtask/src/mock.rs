//! A mock server of its own.

use std::{fs, net::SocketAddr, path::PathBuf};

use agent_mock::{Mock, Scenario};
use clap::Args;
use program::println;

use crate::task::Done;

/// What `--help` says about the endpoints.
pub(crate) const ENDPOINTS: &str = "\
Claude:  POST /v1/messages, POST /v1/messages/count_tokens
OpenAI:  POST /v1/chat/completions, POST /v1/responses, GET /v1/models (base URL: URL/v1)

Claude's endpoints need a key: any. OpenAI's need none; a request without one is checked as a
compatible server does, and a request with one as OpenAI does.";

#[derive(Args)]
pub(crate) struct MockServer {
    /// JSON file of a scenario: what the model says [default: it calls the first tool that it is offered, then
    /// answers]
    #[arg(value_name = "SCENARIO.json")]
    scenario: Option<PathBuf>,
    /// Port on 127.0.0.1. 0 is any free port
    #[arg(default_value_t = 0)]
    port: u16,
}

/// Serves a scenario until it is stopped.
pub(crate) fn run(MockServer { scenario, port }: &MockServer) -> Done {
    let scenario = match scenario {
        Some(path) => {
            let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            Scenario::from_json(&fs::read_to_string(path).map_err(|error| said(&error))?)
                .map_err(|error| said(&error))?
        }
        None => Scenario::default(),
    };
    tokio::runtime::Runtime::new()?.block_on(async {
        let server = Mock::start_at(SocketAddr::from(([127, 0, 0, 1], *port)), scenario).await?;
        println!("{}", server.url());
        std::future::pending().await
    })
}
