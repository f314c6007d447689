//! A server as a process that answers calls oddly: this test program, started again.

use std::{
    env,
    io::{BufRead, Write, stdin, stdout},
};

use agent_mcp::{McpServer, ServerBuilder};
use serde_json::{Value, json};

/// The variable that makes this program the server, and says what is odd about it.
const ODD: &str = "ODD_SERVER";

/// The bytes of a result that is larger than any model may read.
pub(super) const HUGE: usize = 5 << 20;

/// A server whose tools answer oddly. `what` is empty, or a method that it never answers.
pub(super) fn odd(what: &str) -> ServerBuilder {
    let arguments = ["--exact", "odd::is_served", "--nocapture", "--quiet"];
    McpServer::command(env::current_exe().unwrap(), arguments).env(ODD, what).named("odd")
}

/// The server itself. As a test it does nothing.
#[test]
fn is_served() {
    let Ok(silent) = env::var(ODD) else { return };
    eprintln!("may I download it? (y)");
    for line in stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let method = message["method"].as_str().unwrap_or_default();
        if method != silent {
            answer(method, &message);
        }
    }
}

fn answer(method: &str, message: &Value) {
    let result = match method {
        "initialize" => {
            let server = json!({"name": "odd", "version": "1"});
            json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}, "resources": {}}, "serverInfo": server})
        }
        "tools/list" => {
            let names = ["nothing", "huge", "too_huge", "new_kind", "pieces", "noise", "nonsense", "nothing"];
            let tool = |name| json!({"name": name, "inputSchema": {"type": "object"}});
            json!({"tools": names.map(tool)})
        }
        "resources/list" => json!({"resources": []}),
        "tools/call" => return call(message["params"]["name"].as_str().unwrap(), &message["id"]),
        _ if message["id"].is_null() => return,
        _ => {
            let error = json!({"code": -32601, "message": "no such method"});
            return send(
                json!({"jsonrpc": "2.0", "id": message["id"], "error": error}).to_string().as_bytes(),
            );
        }
    };
    send(json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string().as_bytes());
}

fn call(tool: &str, id: &Value) {
    let text = |text: &str| json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": text}]}});
    match tool {
        "nothing" => send(
            json!({"jsonrpc": "2.0", "id": id, "result": {"content": [], "isError": true}})
                .to_string()
                .as_bytes(),
        ),
        "huge" => send(text(&"ü".repeat(HUGE / 2)).to_string().as_bytes()),
        "too_huge" => send(text(&"ü".repeat(9 << 20)).to_string().as_bytes()),
        "new_kind" => {
            let content =
                [json!({"type": "hologram", "data": "xyz"}), json!({"type": "text", "text": "seen"})];
            send(json!({"jsonrpc": "2.0", "id": id, "result": {"content": content}}).to_string().as_bytes());
        }
        // In pieces of a byte, so that characters are cut.
        "pieces" => {
            for byte in text("grüße, 旅行").to_string().as_bytes() {
                stdout().write_all(&[*byte]).unwrap();
                stdout().flush().unwrap();
            }
            send(b"");
        }
        // What is no message, before the answer.
        "noise" => {
            send(b"loading 100 %");
            send(b"\xff\xfe\x00");
            send(b"{\"jsonrpc\":\"2.0\"}");
            send(text("heard").to_string().as_bytes());
        }
        "nonsense" => send(json!({"jsonrpc": "2.0", "id": id, "result": "done"}).to_string().as_bytes()),
        other => panic!("no tool {other}"),
    }
}

fn send(line: &[u8]) {
    let mut out = stdout().lock();
    out.write_all(line).unwrap();
    out.write_all(b"\n").unwrap();
    out.flush().unwrap();
}
