//! The client that the protocol's conformance suite tests: `cargo xtask mcp`. The suite starts it
//! with the address of a server, and says in the environment which scenario it plays.

use std::env::{args, var};

use agent_core::{Context, Tool};
use agent_mcp::{Elicitation, FormAnswer, McpServer, OAuth, Revision, ServerBuilder};
use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Where the suite's fixture of a client id metadata document is said to be.
const METADATA: &str = "https://conformance-test.local/client-metadata.json";

/// What the suite gives some scenarios.
#[derive(Default, Deserialize)]
struct Given {
    client_id: Option<String>,
    client_secret: Option<String>,
    #[serde(default, rename = "toolCalls")]
    calls: Vec<GivenCall>,
}

#[derive(Deserialize)]
struct GivenCall {
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = args().nth(1).context("start it with the address of a server")?;
    let given: Given = match var("MCP_CONFORMANCE_CONTEXT") {
        Ok(given) => serde_json::from_str(&given)?,
        Err(_) => Given::default(),
    };
    let server = settings(&url, &given).connect().await?;
    for tool in server.tools() {
        let asked = given.calls.iter().filter(|call| call.name == tool.original_name());
        let mut inputs: Vec<Value> = asked.map(|call| call.arguments.clone().into()).collect();
        // One scenario wants to see the other tool's schema as this client has kept it.
        let echoed =
            server.tools().into_iter().find(|other| other.original_name() == "json_schema_2020_12_tool");
        match echoed.filter(|_| tool.original_name() == "json_schema_echo") {
            Some(other) => inputs.push(json!({"schema": *other.definition().input_schema})),
            None if given.calls.is_empty() => {
                inputs.push(any_input(&tool.spec().input_schema.parse()?));
            }
            None => {}
        }
        for input in inputs {
            let outcome = tool.call(input.into(), Context::by_hand("call")).await;
            eprintln!("{}: {outcome:?}", tool.original_name());
        }
    }
    server.close().await;
    Ok(())
}

fn settings(url: &str, given: &Given) -> ServerBuilder {
    let mut oauth = OAuth::new("http://localhost:3000/callback", visit).client_name("conformance-client");
    let scenario = var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    oauth = match (&given.client_id, &given.client_secret) {
        (Some(id), Some(secret)) if scenario == "auth/client-credentials-basic" => {
            OAuth::client_credentials(id, secret)
        }
        (Some(id), Some(secret)) => oauth.client(id).client_secret(secret),
        _ => oauth.client_metadata_url(METADATA),
    };
    let revision = match var("MCP_CONFORMANCE_PROTOCOL_VERSION").as_deref() {
        Ok("2025-11-25") => Revision::Initialized,
        _ => Revision::Newest,
    };
    let defaults = Elicitation::answered_by(|_| async { FormAnswer::Accept(json!({}).into()) });
    McpServer::http(url).revision(revision).oauth(oauth).elicitation(defaults)
}

/// Values for the fields that a tool requires.
fn any_input(schema: &Value) -> Value {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let value = |name: &str| match schema["properties"][name]["type"].as_str() {
        Some("string") => json!("test"),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => Value::Null,
    };
    required.map(|name| (name.to_owned(), value(name))).collect::<Map<_, _>>().into()
}

/// A user who allows everything: the suite's authorization server answers with where to go next.
async fn visit(address: String) -> Result<String, String> {
    // It fails if another one is installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let answer = client.map_err(|error| error.to_string())?.get(address).send().await;
    let answer = answer.map_err(|error| error.to_string())?;
    let next = answer.headers().get("location").and_then(|next| next.to_str().ok());
    next.map(str::to_owned).ok_or_else(|| format!("the authorization server said {}", answer.status()))
}
