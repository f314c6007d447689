//! The server that the conformance suite of MCP asks. The suite names what a server must have. Tools
//! are served by agent-mcp, from tools as any program has them. Resources, prompts and requests to
//! the client, which agent-mcp does not offer, are added around it with rmcp.

mod everything;
mod media;
mod prompts;
mod questions;
mod requests;
mod resources;
mod tools;

use std::{error::Error, future::IntoFuture};

use agent_mcp::HttpService;
use axum::Router;
use everything::Everything;
use program::println;
use tokio::{
    io::{copy, sink, stdin},
    net::TcpListener,
};

/// Serves on a free port of this machine, and prints the address. It ends when its standard input
/// does, and so with the program that started it.
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/mcp", listener.local_addr()?);
    let service = HttpService::of(Everything::new(tools::server().handler()?));
    let serve = axum::serve(listener, Router::new().route_service("/mcp", service));
    let (mut input, mut nowhere) = (stdin(), sink());
    tokio::select! {
        ended = serve.into_future() => Ok(ended?),
        _ = copy(&mut input, &mut nowhere) => Ok(()),
    }
}
