//! Data that passes through the engine is unchanged.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Agent, Block, Content, Conversation, End, EventKind, Limits, LlmError, StopReason, Team, Usage,
    model::LlmErrorKind,
    script::{Reply, Script},
    tool::Early,
};
use agent_restate::{RestateError, Services};
use agent_tools::{AgentTool, FnTool};
use serde_json::json;

use crate::common::{Calls, Input, Stage, alone, call, calls_then_done, start, tool};

#[tokio::test]
async fn field_46_on_the_engine_calls_beside_the_word_that_the_turn_has_ended_are_made() {
    let calls = Calls::default();
    let reply = call("say", "one").and_call("say", json!({"say": "two"})).stop(StopReason::EndTurn);
    let team = alone(calls_then_done(reply), [tool("say", &calls, &calls)]);
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = start("end");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap(), End::Answered("Done.".to_owned()));
    assert_eq!(calls.made().len(), 2);
}

#[tokio::test]
async fn field_53_on_the_engine_what_a_request_cost_that_failed_for_good_is_kept() {
    let is_first = AtomicBool::new(true);
    let model = Script::by(move |_| match is_first.swap(false, Ordering::Relaxed) {
        true => {
            let spent = Usage::new(10, 3).of_broken_off();
            Reply::error(LlmError::new(LlmErrorKind::Overloaded, "no room").costing(spent))
        }
        false => Reply::text("Yes.").usage(Usage::new(10, 2)),
    });
    let Some(stage) = Stage::open(Services::new(alone(Arc::new(model), []))).await else { return };
    let mut conversation = start("cost");
    let error = stage.host.run(&mut conversation).await.unwrap_err();
    assert!(matches!(error, RestateError::Model(_)), "{error}");
    let spent = |conversation: &Conversation| {
        let usage = conversation.usage();
        (usage.input_tokens, usage.broken_off.input_tokens)
    };
    assert_eq!(spent(&stage.host.history("cost").await.unwrap().unwrap()), (10, 10));
    stage.host.run(&mut conversation).await.unwrap();
    assert_eq!(spent(&conversation), (20, 10));
    assert_eq!(stage.host.history("cost").await.unwrap().unwrap(), conversation);
}

#[tokio::test]
async fn field_60_on_the_engine_an_error_result_holds_text_and_pictures() {
    let blocks = || vec![Block::text("It burns:"), Block::image("image/png", "aGk=")];
    let burns =
        FnTool::new(
            "burn",
            "Burns.",
            move |_: Input| async move { Err::<String, _>(Content::Blocks(blocks())) },
        );
    let Some(stage) = Stage::open(Services::new(alone(calls_then_done(call("burn", "")), [burns]))).await
    else {
        return;
    };
    let mut conversation = start("burns");
    stage.host.run(&mut conversation).await.unwrap();
    let (_, content, is_error) = conversation.messages()[2].tool_results().next().unwrap();
    assert_eq!((content, is_error), (&Content::Blocks(blocks()), true));
}

#[tokio::test]
async fn field_69_on_the_engine_no_call_with_effects_starts_before_its_reply_is_kept_whatever_its_agent_says()
{
    let calls = Calls::default();
    let it = || json!({"say": "it"});
    let reply = call("read", "it").and_call("act", it()).and_call("act", it());
    // The next block comes late. Calls that start early have started by then.
    let model = calls_then_done(reply.per_block(Duration::from_millis(20)));
    let reads = tool("read", &calls, &calls).read_only();
    let agent = Agent::builder("clerk", model).tool(tool("act", &calls, &calls)).tool(reads);
    let team = Team::new([agent.early(Early::All).build().unwrap()]).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let ears = told.clone();
    let services = Services::new(team).listen(move |event| match &event.kind {
        EventKind::TurnEnded { .. } => ears.lock().unwrap().push("the reply has ended"),
        EventKind::CallStarted { .. } => ears.lock().unwrap().push("a call starts"),
        _ => {}
    });
    let Some(stage) = Stage::open(services).await else { return };
    stage.host.run(&mut start("early")).await.unwrap();
    let (end, starts) = ("the reply has ended", "a call starts");
    assert_eq!(*told.lock().unwrap(), [starts, end, starts, starts, end]);
    assert_eq!(calls.made(), ["0_0", "0_1", "0_2"].map(|id| (format!("early/call_{id}"), 1)).into());
}

#[tokio::test]
async fn field_83_on_the_engine_a_run_that_delegates_without_end_is_as_deep_as_can_be_and_is_read_back() {
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("again", json!({"task": "Again."})),
        _ => Reply::text("Enough."),
    });
    let again = AgentTool::new("clerk", "Does it.").named("again");
    let clerk = Agent::builder("clerk", model.clone()).tool(again).build().unwrap();
    let team = Team::new([clerk]).unwrap().with_limits(Limits::new().depth(2_000));
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = start("deep");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Enough.");
    assert_eq!(model.requests().len(), 2 * (Limits::DEEPEST as usize + 1));
    assert_eq!(stage.host.history("deep").await.unwrap(), Some(conversation));
}
