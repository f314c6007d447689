//! The floor: the best plain loop on reqwest and tokio, without a framework.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use reqwest::{Client, header, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Done,
    plot::TOOL,
    reply::{Block, Reply},
    sse,
    work::Work,
};

#[derive(Serialize)]
struct Asked<'a> {
    model: &'static str,
    max_tokens: u32,
    stream: bool,
    system: &'static str,
    tools: &'a Value,
    messages: &'a [Message],
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Vec<Block>,
}

/// The loop's client, settings and tool. A clone shares connections.
#[derive(Clone)]
pub(crate) struct Floor {
    client: Client,
    url: String,
    streamed: bool,
    work: Work,
    tools: Arc<Value>,
}

impl Floor {
    /// With the settings that the library's own client has.
    pub(crate) fn new(url: &str, streamed: bool, work: Work) -> Done<Self> {
        // The server is on loopback: who is trusted to be another one is never read.
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .http1_only()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        let input_schema = schemars::schema_for!(crate::work::Input);
        let tools = json!([{"name": TOOL, "description": "Does the work.", "input_schema": input_schema}]);
        Ok(Self { client, url: format!("{url}/v1/messages"), streamed, work, tools: tools.into() })
    }

    /// A conversation from the first word to the last.
    pub(crate) async fn converse(&self) -> Done<String> {
        let mut messages = vec![Message::user(vec![Block::Text { text: "Do the work.".to_owned() }])];
        loop {
            let reply = self.ask(&messages).await?;
            if reply.stop_reason.as_deref() != Some("tool_use") {
                return Ok(reply.content.into_iter().filter_map(Block::into_text).collect());
            }
            let results = join_all(reply.content.iter().filter_map(|block| self.call(block))).await;
            messages.push(Message { role: "assistant", content: reply.content });
            messages.push(Message::user(results));
        }
    }

    async fn ask(&self, messages: &[Message]) -> Done<Reply> {
        let asked = Asked {
            model: "claude-sonnet-5-5",
            max_tokens: 8000,
            stream: self.streamed,
            system: crate::ours::PROMPT,
            tools: &self.tools,
            messages,
        };
        let accept = if self.streamed { "text/event-stream" } else { "application/json" };
        let request = self
            .client
            .post(&self.url)
            .header(header::ACCEPT, accept)
            .header(header::CONTENT_TYPE, "application/json")
            .header("anthropic-version", "2026-10-21")
            .header("x-api-key", "bench")
            .body(serde_json::to_vec(&asked)?);
        let answer = request.send().await?.error_for_status()?;
        match self.streamed {
            true => sse::read(answer).await,
            false => Ok(serde_json::from_slice(&answer.bytes().await?)?),
        }
    }

    fn call(&self, block: &Block) -> Option<impl Future<Output = Block> + use<>> {
        let Block::ToolUse { id, input, .. } = block else { return None };
        let (tool_use_id, input, work) = (id.clone(), input.clone(), self.work);
        Some(async move {
            let content = match serde_json::from_value(input) {
                Ok(input) => work.call(input).await,
                Err(error) => error.to_string(),
            };
            Block::ToolResult { tool_use_id, content }
        })
    }
}

impl Message {
    fn user(content: Vec<Block>) -> Self {
        Self { role: "user", content }
    }
}

impl Block {
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text { text } => Some(text),
            _ => None,
        }
    }
}
