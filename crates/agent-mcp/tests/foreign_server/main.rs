//! Uses servers that others wrote: `server-everything` over stdio and over HTTP, one on the protocol's SDK
//! for Python, and one on the crate rust-mcp-sdk. Prints what went well and what did not: `cargo xtask
//! foreign --mcp`.

use std::env;

use agent_core::{
    Agent, Block, Context, Conversation, EventKind, Limits, Outcome, Team, Tool,
    budget::Budget,
    message::BlockKind,
    script::{Reply, Script},
};
use agent_mcp::{Elicitation, FormAnswer, McpServer, Sampling, ServerBuilder};
use anyhow::{Context as _, ensure};
use program::println;
use serde_json::{Value, json};

/// A key in this program's environment, which no server may see.
const KEY: &str = "A_KEY_OF_THIS_PROGRAM";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    if let [server] = &*words {
        let is_well = told("rust-mcp-sdk: results and failures", rust_sums(server).await);
        ensure!(is_well, "not all went well, see above");
        return Ok(());
    }
    if let [python, script] = &*words {
        let is_well = told("Python's SDK: results, failures and progress", sums(python, script).await);
        ensure!(is_well, "not all went well, see above");
        return Ok(());
    }
    let [node, script, url] = &*words else {
        anyhow::bail!("start it with the program node, the server's script, and a URL of the server");
    };
    ensure!(env::var(KEY).is_ok(), "{KEY} must be set, to see that the server does not get it");
    let stdio = || McpServer::command(node, [script, "stdio"]);
    let mut is_well = tried("stdio", stdio).await;
    is_well &= tried("HTTP", || McpServer::http(url)).await;
    is_well &= told("stdio: no key of the environment is seen", environment(stdio()).await);
    ensure!(is_well, "not all went well, see above");
    Ok(())
}

/// Prints what came of a step, and returns whether it went well.
fn told(what: &str, came: anyhow::Result<()>) -> bool {
    match &came {
        Ok(()) => println!("ok   {what}"),
        Err(error) => println!("FAIL {what}: {error:#}"),
    }
    came.is_ok()
}

async fn tried(how: &str, server: impl Fn() -> ServerBuilder) -> bool {
    let said = |what: &str| format!("{how}: {what}");
    let mut is_well = told(&said("results of all kinds"), results(server()).await);
    is_well &= told(&said("progress"), progress(server()).await);
    is_well &= told(&said("a question for a model, which the budget pays"), sampling(server()).await);
    is_well &= told(&said("a question for a person"), elicitation(server()).await);
    is_well & told(&said("resources and prompts"), resources(server()).await)
}

/// Calls a tool, which the server may offer only after some time.
async fn call(server: &McpServer, name: &str, input: Value) -> anyhow::Result<Vec<Block>> {
    let mut seen = 0;
    let tool = loop {
        match server.tools().into_iter().find(|tool| tool.original_name() == name) {
            Some(tool) => break tool,
            None => seen = server.changed(seen).await,
        }
    };
    match tool.call(input.into(), Context::by_hand("call")).await {
        Outcome::Output(content) => Ok(content.into_blocks()),
        other => anyhow::bail!("{name}: {other:?}"),
    }
}

fn text(blocks: &[Block]) -> String {
    blocks.iter().filter_map(Block::as_text).collect::<Vec<_>>().join("\n")
}

fn has(blocks: &[Block], words: &str) -> anyhow::Result<()> {
    let text = text(blocks);
    ensure!(text.contains(words), "{words:?} is not in {text:?}");
    Ok(())
}

async fn results(server: ServerBuilder) -> anyhow::Result<()> {
    let server = server.trusted().connect().await?;
    let echo = server.tools().into_iter().find(|tool| tool.original_name() == "echo").context("no echo")?;
    ensure!(echo.spec().read_only && echo.spec().idempotent, "the hints are not read");
    has(&call(&server, "echo", json!({"message": "hi"})).await?, "Echo: hi")?;
    has(&call(&server, "get-sum", json!({"a": 2, "b": 3})).await?, "The sum of 2 and 3 is 5")?;
    has(&call(&server, "get-structured-content", json!({"location": "Chicago"})).await?, "temperature")?;
    has(&call(&server, "get-resource-links", json!({"count": 2})).await?, "resource demo://")?;
    has(&call(&server, "get-resource-reference", json!({})).await?, "demo://resource")?;
    let image = call(&server, "get-tiny-image", json!({})).await?;
    ensure!(image.iter().any(|block| *block.kind() == BlockKind::Image), "no picture in {image:?}");
    let refused = call(&server, "get-sum", json!({"a": "two"})).await.err().context("it was not refused")?;
    ensure!(refused.to_string().contains("invalid input"), "{refused}");
    Ok(())
}

/// The server of `xtask/mcp/sums.py`.
async fn sums(python: &str, script: &str) -> anyhow::Result<()> {
    let server = || McpServer::command(python, ["-B", script]).trusted();
    let sums = server().connect().await?;
    let add = sums.tools().into_iter().find(|tool| tool.original_name() == "add").context("no add")?;
    ensure!(add.spec().read_only, "the hint is not read");
    has(&call(&sums, "add", json!({"a": 2, "b": 3})).await?, r#""sum": 5"#)?;
    let refused = call(&sums, "add", json!({"a": "two"})).await.err().context("it was not refused")?;
    ensure!(refused.to_string().contains("invalid input"), "{refused}");
    let failed = call(&sums, "broken", json!({})).await.err().context("it did not fail")?;
    ensure!(failed.to_string().contains("Error executing tool broken"), "{failed}");
    progress_of(server(), "slow", json!({}), "step 2").await
}

/// The server of `xtask/mcp/rust-sdk`.
async fn rust_sums(server: &str) -> anyhow::Result<()> {
    let sums = McpServer::command(server, [""; 0]).trusted().connect().await?;
    let add = sums.tools().into_iter().find(|tool| tool.original_name() == "add").context("no add")?;
    ensure!(add.spec().read_only, "the hint is not read");
    has(&call(&sums, "add", json!({"a": 2, "b": 3})).await?, "5")?;
    let refused =
        call(&sums, "add", json!({"a": "two", "b": 3})).await.err().context("it was not refused")?;
    ensure!(refused.to_string().contains("invalid input"), "{refused}");
    let failed = call(&sums, "broken", json!({})).await.err().context("it did not fail")?;
    ensure!(failed.to_string().contains("no number is there"), "{failed}");
    Ok(())
}

async fn progress(server: ServerBuilder) -> anyhow::Result<()> {
    let input = json!({"duration": 0.2, "steps": 2});
    progress_of(server, "trigger-long-running-operation", input, "2 of 2").await
}

async fn progress_of(server: ServerBuilder, tool: &str, input: Value, last: &str) -> anyhow::Result<()> {
    let server = server.connect().await?;
    let script = Script::new([Reply::call(tool, input), Reply::text("Done.")]);
    let agent = Agent::builder("a", script).tools(server.tools()).build()?;
    let mut conversation = agent.start("Go.");
    let mut run = agent.run(&mut conversation);
    let mut reports = Vec::new();
    while let Some(event) = run.next().await {
        if let EventKind::CallProgress { text, .. } = event.kind {
            reports.push(text);
        }
    }
    ensure!(reports.last().is_some_and(|report| report.contains(last)), "{reports:?}");
    Ok(())
}

async fn sampling(server: ServerBuilder) -> anyhow::Result<()> {
    let sampling = Sampling::new();
    let server = server.sampling(&sampling).connect().await?;
    call(&server, "echo", json!({"message": "hi"})).await?;
    let mut seen = 0;
    while !server.tools().iter().any(|tool| tool.original_name() == "trigger-sampling-request") {
        seen = server.changed(seen).await;
    }
    let script = Script::new([
        Reply::call("trigger-sampling-request", json!({"prompt": "Six times seven?", "maxTokens": 50})),
        Reply::text("Forty-two."),
        Reply::text("Done."),
    ]);
    let agent = Agent::builder("a", script).tools(server.tools()).build()?;
    let limits = Limits::new().budget(Budget::new().requests(3));
    let team = sampling.around(Team::new([agent])?.with_limits(limits));
    let mut conversation = Conversation::start("a", "Go.");
    team.run(&mut conversation).await?;
    let results: Vec<String> = conversation
        .messages()
        .iter()
        .flat_map(|message| message.tool_results())
        .map(|(_, content, _)| content.to_text())
        .collect();
    ensure!(results.iter().any(|result| result.contains("Forty-two.")), "{results:?}");
    Ok(())
}

async fn elicitation(server: ServerBuilder) -> anyhow::Result<()> {
    let answer = Elicitation::answered_by(|_| async { FormAnswer::Accept(json!({"name": "Ada"}).into()) });
    let server = server.elicitation(answer).connect().await?;
    has(&call(&server, "trigger-elicitation-request", json!({})).await?, "Ada")
}

async fn resources(server: ServerBuilder) -> anyhow::Result<()> {
    let server = server.connect().await?;
    let resources = server.resources().await?;
    let first = resources.first().context("no resources")?;
    ensure!(!server.read_resource(&first.uri).await?.to_text().is_empty(), "{} is empty", first.uri);
    let prompts = server.prompts().await?;
    ensure!(prompts.iter().any(|prompt| prompt.name == "args-prompt"), "{prompts:?}");
    let prompt = server.prompt("args-prompt", [("city", "Oslo"), ("state", "Norway")]).await?;
    ensure!(prompt[0].text().contains("Oslo"), "{prompt:?}");
    Ok(())
}

async fn environment(server: ServerBuilder) -> anyhow::Result<()> {
    let server = server.env("GIVEN", "this one").connect().await?;
    let said = call(&server, "get-env", json!({})).await?;
    has(&said, "this one")?;
    ensure!(!text(&said).contains(KEY), "the server has seen {KEY}");
    Ok(())
}
