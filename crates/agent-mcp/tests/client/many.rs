//! Several servers, and many tools.

use std::sync::Arc;

use agent_core::{
    Agent, Context, Conversation, Outcome, Team, Tool, ToolSpec, async_trait,
    script::{Reply, Script},
};
use agent_journal::Journal;
use agent_mcp::{McpServer, ToolSearch, tools_of};
use serde_json::json;

use super::{
    results,
    scripted::{REVISIONS, server, wait_for, written},
    web::Web,
};

#[tokio::test]
async fn fault_5_a_team_with_three_servers_finishes_although_one_dies() {
    let (one, two, web) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Web::start().await);
    let old = server(REVISIONS[0], one.path()).named("old").connect().await.unwrap();
    let new = server(REVISIONS[1], two.path()).named("new").connect().await.unwrap();
    let on_the_web = McpServer::http(web.url()).named("web").connect().await.unwrap();
    let script = Script::new([
        Reply::call("old_echo", json!({"text": "a"}))
            .and_call("new_dies_again", json!({}))
            .and_call("where", json!({})),
        Reply::call("new_dies_again", json!({})).and_call("new_echo", json!({"text": "b"})),
        Reply::text("Done."),
    ]);
    let tools = tools_of([&old, &new, &on_the_web]).unwrap();
    let team = Team::new([Agent::builder("a", script).tools(tools).build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("a", "Go.");
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Done.");
    let results = results(&conversation);
    let unknown =
        "outcome unknown: the connection ended while \"dies.again\" of the server \"new\" was being called";
    assert!(results[1].starts_with(unknown), "{results:?}");
    assert_eq!((&*results[0], &*results[2], &*results[3], &*results[4]), ("a", "on the web", "alive", "b"));
}

/// A process that dies while a call is under way: the journal has its rules, as for any call.
#[tokio::test]
async fn on_a_journal_a_call_under_way_is_unknown_unless_it_is_idempotent() {
    for (idempotent, expected) in [(false, "outcome unknown"), (true, "cut")] {
        let folder = tempfile::tempdir().unwrap();
        let server =
            server("2026-07-28", folder.path()).tool("slow", move |spec| spec.idempotent = idempotent);
        let server = server.connect().await.unwrap();
        let script = || {
            Script::by(|request| match request.messages.len() {
                1 => Reply::call("echo", json!({"text": "first"})).and_call("slow", json!({})),
                _ => Reply::text("Done."),
            })
        };
        let journal = Journal::open(folder.path().join("journal")).unwrap();
        let team =
            || Team::new([Agent::builder("a", script()).tools(server.tools()).build().unwrap()]).unwrap();
        {
            let mut conversation = Conversation::new("a").with_id("c");
            let host = journal.host(team(), &mut conversation).await.unwrap();
            conversation.say("Go.");
            tokio::select! {
                end = host.run(&mut conversation) => panic!("{end:?}"),
                () = async { wait_for(folder.path(), "echo").await; wait_for(folder.path(), "slow").await } => {}
            }
        }
        wait_for(folder.path(), "cancelled").await;

        let mut conversation = Conversation::new("a").with_id("c");
        let host = journal.host(team(), &mut conversation).await.unwrap();
        let count = |name: &str| written(folder.path()).iter().filter(|line| *line == name).count();
        if idempotent {
            // It is made again, and would never end.
            tokio::select! {
                end = host.run(&mut conversation) => panic!("{end:?}"),
                () = async { while count("slow") < 2 { tokio::task::yield_now().await } } => {}
            }
        } else {
            host.run(&mut conversation).await.unwrap();
            let results = results(&conversation);
            assert!(results[1].starts_with(expected), "{results:?}");
            assert_eq!(count("slow"), 1);
        }
    }
}

/// A tool as large as those of servers in the field are.
struct Large(ToolSpec);

#[async_trait]
impl Tool for Large {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: agent_core::Json, _: Context) -> Outcome {
        Outcome::output("made")
    }
}

fn large(number: usize) -> Large {
    let field = |words: &str| json!({"type": "string", "description": words});
    let fields = json!({
        "owner": field("The owner of the repository, a user or an organisation."),
        "repository": field("The name of the repository, without its owner."),
        "query": field("Which entries to return, in the syntax of the search."),
        "page": {"type": "integer", "minimum": 1, "description": "The page of the results, from 1."},
    });
    let words = format!(
        "Does task {number} in a repository. Returns the entries that match, newest first, with their authors, labels \
         and states. Use it when the user asks for something of kind {number}; for others use the general search."
    );
    let schema = json!({"type": "object", "properties": fields, "required": ["owner", "repository"]});
    Large(ToolSpec::new(format!("task_{number}_in_repository"), words, schema))
}

#[tokio::test]
async fn requests_have_only_the_names_of_two_hundred_tools() {
    let replies = || {
        [
            Reply::call("search_tools", json!({"query": "task_117_in_repository"})),
            Reply::call("task_117_in_repository", json!({"owner": "a", "repository": "b"})),
            Reply::text("Done."),
        ]
    };
    let all = Script::new([Reply::text("Done.")]);
    let agent = Agent::builder("a", all.clone()).tools((0..200).map(large)).build().unwrap();
    agent.run(&mut agent.start("Go.")).await.unwrap();

    let (script, search) = (Script::new(replies()), ToolSearch::new((0..200).map(large)));
    let agent = Agent::builder("a", search.model(script.clone())).tools(search.tools()).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    assert_eq!(results(&conversation)[1], "made");

    let names = |request: &agent_core::Request| -> Vec<String> {
        request.tools.iter().map(|spec| spec.name.clone()).collect()
    };
    let requests = script.requests();
    assert_eq!(names(&requests[0]), ["search_tools"]);
    assert!(names(&requests[1]).len() <= 9 && names(&requests[1])[1] == "task_117_in_repository");
    let tokens = |request: &agent_core::Request| request.estimated_input_tokens();
    let figures = format!(
        "all tools: {}; with a search: {}, and {} after it",
        tokens(&all.requests()[0]),
        tokens(&requests[0]),
        tokens(&requests[1])
    );
    insta::assert_snapshot!(figures);
}

#[tokio::test]
async fn a_tool_that_was_called_without_a_search_stays() {
    let script = Script::new([Reply::call("task_3_in_repository", json!({})), Reply::text("Done.")]);
    let search = ToolSearch::new((0..5).map(large));
    let agent = Agent::builder("a", search.model(script.clone())).tools(search.tools()).build().unwrap();
    agent.run(&mut agent.start("Go.")).await.unwrap();
    let names: Vec<String> = script.requests()[1].tools.iter().map(|spec| spec.name.clone()).collect();
    assert_eq!(names, ["search_tools", "task_3_in_repository"]);
}

#[tokio::test]
async fn an_api_that_searches_gets_all_tools_deferred() {
    let (tools, search) = ToolSearch::on_claude((0..2).map(large));
    assert!(tools.iter().all(|tool| tool.spec().extra["defer_loading"] == json!(true).into()));
    assert_eq!(search["type"], "tool_search_tool_bm25_20251119");
    let script = Script::new([Reply::call("task_1_in_repository", json!({})), Reply::text("Done.")]);
    let agent = Agent::builder("a", script).tools(tools).server_tool(search).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    assert_eq!(results(&conversation), ["made"]);
}

#[tokio::test]
async fn resources_and_prompts_are_content_and_tools() {
    let folder = tempfile::tempdir().unwrap();
    for revision in REVISIONS {
        let server = server(revision, folder.path()).named("notes").connect().await.unwrap();
        assert_eq!(server.resources().await.unwrap()[0].uri, "note://a");
        let note = server.read_resource("note://a").await.unwrap();
        assert_eq!(note.to_text(), "resource note://a:\nmilk, eggs");
        assert_eq!(server.prompts().await.unwrap()[0].name, "greet");
        assert_eq!(server.prompt("greet", [("who", "Ada")]).await.unwrap()[0].text(), "Greet Ada.");

        let tools: Vec<Arc<dyn Tool>> = server
            .resource_tools()
            .into_iter()
            .chain(server.prompt_tools())
            .map(|tool| Arc::new(tool) as Arc<dyn Tool>)
            .collect();
        let script = Script::new([
            Reply::call("notes_list_resources", json!({}))
                .and_call("notes_read_resource", json!({"uri": "note://a"}))
                .and_call("notes_list_prompts", json!({}))
                .and_call("notes_get_prompt", json!({"name": "greet", "arguments": {"who": "Bob"}})),
            Reply::text("Done."),
        ]);
        let agent = Agent::builder("a", script).tools(tools).build().unwrap();
        let mut conversation = agent.start("Go.");
        agent.run(&mut conversation).await.unwrap();
        let results = results(&conversation);
        assert_eq!(results[0], r#"{"uri":"note://a","name":"a","description":"A note."}"#);
        assert_eq!((&*results[1], &*results[3]), ("resource note://a:\nmilk, eggs", "Greet Bob."));
    }
}
