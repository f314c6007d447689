//! Runs with typed answers: over HTTP with each API, and stopped after each entry.

use std::sync::Arc;

use agent_core::{
    Agent, Llm, Team,
    host::drive,
    script::{Reply, Script},
};
use agent_llm::{Claude, OpenAi};
use agent_mock::{Mock, RecordedRequest, Scenario};
use agent_tools::{AnswerType, FnTool, RunTyped};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::common::Place;

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Trip {
    city: String,
    #[schemars(range(max = 7))]
    days: u32,
}

/// Runs a session. The model calls a tool, and then gives an answer that does not fit, then one that
/// does. A model that is asked after the call begins with the first of these two.
async fn run(place: &Place) -> Trip {
    let answers = [9, 7].map(|days| Reply::text(json!({"city": "Oslo", "days": days}).to_string()));
    let replies = [Reply::call("add", json!({}))].into_iter().chain(answers);
    let answer = AnswerType::<Trip>::new().unwrap();
    let journal = place.open();
    let has_called = journal.entries("trip").is_ok_and(|entries| entries.len() > 1);
    let agent = Agent::builder("planner", Script::new(replies.skip(usize::from(has_called))))
        .tool(FnTool::new("add", "Adds.", || "3"))
        .build()
        .unwrap();
    let mut conversation = agent.start("Plan it.").with_id("trip");
    let team = answer.team(Team::new([agent]).unwrap());
    let host = journal.host(team, &mut conversation).await.unwrap();
    let end = drive(&mut conversation, &host).await.unwrap();
    answer.read(&end, &conversation).unwrap()
}

#[tokio::test]
async fn a_typed_answer_is_the_same_on_a_journal_wherever_its_run_was_stopped() {
    let expected = Trip { city: "Oslo".to_owned(), days: 7 };
    let place = Place::new();
    assert_eq!(run(&place).await, expected);
    let entries = place.open().entries("trip").unwrap().len();
    assert!(entries > 3);
    for keep in 1..=entries {
        let copy = Place::new();
        std::fs::copy(&place.path, &copy.path).unwrap();
        copy.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        assert_eq!(run(&copy).await, expected, "stopped after entry {keep}");
    }
}

/// Every client, with the schema as the format of the reply and without.
fn clients(url: &str) -> Vec<(String, Arc<dyn Llm>)> {
    let mut clients: Vec<(String, Arc<dyn Llm>)> = Vec::new();
    for (streaming, formats) in [(true, true), (true, false), (false, true), (false, false)] {
        let claude =
            Claude::builder().key("k").base_url(url).streaming(streaming).structured_outputs(formats);
        clients.push((format!("messages {streaming} {formats}"), Arc::new(claude.build().unwrap())));
        let openai = OpenAi::builder().key("k").base_url(format!("{url}/v1")).streaming(streaming);
        let openai = openai.structured_outputs(formats);
        clients
            .push((format!("chat {streaming} {formats}"), Arc::new(openai.clone().chat().build().unwrap())));
        clients.push((format!("responses {streaming} {formats}"), Arc::new(openai.build().unwrap())));
    }
    clients
}

/// Whether a request has the schema as the format of the reply.
fn has_format(request: &RecordedRequest) -> bool {
    let places = ["/output_config/format", "/response_format", "/text/format"];
    places.iter().any(|place| request.body.pointer(place).is_some())
}

#[tokio::test]
async fn each_api_gives_typed_answers_and_the_server_accepts_each_request() {
    for name in clients("http://127.0.0.1:1").into_iter().map(|(name, _)| name) {
        // It calls a tool, then gives an answer that does not fit, then one that does.
        let answer = move |days: u32, request: &RecordedRequest| {
            let answer = json!({"city": "Oslo", "days": days});
            if has_format(request) {
                Reply::text(answer.to_string())
            } else {
                Reply::call("final_answer", answer)
            }
        };
        let scenario = Scenario::by(move |request: &RecordedRequest| match request.text.as_str() {
            text if text.contains("does not fit") => answer(7, request),
            text if text.contains("it is three") => answer(9, request),
            _ => Reply::call("add", json!({})),
        });
        let server = Mock::start(scenario).await.unwrap();
        let (_, llm) = clients(&server.url()).into_iter().find(|(other, _)| *other == name).unwrap();
        let add = FnTool::new("add", "Adds.", || "it is three");
        let agent = Agent::builder("planner", llm).tool(add).build().unwrap();
        let trip = agent.run_typed::<Trip>(&mut agent.start("Plan it.")).await;
        let trip = trip.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((trip.value.days, trip.tries), (7, 2), "{name}");
        let formats = server.requests().iter().filter(|request| has_format(request)).count();
        assert_eq!(formats, if name.ends_with("true") { 3 } else { 0 }, "{name}");
    }
}
