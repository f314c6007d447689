//! Calls of our client to our server have keys, so that one that is made again attaches to its run.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Agent, Conversation, EventKind, Team, Tool,
    script::{Reply, Script},
};
use agent_journal::Journal;
use agent_mcp::{McpServer, Revision, Serve, ServerBuilder, serve, serve_tools};
use agent_tools::{FnTool, Retried};
use axum::Router;
use serde_json::json;
use tokio::{net::TcpListener, process::Command, sync::Notify};

const URL: &str = "AGENT_MCP_TEST_URL";
const FOLDER: &str = "AGENT_MCP_TEST_FOLDER";
const REVISION: &str = "AGENT_MCP_TEST_REVISION";

const REVISIONS: [(&str, Revision); 2] = [("old", Revision::Initialized), ("new", Revision::Stateless)];

/// Serves over HTTP in this process, and returns the URL.
async fn url(server: Serve) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().route_service("/mcp", server.http().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// What a server has done.
#[derive(Clone, Default)]
struct Done {
    booked: Arc<AtomicUsize>,
    paid: Arc<AtomicUsize>,
    begun: Arc<Notify>,
    /// Payments may end.
    may_pay: Arc<tokio::sync::RwLock<bool>>,
    /// The ids of the conversations in which an agent was asked, once for each time.
    asked: Arc<Mutex<Vec<String>>>,
}

/// A planner that books, and then pays, which takes long.
fn planner(done: &Done) -> Serve {
    let booked = done.booked.clone();
    let book = FnTool::new("book", "Books.", move |(): ()| booked.fetch_add(1, Ordering::Relaxed) + 1);
    let to_pay = done.clone();
    let pay = FnTool::new("pay", "Pays.", move |(): ()| {
        let Done { paid, begun, may_pay, .. } = to_pay.clone();
        async move {
            begun.notify_one();
            while !*may_pay.read().await {
                tokio::task::yield_now().await;
            }
            paid.fetch_add(1, Ordering::Relaxed) + 1
        }
    });
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("book", json!({})),
        3 => Reply::call("pay", json!({})),
        _ => Reply::text("Booked and paid."),
    });
    let agent = Agent::builder("planner", model).tool(book).tool(pay.idempotent()).build().unwrap();
    let asked = done.asked.clone();
    serve(Team::new([agent]).unwrap()).listen(move |event| {
        if matches!(event.kind, EventKind::TurnStarted { .. }) {
            asked.lock().unwrap().push(event.conversation.to_string());
        }
    })
}

/// Runs a team on the journal of the folder that gives the planner a task.
async fn travel(url: &str, folder: &Path, revision: Revision) -> Conversation {
    let server = McpServer::http(url).revision(revision).tool("planner", |spec| spec.idempotent = true);
    let server = server.connect().await.unwrap();
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("planner", json!({"task": "Book and pay."})),
        _ => Reply::text("Done."),
    });
    let team =
        Team::new([Agent::builder("traveller", model).tools(server.tools()).build().unwrap()]).unwrap();
    let journal = Journal::open(folder.join("journal")).unwrap();
    let mut conversation = Conversation::new("traveller").with_id("trip");
    let host = journal.host(team, &mut conversation).await.unwrap();
    if conversation.messages().is_empty() {
        conversation.say("Travel.");
    }
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
    conversation
}

/// Not a test: the process of a client that the test below kills.
#[tokio::test]
async fn the_process_that_calls() {
    let Ok(url) = env::var(URL) else { return };
    let revision = env::var(REVISION).unwrap();
    let (_, revision) = REVISIONS.into_iter().find(|(name, _)| *name == revision).unwrap();
    travel(&url, &PathBuf::from(env::var_os(FOLDER).unwrap()), revision).await;
}

#[tokio::test]
async fn a_client_that_is_killed_in_a_call_attaches_to_the_same_run_again() {
    for (name, revision) in REVISIONS {
        let (folder, done) = (tempfile::tempdir().unwrap(), Done::default());
        let url = url(planner(&done)).await;
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "keys::the_process_that_calls", "--nocapture"]);
        command.env(URL, &url).env(FOLDER, folder.path()).env(REVISION, name).kill_on_drop(true);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        done.begun.notified().await;
        process.kill().await.unwrap();

        *done.may_pay.write().await = true;
        let conversation = travel(&url, folder.path(), revision).await;
        assert!(conversation.to_string().contains("Booked and paid."), "{conversation}");
        let counts = (done.booked.load(Ordering::Relaxed), done.paid.load(Ordering::Relaxed));
        assert_eq!(counts, (1, 1), "{name}");
        let asked = done.asked.lock().unwrap().clone();
        assert!(asked.iter().all(|id| id == "planner::trip%2Fcall_0_0"), "{asked:?}");
        assert_eq!(asked.len(), 3, "{name}: once for each message of the model");
    }
}

/// The server is asked twice at the same time, as by a process that takes over too early.
#[tokio::test]
async fn a_second_client_attaches_while_the_run_goes_on() {
    let done = Done::default();
    let url = url(planner(&done)).await;
    let ask = async || {
        let server = McpServer::http(&url).connect().await.unwrap();
        let model =
            Script::new([Reply::call("planner", json!({"task": "Book and pay."})), Reply::text("Done.")]);
        let agent = Agent::builder("traveller", model).tools(server.tools()).build().unwrap();
        let mut conversation = agent.start("Travel.").with_id("trip");
        agent.run(&mut conversation).await.unwrap();
        conversation.to_string()
    };
    let pay = async {
        done.begun.notified().await;
        *done.may_pay.write().await = true;
    };
    let (one, two, ()) = tokio::join!(ask(), ask(), pay);
    assert!(one.contains("Booked and paid.") && two.contains("Booked and paid."), "{one} {two}");
    assert_eq!((done.booked.load(Ordering::Relaxed), done.paid.load(Ordering::Relaxed)), (1, 1));
}

/// What the results of two conversations say, in each of which a tool of a server is called once.
async fn two_conversations(
    ids: [Option<&str>; 2],
    settings: impl Fn(ServerBuilder) -> ServerBuilder,
) -> [String; 2] {
    let count = AtomicUsize::new(0);
    let tool = FnTool::new("count", "Counts.", move |(): ()| count.fetch_add(1, Ordering::Relaxed) + 1);
    let url = url(serve_tools([tool])).await;
    let server = settings(McpServer::http(&url)).connect().await.unwrap();
    let results = ids.map(async |id| {
        let model = Script::new([Reply::call("count", json!({})), Reply::text("Done.")]);
        let agent = Agent::builder("a", model).tools(server.tools()).build().unwrap();
        let conversation = agent.start("Go.");
        let mut conversation = match id {
            Some(id) => conversation.with_id(id),
            None => conversation,
        };
        agent.run(&mut conversation).await.unwrap();
        conversation.messages()[2].tool_results().next().unwrap().1.to_text()
    });
    let [one, two] = results;
    [one.await, two.await]
}

#[tokio::test]
async fn conversations_without_an_id_of_their_own_have_no_keys() {
    let same = |settings: ServerBuilder| settings;
    assert_eq!(two_conversations([None, None], same).await, ["1", "2"]);
    assert_eq!(two_conversations([Some("a"), Some("b")], same).await, ["1", "2"]);
    assert_eq!(two_conversations([Some("a"), Some("a")], same).await, ["1", "1"]);
}

/// The server keeps a result by its key, also an error. Who tries again wants another one.
#[tokio::test]
async fn a_call_that_is_made_again_after_an_error_is_another_call() {
    let count = AtomicUsize::new(0);
    let tool = FnTool::new("count", "Counts.", move |(): ()| match count.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => Err("not yet".to_owned()),
        times => Ok(times),
    });
    let url = url(serve_tools([tool.idempotent()])).await;
    let server = McpServer::http(&url).trusted().connect().await.unwrap();
    let tool: Arc<dyn Tool> = Arc::new(server.tools().remove(0));
    let tool = Retried::new(tool, 3).unwrap().first_wait(Duration::ZERO);
    let model = Script::new([Reply::call("count", json!({})), Reply::text("Done.")]);
    let agent = Agent::builder("a", model).tool(tool).build().unwrap();
    let mut conversation = agent.start("Go.").with_id("c");
    agent.run(&mut conversation).await.unwrap();
    assert_eq!(conversation.messages()[2].tool_results().next().unwrap().1.to_text(), "2");
}
