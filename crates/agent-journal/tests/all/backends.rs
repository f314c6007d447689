//! A team of three agents on three backends: one delegates to the second and hands over to the third, over HTTP. Each
//! backend's server refuses what its API refuses.

use std::sync::Arc;

use agent_core::{
    Agent, Conversation, Llm, Team,
    host::{Host, LocalHost, drive},
    script::Reply,
};
use agent_handoff::Handoff;
use agent_llm::{Claude, OpenAi};
use agent_mock::{Mock, RecordedRequest, Scenario};
use agent_tools::{AgentTool, FnTool};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::Place;

/// The APIs, and thereby the backends.
#[derive(Clone, Copy, Debug)]
enum Api {
    Messages,
    Chat,
    Responses,
}

/// Who speaks which API: the lead, the expert, the closer. Each agent has each API once.
const CASTS: [[Api; 3]; 3] = [
    [Api::Messages, Api::Chat, Api::Responses],
    [Api::Chat, Api::Responses, Api::Messages],
    [Api::Responses, Api::Messages, Api::Chat],
];

impl Api {
    fn model(self, server: &Mock, streaming: bool) -> Arc<dyn Llm> {
        let url = server.url();
        let openai =
            OpenAi::builder().key("k").base_url(format!("{url}/v1")).max_retries(0).streaming(streaming);
        match self {
            Self::Messages => {
                let claude = Claude::builder().key("k").base_url(url).max_retries(0);
                Arc::new(claude.streaming(streaming).build().unwrap())
            }
            Self::Chat => Arc::new(openai.chat().build().unwrap()),
            Self::Responses => Arc::new(openai.responses().build().unwrap()),
        }
    }
}

/// What each agent's model says, by what it reads, so that it does not matter how often it is asked.
fn lead(request: &RecordedRequest) -> Reply {
    let ask = |what: &str| json!({"task": format!("Count the {what}.")});
    match request.text.contains("Of each there are seven.") {
        false => Reply::text("I ask.")
            .and_call("expert", ask("ships"))
            .and_call("look", json!({}))
            .and_call("expert", ask("boats")),
        true => Reply::call("handoff", json!({"name": "closer", "reason": "All is counted."})),
    }
}

fn expert(request: &RecordedRequest) -> Reply {
    match request.text.contains("it is seven") {
        false => Reply::call("count", json!({})),
        true => Reply::text("Of each there are seven."),
    }
}

fn closer(request: &RecordedRequest) -> Reply {
    let reads = |words: &str| request.text.contains(words);
    match (reads("it is stamped"), reads("Thank you.")) {
        (false, _) => Reply::call("stamp", json!({})),
        (true, false) => Reply::text("Seven ships and seven boats, with a stamp."),
        (true, true) => Reply::text("You are welcome."),
    }
}

/// The servers of the three agents.
async fn servers() -> [Mock; 3] {
    let server = |says: fn(&RecordedRequest) -> Reply| Mock::start(Scenario::by(says));
    [server(lead).await.unwrap(), server(expert).await.unwrap(), server(closer).await.unwrap()]
}

fn team(cast: [Api; 3], servers: &[Mock; 3], streaming: bool) -> Team {
    let model = |place: usize| cast[place].model(&servers[place], streaming);
    // A call may be made again by another process.
    let tool = |name: &str, says: &'static str| FnTool::new(name, "Does it.", move || says).idempotent();
    let lead = Agent::builder("lead", model(0))
        .tool(AgentTool::new("expert", "Counts."))
        .tool(tool("look", "the harbour is full"))
        .tools(Handoff::to([("closer", "Ends it.")]).tools());
    let expert = Agent::builder("expert", model(1)).tool(tool("count", "it is seven"));
    let closer = Agent::builder("closer", model(2)).tool(tool("stamp", "it is stamped"));
    Team::new([lead.build().unwrap(), expert.build().unwrap(), closer.build().unwrap()]).unwrap()
}

fn start() -> Conversation {
    Conversation::start("lead", "How many ships and boats?").with_id("s")
}

/// Drives it to its end, the user says thank you, and drives it again. Gives the transcript without
/// the ids of calls, which each server chooses.
async fn told<H: Host>(conversation: &mut Conversation, host: &H) -> String
where
    H::Error: std::fmt::Debug,
{
    drive(conversation, host).await.unwrap();
    if !conversation.to_string().contains("Thank you.") {
        conversation.say("Thank you.");
        drive(conversation, host).await.unwrap();
    }
    let line = |line: &str| match line.trim_start().split_once(' ') {
        Some((sign @ (">" | "<"), rest)) => format!("  {sign} {}", rest.split_once(' ').unwrap().1),
        _ => line.to_owned(),
    };
    conversation.to_string().lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn three_agents_on_three_backends_delegate_and_hand_over() {
    let mut all = Vec::new();
    for cast in CASTS {
        for streaming in [true, false] {
            let servers = servers().await;
            let host = LocalHost::new(team(cast, &servers, streaming));
            all.push(told(&mut start(), &host).await);
            // Two tasks of two requests each, and no request was refused or made again.
            assert_eq!(servers.each_ref().map(Mock::count), [2, 4, 3], "{cast:?}");
            // The closer goes on with what was said over another API, results included.
            let first = &servers[2].requests()[0].text;
            let said = ["How many ships", "I ask.", "Of each there are seven.", "the harbour is full"];
            assert!(said.iter().all(|words| first.contains(words)), "{cast:?}: {first}");
        }
    }
    assert!(all.iter().all(|told| *told == all[0]), "{all:#?}");
    assert_snapshot!(all[0], @r#"
    user: How many ships and boats?
    lead: I ask.
      > expert {"task":"Count the ships."}
      > look {}
      > expert {"task":"Count the boats."}
      < = Of each there are seven.
      < = the harbour is full
      < = Of each there are seven.
      > handoff {"name":"closer","reason":"All is counted."}
      < = Transferred to closer.
    -- closer takes over from lead
      > stamp {}
      < = it is stamped
    closer: Seven ships and seven boats, with a stamp.
    user: Thank you.
    closer: You are welcome.
    "#);
}

async fn on_journal(place: &Place, team: Team) -> String {
    let mut conversation = start();
    let host = place.open().host(team, &mut conversation).await.unwrap();
    told(&mut conversation, &host).await
}

#[tokio::test]
async fn on_a_journal_they_go_on_from_wherever_they_were_stopped() {
    for (cast, streaming) in CASTS.into_iter().zip([true, false, true]) {
        let servers = servers().await;
        let in_process = told(&mut start(), &LocalHost::new(team(cast, &servers, streaming))).await;
        let place = Place::new();
        assert_eq!(on_journal(&place, team(cast, &servers, streaming)).await, in_process, "{cast:?}");
        let entries = place.open().entries("s").unwrap().len();
        for keep in 1..entries {
            let copy = Place::new();
            std::fs::copy(&place.path, &copy.path).unwrap();
            copy.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
            // Another process: its streams are not streamed, and the other way round.
            let resumed = on_journal(&copy, team(cast, &servers, !streaming)).await;
            assert_eq!(resumed, in_process, "{cast:?}, stopped after entry {keep}");
        }
    }
}
