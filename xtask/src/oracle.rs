//! The oracle: others say whether we speak the API as it is spoken.
//!
//! The types of Anthropic's and OpenAI's own clients are the APIs' published descriptions. They judge each request that
//! the demo and the examples send or that is in a table, and each kind of reply that agent-mock gives; the client itself is put to work against agent-mock,
//! and against the streams that were recorded for its own tests, which our client reads too. Then our loop runs
//! against a third-party server that fails on demand. Then the official tests of JSON Schema say whether tools get
//! the right inputs. At last a collector reads what agent-otel exports. The checks are in `xtask/oracle/`; this makes what they need.
//! `docs/oracle.md` has it in full.

mod conversations;
mod llmock;
mod otel;
mod replay;
mod schemas;
mod sent;

use std::{fs, path::PathBuf};

use agent_mock::{Mock, Scenario};
use clap::Args;
use program::println;
use replay::{Api, Replay};

use crate::{
    python::{Packages, Python, good},
    task::{Done, root},
};

#[derive(Args)]
pub(crate) struct Oracle {
    /// Fails if Python or its packages are missing. By default, the check is then skipped
    #[arg(long)]
    required: bool,
}

/// What is installed.
const PACKAGES: Packages = Packages { file: "xtask/oracle/requirements.txt", alone: false };

/// The packages whose sources hold recorded streams: the official client's own tests have some of Claude. That of OpenAI
/// has none, but two that use it have.
/// `jsonschema` has the tests of JSON Schema.
const SOURCES: [&str; 4] =
    ["anthropic", "langchain-openai", "opentelemetry-instrumentation-openai", "jsonschema"];
const SOURCES_FILE: &str = "xtask/oracle/sources.txt";

/// The folder of the recorded streams.
const STREAMS: &str = "streams";

/// The folder of the tests of JSON Schema.
const SCHEMAS: &str = "schemas";

/// What agent-mock says when each kind of its replies is judged.
const REPLIES: &str = include_str!("../oracle/replies.json");

/// Fails on each request, reply, stream and run that does not conform.
pub(crate) fn run(options: &Oracle) -> Done {
    let python = match Python::with_packages(folder("venv"), &PACKAGES, unpack) {
        Ok(python) => python,
        Err(why) if options.required => return Err(format!("oracle: {why}").into()),
        Err(why) => {
            println!("oracle: skipped: {why}");
            return Ok(());
        }
    };
    let requests = sent::all()?;
    // The servers are served by the runtime's threads while this one waits for Python.
    tokio::runtime::Runtime::new()?.block_on(async {
        conversations::record(&requests).await?;
        let judged = judge(&python, requests).await;
        // What the one finds keeps nobody from reading what the other does.
        let endured = llmock::check(&python).await;
        let validated = schemas::check(&python.folder(SCHEMAS)).await;
        let collected = otel::check(&python);
        judged.and(endured).and(validated).and(collected)
    })
}

async fn judge(python: &Python, requests: PathBuf) -> Done {
    let replies =
        Scenario::from_json(REPLIES).map_err(|error| format!("xtask/oracle/replies.json: {error}"))?;
    let default = Mock::start(Scenario::default()).await?;
    let scripted = Mock::start(replies).await?;
    let recorded = Replay::start(&python.folder(STREAMS), Api::Messages).await?;
    let read = folder("replies.json");
    fs::write(&read, recorded.read_all().await?.to_string())?;
    let chat = Replay::start(&python.folder("streams-chat"), Api::Chat).await?;
    let responses = Replay::start(&python.folder("streams-responses"), Api::Responses).await?;
    let read_openai = folder("openai.json");
    let both = serde_json::json!({
        "chat": {"url": chat.url(), "replies": chat.read_all().await?},
        "responses": {"url": responses.url(), "replies": responses.read_all().await?},
    });
    fs::write(&read_openai, both.to_string())?;
    let mut checks = python.script("xtask/oracle/main.py");
    checks.arg(requests).args([&default.url(), &scripted.url(), recorded.url()]).args([read, read_openai]);
    if checks.status()?.success() { Ok(()) } else { Err("oracle: some checks failed, see above".into()) }
}

/// Takes the recorded streams and the tests of JSON Schema out of their packages.
fn unpack(python: &Python) -> Result<(), String> {
    let archives = python.folder("archives");
    for package in SOURCES {
        python.download(package, SOURCES_FILE, &archives)?;
    }
    for (script, place) in
        [("unpack.py", STREAMS), ("openai_unpack.py", STREAMS), ("schemas_unpack.py", SCHEMAS)]
    {
        let mut unpack = python.script(&format!("xtask/oracle/{script}"));
        let unpacked = unpack.arg(&archives).arg(python.folder(place)).output();
        good(&format!("{script} can't unpack what pip downloaded"), unpacked)?;
    }
    Ok(())
}

/// A folder for what is made here.
fn folder(name: &str) -> PathBuf {
    root().join("target/oracle").join(name)
}
