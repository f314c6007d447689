//! Tools of MCP servers on the engine, and servers and processes that end in the middle of a call.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{self, Command},
};

use agent_core::{Agent, Team};
use agent_mcp::{McpServer, serve_tools, tools_of};
use agent_restate::Services;
use agent_tools::FnTool;

use crate::common::{Input, Stage, call, calls_then_done, poll_until, rows, start};

/// The folder in which an MCP server writes down what it does.
const FOLDER: &str = "AGENT_RESTATE_TEST_MCP_FOLDER";

/// Not a test: the MCP server, which the tests below start. Its tool says what it is told to say.
/// With the text `hang`, the first call of all gets no answer.
#[tokio::test]
async fn the_mcp_server() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    fs::write(folder.join("process"), process::id().to_string()).unwrap();
    let work = FnTool::new("work", "Says what it is told to say.", move |Input { say }: Input| {
        let hangs = say == "hang" && !lines(&folder).contains(&say);
        write(&folder, &say);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            say
        }
    });
    serve_tools([work]).stdio().await.unwrap();
}

fn write(folder: &Path, line: &str) {
    let file = OpenOptions::new().create(true).append(true).open(folder.join("lines"));
    writeln!(file.unwrap(), "{line}").unwrap();
}

/// The calls that the servers have begun.
fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("lines")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// A server as a process of its own.
async fn server(name: &str, folder: &Path, repeatable: bool) -> McpServer {
    let arguments = ["--exact", "mcp::the_mcp_server", "--nocapture", "--quiet"];
    let server = McpServer::command(env::current_exe().unwrap(), arguments).env(FOLDER, folder).named(name);
    server.tool("work", move |spec| spec.idempotent = repeatable).connect().await.unwrap()
}

/// A team with the tools of two servers. Its model calls both of them in one reply.
async fn services(folders: [&Path; 2], repeatable: bool) -> Services {
    let one = server("one", folders[0], repeatable).await;
    let two = server("two", folders[1], repeatable).await;
    let calls = call("one_work", "quick").and_call("two_work", serde_json::json!({"say": "hang"}));
    let agent = Agent::builder("clerk", calls_then_done(calls)).tools(tools_of([&one, &two]).unwrap());
    Services::new(Team::new([agent.build().unwrap()]).unwrap())
}

/// What ends in the middle of a call.
#[derive(Clone, Copy, Debug)]
enum Ends {
    /// The MCP server that makes the call.
    Server,
    /// The process that has sent it.
    Process,
}

/// Ends something in the middle of a call, when another one has its result. Returns how often the
/// servers began a call with `hang`, and the results.
async fn check(ends: Ends, repeatable: bool) -> Option<(usize, Vec<String>)> {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folders = [one.path(), two.path()];
    let mut stage = Stage::open(services(folders, repeatable).await).await?;
    let run = stage.host.submit(&start("c"), None).await.unwrap();
    let is_called = async || lines(two.path()).contains(&"hang".to_owned()).then_some(());
    poll_until("the call", is_called).await;
    let ended =
        "SELECT id FROM sys_invocation WHERE target_service_name = 'AgentTools' AND status = 'completed'";
    rows(&stage, ended).await;
    match ends {
        Ends::Server => {
            let process = fs::read_to_string(two.path().join("process")).unwrap();
            assert!(Command::new("kill").args(["-9", &process]).status().unwrap().success());
        }
        Ends::Process => stage.replace(services(folders, repeatable).await).await,
    }
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(ran.end.unwrap().text(), "Done.");
    assert_eq!(lines(one.path()), ["quick"], "a call that had its result was made again");
    let results = ran.conversation.messages().iter().flat_map(|message| message.tool_results());
    let results = results.map(|(_, content, _)| content.to_text()).collect();
    Some((lines(two.path()).len(), results))
}

#[tokio::test]
async fn an_mcp_server_that_is_killed_in_a_call_leaves_its_outcome_unknown() {
    let Some((begun, results)) = check(Ends::Server, false).await else { return };
    assert_eq!((begun, &*results[0]), (1, "quick"));
    let unknown =
        "outcome unknown: the connection ended while \"work\" of the server \"two\" was being called";
    assert!(results[1].starts_with(unknown), "{results:?}");
}

#[tokio::test]
async fn an_idempotent_call_is_made_again_when_its_mcp_server_was_killed() {
    let Some(ran) = check(Ends::Server, true).await else { return };
    assert_eq!(ran, (2, vec!["quick".to_owned(), "hang".to_owned()]));
}

#[tokio::test]
async fn a_call_to_an_mcp_server_is_unknown_when_the_process_that_made_it_has_gone() {
    let Some((begun, results)) = check(Ends::Process, false).await else { return };
    assert_eq!((begun, &*results[0]), (1, "quick"));
    let unknown = "outcome unknown: the run was stopped while \"two_work\" was being called";
    assert!(results[1].starts_with(unknown), "{results:?}");
}

#[tokio::test]
async fn an_idempotent_call_to_an_mcp_server_is_made_again_by_another_process() {
    let Some(ran) = check(Ends::Process, true).await else { return };
    assert_eq!(ran, (2, vec!["quick".to_owned(), "hang".to_owned()]));
}
