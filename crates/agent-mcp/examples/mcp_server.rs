//! A team and a tool for MCP clients, over standard input and output, or over HTTP with tokens:
//! cargo run -p agent-mcp --features server --example mcp_server -- [http]

use std::env;

use agent_core::{
    Agent, Team,
    script::{Reply, Script},
};
use agent_mcp::{Caller, Serve, serve};
use agent_tools::math;
use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header::AUTHORIZATION},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use program::println;
use serde_json::json;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match env::args().nth(1).as_deref() {
        Some("http") => serve_http().await,
        _ => Ok(server()?.stdio().await?),
    }
}

async fn serve_http() -> anyhow::Result<()> {
    let router = Router::new().route_service("/mcp", server()?.http()?).layer(from_fn(check_token));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/mcp, for example with the token {TOKEN}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

/// In your program, look the token up where you keep those of your users.
const TOKEN: &str = "token-of-ada";

async fn check_token(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.and_then(|value| value.strip_prefix("Bearer ")) != Some(TOKEN) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    request.extensions_mut().insert(Caller::new("ada").expect("the name is valid"));
    next.run(request).await
}

/// A planner that adds numbers with a tool. Any model will do; this one follows a script.
fn server() -> anyhow::Result<Serve> {
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("sum_numbers", json!({"numbers": [19, 23]})),
        _ => Reply::text("It is 42."),
    });
    let planner = Agent::builder("planner", model).tool(math::sum_numbers()).build()?;
    Ok(serve(Team::new([planner])?).agent("planner", "Plans with numbers.").tools([math::sum_numbers()]))
}
