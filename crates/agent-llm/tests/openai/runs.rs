//! Whole runs of agents with tools, over each API, streamed and not.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use agent_core::{
    Agent, Content, Context, Conversation, Json, Limits, Outcome, Team, Tool, ToolSpec, async_trait,
    tool::Transfer,
};
use agent_llm::Gate;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::common::{Call, WAYS, Way, bodies, events, server};

/// A tool that does what its input says, and counts its calls.
pub(crate) struct Act {
    spec: ToolSpec,
    calls: Arc<AtomicUsize>,
}

impl Act {
    pub(crate) fn new() -> (Self, Arc<AtomicUsize>) {
        let schema = json!({"type": "object", "properties": {"say": {"type": "string"}}});
        let mut spec = ToolSpec::new("act", "Does what it is told.", schema);
        spec.targets = Vec::new();
        let calls = Arc::default();
        (Self { spec, calls: Arc::clone(&calls) }, calls)
    }

    fn leading_to(mut self, agents: &[&str]) -> Self {
        self.spec.targets = agents.iter().map(|agent| (*agent).to_owned()).collect();
        self
    }
}

#[derive(serde::Deserialize)]
struct Told {
    say: Option<String>,
    huge: Option<usize>,
    delegate: Option<String>,
    transfer: Option<String>,
}

#[async_trait]
impl Tool for Act {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        self.calls.fetch_add(1, SeqCst);
        match input.parse::<Told>() {
            Err(error) => Outcome::Error(error.to_string().into()),
            Ok(Told { delegate: Some(to), .. }) => Outcome::delegate(to, "Do it."),
            Ok(Told { transfer: Some(to), .. }) => Outcome::Transfer(Transfer::new(to, "could not: {why}")),
            Ok(Told { huge: Some(bytes), .. }) => Outcome::Output(Content::from_bytes(&vec![0xFF; bytes])),
            Ok(Told { say, .. }) => Outcome::Output(say.unwrap_or_default().into()),
        }
    }
}

/// A run of one agent with [`Act`]: the conversation, the bodies that were sent, and how often the
/// tool was called.
async fn run(way: Way, replies: &[(&str, &[Call<'_>])]) -> (Conversation, Vec<Value>, usize) {
    let server = server(replies.iter().map(|(text, calls)| way.reply(text, calls))).await;
    let (act, calls) = Act::new();
    let openai = way.settings(server.uri()).build().unwrap();
    let agent = Agent::builder("main", openai).tool(act).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    (conversation, bodies(&server).await, calls.load(SeqCst))
}

/// What the model read of each call, in order, whichever API it is.
fn results(body: &Value) -> Vec<(String, String)> {
    let items = body["messages"].as_array().or(body["input"].as_array()).unwrap();
    let result = |item: &Value| {
        let id =
            item["tool_call_id"].as_str().or(item["call_id"].as_str()).filter(|_| item["name"].is_null())?;
        let words = item["content"].as_str().or(item["output"].as_str()).unwrap();
        Some((id.to_owned(), words.to_owned()))
    };
    items.iter().filter_map(result).collect()
}

#[tokio::test]
async fn calls_of_a_reply_run_in_parallel_and_their_results_go_back_in_order() {
    for way in WAYS {
        let calls = [("a", "act", r#"{"say":"1"}"#), ("b", "act", r#"{"say":"2"}"#), ("c", "act", "{}")];
        let (conversation, bodies, made) = run(way, &[("Let me see.", &calls), ("Done.", &[])]).await;
        let expected =
            [("a", "1"), ("b", "2"), ("c", "[no output]")].map(|(id, said)| (id.to_owned(), said.to_owned()));
        assert_eq!((results(&bodies[1]), made), (expected.to_vec(), 3), "{way:?}");
        assert!(conversation.to_string().ends_with("main: Done.\n"), "{conversation}");
    }
}

#[tokio::test]
async fn calls_without_ids_under_one_index_are_made_and_answered() {
    for way in &WAYS[..2] {
        let calls =
            [("", "act", r#"{"say":"1"}"#), ("", "act", r#"{"say":"2"}"#), ("", "act", r#"{"say":"2"}"#)];
        let whole = |(id, name, arguments): &Call<'_>| json!({"index": 0, "id": id, "function": {"name": name, "arguments": arguments}});
        let message = json!({"tool_calls": calls.iter().map(whole).collect::<Vec<_>>()});
        let body = match way.streaming {
            true => events(&[
                json!({"choices": [{"index": 0, "delta": message}]}).to_string(),
                json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}).to_string(),
            ]),
            false => ResponseTemplate::new(200)
                .set_body_json(json!({"choices": [{"message": message, "finish_reason": "stop"}]})),
        };
        let server = server([body, way.reply("Done.", &[])]).await;
        let (act, made) = Act::new();
        let openai = way.settings(server.uri()).build().unwrap();
        let agent = Agent::builder("main", openai).tool(act).build().unwrap();
        let end = agent.run(&mut agent.start("Go.")).await.unwrap();
        let bodies = bodies(&server).await;
        let results = results(&bodies[1]);
        let said: Vec<&str> = results.iter().map(|(_, said)| said.as_str()).collect();
        assert_eq!((end.text(), made.load(SeqCst), said), ("Done.", 3, vec!["1", "2", "2"]), "{way:?}");
        let sent = bodies[1]["messages"].as_array().unwrap();
        let called = sent.iter().find_map(|message| message["tool_calls"].as_array()).unwrap();
        let called: Vec<&str> = called.iter().map(|call| call["id"].as_str().unwrap()).collect();
        assert_eq!(called, results.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>());
        assert!(called[0] != called[1] && called[1] != called[2] && !called[0].is_empty(), "{called:?}");
    }
}

#[tokio::test]
async fn fault_21_unknown_tools_and_broken_input_are_results_that_say_so() {
    for way in WAYS {
        let calls = [
            ("a", "nope", "{}"),
            ("b", "act", r#"{"say": "#),
            ("c", "act", "[1]"),
            ("d", "act", r#"{"say":"fine"}"#),
        ];
        let (_, bodies, made) = run(way, &[("", &calls), ("Done.", &[])]).await;
        let results = results(&bodies[1]);
        let begins = |place: usize, words: &str| {
            let said = &results[place].1;
            assert!(said.starts_with("[the call failed]\n") && said.contains(words), "{way:?}: {said}");
        };
        begins(0, "act");
        begins(1, "not valid JSON");
        begins(2, "must be a JSON object");
        assert_eq!((results[3].1.as_str(), made), ("fine", 1), "{way:?}");
    }
}

#[tokio::test]
async fn fault_22_an_input_that_does_not_fit_is_a_result_on_openais_wire() {
    for way in WAYS {
        let (_, bodies, _) = run(way, &[("", &[("a", "act", r#"{"say":7}"#)]), ("Done.", &[])]).await;
        let said = &results(&bodies[1])[0].1;
        assert!(said.contains("at /say: invalid type: integer `7`, expected a string"), "{said}");
    }
}

#[tokio::test]
async fn fault_38_a_huge_result_of_no_utf_8_is_bounded_and_valid_on_openais_wire() {
    for way in WAYS {
        let (_, bodies, _) = run(way, &[("", &[("a", "act", r#"{"huge":3000000}"#)]), ("Done.", &[])]).await;
        let said = &results(&bodies[1])[0].1;
        assert!(said.starts_with('\u{fffd}') && said.len() < 1_000_000, "{}", said.len());
    }
}

#[tokio::test]
async fn fault_16_a_refusal_of_openai_is_an_end_of_its_own() {
    let refusal =
        json!({"choices": [{"message": {"content": null, "refusal": "No."}, "finish_reason": "stop"}]});
    let server = server([ResponseTemplate::new(200).set_body_json(refusal)]).await;
    let openai = WAYS[1].settings(server.uri()).build().unwrap();
    let agent = Agent::builder("main", openai).build().unwrap();
    let end = agent.run(&mut agent.start("Go.")).await.unwrap();
    assert!(matches!(end, agent_core::End::Refused { .. }), "{end:?}");
}

/// A team of these agents, who each have [`Act`] and ask the same server.
async fn team(way: Way, agents: &[&str], server: &MockServer, gate: Gate) -> Team {
    let openai = way.settings(server.uri()).gate(gate).build().unwrap();
    let agent = |name: &&str| {
        let others: Vec<&str> = agents.iter().copied().filter(|other| other != name).collect();
        let (act, _) = Act::new();
        Agent::builder(*name, openai.clone()).tool(act.leading_to(&others)).build().unwrap()
    };
    Team::new(agents.iter().map(agent)).unwrap()
}

#[tokio::test]
async fn fault_30_a_gate_of_1_and_agents_3_deep_on_openais_wire_come_to_an_end() {
    for way in WAYS {
        let to_b = way.reply("", &[("a", "act", r#"{"delegate":"b"}"#)]);
        let to_c = way.reply("", &[("a", "act", r#"{"delegate":"c"}"#)]);
        let server = server([to_b, to_c, way.reply("Deep.", &[]), way.reply("Done.", &[])]).await;
        let team = team(way, &["main", "b", "c"], &server, Gate::at_most(1)).await;
        let mut conversation = Conversation::start("main", "Go.");
        let end = team.run(&mut conversation).await.unwrap();
        assert_eq!((end.text(), server.received_requests().await.unwrap().len()), ("Done.", 5), "{way:?}");
    }
}

#[tokio::test]
async fn fault_31_agents_on_openais_wire_that_hand_over_by_turns_are_stopped() {
    for way in WAYS {
        let to = |agent: &str| way.reply("", &[("a", "act", &format!(r#"{{"transfer":"{agent}"}}"#))]);
        let server = server([to("b"), to("main"), to("b"), to("main"), way.reply("Mine.", &[])]).await;
        let team =
            team(way, &["main", "b"], &server, Gate::new()).await.with_limits(Limits::new().transfers(3));
        let mut conversation = Conversation::start("main", "Go.");
        let end = team.run(&mut conversation).await.unwrap();
        assert_eq!((end.text(), conversation.agent()), ("Mine.", "b"), "{way:?}");
        let said = conversation.to_string();
        assert!(said.contains("the limit of 3 transfers is reached"), "{said}");
    }
}
