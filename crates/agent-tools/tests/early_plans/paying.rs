//! Early steps that ask models are paid for like other early calls.

use std::sync::Arc;

use agent_core::{
    Agent, Block, Cancel, Context, Conversation, Delta, Json, Limits, Llm, Message, Outcome, Request,
    StopReason, Team, Tool, ToolSpec, Usage, async_trait,
    budget::Budget,
    model::{Counts, Metered, fold},
    script::{Reply, Script},
    tool::Early,
};
use agent_tools::PlanTool;
use serde_json::json;

use crate::{Paused, call, model, ms, team, told};

struct Asks(ToolSpec, Arc<dyn Llm>);

#[async_trait]
impl Tool for Asks {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, context: Context) -> Outcome {
        let request = context.pay_for(Request::new(vec![Message::user("Well?")]));
        fold(self.1.stream(request), |_| {}).await.map(|_| "It says yes.").into()
    }
}

/// What the last reply is estimated to have used, because it does not say it.
const LAST: u64 = 3;

/// A team whose agent has this reply, and whose tool asks a model. Each answer to the tool takes this
/// many milliseconds.
fn asking(reply: Vec<Paused>, latency: u64, early: Early) -> Team {
    let answers = Script::by(move |_| Reply::text("Yes.").usage(Usage::new(1, 300)).after(ms(latency)));
    let mut spec = ToolSpec::new("asks", "Asks.", json!({"type": "object"}));
    spec.read_only = true;
    let asks = Asks(spec, Arc::new(Metered::new(answers)));
    let agent = Agent::builder("main", model([reply])).early(early).tool(asks).tool(PlanTool::new());
    let limits = Limits::new().conversation_budget(Budget::new().output_tokens(900_000));
    team(agent).with_limits(limits)
}

/// The events of a run with this reply, and the usage of its conversation.
async fn used(reply: Vec<Paused>, latency: u64) -> (String, Usage) {
    let team = asking(reply, latency, Early::ReadOnly);
    let (lines, conversation) = told(&team, &Cancel::new()).await;
    (lines, conversation.usage())
}

/// The pieces of a reply, and its end, which says that it has used one token.
fn ending(mut pieces: Vec<Paused>, stop_reason: StopReason) -> Vec<Paused> {
    let usage = Box::new(Counts::new(1, 1));
    pieces.push((0, Ok(Delta::Stop { stop_reason, stop_details: None, usage, extra: Default::default() })));
    pieces
}

fn plan(end: &str, reason: StopReason) -> Vec<Paused> {
    let step = |id: &str| format!(r#"{{"id": "{id}", "tool": "asks", "input": {{"id": "{id}"}}}},"#);
    let (a, b) = (format!(r#"{{"steps": [{}"#, step("a")), step("b"));
    ending(call(0, "p", &[&a, &b, " ", end]), reason)
}

/// Ordinary calls, as early as the steps of the plan.
fn calls(reason: StopReason) -> Vec<Paused> {
    let call =
        |index, pause| (pause, Ok(Delta::call(index, format!("c{index}"), "asks", json!({"id": index}))));
    let text = (100, Ok(Delta::Block { index: 2, block: Block::text("") }));
    ending(vec![call(0, 0), call(1, 100), text, (200, Ok(Delta::words(2, "Hm.")))], reason)
}

#[tokio::test(start_paused = true)]
async fn what_a_step_uses_is_counted_once_whether_its_plan_counts_or_not() {
    let last = r#"{"id": "c", "tool": "asks", "input": {"id": "c"}}]}"#;
    for latency in [50, 5_000] {
        let (lines, usage) = used(plan(last, StopReason::ToolUse), latency).await;
        assert_eq!((usage.output_tokens, usage.broken_off.attempts), (901 + LAST, 0), "{lines}");
    }
    // What is stopped counts as that of ordinary early calls: with the most that it may use.
    for (latency, stopped) in [(50, 0), (5_000, 16_000)] {
        let (lines, of_calls) = used(calls(StopReason::MaxTokens), latency).await;
        assert_eq!(of_calls.broken_off.output_tokens, stopped, "{lines}");
        let ended = if stopped > 0 { 0 } else { 600 };
        assert_eq!(of_calls.output_tokens, 1 + ended + stopped, "{lines}");
        for (end, reason, more) in [(last, StopReason::MaxTokens, 0), ("1]}", StopReason::ToolUse, LAST)] {
            let (lines, of_steps) = used(plan(end, reason), latency).await;
            assert!(lines.contains("> asks"), "{lines}");
            assert_eq!(of_steps.broken_off, of_calls.broken_off, "{lines}");
            // What has ended counts with what it used.
            assert_eq!(of_steps.output_tokens, of_calls.output_tokens + more, "{lines}");
        }
    }
}

/// What a run uses that is dropped after a second, while the steps of its plan run.
fn used_when_dropped(early: Early) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let last = r#"{"id": "c", "tool": "asks", "input": {"id": "c"}}]}"#;
        let team = asking(plan(last, StopReason::ToolUse), 5_000, early);
        let mut conversation = Conversation::start("main", "Go.");
        assert!(tokio::time::timeout(ms(1_000), team.run(&mut conversation)).await.is_err());
        conversation.usage().output_tokens
    })
}

#[test]
fn what_a_step_uses_is_counted_when_the_run_is_dropped() {
    assert_eq!(used_when_dropped(Early::ReadOnly), 1 + 3 * 8_000);
    assert_eq!(used_when_dropped(Early::Never), 1 + 3 * 8_000);
}

#[tokio::test(start_paused = true)]
async fn what_early_items_use_is_counted_if_their_plan_has_enough_before_their_first_turn() {
    let none = |id: &str| format!(r#"{{"id": "{id}", "tool": "asks", "for_each": [], "input": {{}}}}"#);
    let items = r#"{"id": "each", "tool": "asks", "for_each": [{"a": 1}, {"a": 2}], "input": {"$item": ""}}"#;
    let first = format!(r#"{{"enough": 1, "steps": [{},"#, none("none"));
    let last = none("last");
    let pieces = [&first, &format!("{items},"), " ", &last, "]}"];
    let reply = ending(call(0, "p", &pieces), StopReason::ToolUse);
    for (latency, ended, stopped) in [(150, 600, 0), (5_000, 0, 16_000)] {
        let (lines, usage) = used(reply.clone(), latency).await;
        assert_eq!(usage.broken_off.output_tokens, stopped, "{lines}");
        assert_eq!(usage.output_tokens, 1 + LAST + ended + stopped, "{lines}");
    }
}
