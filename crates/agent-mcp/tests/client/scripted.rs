//! A server as a process: this test program, started again. It speaks JSON-RPC without a library, so
//! that it can also do what no library does.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{BufRead, Write, stdin, stdout},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use agent_mcp::{McpServer, ServerBuilder};
use serde_json::{Value, json};

/// The variables that make this program a server: which revision it speaks, and a folder in which it
/// writes down what it does.
const REVISION: &str = "SCRIPTED_REVISION";
const FOLDER: &str = "SCRIPTED_FOLDER";

/// Both revisions, as the server speaks them.
pub(super) const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// A server that writes down what it does in the folder.
pub(super) fn server(revision: &str, folder: &Path) -> ServerBuilder {
    let arguments = ["--exact", "scripted::is_served", "--nocapture", "--quiet"];
    McpServer::command(env::current_exe().unwrap(), arguments)
        .env(REVISION, revision)
        .env(FOLDER, folder)
        .named("scripted")
}

/// What the server has written down.
pub(super) fn written(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("written")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits until the server has written a line.
pub(super) async fn wait_for(folder: &Path, line: &str) {
    let began = Instant::now();
    while !written(folder).iter().any(|written| written == line) {
        assert!(began.elapsed() < Duration::from_secs(20), "{line:?} is missing in {:?}", written(folder));
        tokio::task::yield_now().await;
    }
}

/// The server itself. As a test it does nothing.
#[test]
fn is_served() {
    let (Ok(revision), Some(folder)) = (env::var(REVISION), env::var_os(FOLDER)) else { return };
    let mut server =
        Scripted { revision, folder: folder.into(), has_grown: false, waiting: None, listener: None };
    server.write("started");
    // What cargo sets for tests stands for a key.
    if env::var_os("CARGO_MANIFEST_DIR").is_some() {
        server.write("sees the environment");
    }
    for line in stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
        server.take(&message);
    }
    server.write("ended");
}

struct Scripted {
    revision: String,
    folder: PathBuf,
    has_grown: bool,
    /// The call that waits for an answer of the client.
    waiting: Option<Value>,
    /// The request by which the client listens to changes.
    listener: Option<Value>,
}

impl Scripted {
    fn write(&self, line: &str) {
        let file = OpenOptions::new().create(true).append(true).open(self.folder.join("written"));
        writeln!(file.unwrap(), "{line}").unwrap();
    }

    fn is_old(&self) -> bool {
        self.revision == REVISIONS[0]
    }

    fn send(&self, message: Value) {
        writeln!(stdout().lock(), "{message}").unwrap();
    }

    fn result(&self, id: &Value, mut result: Value) {
        if !self.is_old() && result.get("resultType").is_none() {
            result["resultType"] = json!("complete");
        }
        self.send(json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    fn text(&self, id: &Value, text: &str) {
        self.result(id, json!({"content": [{"type": "text", "text": text}]}));
    }

    fn take(&mut self, message: &Value) {
        let (id, params) = (&message["id"], &message["params"]);
        let capabilities = json!({"tools": {"listChanged": true}, "resources": {}, "prompts": {}});
        match message["method"].as_str() {
            Some("server/discover") if !self.is_old() => self.result(
                id,
                json!({"supportedVersions": [self.revision], "capabilities": capabilities, "ttlMs": 0, "cacheScope": "private"}),
            ),
            Some("initialize") if self.is_old() => self.result(
                id,
                json!({"protocolVersion": self.revision, "capabilities": capabilities,
                    "serverInfo": {"name": "scripted server", "version": "1"}, "instructions": "Be kind."}),
            ),
            Some("subscriptions/listen") => self.listen(id, params),
            Some("tools/list") => self.list(id, params),
            Some("tools/call") => self.call(id, params),
            Some("resources/list") => {
                self.result(id, json!({"resources": [{"uri": "note://a", "name": "a", "description": "A note."}]}));
            }
            Some("resources/read") => {
                self.result(id, json!({"contents": [{"uri": params["uri"], "text": "milk, eggs"}]}));
            }
            Some("prompts/list") => self.result(
                id,
                json!({"prompts": [{"name": "greet", "description": "Greets.", "arguments": [{"name": "who", "required": true}]}]}),
            ),
            Some("prompts/get") => self.result(
                id,
                json!({"messages": [{"role": "user", "content": {"type": "text", "text": format!("Greet {}.", params["arguments"]["who"].as_str().unwrap())}}]}),
            ),
            Some("notifications/cancelled") => self.write("cancelled"),
            Some(method) if message.get("id").is_some() => {
                self.write(method);
                self.send(json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no such method"}}));
            }
            Some(_) => {}
            // The client's answer to a question.
            None => {
                if let Some(call) = self.waiting.take() {
                    let said = if message["result"].is_null() { &message["error"]["message"] } else { &message["result"] };
                    self.text(&call, &format!("the client said {said}"));
                }
            }
        }
    }

    fn listen(&mut self, id: &Value, params: &Value) {
        self.listener = Some(id.clone());
        let meta = json!({"io.modelcontextprotocol/subscriptionId": id});
        self.send(json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
            "params": {"_meta": meta, "notifications": params["notifications"]}}));
        self.write("listening");
    }

    fn list(&self, id: &Value, params: &Value) {
        let text =
            json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
        let more = json!({"type": "object", "properties": {"text": {"type": "string"}, "n": {"type": "integer", "maximum": 9}}, "required": ["text"]});
        let tool = |name: &str, hints: Value| json!({"name": name, "description": name, "inputSchema": {"type": "object"}, "annotations": hints});
        let mut tools = vec![
            json!({"name": "echo", "description": "Says it again.", "inputSchema": if self.has_grown { more } else { text }, "annotations": {"readOnlyHint": true}}),
            tool("slow", json!({})),
            tool("dies", json!({"idempotentHint": true})),
            tool("dies.again", json!({})),
        ];
        let mut rest = vec![
            tool("asks", json!({})),
            tool("asks.yes", json!({})),
            tool("asks.words", json!({})),
            tool("sends", json!({})),
            tool("samples", json!({})),
            tool("fails", json!({})),
            tool("grows", json!({})),
            json!({"name": "typed", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object", "required": ["n"]}}),
        ];
        if self.has_grown {
            rest.push(tool("grown", json!({})));
        }
        let cached = |mut page: Value| {
            if !self.is_old() {
                (page["ttlMs"], page["cacheScope"]) = (json!(0), json!("private"));
            }
            page
        };
        if params["cursor"] == "second" {
            self.result(id, cached(json!({"tools": rest})));
        } else {
            tools.retain(|tool| !(self.has_grown && tool["name"] == "slow"));
            self.result(id, cached(json!({"tools": tools, "nextCursor": "second"})));
        }
    }

    fn call(&mut self, id: &Value, params: &Value) {
        let name = params["name"].as_str().unwrap();
        self.write(name);
        if params["_meta"].to_string().contains(agent_mcp::IDEMPOTENCY_KEY) {
            self.write("sees the key of the call");
        }
        match name {
            "echo" => self.text(id, params["arguments"]["text"].as_str().unwrap()),
            "slow" => {
                let token = &params["_meta"]["progressToken"];
                let report = |n, message| {
                    self.send(json!({"jsonrpc": "2.0", "method": "notifications/progress",
                        "params": {"progressToken": token, "progress": n, "total": 3, "message": message}}));
                };
                report(1, "begun");
            }
            "dies" | "dies.again" => {
                if fs::exists(self.folder.join("died")).unwrap() {
                    return self.text(id, "alive");
                }
                fs::write(self.folder.join("died"), "").unwrap();
                eprintln!("out of memory, with the key sk-very-secret");
                self.write("died");
                std::process::exit(3);
            }
            "asks" => {
                self.ask(id, params, "Which size?", json!({"size": {"type": "string", "default": "M"}}), &[])
            }
            "asks.yes" => {
                self.ask(id, params, "Really?", json!({"sure": {"type": "boolean"}}), &["sure"]);
            }
            "asks.words" => {
                self.ask(id, params, "Where to?", json!({"street": {"type": "string"}}), &["street"]);
            }
            "sends" => {
                let url = "https://example.com/sign-in";
                let question =
                    json!({"mode": "url", "message": "Sign in, please.", "url": url, "elicitationId": "e"});
                self.question(id, params, "elicitation/create", &question);
            }
            "samples" => self.sample(id, params),
            "fails" => {
                self.result(id, json!({"content": [{"type": "text", "text": "no luck"}], "isError": true}))
            }
            "typed" => self.result(id, json!({"content": [], "structuredContent": {"m": 1}})),
            "grows" => {
                self.has_grown = true;
                let mut change = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
                if let Some(listener) = &self.listener {
                    change["params"] = json!({"_meta": {"io.modelcontextprotocol/subscriptionId": listener}});
                }
                self.send(change);
                self.text(id, "grown");
            }
            other => panic!("no tool {other}"),
        }
    }

    fn ask(&mut self, id: &Value, params: &Value, words: &str, fields: Value, required: &[&str]) {
        let schema = json!({"type": "object", "properties": fields, "required": required});
        let question = json!({"mode": "form", "message": words, "requestedSchema": schema});
        self.question(id, params, "elicitation/create", &question);
    }

    fn sample(&mut self, id: &Value, params: &Value) {
        let question = json!({"messages": [{"role": "user", "content": {"type": "text", "text": "Six times seven?"}}], "maxTokens": 50});
        self.question(id, params, "sampling/createMessage", &question);
    }

    /// Asks the client: with a request, or in the place of a result.
    fn question(&mut self, id: &Value, params: &Value, method: &str, question: &Value) {
        if self.is_old() {
            self.waiting = Some(id.clone());
            self.send(json!({"jsonrpc": "2.0", "id": "question", "method": method, "params": question}));
        } else if let Some(answer) = params["inputResponses"].get("q") {
            self.text(id, &format!("the client said {answer}, in {}", params["requestState"]));
        } else {
            let asked = json!({"q": {"method": method, "params": question}});
            self.result(
                id,
                json!({"resultType": "input_required", "inputRequests": asked, "requestState": "s1"}),
            );
        }
    }
}
