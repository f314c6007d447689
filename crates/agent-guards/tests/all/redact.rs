//! Values that models do not read, in whole runs.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Json, Llm, LlmError, Message, Request, Role, StopReason, Team,
    model::PreviousReply,
    script::{Reply, Script},
};
use agent_guards::{Guards, Output, OutputVerdict, Redact};
use agent_tools::{AgentTool, FnTool};
use futures::StreamExt;
use serde_json::json;

use crate::common::{SECOND, run};

/// A model that looks an address up, and then repeats all that it reads.
fn model() -> Script {
    Script::by(|request| {
        let last = request.messages.last().unwrap();
        let results: Vec<String> = last.tool_results().map(|(_, content, _)| content.to_text()).collect();
        match results.is_empty() {
            true => Reply::call("look_up", json!({"name": last.text(), "again": "[EMAIL_1]"})),
            false => Reply::text(format!("Found: {}.", results.concat())).per_token(SECOND),
        }
    })
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Who {
    name: String,
    again: String,
}

/// A tool that gives away a phone number, and what it was called with.
fn look_up() -> (FnTool, Arc<Mutex<Vec<String>>>) {
    let called: Arc<Mutex<Vec<String>>> = Arc::default();
    let list = called.clone();
    let tool = FnTool::new("look_up", "Finds a person.", move |Who { name, again }: Who| {
        list.lock().unwrap().push(format!("{name}; {again}"));
        Ok::<_, String>(format!("{again} has +49 30 1234567"))
    });
    (tool, called)
}

fn texts(messages: &[Message]) -> Vec<String> {
    let block =
        |message: &Message| message.content().iter().map(|block| block.json().text().to_owned()).collect();
    messages.iter().flat_map(|message| -> Vec<String> { block(message) }).collect()
}

#[tokio::test(start_paused = true)]
async fn tools_and_users_get_the_values_and_the_model_reads_placeholders() {
    let (tool, called) = look_up();
    let model = model();
    let agent = Agent::builder("main", model.clone()).system("Ask root@example.org for help.").tool(tool);
    let team = Redact::new().around(Team::new([agent.build().unwrap()]).unwrap());
    let ran = run(&team, Conversation::start("main", "Who is ada@example.org?")).await;

    assert_eq!(ran.end.text(), "Found: root@example.org has +49 30 1234567.");
    assert_eq!(ran.shown.concat(), ran.end.text());
    assert_eq!(*called.lock().unwrap(), ["Who is ada@example.org?; root@example.org"]);
    let record = texts(ran.conversation.messages()).concat();
    assert!(record.contains("ada@example.org") && !record.contains("EMAIL"), "{record}");
    assert_eq!(
        ran.told,
        [
            "redact sends [EMAIL_1], [EMAIL_2] in the place of values",
            "redact sends [PHONE_1] in the place of values"
        ]
    );
    let last = model.requests()[1].clone();
    assert!(last.system_text().ends_with("Ask [EMAIL_1] for help."));
    insta::assert_snapshot!(texts(&last.messages).join("\n"), @r#"
    {"type":"text","text":"Who is [EMAIL_2]?"}
    {"type":"tool_use","id":"call_0_0","name":"look_up","input":{"again":"[EMAIL_1]","name":"Who is [EMAIL_2]?"}}
    {"type":"tool_result","tool_use_id":"call_0_0","content":"[EMAIL_1] has [PHONE_1]"}
    "#);
}

#[tokio::test(start_paused = true)]
async fn another_process_continues_with_the_same_placeholders() {
    let (first, second) = (model(), model());
    let team = |model: &Script| {
        let agent = Agent::builder("main", model.clone()).tool(look_up().0).build().unwrap();
        Redact::new().around(Team::new([agent]).unwrap())
    };
    let ran = run(&team(&first), Conversation::start("main", "I am ada@example.org.")).await;
    // All that is kept is the conversation.
    let kept = serde_json::to_string(&ran.conversation).unwrap();
    let mut conversation: Conversation = serde_json::from_str(&kept).unwrap();
    conversation.say("And bob@example.org?");
    run(&team(&second), conversation).await;
    let (before, after) = (first.requests()[1].clone(), second.requests()[0].clone());
    assert_eq!(after.messages[..3], before.messages[..]);
    assert_eq!(after.last_text(), "And [EMAIL_2]?");
}

#[tokio::test(start_paused = true)]
async fn a_delegated_agent_gets_the_values_and_its_model_does_not() {
    let model = Script::by(|request| match (&*request.agent, request.turns) {
        ("main", 0) => Reply::call("clerk", json!({"task": format!("Write to {}", request.last_text())})),
        ("main", _) => Reply::text("Done with [EMAIL_1]."),
        _ => Reply::text(format!("Wrote: {}", request.last_text())),
    });
    let clerk = Agent::builder("clerk", model.clone()).build().unwrap();
    let main =
        Agent::builder("main", model.clone()).tool(AgentTool::new("clerk", "Writes.")).build().unwrap();
    let team = Redact::new().around(Team::new([main, clerk]).unwrap());
    let ran = run(&team, Conversation::start("main", "ada@example.org")).await;
    assert_eq!(ran.end.text(), "Done with ada@example.org.");
    let read: Vec<String> = model.requests().iter().flat_map(|request| texts(&request.messages)).collect();
    assert!(read.iter().all(|text| !text.contains("ada@")), "{read:?}");
    let result = ran.conversation.messages()[2].tool_results().next().unwrap().1.to_text();
    assert_eq!(result, "Wrote: Write to ada@example.org");
}

#[tokio::test(start_paused = true)]
async fn guards_around_it_check_the_values() {
    let model = Script::by(|request| Reply::text(format!("You are {}.", request.last_text())));
    let team = Team::new([Agent::builder("main", model).build().unwrap()]).unwrap();
    let guards = Guards::new().output("no addresses", |output: Output| async move {
        Ok(OutputVerdict::replace(output.text.replace("@", " at ")))
    });
    let team = guards.around(Redact::new().around(team));
    let ran = run(&team, Conversation::start("main", "ada@example.org")).await;
    assert_eq!(ran.end.text(), "You are ada at example.org.");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_known_by_what_is_around_it_is_replaced_wherever_it_stands_later() {
    let model = Script::by(|request| Reply::text(request.last_text()));
    let redact = Redact::nothing().pattern("PASSWORD", "password: ([a-z0-9]+)").unwrap();
    let team = redact.around(Team::new([Agent::builder("main", model.clone()).build().unwrap()]).unwrap());
    let said = "password: hunter22x, so hunter22x. password: x, so x.";
    let ran = run(&team, Conversation::start("main", said)).await;
    assert_eq!(ran.end.text(), said);
    let mut conversation = ran.conversation;
    conversation.say("hunter22x or x?");
    run(&team, conversation).await;
    assert_eq!(model.requests()[1].last_text(), "[PASSWORD_1] or x?");
}

/// A backend that yields these pieces and keeps the request.
struct Pieces(Vec<Delta>, Arc<Mutex<Vec<Request>>>);

impl Llm for Pieces {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.1.lock().unwrap().push(request);
        futures::stream::iter(self.0.clone()).map(Ok).boxed()
    }

    fn supports_answer_schema(&self, _: &Json) -> bool {
        true
    }
}

async fn pieces(pieces: Vec<Delta>, request: Request) -> (Vec<Delta>, Request) {
    let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
    let model =
        Redact::secrets().pattern("NAME", "Ada \"A\"|Bob").unwrap().model(Pieces(pieces, asked.clone()));
    assert!(model.supports_answer_schema(&json!({}).into()));
    let all = model.stream(request).map(Result::unwrap).collect().await;
    let request = asked.lock().unwrap()[0].clone();
    (all, request)
}

fn asks() -> Request {
    Request::new(vec![Message::user("Ada \"A\" or Bob?")])
}

#[tokio::test]
async fn an_attempt_that_broke_off_in_a_placeholder_leaves_nothing() {
    let again = Delta::Restarted { reason: "cut".to_owned() };
    let stop = Delta::stop(StopReason::EndTurn);
    let said = vec![
        Delta::words(0, "It is [NAM"),
        again.clone(),
        Delta::words(0, "E_2], [NAME_"),
        Delta::words(0, "2]"),
        stop.clone(),
    ];
    let (pieces, _) = pieces(said, asks()).await;
    let expected =
        [Delta::words(0, "It is "), again, Delta::words(0, "E_2], "), Delta::words(0, "Bob"), stop];
    assert_eq!(pieces[1..], expected);
}

#[tokio::test]
async fn an_answer_in_json_stays_json() {
    let mut request = asks();
    request.answer_schema = Some(json!({}).into());
    let said = vec![Delta::words(0, r#"{"name": "[NAME_1]"}"#), Delta::stop(StopReason::EndTurn)];
    let (pieces, _) = pieces(said, request).await;
    assert_eq!(pieces[1], Delta::words(0, r#"{"name": "Ada \"A\""}"#));
}

#[tokio::test]
async fn a_server_that_keeps_the_history_is_not_asked_to_go_on_from_changed_messages() {
    let reply = Message::assistant("Yes.");
    let mut request = Request::new(vec![Message::user("Bob?"), reply.clone(), Message::user("Sure?")]);
    request.previous_reply = Some(PreviousReply { response: "resp_1".into(), messages: 2, reply });
    let (_, asked) = pieces(vec![Delta::stop(StopReason::EndTurn)], request).await;
    assert_eq!(asked.previous_reply, None);
    assert_eq!(asked.messages[0].text(), "[NAME_1]?");
    assert_eq!(asked.messages[1].role(), Role::Assistant);
}

#[test]
fn nothing_secret_is_printed() {
    let redact = Redact::secrets().pattern("KEY", "my-very-secret-word").unwrap();
    assert_eq!(
        format!("{redact:?}"),
        r#"Redact { kinds: ["PRIVATE_KEY", "API_KEY", "TOKEN", "TOKEN", "KEY"] }"#
    );
}
