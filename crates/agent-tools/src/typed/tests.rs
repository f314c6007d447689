//! Runs with typed answers: what the user gets, and what the model is asked.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Json, Limits, Llm, LlmError, Request, StopReason, Team,
    event::EventKind,
    model::non_streaming,
    script::{Reply, Script},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{AgentTool, Answer, FnTool};

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Trip {
    city: String,
    #[schemars(range(min = 1, max = 7))]
    days: u32,
    note: Option<String>,
}

/// A script whose API can hold answers to a schema. It remembers nothing but the script's requests.
#[derive(Clone)]
struct WithSchema {
    script: Script,
    streams: bool,
}

impl Llm for WithSchema {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let stream = self.script.stream(request);
        match self.streams {
            true => stream,
            false => non_streaming(agent_core::model::fold(stream, |_| ())),
        }
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        schema.parse::<Value>().is_ok_and(|schema| schema["type"] == "object")
    }
}

/// A script, not streamed.
#[derive(Clone)]
struct InOnePiece(Script);

impl Llm for InOnePiece {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        non_streaming(async { agent_core::model::fold(self.0.stream(request), |_| ()).await })
    }
}

/// The ways in which a model may give its answers: a name, the script, and the model.
fn ways(replies: &[Reply]) -> [(&'static str, Script, Arc<dyn Llm>); 4] {
    let scripts: [Script; 4] = std::array::from_fn(|_| Script::new(replies.to_vec()));
    let [streamed, whole, tool, whole_tool] = scripts.clone();
    let llms: [(&str, Arc<dyn Llm>); 4] = [
        ("schema, streamed", Arc::new(WithSchema { script: streamed, streams: true })),
        ("schema, in one piece", Arc::new(WithSchema { script: whole, streams: false })),
        ("tool, streamed", Arc::new(tool)),
        ("tool, in one piece", Arc::new(InOnePiece(whole_tool))),
    ];
    let mut scripts = scripts.into_iter();
    llms.map(|(way, llm)| (way, scripts.next().expect("there is one for each"), llm))
}

/// Runs an agent with these replies in each way, and says what came of it.
async fn check<T>(replies: &[Reply], expected: &str)
where
    T: std::fmt::Debug + serde::de::DeserializeOwned + JsonSchema + Send + 'static,
{
    for (way, script, llm) in ways(replies) {
        let agent = Agent::builder("planner", llm).tool(add()).build().unwrap();
        let mut conversation = agent.start("Plan it.");
        let said = match agent.run_typed::<T>(&mut conversation).await {
            Ok(Typed { value, tries, .. }) => format!("{value:?} (tries: {tries})"),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expected, "{way}");
        assert_eq!(script.requests().len(), replies.len(), "{way}");
    }
}

fn add() -> FnTool {
    FnTool::new("add", "Adds.", || "3")
}

fn text(value: Value) -> Reply {
    Reply::text(value.to_string())
}

#[tokio::test]
async fn an_answer_that_fits_is_returned_as_its_type() {
    check::<Trip>(
        &[text(json!({"city": "Oslo", "days": 3}))],
        r#"Trip { city: "Oslo", days: 3, note: None } (tries: 1)"#,
    )
    .await;
    check::<Trip>(
        &[Reply::text("Here it is:\n```json\n{\"city\": \"Oslo\", \"days\": 3, \"note\": \"Wool.\"}\n```")],
        r#"Trip { city: "Oslo", days: 3, note: Some("Wool.") } (tries: 1)"#,
    )
    .await;
}

#[tokio::test]
async fn any_type_can_be_an_answer() {
    #[allow(dead_code)]
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Mood {
        Good,
        Bad { reason: String },
    }
    #[allow(dead_code)]
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Tree {
        name: String,
        branches: Vec<Tree>,
    }
    check::<Vec<String>>(&[text(json!({"answer": ["a", "b"]}))], r#"["a", "b"] (tries: 1)"#).await;
    // A model that has not seen the object around it.
    check::<Vec<u8>>(&[text(json!([1, 2]))], "[1, 2] (tries: 1)").await;
    check::<Mood>(&[text(json!({"answer": "good"}))], "Good (tries: 1)").await;
    check::<Mood>(
        &[text(json!({"answer": {"bad": {"reason": "rain"}}}))],
        r#"Bad { reason: "rain" } (tries: 1)"#,
    )
    .await;
    check::<bool>(&[text(json!({"answer": true}))], "true (tries: 1)").await;
    check::<Option<u32>>(&[text(json!({"answer": null}))], "None (tries: 1)").await;
    check::<Tree>(
        &[text(json!({"name": "a", "branches": [{"name": "b", "branches": []}]}))],
        r#"Tree { name: "a", branches: [Tree { name: "b", branches: [] }] } (tries: 1)"#,
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again() {
    check::<Trip>(
        &[
            text(json!({"city": "Oslo", "days": 9})),
            Reply::text("It is a long trip."),
            text(json!({"city": "Oslo", "days": 7})),
        ],
        r#"Trip { city: "Oslo", days: 7, note: None } (tries: 3)"#,
    )
    .await;
}

#[tokio::test]
async fn the_error_has_the_last_answer_and_what_is_wrong_with_it() {
    let long = || text(json!({"city": "Oslo", "days": 9}));
    check::<Trip>(
        &[long(), long(), long()],
        "the answer does not fit its type: at /days: must be <=7, but got 9 (after 3 tries); \
         the last answer is \"{\\\"city\\\":\\\"Oslo\\\",\\\"days\\\":9}\"",
    )
    .await;
}

#[tokio::test]
async fn a_cut_or_refused_reply_is_never_an_answer() {
    let whole = json!({"city": "Oslo", "days": 3}).to_string();
    let ended = |reason| Reply::text(whole.clone()).stop(reason);
    let none = "there is no typed answer, because the run ended without an answer: ";
    check::<Trip>(&[ended(StopReason::MaxTokens)], &format!("{none}the reply was cut: max_tokens")).await;
    check::<Trip>(&[ended(StopReason::Refusal)], &format!("{none}the model declined")).await;
}

#[tokio::test]
async fn tools_are_called_before_the_answer() {
    check::<Trip>(
        &[
            Reply::call("add", json!({"a": 1, "b": 2})),
            text(json!({"city": "Oslo", "days": 30})),
            text(json!({"city": "Oslo", "days": 3})),
        ],
        r#"Trip { city: "Oslo", days: 3, note: None } (tries: 2)"#,
    )
    .await;
}

/// Runs with the answer tool, streamed and not, and returns the record as text.
async fn check_tool(replies: &[Reply], expected: &str, record: &[&str]) {
    for llm in [(|script| Arc::new(script) as Arc<dyn Llm>) as fn(Script) -> _, |script| {
        Arc::new(InOnePiece(script))
    }] {
        let agent =
            Agent::builder("planner", llm(Script::new(replies.to_vec()))).tool(add()).build().unwrap();
        let mut conversation = agent.start("Plan it.");
        let said = match agent.run_typed::<Trip>(&mut conversation).await {
            Ok(Typed { value, tries, .. }) => format!("{} {} (tries: {tries})", value.city, value.days),
            Err(error) => error.to_string(),
        };
        let texts: Vec<String> = conversation
            .messages()
            .iter()
            .skip(1)
            .map(|message| format!("{:?}", message.content()))
            .collect();
        assert_eq!(
            (said.as_str(), texts),
            (expected, record.iter().map(|text| (*text).to_owned()).collect())
        );
    }
}

#[tokio::test]
async fn the_call_of_the_answer_tool_is_recorded_as_text() {
    check_tool(
        &[Reply::call("final_answer", json!({"city": "Oslo", "days": 3}))],
        "Oslo 3 (tries: 1)",
        &[r#"[{"type":"text","text":"{\"city\":\"Oslo\",\"days\":3}"}]"#],
    )
    .await;
    check_tool(
        &[Reply::text("I have it.").and_call("final_answer", json!({"city": "Oslo", "days": 3}))],
        "Oslo 3 (tries: 1)",
        &[r#"[{"type":"text","text":"I have it."}, {"type":"text","text":"{\"city\":\"Oslo\",\"days\":3}"}]"#],
    )
    .await;
}

#[tokio::test]
async fn an_answer_beside_other_calls_is_asked_for_again_after_them() {
    let call = json!({"a": 1, "b": 2});
    check_tool(
        &[
            Reply::call("final_answer", json!({"city": "Oslo", "days": 3})).and_call("add", call),
            Reply::call("final_answer", json!({"city": "Oslo", "days": 4})),
        ],
        "Oslo 4 (tries: 1)",
        &[
            r#"[{"type":"tool_use","id":"call_0_1","name":"add","input":{"a":1,"b":2}}]"#,
            r#"[{"type":"tool_result","tool_use_id":"call_0_1","content":"3"}]"#,
            r#"[{"type":"text","text":"{\"city\":\"Oslo\",\"days\":4}"}]"#,
        ],
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_is_cut_is_kept_as_text_and_is_no_answer() {
    let cut = Reply::call("final_answer", json!({"INVALID_JSON": "{\"city\": \"Os"}));
    check_tool(
        &[cut.clone().stop(StopReason::MaxTokens)],
        "there is no typed answer, because the run ended without an answer: the reply was cut: max_tokens",
        &[r#"[{"type":"text","text":"{\"INVALID_JSON\":\"{\\\"city\\\": \\\"Os\"}"}]"#],
    )
    .await;
    // The API says that it is whole.
    check_tool(
        &[cut, Reply::call("final_answer", json!({"city": "Oslo", "days": 3}))],
        "Oslo 3 (tries: 2)",
        &[r#"[{"type":"text","text":"{\"city\":\"Oslo\",\"days\":3}"}]"#],
    )
    .await;
}

/// The last of these requests, as text.
async fn last_request(llm: impl Llm + 'static, script: &Script) -> String {
    let agent = Agent::builder("planner", llm)
        .base_prompt("")
        .tool(add())
        .server_tool(json!({"type": "web_search_20260318", "name": "web_search"}))
        .extra("tool_choice", json!({"type": "auto"}))
        .build()
        .unwrap();
    agent.run_typed::<Trip>(&mut agent.start("Plan it.")).await.unwrap();
    let requests = script.requests();
    let request = requests.last().unwrap();
    let tools: Vec<&str> = request.tools.iter().map(|spec| spec.name.as_str()).collect();
    let messages =
        request.messages.iter().map(|message| format!("\n{:?}: {}", message.role(), message.text()));
    format!(
        "system: {}\ntools: {tools:?}, server tools: {}, other fields: {}\nschema: {}{}",
        request.system_text(),
        request.server_tools.len(),
        request.extra.len(),
        request.answer_schema.as_ref().map_or("none", Json::text),
        messages.collect::<String>()
    )
}

#[tokio::test]
async fn a_correction_has_no_tools_and_says_what_is_wrong() {
    let replies = [
        Reply::call("add", json!({"a": 1, "b": 2})),
        text(json!({"city": "Oslo", "days": 30})),
        text(json!({"city": "Oslo", "days": 3})),
    ];
    let script = Script::new(replies.clone());
    let llm = WithSchema { script: script.clone(), streams: true };
    insta::assert_snapshot!(last_request(llm, &script).await, @r#"
    system: 
    tools: [], server tools: 0, other fields: 0
    schema: {"properties":{"city":{"type":"string"},"days":{"format":"uint32","maximum":7,"minimum":1,"type":"integer"},"note":{"type":["string","null"]}},"required":["city","days"],"type":"object"}
    User: Plan it.
    Assistant: [called add with {"a":1,"b":2}]
    User: [add answered: 3]
    Assistant: {"city":"Oslo","days":30}
    User: Your answer does not fit what was asked for: at /days: must be <=7, but got 30
    Answer again, with the whole answer as JSON.
    "#);
    let script = Script::new(replies);
    insta::assert_snapshot!(last_request(script.clone(), &script).await, @r#"
    system: Give your final answer by calling the tool `final_answer`, alone and once, when you need no other tool any more. Do not write the answer as text.
    tools: ["final_answer"], server tools: 0, other fields: 0
    schema: none
    User: Plan it.
    Assistant: [called add with {"a":1,"b":2}]
    User: [add answered: 3]
    Assistant: {"city":"Oslo","days":30}
    User: Your answer does not fit what was asked for: at /days: must be <=7, but got 30
    Call `final_answer` again, with the whole answer.
    "#);
}

#[tokio::test]
async fn the_usage_of_all_tries_is_counted() {
    let costly = |days: u32| {
        let usage = serde_json::from_value(json!({"input_tokens": 10, "output_tokens": 5})).unwrap();
        text(json!({"city": "Oslo", "days": days})).usage(usage)
    };
    for (way, _, llm) in ways(&[costly(9), costly(7)]) {
        let agent = Agent::builder("planner", llm).build().unwrap();
        let mut conversation = agent.start("Plan it.");
        agent.run_typed::<Trip>(&mut conversation).await.unwrap();
        let usage = conversation.usage();
        assert_eq!((usage.input_tokens, usage.output_tokens), (20, 10), "{way}");
    }
}

#[tokio::test]
async fn only_answers_to_the_user_have_the_type() {
    let words = Agent::builder("words", Script::new([Reply::text("Oslo is a city.")])).build().unwrap();
    let model = Script::new([
        Reply::call("words", json!({"task": "Say it."})),
        text(json!({"city": "Oslo", "days": 2})),
    ]);
    let main = Agent::builder("main", model).tool(AgentTool::new("words", "Says it.")).build().unwrap();
    let team = Team::new([main, words]).unwrap();
    let mut conversation = Conversation::start("main", "Plan it.");
    let trip = team.run_typed::<Trip>(&mut conversation).await.unwrap();
    assert_eq!((trip.value.city.as_str(), trip.tries), ("Oslo", 1));
}

#[tokio::test]
async fn an_agent_may_have_typed_answers_for_other_agents_too() {
    let replies = [Reply::text("It rains."), text(json!({"answer": 7}))];
    let script = Script::new(replies);
    let days = Agent::builder("days", script.clone()).build().unwrap();
    let days = AnswerType::<u32>::new().unwrap().agent(&days);
    let model = Script::new([Reply::call("days", json!({"task": "How many?"})), Reply::text("Seven.")]);
    let main =
        Agent::builder("main", model.clone()).tool(AgentTool::new("days", "Says it.")).build().unwrap();
    let team = Team::new([main, days]).unwrap();
    let end = team.run(&mut Conversation::start("main", "Plan it.")).await.unwrap();
    assert_eq!((end.text(), script.requests().len()), ("Seven.", 2));
    let read = format!("{:?}", model.requests()[1].messages.last().unwrap().content());
    assert!(read.contains(r#"{\"answer\":7}"#), "{read}");
}

#[tokio::test]
async fn a_run_can_be_configured_and_watched() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = log.clone();
    let model =
        Script::new([text(json!({"city": "Oslo", "days": 8})), text(json!({"city": "Oslo", "days": 7}))]);
    let agent = Agent::builder("planner", model).build().unwrap();
    let mut conversation = agent.start("Plan it.");
    let listen = move |event: &agent_core::Event| {
        if let EventKind::Delta(Delta::Restarted { reason }) = &event.kind {
            seen.lock().unwrap().push(reason.clone());
        }
    };
    let run =
        agent.run_typed::<Trip>(&mut conversation).tries(2).configure(|run| run.limits(Limits::default()));
    run.configure(|run| run.listen(listen)).await.unwrap();
    assert_eq!(*log.lock().unwrap(), ["the answer does not fit its type: at /days: must be <=7, but got 8"]);
}

#[tokio::test]
async fn one_try_is_one_request() {
    let model = Script::new([Reply::text("Seven.")]);
    let agent = Agent::builder("planner", model.clone()).build().unwrap();
    let error = agent.run_typed::<Trip>(&mut agent.start("Plan it.")).tries(0).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the answer does not fit its type: the answer is not JSON (after 1 try); the last answer is \"Seven.\""
    );
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn null_stands_for_a_field_that_is_left_out() {
    #[allow(dead_code)]
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Page {
        #[serde(default)]
        number: u32,
    }
    check::<Page>(&[text(json!({"number": null}))], "Page { number: 0 } (tries: 1)").await;
}

#[tokio::test]
async fn a_tool_of_the_same_name_keeps_its_name() {
    let model = Script::new([
        Reply::call("final_answer", json!({})),
        Reply::call("final_answer_", json!({"city": "Oslo", "days": 3})),
    ]);
    let tool = FnTool::new("final_answer", "Something else.", || "42");
    let agent = Agent::builder("planner", model).tool(tool).build().unwrap();
    assert_eq!(agent.run_typed::<Trip>(&mut agent.start("Plan it.")).await.unwrap().value.days, 3);
}

/// Runs an agent whose tool answers with this value, in each way, and says what came of it.
async fn check_answer_of_tool<T, A>(answer: A, expected: &str)
where
    T: std::fmt::Debug + serde::de::DeserializeOwned + JsonSchema + Send + 'static,
    A: serde::Serialize + Clone + Send + Sync + 'static,
{
    let calls = Reply::call("add", json!({})).and_call("give", json!({}));
    for (way, script, llm) in ways(&[calls]) {
        let answer = answer.clone();
        let give = FnTool::new("give", "Gives it.", move || Answer(answer.clone()));
        let agent = Agent::builder("planner", llm).tool(add()).tool(give).build().unwrap();
        let mut conversation = agent.start("Plan it.");
        let said = match agent.run_typed::<T>(&mut conversation).await {
            Ok(Typed { value, tries, .. }) => format!("{value:?} (tries: {tries})"),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expected, "{way}");
        assert_eq!(script.requests().len(), 1, "{way}");
    }
}

#[tokio::test]
async fn a_tool_may_give_the_answer() {
    check_answer_of_tool::<Trip, _>(
        json!({"city": "Oslo", "days": 3}),
        r#"Trip { city: "Oslo", days: 3, note: None } (tries: 0)"#,
    )
    .await;
    check_answer_of_tool::<Vec<u8>, _>(vec![1, 2], "[1, 2] (tries: 0)").await;
    check_answer_of_tool::<Vec<u8>, _>(json!({"answer": [1]}), "[1] (tries: 0)").await;
    check_answer_of_tool::<bool, _>(true, "true (tries: 0)").await;
    check_answer_of_tool::<Option<u8>, _>(None::<u8>, "None (tries: 0)").await;
}

/// A string is written as it is, so it may be no JSON, or other JSON.
#[tokio::test]
async fn a_string_of_a_tool_is_a_string_whatever_is_in_it() {
    for text in ["Oslo", "7", "null", "", "[1", r#"{"answer": 1}"#] {
        check_answer_of_tool::<String, _>(text, &format!("{text:?} (tries: 0)")).await;
    }
    #[allow(dead_code)]
    #[derive(Debug, Deserialize, JsonSchema)]
    enum Mood {
        Good,
        Bad,
    }
    check_answer_of_tool::<Mood, _>("Good", "Good (tries: 0)").await;
}

#[tokio::test]
async fn an_answer_of_a_tool_that_does_not_fit_is_an_error_that_names_the_tool_and_the_place() {
    check_answer_of_tool::<Trip, _>(
        json!({"city": "Oslo", "days": 9}),
        "the answer of the tool \"give\" does not fit the type: at /days: must be <=7, but got 9; \
         the answer is \"{\\\"city\\\":\\\"Oslo\\\",\\\"days\\\":9}\"",
    )
    .await;
    check_answer_of_tool::<u8, _>(
        "seven",
        "the answer of the tool \"give\" does not fit the type: at /answer: want integer, but got string; \
         the answer is \"seven\"",
    )
    .await;
}

/// The model reads a part of a long answer. The caller gets the whole.
#[tokio::test]
async fn a_long_answer_of_a_tool_is_whole() {
    let model = Script::new([Reply::call("give", json!({}))]);
    let give = FnTool::new("give", "Gives it.", || Answer(vec!["Oslo"; 1_000]));
    let agent = Agent::builder("planner", model).tool(give).max_result_bytes(500).build().unwrap();
    let answer = agent.run_typed::<Vec<String>>(&mut agent.start("Plan it.")).await.unwrap();
    assert_eq!(answer.value.len(), 1_000);
}

/// The next answer may be the model's again.
#[tokio::test]
async fn a_run_after_the_answer_of_a_tool_has_a_typed_answer_too() {
    let model = Script::new([Reply::call("give", json!({})), text(json!({"answer": 8}))]);
    let give = FnTool::new("give", "Gives it.", || Answer(7));
    let agent = Agent::builder("planner", model).tool(give).build().unwrap();
    let mut conversation = agent.start("How many days?");
    assert_eq!(agent.run_typed::<u32>(&mut conversation).await.unwrap().value, 7);
    conversation.say("One more.");
    let answer = agent.run_typed::<u32>(&mut conversation).await.unwrap();
    assert_eq!((answer.value, answer.tries), (8, 1));
}

/// A type without a schema is one error, at `run_typed`. A second one at the `.await` would advise to
/// remove that.
#[test]
fn what_is_awaited_asks_nothing_more_of_the_type() {
    struct NoSchema;
    fn can_be_awaited<T: std::future::IntoFuture>() {}
    can_be_awaited::<TypedRun<'_, NoSchema>>();
}
