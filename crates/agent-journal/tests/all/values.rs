//! Values that belong to a run. They are not in the journal: each process gives its own.

use agent_core::{
    Agent, Context, Conversation, RunError, Team,
    host::drive,
    script::{Reply, Script},
    tool::MissingValue,
};
use agent_journal::JournalHostError;
use agent_tools::{AgentTool, FnTool};
use serde_json::json;

use crate::common::Place;

struct User(&'static str);

async fn who(_: (), context: Context) -> Result<String, MissingValue> {
    context.need::<User>().map(|user| format!("{} asks", user.0))
}

/// A team whose second agent needs the user, two levels deep: in a call that may be made again, and
/// then in one that may not.
fn team() -> (Team, Script) {
    let task = |agent| Reply::call(agent, json!({"task": "Ask."}));
    let model = Script::by(move |request| match (&*request.agent, request.messages.len()) {
        ("main", 1) => task("lead"),
        ("lead", 1) => task("clerk"),
        ("clerk", 1) => Reply::call("who", json!({})),
        ("clerk", 3) => Reply::call("who_once", json!({})),
        _ => Reply::text("Done."),
    });
    let agent = |name: &str| Agent::builder(name, model.clone());
    let who = |name: &str| FnTool::new(name, "Says who asks.", who).needs::<User>();
    let team = Team::new([
        agent("main").tool(AgentTool::new("lead", "Leads.")).build().unwrap(),
        agent("lead").tool(AgentTool::new("clerk", "Asks.")).build().unwrap(),
        agent("clerk").tool(who("who").read_only()).tool(who("who_once")).build().unwrap(),
    ]);
    (team.unwrap(), model)
}

/// All entries of the journal as text.
fn entries(place: &Place) -> String {
    format!("{:?}", place.open().entries("s").unwrap())
}

#[tokio::test]
async fn a_run_that_another_process_continues_gets_its_values_again() {
    let place = Place::new();
    let finish = async |place: &Place, user: &'static str| {
        let mut conversation = Conversation::new("main").with_id("s");
        let host = place.open().host(team().0, &mut conversation).await.unwrap().with(User(user));
        if conversation.messages().is_empty() {
            conversation.say("Who asks?");
        }
        assert_eq!(drive(&mut conversation, &host).await.unwrap().text(), "Done.");
    };
    finish(&place, "Ada").await;
    let all = entries(&place);
    assert_eq!(all.matches("Ada asks").count(), 2);
    let count = place.open().entries("s").unwrap().len();
    for keep in 1..count {
        let copy = Place::new();
        std::fs::copy(&place.path, &copy.path).unwrap();
        copy.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        let kept = entries(&copy).matches("Ada asks").count();
        finish(&copy, "Bob").await;
        let entries = entries(&copy);
        let (ada, bob) = (entries.matches("Ada asks").count(), entries.matches("Bob asks").count());
        let unknown = entries.matches("outcome unknown").count();
        assert_eq!((ada, bob + unknown), (kept, 2 - kept), "stopped after entry {keep}");
    }
}

#[tokio::test]
async fn a_missing_value_ends_the_run_before_any_request_and_nothing_is_written() {
    let place = Place::new();
    let (team, model) = team();
    let mut conversation = Conversation::new("main").with_id("s");
    let host = place.open().host(team, &mut conversation).await.unwrap();
    conversation.say("Who asks?");
    let before = entries(&place);
    let error = host.run(&mut conversation).await.unwrap_err();
    let JournalHostError::Run(RunError::MissingValue(missing)) = error else { panic!("{error}") };
    assert_eq!((&*missing.agent, &*missing.tool), ("clerk", "who"));
    assert_eq!(entries(&place), before);
    let error = drive(&mut conversation, &host).await.unwrap_err();
    assert_eq!(error, JournalHostError::Run(RunError::MissingValue(missing)));
    assert_eq!(model.requests().len(), 0);
    let host = host.with(User("Ada"));
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
}
