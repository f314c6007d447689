//! A mock server of its own.

use std::{fs, net::SocketAddr};

use agent_mock::{Mock, Plot};
use program::println;

use crate::task::Done;

/// Serves a script, by default one that calls the first tool offered, until it is killed.
pub(crate) fn run(arguments: &[&str]) -> Done {
    let (script, port) = match arguments {
        [] => (None, "0"),
        [script] => (Some(*script), "0"),
        [script, port] => (Some(*script), *port),
        _ => return Err("usage: cargo xtask mock [SCRIPT.json [PORT]]".into()),
    };
    let plot = match script {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            Plot::from_json(&text).map_err(|error| format!("{path}: {error}"))?
        }
        None => Plot::default(),
    };
    let port: u16 = port.parse().map_err(|error| format!("{port:?} is no port: {error}"))?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let server = Mock::start_at(SocketAddr::from(([127, 0, 0, 1], port)), plot).await?;
        println!("{}", server.url());
        std::future::pending().await
    })
}
