//! Runs as events of the crate `tracing`.

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};

use agent_core::{Agent, Conversation, LlmError, Team, model::LlmErrorKind, script::Reply};
use agent_tools::{AgentTool, FnTool};
use serde_json::json;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::common::by_agent;

/// Keeps each event as a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Lines {
    fn event(&self, event: &Event<'_>) {
        let about = event.metadata();
        let mut line = Line(format!("{} {}", about.level(), about.target()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn each_event_that_is_worth_a_line_is_told_without_what_was_said() {
    let lines = Lines::default();
    let guard = tracing::subscriber::set_default(lines.clone());
    let busy = Reply::error(LlmError::new(LlmErrorKind::Overloaded, "too busy"));
    let calls = Reply::call("look", json!({})).and_call("other", json!({"task": "secret"}));
    let model = by_agent([("main", vec![calls, Reply::text("secret")]), ("other", vec![busy])]);
    let look = FnTool::new("look", "Looks.", |_: ()| async { "secret" });
    let main = Agent::builder("main", model.clone()).tool(look).tool(AgentTool::new("other", "Helps."));
    let other = Agent::builder("other", model);
    let team = Team::new([main.build().unwrap(), other.build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "secret");
    team.run(&mut conversation).listen(agent_otel::tracing_listener()).await.unwrap();
    drop(guard);
    let lines = lines.0.lock().unwrap().join("\n");
    assert!(!lines.contains("secret"), "{lines}");
    insta::assert_snapshot!(lines, @r#"
    DEBUG agent::turn message=asks its model at_ms=0.0 conversation="run" agent="main"
    DEBUG agent::request message=sends its request at_ms=0.0 conversation="run" agent="main" provider="anthropic" model="claude-test" server="api.test:8443"
    INFO agent::turn message=has its reply at_ms=100.0 conversation="run" agent="main" stop_reason="tool_use" calls=2 input_tokens=0 output_tokens=0 cost_micro_usd=0
    DEBUG agent::call message=starts at_ms=100.0 conversation="run" agent="main" id="call_0_0" tool="look"
    DEBUG agent::call message=starts at_ms=100.0 conversation="run" agent="main" id="call_0_1" tool="other"
    INFO agent::call message=ended at_ms=100.0 conversation="run" agent="main" id="call_0_0" tool="look"
    INFO agent::transfer message=delegates a task at_ms=100.0 conversation="run" agent="main" id="call_0_1" to="other"
    DEBUG agent::turn message=asks its model at_ms=100.0 conversation="run/call_0_1" agent="other"
    DEBUG agent::request message=sends its request at_ms=100.0 conversation="run/call_0_1" agent="other" provider="anthropic" model="claude-test" server="api.test:8443"
    WARN agent::turn message=has no reply at_ms=200.0 conversation="run/call_0_1" agent="other" error="the model's server is overloaded: too busy"
    WARN agent::call message=failed at_ms=200.0 conversation="run" agent="main" id="call_0_1" tool="other"
    DEBUG agent::turn message=asks its model at_ms=200.0 conversation="run" agent="main"
    DEBUG agent::request message=sends its request at_ms=200.0 conversation="run" agent="main" provider="anthropic" model="claude-test" server="api.test:8443"
    INFO agent::turn message=has its reply at_ms=300.0 conversation="run" agent="main" stop_reason="end_turn" calls=0 input_tokens=0 output_tokens=0 cost_micro_usd=0
    INFO agent::run message=ended at_ms=300.0 conversation="run" agent="main" end="answered"
    "#);
}
