//! Calls that go on in the background, each an invocation of its own.

use std::time::Duration;

use agent_core::{
    Agent, Conversation, End, Team,
    message::Role,
    script::{Reply, Script},
};
use agent_restate::Services;
use agent_tools::{AgentTool, Detached, NeedsApproval, detached_tools};
use serde_json::json;

use crate::common::{Calls, Stage, poll_until, start, tool};

/// A clerk with these replies, in order. Its tools are `note`, `later`, which is detached, `maybe`,
/// which is if it is slow, and `ada`, an agent in the background.
fn office(replies: Vec<Reply>, calls: &Calls, open: &Calls) -> Services {
    let model = Script::by(move |request| {
        let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
        replies.get(turn).cloned().unwrap_or_else(|| Reply::text("Done."))
    });
    let note = |name: &str| tool(name, calls, open).idempotent();
    let clerk = Agent::builder("clerk", model)
        .tool(note("note"))
        .tool(Detached::new(note("later")))
        .tool(Detached::after(Duration::from_millis(300), note("maybe")))
        .tool(Detached::new(AgentTool::new("ada", "Notes it.")))
        .tool(Detached::new(NeedsApproval::new(note("pay"))))
        .tools(detached_tools());
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("note", json!({"say": request.last_text()})),
        _ => Reply::text("Ada noted it."),
    });
    let ada = Agent::builder("ada", model).tool(note("note"));
    Services::new(Team::new([clerk.build().unwrap(), ada.build().unwrap()]).unwrap())
}

/// What the model was told of background calls, in order.
fn told(conversation: &Conversation) -> Vec<String> {
    let texts = conversation.messages().iter().map(|message| message.text().replace('\n', " "));
    texts.filter(|text| text.starts_with("[The background call")).collect()
}

/// The results of calls, in order.
fn results(conversation: &Conversation) -> Vec<String> {
    let results = conversation.messages().iter().flat_map(|message| message.tool_results());
    results.map(|(_, content, _)| content.to_text()).collect()
}

fn later(say: &str) -> Reply {
    Reply::call("later", json!({"say": say}))
}

#[tokio::test]
async fn a_detached_call_and_an_agent_survive_their_process_and_each_is_told_once() {
    let (calls, open) = (Calls::default(), Calls::default());
    let replies = || {
        vec![
            later("hang").and_call("ada", json!({"task": "hang"})).and_call("note", json!({"say": "x"})),
            Reply::call("note", json!({"say": "y"})),
            Reply::text("They work."),
        ]
    };
    let Some(mut stage) = Stage::open(office(replies(), &calls, &open)).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    // The model has gone on, and both are under way.
    calls
        .until(|calls| {
            let has = |key: &str| calls.contains_key(key);
            has("s/call_1_0") && has("s/call_0_0/call_0_0") && has("s/call_0_1/call_0_1/call_0_0")
        })
        .await;
    stage.replace(office(replies(), &calls, &open)).await;
    open.note("now".to_owned());
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(ran.end.unwrap().text(), "Done.");
    let mut told = told(&ran.conversation);
    told.sort();
    assert_eq!(
        told,
        [
            "[The background call \"call_0_0\" of later has ended. Its result:] hang",
            "[The background call \"call_0_1\" of ada has ended. Its result:] Ada noted it.",
        ]
    );
    let made = calls.made();
    let finished = ["s/call_0_2", "s/call_1_0"];
    assert!(finished.iter().all(|key| made[*key] == 1), "{made:?}");
}

#[tokio::test]
async fn the_model_waits_for_detached_calls_looks_and_stops_them() {
    let (calls, open) = (Calls::default(), Calls::default());
    let replies = vec![
        later("hang").and_call("later", json!({"say": "quick"})),
        Reply::call("wait_for_background_calls", json!({"calls": ["call_0_1"]})),
        Reply::call("check_background_calls", json!({})),
        Reply::call("wait_for_background_calls", json!({"seconds": 0.2})),
        Reply::call("stop_background_calls", json!({})),
        Reply::call("stop_background_calls", json!({"calls": ["none"]})),
        Reply::text("Stopping."),
    ];
    let Some(stage) = Stage::open(office(replies, &calls, &open)).await else { return };
    let ran = stage.host.run(&mut start("s")).await;
    assert!(matches!(ran.unwrap(), End::Answered(_)));
    let conversation = stage.host.history("s").await.unwrap().unwrap();
    let results = results(&conversation);
    // The quick one may have been told before the model asked for it.
    assert_eq!(results[3], "call_0_0 later {\"say\":\"hang\"}: goes on");
    assert_eq!(results[4], "None of them has ended in this time.");
    assert_eq!(results[5], "Being stopped: call_0_0. You will be told how they ended.");
    let told = told(&conversation);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "[The background call \"call_0_1\" of later has ended. Its result:] quick");
    assert_eq!(told[1], "[The background call \"call_0_0\" of later has failed:] cancelled");
}

#[tokio::test]
async fn a_slow_call_is_detached_and_a_quick_one_is_not() {
    let (calls, open) = (Calls::default(), Calls::default());
    let replies = vec![
        Reply::call("maybe", json!({"say": "hang"})).and_call("maybe", json!({"say": "quick"})),
        Reply::call("note", json!({"say": "x"})),
    ];
    let Some(stage) = Stage::open(office(replies, &calls, &open)).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    calls.until(|calls| calls.contains_key("s/call_1_0")).await;
    open.note("now".to_owned());
    let ran = stage.host.attach(&run).await.unwrap();
    let results = results(&ran.conversation);
    assert!(results[0].contains("goes on in the background"), "{results:?}");
    assert_eq!(results[1], "quick");
    assert_eq!(
        told(&ran.conversation),
        ["[The background call \"call_0_0\" of maybe has ended. Its result:] hang"]
    );
}

#[tokio::test]
async fn a_detached_call_waits_for_a_person() {
    let (calls, open) = (Calls::default(), Calls::default());
    let replies = vec![Reply::call("pay", json!({"say": "paid"})), Reply::text("It waits.")];
    let Some(stage) = Stage::open(office(replies, &calls, &open)).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    let waiting = poll_until("a call waits", async || {
        let waiting = stage.host.waiting("s").await.ok()?;
        (!waiting.is_empty()).then_some(waiting)
    })
    .await;
    assert_eq!(waiting[0].key, "s/call_0_0/call_0_0");
    stage.host.approve(&waiting[0].key).await.unwrap();
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(
        told(&ran.conversation),
        ["[The background call \"call_0_0\" of pay has ended. Its result:] paid"]
    );
}

#[tokio::test]
async fn a_cancelled_run_stops_what_goes_on_and_the_next_run_is_told() {
    let (calls, open) = (Calls::default(), Calls::default());
    let replies = vec![later("hang"), Reply::call("note", json!({"say": "hang"}))];
    let Some(stage) = Stage::open(office(replies, &calls, &open)).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    calls.until(|calls| calls.contains_key("s/call_1_0") && calls.contains_key("s/call_0_0/call_0_0")).await;
    assert!(stage.host.cancel("s").await.unwrap());
    assert!(stage.host.attach(&run).await.is_err());
    let mut conversation = stage.host.history("s").await.unwrap().unwrap();
    conversation.say("And now?");
    let end = stage.host.run(&mut conversation).await.unwrap();
    assert_eq!(end, End::Answered("Done.".to_owned()));
    let texts: Vec<String> = conversation.messages().iter().map(|message| message.text()).collect();
    let told = texts.iter().filter(|text| text.contains("of later has failed:]\ncancelled")).count();
    assert_eq!(told, 1, "{conversation}");
}

#[tokio::test]
async fn what_has_ended_is_told_although_the_model_only_looks() {
    let (calls, open) = (Calls::default(), Calls::default());
    let check = Reply::call("check_background_calls", json!({})).after(Duration::from_millis(300));
    let replies = [vec![later("quick")], vec![check; 6]].concat();
    let Some(stage) = Stage::open(office(replies, &calls, &open)).await else { return };
    stage.host.run(&mut start("s")).await.unwrap();
    let conversation = stage.host.history("s").await.unwrap().unwrap();
    assert_eq!(results(&conversation)[6], "No background call goes on.", "{conversation}");
    assert_eq!(told(&conversation).len(), 1);
}
