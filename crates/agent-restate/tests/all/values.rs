//! Values of the process that makes the calls. They are not on the engine.

use agent_core::{
    Agent, Context, Conversation, Team,
    host::drive,
    script::{Reply, Script},
    tool::MissingValue,
};
use agent_journal::Journal;
use agent_restate::{Services, ServicesError};
use agent_tools::{AgentTool, FnTool};
use serde_json::json;
use tokio::net::TcpListener;

use crate::common::Stage;

struct User(&'static str);

async fn who(_: (), context: Context) -> Result<String, MissingValue> {
    context.need::<User>().map(|user| format!("{} asks", user.0))
}

/// A team whose second agent needs the user, two levels deep. Each agent answers with the result
/// that it reads.
fn team() -> Team {
    let task = |agent| Reply::call(agent, json!({"task": "Ask."}));
    let model = Script::by(move |request| match (&*request.agent, request.messages.len()) {
        ("main", 1) => task("lead"),
        ("lead", 1) => task("clerk"),
        ("clerk", 1) => Reply::call("who", json!({})),
        _ => {
            let results = serde_json::to_string(&request.messages).unwrap();
            let names = ["Ada", "Bob"].into_iter().filter(|name| results.contains(name));
            Reply::text(format!("{} asks.", names.collect::<String>()))
        }
    });
    let agent = |name: &str| Agent::builder(name, model.clone());
    let who = FnTool::new("who", "Says who asks.", who).needs::<User>();
    let agents = [
        agent("main").tool(AgentTool::new("lead", "Leads.")).build().unwrap(),
        agent("lead").tool(AgentTool::new("clerk", "Asks.")).build().unwrap(),
        agent("clerk").tool(who).build().unwrap(),
    ];
    Team::new(agents).unwrap()
}

fn start(id: &str) -> Conversation {
    Conversation::start("main", "Who asks?").with_id(id)
}

#[tokio::test]
async fn the_process_that_makes_a_call_gives_it_its_values_on_each_host() {
    let mut here = start("s");
    team().run(&mut here).with(User("Ada")).await.unwrap();
    assert!(here.to_string().ends_with("main: Ada asks.\n"), "{here}");

    let folder = tempfile::tempdir().unwrap();
    let mut on_journal = start("s");
    let journal = Journal::open(folder.path().join("runs.journal")).unwrap();
    let host = journal.host(team(), &mut on_journal).await.unwrap().with(User("Ada"));
    drive(&mut on_journal, &host).await.unwrap();
    assert_eq!(on_journal.to_string(), here.to_string());

    let Some(mut stage) = Stage::open(Services::new(team()).with(User("Ada"))).await else { return };
    let mut there = start("s");
    stage.host.run(&mut there).await.unwrap();
    assert_eq!(there.to_string(), here.to_string());

    stage.replace(Services::new(team()).with(User("Ada")).with(User("Bob"))).await;
    let mut later = start("later");
    assert_eq!(stage.host.run(&mut later).await.unwrap().text(), "Bob asks.");
}

#[tokio::test]
async fn services_that_lack_a_value_are_not_served() {
    let error = Services::new(team()).endpoint().err().unwrap();
    let ServicesError::MissingValue(missing) = &error else { panic!("{error}") };
    assert_eq!((&*missing.agent, &*missing.tool), ("clerk", "who"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(Services::new(team()).serve(listener).err(), Some(error));
    assert!(Services::new(team()).with(User("Ada")).endpoint().is_ok());
}
