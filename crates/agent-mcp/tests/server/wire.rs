//! A client that writes the protocol itself, so that the tests show what is on the wire.

use agent_mcp::Serve;
use rmcp::ServiceExt;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines};

/// A revision of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Revision {
    /// 2025-11-25, which begins with `initialize`.
    Old,
    /// 2026-07-28, in which each request stands by itself.
    New,
}

pub(crate) const BOTH: [Revision; 2] = [Revision::Old, Revision::New];

/// A connection to a server, as over standard input and output.
pub(crate) struct Wire {
    revision: Revision,
    capabilities: Value,
    lines: Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    requests: u64,
}

impl Wire {
    /// Connects a client that can't ask its user anything.
    pub(crate) async fn to(server: Serve, revision: Revision) -> Self {
        Self::with_capabilities(server.handler().unwrap(), revision, json!({})).await
    }

    pub(crate) async fn with_capabilities(
        handler: agent_mcp::Handler,
        revision: Revision,
        capabilities: Value,
    ) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move { handler.serve(theirs).await.unwrap().waiting().await });
        let (reader, writer) = tokio::io::split(ours);
        Self::over(reader, writer, revision, capabilities).await
    }

    /// Connects to a server over these streams.
    pub(crate) async fn over(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
        revision: Revision,
        capabilities: Value,
    ) -> Self {
        let reader: Box<dyn AsyncRead + Send + Unpin> = Box::new(reader);
        let (lines, writer) = (BufReader::new(reader).lines(), Box::new(writer));
        let mut wire = Self { revision, capabilities, lines, writer, requests: 0 };
        if revision == Revision::Old {
            let client = json!({"name": "test", "version": "1"});
            let params = json!({
                "protocolVersion": "2025-11-25", "capabilities": wire.capabilities, "clientInfo": client,
            });
            wire.request("initialize", params).await;
            assert_eq!(wire.next().await["result"]["protocolVersion"], "2025-11-25");
            wire.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        }
        wire
    }

    /// Sends a request, and returns its id.
    pub(crate) async fn request(&mut self, method: &str, mut params: Value) -> u64 {
        self.requests += 1;
        if self.revision == Revision::New {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
            meta["io.modelcontextprotocol/clientCapabilities"] = self.capabilities.clone();
        }
        self.send(json!({"jsonrpc": "2.0", "id": self.requests, "method": method, "params": params})).await;
        self.requests
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().expect("the server has gone")).unwrap()
    }

    /// Sends a request, and returns its result or error.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params).await;
        let mut answer = self.next().await;
        assert_eq!(answer["id"], id, "{answer}");
        match answer.get("error") {
            Some(_) => answer["error"].take(),
            None => answer["result"].take(),
        }
    }

    pub(crate) async fn call(&mut self, tool: &str, input: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": input})).await
    }

    /// Calls with an idempotency key.
    pub(crate) async fn call_with_key(&mut self, tool: &str, input: Value, key: &str) -> Value {
        let meta = json!({agent_mcp::IDEMPOTENCY_KEY: key});
        self.ask("tools/call", json!({"name": tool, "arguments": input, "_meta": meta})).await
    }
}

/// The text of a result, and whether it is an error.
pub(crate) fn text(result: &Value) -> (&str, bool) {
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}"));
    (text, result["isError"] == true)
}
