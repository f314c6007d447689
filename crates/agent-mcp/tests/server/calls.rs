use std::sync::Arc;

use agent_core::{
    Agent, Block, Content, Context, Json, Outcome, Team, Tool, ToolSpec, async_trait,
    script::{Reply, Script},
    tool::Transfer,
};
use agent_mcp::{serve, serve_tools};
use agent_tools::{AgentTool, FnTool, math};
use serde_json::{Value, json};

use crate::{
    team::{hasty, planner, slow, waits},
    wire::{BOTH, Revision, Wire, text},
};

#[tokio::test]
async fn tools_and_agents_are_called() {
    for revision in BOTH {
        let mut wire = Wire::to(serve(planner()).tools([math::sum_numbers()]), revision).await;
        assert_eq!(text(&wire.call("sum_numbers", json!({"numbers": [1, 2]})).await), ("3", false));
        assert_eq!(text(&wire.call("planner", json!({"task": "19 + 23?"})).await), ("It is 42.", false));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_told() {
    let check = async |tool: &str, input: Value, expected: &str| {
        let tools =
            [math::sum_numbers(), FnTool::new("fails", "Fails.", |(): ()| Err::<String, _>("no paper"))];
        let mut wire = Wire::to(serve(planner()).tools(tools), Revision::Old).await;
        let result = wire.call(tool, input).await;
        let (said, is_error) = text(&result);
        assert!(is_error, "{result}");
        assert!(said.contains(expected), "{said}");
    };
    check("fails", json!({}), "no paper").await;
    check("sum_numbers", json!({"numbers": "one"}), "invalid input: at /numbers").await;
    check("planner", json!({"tsak": "a"}), "there is no field \"tsak\"").await;
    check("planner", json!({"task": " "}), "\"task\" must be a text").await;
}

#[tokio::test]
async fn fault_33_a_panic_in_a_tool_that_is_served_is_an_error_of_its_call() {
    for revision in BOTH {
        let panics = FnTool::new("panics", "Panics.", |(): ()| -> String { panic!("oh") });
        let mut wire = Wire::to(serve_tools([panics]), revision).await;
        for _ in 0..2 {
            assert_eq!(text(&wire.call("panics", json!({})).await), ("the tool panicked: oh", true));
        }
    }
}

#[tokio::test]
async fn pictures_and_other_blocks_arrive() {
    struct Shows(ToolSpec);

    #[async_trait]
    impl Tool for Shows {
        fn spec(&self) -> &ToolSpec {
            &self.0
        }

        async fn call(&self, _: Json, _: Context) -> Outcome {
            Outcome::output(Content::Blocks(vec![Block::text("Look:"), Block::image("image/png", "aGk=")]))
        }
    }
    let tool = Shows(ToolSpec::new("show", "Shows a picture.", json!({"type": "object"})));
    let mut wire = Wire::to(serve_tools([tool]), Revision::New).await;
    let shown = wire.call("show", json!({})).await["content"].take();
    let picture = json!({"type": "image", "data": "aGk=", "mimeType": "image/png"});
    assert_eq!(shown, json!([{"type": "text", "text": "Look:"}, picture]));
}

#[tokio::test]
async fn the_client_follows_the_progress() {
    let check = async |tool: &str, input: Value, expected: &[&str]| {
        for revision in BOTH {
            let mut wire = Wire::to(serve(planner()).tools([slow()]), revision).await;
            let meta = json!({"progressToken": "p"});
            wire.request("tools/call", json!({"name": tool, "arguments": input, "_meta": meta})).await;
            let mut told = Vec::new();
            let result = loop {
                let message = wire.next().await;
                if message["method"] != "notifications/progress" {
                    break message;
                }
                let params = &message["params"];
                assert_eq!(params["progressToken"], "p");
                told.push((
                    params["progress"].as_f64().unwrap(),
                    params["message"].as_str().unwrap().to_owned(),
                ));
            };
            assert!(result["result"].is_object(), "{result}");
            let expected: Vec<_> =
                (1..).map(f64::from).zip(expected.iter().map(ToString::to_string)).collect();
            assert_eq!(told, expected, "{revision:?}");
        }
    };
    check("slow", json!({}), &["begun", "half", "whole"]).await;
    let turns = [
        "planner asks its model",
        "planner calls sum_numbers",
        "sum_numbers has ended",
        "planner asks its model",
    ];
    check("planner", json!({"task": "19 + 23?"}), &turns).await;
}

#[tokio::test]
async fn reports_that_come_too_fast_are_counted() {
    let mut wire = Wire::to(serve_tools([hasty()]), Revision::New).await;
    let meta = json!({"progressToken": "p"});
    wire.request("tools/call", json!({"name": "hasty", "arguments": {}, "_meta": meta})).await;
    let mut told = Vec::new();
    loop {
        let mut message = wire.next().await;
        match message["params"]["message"].take() {
            Value::String(report) => told.push(report),
            _ => break,
        }
    }
    // The newest reports arrive, and the client knows that there were more.
    let missed = "(68 reports came too fast to be sent)".to_owned();
    let expected: Vec<String> = [missed].into_iter().chain((68..100).map(|step| step.to_string())).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_cancelled_call_stops_its_run() {
    for revision in BOTH {
        let (waits, begun, stopped) = waits();
        let mut wire = Wire::to(serve_tools([waits]), revision).await;
        let id = wire.request("tools/call", json!({"name": "waits", "arguments": {}})).await;
        begun.notified().await;
        let params = json!({"requestId": id, "reason": "enough"});
        wire.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})).await;
        stopped.notified().await;
    }
}

#[tokio::test]
async fn a_typed_answer_is_structured() {
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Trip {
        city: String,
    }
    let check = async |said: &'static str, expected: Value| {
        let agent = Agent::builder("planner", Script::new([Reply::text(said)])).build().unwrap();
        let server = serve(Team::new([agent]).unwrap()).answer::<Trip>("planner");
        let mut wire = Wire::to(server, Revision::Old).await;
        let result = wire.call("planner", json!({"task": "Where?"})).await;
        assert_eq!(result["structuredContent"], expected, "{result}");
        assert_eq!(result["isError"] == true, expected.is_null(), "{result}");
    };
    check(r#"{"city": "Oslo"}"#, json!({"city": "Oslo"})).await;
    check("To Oslo!", Value::Null).await;
}

#[tokio::test]
async fn calls_that_lead_to_agents_work_if_these_are_served() {
    struct Hands(ToolSpec);

    #[async_trait]
    impl Tool for Hands {
        fn spec(&self) -> &ToolSpec {
            &self.0
        }

        async fn call(&self, _: Json, _: Context) -> Outcome {
            Outcome::Transfer(Transfer::new("planner", "not transferred: {why}"))
        }
    }
    let mut spec = ToolSpec::new("hand_over", "Hands over.", json!({"type": "object"}));
    spec.targets = vec!["planner".to_owned()];
    let model = Script::by(|_| Reply::text("I am the planner."));
    let team = Team::new([Agent::builder("planner", model).build().unwrap()]).unwrap();
    let tools: [Arc<dyn Tool>; 2] =
        [Arc::new(AgentTool::new("planner", "Plans.").named("delegate")), Arc::new(Hands(spec))];
    let mut wire = Wire::to(serve(team).tools(tools), Revision::New).await;
    let delegated = wire.call("delegate", json!({"task": "Plan."})).await;
    assert_eq!(text(&delegated), ("I am the planner.", false));
    assert_eq!(text(&wire.call("hand_over", json!({})).await), ("I am the planner.", false));
}

#[tokio::test]
async fn calls_beyond_the_limit_are_refused_at_once() {
    let mut wire = Wire::to(serve_tools([math::sum_numbers()]).max_calls(0), Revision::New).await;
    let result = wire.call("sum_numbers", json!({"numbers": []})).await;
    let busy = "the server is busy: it makes 0 calls already, which is its limit; try again later";
    assert_eq!(text(&result), (busy, true));
}
