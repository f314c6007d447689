//! Calls that depend on each other, in one reply.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use agent_core::{
    Agent, Conversation, End, Json, Limits, LlmError, Outcome, Team,
    conversation::Change,
    model::LlmErrorKind,
    script::{Reply, Script},
};
use agent_tools::{AgentTool, Answer, FanOut, FnTool, PlanTool, math};
use insta::assert_snapshot;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

#[derive(Deserialize, JsonSchema)]
struct Look {
    /// What to say after `ms` milliseconds.
    say: Value,
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    fail: bool,
}

async fn after_a_while(Look { say, ms, fail }: Look) -> Result<String, String> {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    let text = say.as_str().map_or_else(|| say.to_string(), str::to_owned);
    if fail { Err(text) } else { Ok(text) }
}

fn look(name: &str) -> FnTool {
    FnTool::new(name, "Says it after a while.", after_a_while)
}

fn agent(replies: impl IntoIterator<Item = Reply>) -> (Agent, Script) {
    let model = Script::new(replies);
    let agent = Agent::builder("clerk", model.clone())
        .tool(look("look"))
        .tool(look("look_alone").exclusive())
        .tool(look("pay").needs_approval())
        .tool(FnTool::new("finish", "Ends the run.", |Look { say, .. }: Look| Answer(say.to_string())))
        .tools(math::tools())
        .tool(PlanTool::new())
        .build()
        .unwrap();
    (agent, model)
}

/// What the model reads of a plan, and how long the plan took in milliseconds.
async fn check(plan: Value) -> String {
    let (agent, _) = agent([Reply::call("plan", plan), Reply::text("Done.")]);
    let (mut conversation, began) = (agent.start("Go."), Instant::now());
    agent.run(&mut conversation).await.unwrap();
    let took = began.elapsed().as_millis();
    format!("{}\n[{took} ms]", result(&conversation))
}

fn result(conversation: &Conversation) -> String {
    let mut results = conversation.messages().iter().flat_map(|message| message.tool_results());
    let (_, content, is_error) = results.next().unwrap();
    format!("{}{}", if is_error { "ERROR " } else { "" }, content.to_text())
}

fn step(id: &str, say: Value, ms: u64) -> Value {
    json!({"id": id, "tool": "look", "input": {"say": say, "ms": ms}})
}

fn failing(id: &str, say: Value, ms: u64) -> Value {
    json!({"id": id, "tool": "look", "input": {"say": say, "ms": ms, "fail": true}})
}

#[tokio::test(start_paused = true)]
async fn a_step_begins_when_what_it_needs_is_there_and_not_later() {
    let steps = json!([
        step("a", json!({"price": 7}), 100),
        step("slow", json!("slow"), 1_000),
        step("b", json!({"$from": "a", "path": "/price"}), 100),
        step("c", json!({"$text": ["It costs ", {"$from": "b"}, "."]}), 100),
    ]);
    assert_snapshot!(check(json!({"steps": steps})).await, @r#"
    {"slow":"slow","c":"It costs 7."}
    [1000 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_step_is_made_for_each_item_in_parallel() {
    let each = json!({
        "id": "each", "tool": "look", "for_each": {"$from": "list", "path": "/cities"},
        "input": {"say": {"$text": [{"$item": "/name"}, " of ", {"$from": "list", "path": "/land"}]}, "ms": 500}
    });
    let list = step("list", json!({"land": "Norway", "cities": [{"name": "Oslo"}, {"name": "Bergen"}]}), 100);
    let last = step("last", json!({"$from": "each", "path": "/1"}), 0);
    assert_snapshot!(check(json!({"steps": [last, each, list]})).await, @"
    Bergen of Norway
    [600 ms]
    ");
}

#[tokio::test(start_paused = true)]
async fn a_failed_item_is_an_error_in_the_list_and_all_failed_items_fail_the_step() {
    let each = |list: Value| json!({"id": "each", "tool": "look", "for_each": list, "input": {"say": "x", "fail": {"$item": ""}}});
    let some = json!({"steps": [each(json!([true, false]))]});
    assert_snapshot!(check(some).await, @r#"
    [{"error":"x"},"x"]
    [0 ms]
    "#);
    let all = json!({"steps": [each(json!([true, true])), step("next", json!({"$from": "each"}), 0)]});
    assert_snapshot!(check(all).await, @r#"
    ERROR step "each" failed: [{"error":"x"},{"error":"x"}]
    [0 ms]
    "#);
    assert_snapshot!(check(json!({"steps": [each(json!([]))]})).await, @"
    []
    [0 ms]
    ");
    assert_snapshot!(check(json!({"steps": [each(json!("no list"))]})).await, @r#"
    ERROR step "each" failed: not run: "for_each" is not a list: "no list"
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_fails_what_needs_it_and_nothing_else() {
    let steps = json!([
        failing("a", json!("broken"), 100),
        step("needs_a", json!({"$from": "a"}), 100),
        step("needs_both", json!({"$text": [{"$from": "needs_a"}, {"$from": "other"}]}), 100),
        step("other", json!("fine"), 300),
        step("last", json!({"$from": "other"}), 100),
    ]);
    assert_snapshot!(check(json!({"steps": steps})).await, @r#"
    {"needs_both":{"error":"step \"a\" failed: broken"},"last":"fine"}
    Also carried out: "other"
    [400 ms]
    "#);
}

/// Else the model would make a plan that repeats them.
#[tokio::test(start_paused = true)]
async fn the_model_reads_which_steps_were_carried_out_before_one_failed() {
    let steps = json!([
        step("book", json!("booked"), 100),
        step("pay", json!({"$from": "book"}), 100),
        failing("send", json!({"$from": "pay"}), 100),
        step("log", json!({"$from": "send"}), 100),
    ]);
    assert_snapshot!(check(json!({"steps": steps})).await, @r#"
    ERROR step "send" failed: booked
    Also carried out: "book", "pay"
    [300 ms]
    "#);
    assert_snapshot!(check(json!({"steps": steps, "result": {"paid": {"$from": "pay"}, "log": {"$from": "log"}}})).await, @r#"
    {"log":{"error":"step \"send\" failed: booked"},"paid":"booked"}
    Also carried out: "book"
    [300 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_step_for_the_case_of_a_failure_is_made_only_then() {
    let plan = |first: Value| {
        let mut second = step("second", json!("from the copy"), 100);
        second["if_failed"] = json!("first");
        let read = step("read", json!({"$from": ["first", "second"]}), 100);
        json!({"steps": [first, second, read]})
    };
    assert_snapshot!(check(plan(step("first", json!("from the source"), 100))).await, @"
    from the source
    [200 ms]
    ");
    assert_snapshot!(check(plan(failing("first", json!("away"), 100))).await, @"
    from the copy
    [300 ms]
    ");
}

#[tokio::test(start_paused = true)]
async fn the_model_reads_what_it_asked_for_and_every_failure() {
    let mut send = failing("send", json!("no such address"), 0);
    send["after"] = json!(["a"]);
    let steps =
        json!([step("a", json!({"x": [1, 2], "y": "long"}), 0), failing("b", json!("gone"), 0), send]);
    let shown = json!({"second": {"$from": "a", "path": "/x/1"}, "b": {"$from": "b"}, "none": {"$from": "a", "path": "/z"}});
    assert_snapshot!(check(json!({"steps": steps, "result": shown})).await, @r#"
    {"b":{"error":"step \"b\" failed: gone"},"none":{"error":"the result of step \"a\" has nothing at \"/z\""},"second":2}
    Not shown above: step "send" failed: no such address
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn numbers_and_the_order_of_keys_stay_as_they_were_written() {
    let text = r#"{"z":123456789012345678901234567890,"a":1.10}"#;
    let result = json!([{"$from": "b"}, {"$from": "b", "path": "z"}, {"$from": "b", "path": ""}]);
    assert_snapshot!(check(json!({"steps": [step("b", json!(text), 0)], "result": result})).await, @r#"
    [{"z":123456789012345678901234567890,"a":1.10},123456789012345678901234567890,{"z":123456789012345678901234567890,"a":1.10}]
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_cannot_be_carried_out_makes_no_call() {
    let checks = [
        json!({"steps": []}),
        json!({"steps": [step("a", json!({"$from": "b"}), 0)]}),
        json!({"steps": [step("a", json!({"$from": "b"}), 0), step("b", json!({"$from": "a"}), 0)]}),
        json!({"steps": [step("a", json!(1), 0), step("a", json!(1), 0)]}),
        json!({"steps": [step("a b", json!(1), 0)]}),
        json!({"steps": [step("a", json!({"$from": 7}), 0)]}),
        json!({"steps": [step("a", json!({"$item": ""}), 0)]}),
        json!({"steps": [step("a", json!({"$from": "a", "pfad": ""}), 0)]}),
        json!({"steps": [{"id": "a", "tool": "look", "input": {}, "need": []}]}),
        json!({"steps": [{"id": "a", "tool": "fly", "input": {}}, step("b", json!(1), 100)]}),
        json!({"steps": [step("b", json!(1), 100)], "result": {"$from": "c"}}),
    ];
    let mut all = String::new();
    for plan in checks {
        all.push_str(&check(plan).await);
        all.push('\n');
    }
    assert_snapshot!(all, @r#"
    ERROR the plan is not carried out: the plan has no steps
    [0 ms]
    ERROR the plan is not carried out: step "a" needs step "b", but there is no such step; steps: a
    [0 ms]
    ERROR the plan is not carried out: these steps need each other, so none of them can begin: a, b
    [0 ms]
    ERROR the plan is not carried out: two steps have the id "a"
    [0 ms]
    ERROR the plan is not carried out: "a b" can't be the id of a step: use 1 to 64 letters, digits, `_` and `-`
    [0 ms]
    ERROR the plan is not carried out: step "a": "$from" must be the id of a step, or a list of ids, and not 7
    [0 ms]
    ERROR the plan is not carried out: step "a": "$item" is only for the input of a step with "for_each"
    [0 ms]
    ERROR the plan is not carried out: step "a": an object with "$from" can't have "pfad"
    [0 ms]
    ERROR the plan is not carried out: at /steps/0/need: unknown field `need`, expected one of `id`, `tool`, `input`, `for_each`, `after`, `if_failed`
    [0 ms]
    ERROR the plan is not carried out: step "a" calls "fly", but you have no such tool
    [0 ms]
    ERROR the plan is not carried out: the result needs step "c", but there is no such step; steps: b
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_waits_for_a_person_holds_up_only_what_needs_it() {
    let steps = json!([
        {"id": "pay", "tool": "pay", "input": {"say": "paid", "ms": 100}},
        step("other", json!("other"), 100),
        step("receipt", json!({"$text": ["receipt: ", {"$from": "pay"}]}), 100),
    ]);
    let plan = json!({"steps": steps});
    let (agent, _) = agent([
        Reply::call("plan", plan.clone()),
        Reply::text("Done."),
        Reply::call("plan", plan),
        Reply::text("So not."),
    ]);
    let mut conversation = agent.start("Go.");
    let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!("a call waits") };
    assert_eq!(calls[0].key, "run/call_0_0/pay");
    // The whole state is in the conversation, so it can go on elsewhere.
    let json = serde_json::to_string(&conversation).unwrap();
    let mut conversation: Conversation = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&conversation).unwrap(), json);
    conversation.approve(&calls[0].key).unwrap();
    agent.run(&mut conversation).await.unwrap();
    assert_snapshot!(result(&conversation), @r#"{"other":"other","receipt":"receipt: paid"}"#);

    conversation.say("Again.");
    let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!("a call waits") };
    conversation.deny(&calls[0].key, "too much").unwrap();
    agent.run(&mut conversation).await.unwrap();
    let last =
        conversation.messages().iter().rev().find_map(|message| message.tool_results().next()).unwrap();
    assert_snapshot!(last.1.to_text(), @r#"{"other":"other","receipt":{"error":"step \"pay\" failed: denied: too much"}}"#);
}

#[tokio::test(start_paused = true)]
async fn an_exclusive_step_runs_alone() {
    let steps = json!([
        step("a", json!("a"), 300),
        {"id": "alone", "tool": "look_alone", "input": {"say": {"$from": "quick"}, "ms": 100}},
        step("quick", json!("quick"), 100),
        step("late", json!({"$from": "quick"}), 100),
    ]);
    // `alone` is ready at 100, waits for `a` until 300, and `late` waits for it until 400.
    assert_snapshot!(check(json!({"steps": steps})).await, @r#"
    {"a":"a","alone":"quick","late":"quick"}
    [500 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_step_cannot_end_the_run() {
    let steps = json!([{"id": "a", "tool": "finish", "input": {"say": "the end"}}]);
    assert_snapshot!(check(json!({"steps": steps})).await, @r#"
    "the end"
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn agents_and_plans_can_be_steps() {
    let inner = json!({"steps": [step("x", json!("x"), 10), step("y", json!("y"), 10)]});
    let plan = json!({"steps": [
        {"id": "ada", "tool": "ada", "input": {"task": "one"}},
        {"id": "bob", "tool": "ada", "input": {"task": {"$text": ["two after ", {"$from": "ada"}]}}},
        {"id": "inner", "tool": "plan", "input": inner},
    ]});
    let model = Script::by(move |request| match (&*request.agent, request.last_text().as_str()) {
        ("clerk", "Go.") => Reply::call("plan", plan.clone()),
        ("clerk", _) => Reply::text("Done."),
        (_, task) => Reply::text(format!("did {task}")).after(Duration::from_millis(100)),
    });
    let team = |depth: u32| {
        let clerk = Agent::builder("clerk", model.clone())
            .tool(AgentTool::new("ada", "Does it."))
            .tool(look("look"))
            .tool(PlanTool::new());
        let ada = Agent::builder("ada", model.clone());
        let team = Team::new([clerk.build().unwrap(), ada.build().unwrap()]).unwrap();
        team.with_limits(Limits::default().depth(depth))
    };
    let (mut conversation, began) = (Conversation::start("clerk", "Go."), Instant::now());
    team(8).run(&mut conversation).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(200));
    assert_snapshot!(result(&conversation), @r#"{"bob":"did two after did one","inner":{"x":"x","y":"y"}}"#);
    let mut conversation = Conversation::start("clerk", "Go.");
    team(1).run(&mut conversation).await.unwrap();
    assert_snapshot!(result(&conversation), @r#"ERROR {"bob":{"error":"step \"ada\" failed: not delegated to \"ada\": the depth limit of 1 is reached"},"inner":{"error":"step \"inner\" failed: the plan is not carried out: the depth limit of 1 is reached"}}"#);
    let mut conversation = Conversation::start("clerk", "Go.");
    team(0).run(&mut conversation).await.unwrap();
    assert_snapshot!(result(&conversation), @"ERROR the plan is not carried out: the depth limit of 0 is reached");
}

#[tokio::test(start_paused = true)]
async fn a_plan_ends_with_the_first_good_answer_and_tells_what_was_stopped() {
    let model = Script::by(|request| {
        let (agent, turn) = (&*request.agent, request.messages.len());
        match (agent, turn) {
            ("clerk", 1) => Reply::call("ask_all", json!({"task": "Which train?"})),
            ("clerk", _) => Reply::text("Done."),
            ("quick", _) => Reply::text("The first.").after(Duration::from_millis(300)),
            ("broken", _) => Reply::error(LlmError::new(LlmErrorKind::Server, "down")),
            // It makes a call of 100 ms, and is then asked again.
            (_, 1) => Reply::call("look", json!({"say": "12:30", "ms": 100})),
            (_, _) => Reply::text("The second.").after(Duration::from_secs(60)),
        }
    });
    let names = ["broken", "slow", "quick"];
    let ask_all = FanOut::new("ask_all", "Asks all experts.", names).enough(1);
    let clerk = names.iter().fold(Agent::builder("clerk", model.clone()), |clerk, name| {
        clerk.tool(AgentTool::new(*name, "Knows trains."))
    });
    let expert = |name: &&str| Agent::builder(*name, model.clone()).tool(look("look")).build().unwrap();
    let agents = names.iter().map(expert).chain([clerk.tool(ask_all).build().unwrap()]);
    let team = Team::new(agents).unwrap();
    let (mut conversation, began) = (Conversation::start("clerk", "Go."), Instant::now());
    team.run(&mut conversation).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(300));
    assert_snapshot!(result(&conversation), @r#"
    {"broken":{"error":"step \"broken\" failed: agent \"broken\" got no answer: the model's server failed: down"},"quick":"The first."}
    Step "slow" was stopped: slow stopped: it was cancelled
    Its calls so far:
    - look {"ms":100,"say":"12:30"} = 12:30
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_has_enough_makes_no_further_step() {
    let steps = json!([
        step("a", json!("a"), 100),
        step("b", json!("b"), 200),
        step("c", json!("c"), 60_000),
        step("d", json!({"$from": "c"}), 100),
        {"id": "pay", "tool": "pay", "input": {"say": "paid"}},
    ]);
    assert_snapshot!(check(json!({"steps": steps, "enough": 2})).await, @r#"
    {"a":"a","b":"b"}
    Step "c" was stopped: cancelled
    [200 ms]
    "#);
    assert_snapshot!(check(json!({"steps": steps, "enough": 1, "result": {"$from": ["c", "a"]}})).await, @r#"
    "a"
    Step "b" was stopped: cancelled
    Step "c" was stopped: cancelled
    [100 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_plan_can_stop_at_the_first_failure() {
    let steps = json!([
        step("a", json!("a"), 100),
        failing("b", json!("broken"), 200),
        step("c", json!("c"), 60_000)
    ]);
    assert_snapshot!(check(json!({"steps": steps, "stop_on_failure": true})).await, @r#"
    ERROR {"a":"a","b":{"error":"step \"b\" failed: broken"}}
    Step "c" was stopped: cancelled
    [200 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_comes_after_the_plan_has_enough_is_not_needed() {
    let steps = json!([{"id": "pay", "tool": "pay", "input": {"say": "paid"}}, step("a", json!("a"), 100)]);
    assert_snapshot!(check(json!({"steps": steps, "enough": 1})).await, @"
    a
    [100 ms]
    ");
}

#[tokio::test(start_paused = true)]
async fn results_that_double_with_each_step_do_not_fill_the_memory() {
    let twice = |step: usize| {
        let before = json!({"$from": format!("s{}", step - 1)});
        json!({"id": format!("s{step}"), "tool": "look", "input": {"say": {"$text": [before, before]}}})
    };
    let first = step("s0", json!("x".repeat(1_000)), 0);
    let steps: Vec<Value> = std::iter::once(first).chain((1..12).map(twice)).collect();
    let result = check(json!({"steps": steps})).await;
    let many = json!({"result": vec![json!({"$from": "s0"}); 10_000], "steps": [step("s0", json!("x".repeat(1_000)), 0)]});
    let shown = check(many).await;
    let shape = |text: &str| format!("{} bytes: {}", text.len(), text.chars().take(120).collect::<String>());
    assert_snapshot!(format!("{}\n{}", shape(&result), shape(&shown)), @r#"
    400072 bytes: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    80 bytes: {"error":"with all results in it, it would be longer than 4000000 bytes"}
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_template_of_very_many_levels_is_an_error() {
    let deep = format!("{}{{\"$from\":\"a\"}}{}", "[".repeat(100_000), "]".repeat(100_000));
    let plan = format!(
        r#"{{"steps":[{{"id":"a","tool":"look","input":{{}}}},{{"id":"b","tool":"look","input":{{"say":{deep}}}}}]}}"#
    );
    let (agent, _) = agent([Reply::call("plan", Json::read(plan).unwrap()), Reply::text("Done.")]);
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    assert_snapshot!(result(&conversation), @r#"ERROR the plan is not carried out: step "b": it has more than 64 levels"#);
}

#[test]
fn json_whose_calls_are_not_the_steps_of_its_plan_is_no_conversation() {
    let read = |steps: Value| {
        let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "look", "input": {}});
        let open = |id: &str| json!({"call": {"id": id, "name": "look", "input": {}}, "state": "Planned"});
        let child = json!({"id": "run/p", "agent": "clerk", "depth": 1, "stop": "tool_use",
            "planned": {"given": {"Plan": {"steps": steps}}},
            "messages": [{"role": "user", "content": "Go."}, {"role": "assistant", "content": [call("a"), call("b")]}],
            "slots": [open("a"), open("b")]});
        serde_json::from_value::<Conversation>(child).map(drop).map_err(|error| error.to_string())
    };
    let step = |id: &str| json!({"id": id, "tool": "look"});
    assert_eq!(read(json!([step("a"), step("b")])), Ok(()));
    let wrong = "not a valid conversation: its calls are not the steps of its plan".to_owned();
    assert_eq!(read(json!([step("a")])), Err(wrong.clone()));
    assert_eq!(read(json!([step("b"), step("a")])), Err(wrong));
}

#[tokio::test(start_paused = true)]
async fn the_words_of_a_tool_do_not_decide_how_its_step_ended() {
    let each = |word: &str| json!({"id": "each", "tool": "look", "for_each": [true], "input": {"say": word, "fail": {"$item": ""}}});
    let words =
        ["not needed: it is installed", "not run: the plan had ended", "not needed: the plan had ended; x"];
    let mut all = String::new();
    for word in words {
        all.push_str(&check(json!({"steps": [each(word)]})).await);
        all.push_str(&check(json!({"steps": [failing("a", json!(word), 0)]})).await);
    }
    assert_snapshot!(all, @r#"
    ERROR step "each" failed: [{"error":"not needed: it is installed"}]
    [0 ms]ERROR step "a" failed: not needed: it is installed
    [0 ms]ERROR step "each" failed: [{"error":"not run: the plan had ended"}]
    [0 ms]ERROR step "a" failed: not run: the plan had ended
    [0 ms]ERROR step "each" failed: [{"error":"not needed: the plan had ended; x"}]
    [0 ms]ERROR step "a" failed: not needed: the plan had ended; x
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn items_are_data_and_an_item_without_an_input_is_an_error() {
    let echo = |item: Value| json!({"id": "a", "tool": "look", "for_each": [item, {"say": "ok"}], "input": {"say": {"$item": "/say"}}});
    let mut all = String::new();
    for item in
        [json!({"say": {"$text": ["in", "jected"]}}), json!({"say": {"$from": "zzz"}}), json!({}), json!(1)]
    {
        let list = json!({"$literal": [item.clone(), {"say": "ok"}]});
        let mut step = echo(item);
        step["for_each"] = json!({"$from": "list"});
        let steps = json!([{"id": "list", "tool": "look", "input": {"say": list}}, step]);
        all.push_str(&check(json!({"steps": steps})).await);
        all.push('\n');
    }
    let no_object = json!({"id": "a", "tool": "look", "for_each": ["Oslo"], "input": {"$item": ""}});
    all.push_str(&check(json!({"steps": [no_object]})).await);
    assert_snapshot!(all, @r#"
    [{"$text":["in","jected"]},"ok"]
    [0 ms]
    [{"$from":"zzz"},"ok"]
    [0 ms]
    [{"error":"not run: the item has nothing at \"/say\": {}"},"ok"]
    [0 ms]
    [{"error":"not run: the item has nothing at \"/say\": 1"},"ok"]
    [0 ms]
    ERROR step "a" failed: [{"error":"not run: its input would not be an object: \"Oslo\""}]
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_model_cannot_write_what_is_not_for_it() {
    let plan = json!({"is_list": true, "steps": [step("a", json!("a"), 0)]});
    let all = [
        plan,
        json!({"enough": 0, "steps": [step("a", json!("a"), 0)]}),
        json!({"enough": 2, "steps": [step("a", json!("a"), 0)]}),
    ];
    let mut text = String::new();
    for plan in all {
        text.push_str(&check(plan).await);
        text.push('\n');
    }
    assert_snapshot!(text, @r#"
    ERROR the plan is not carried out: at /is_list: unknown field `is_list`, expected one of `steps`, `result`, `enough`, `stop_on_failure`
    [0 ms]
    ERROR the plan is not carried out: "enough" is 0, but must be at least 1 and at most 1, the number of steps that no other step uses
    [0 ms]
    ERROR the plan is not carried out: "enough" is 2, but must be at least 1 and at most 1, the number of steps that no other step uses
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_items_are_one_list_of_results() {
    let list: Vec<u32> = (0..1_000).collect();
    let each = json!({"id": "each", "tool": "look", "for_each": list, "input": {"say": {"$item": ""}}});
    let (agent, _) = agent([Reply::call("plan", json!({"steps": [each]})), Reply::text("Done.")]);
    let team = Team::new([agent]).unwrap().with_limits(Limits::default().calls_in_reply(None));
    let mut conversation = Conversation::start("clerk", "Go.");
    team.run(&mut conversation).await.unwrap();
    assert!(result(&conversation).ends_with("998,999]"), "{}", result(&conversation));
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_a_reply_may_have_are_refused_before_any_is_made() {
    let steps: Vec<Value> = (0..300).map(|place| step(&format!("s{place}"), json!("x"), 0)).collect();
    let list: Vec<u32> = (0..300).collect();
    let each = json!({"id": "each", "tool": "look", "for_each": list, "input": {"say": "x"}});
    let all = format!("{}\n{}", check(json!({"steps": steps})).await, check(json!({"steps": [each]})).await);
    assert_snapshot!(all, @r#"
    ERROR the plan is not carried out: it has 300 steps, but at most 256 calls may be made
    [0 ms]
    ERROR step "each" failed: not run: "for_each" has 300 items, but at most 256 calls may be made
    [0 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_takes_too_long_says_so_and_what_was_done() {
    let plan = json!({"steps": [step("a", json!("a"), 100), step("b", json!({"$from": "a"}), 60_000)]});
    let model = Script::new([Reply::call("plan", plan), Reply::text("Done.")]);
    let plans = PlanTool::new().timeout(Duration::from_secs(5));
    let agent = Agent::builder("clerk", model).tool(look("look")).tool(plans).build().unwrap();
    let (mut conversation, began) = (agent.start("Go."), Instant::now());
    agent.run(&mut conversation).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_snapshot!(result(&conversation), @r#"
    ERROR clerk stopped: timed out after 5s
    Its calls so far:
    - look {"ms":100,"say":"a"} = a
    - look {"ms":60000,"say":{"$from":"a"}} failed: cancelled
    "#);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_about_a_call_that_its_plan_does_not_need_any_more() {
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("clerk", 1) => Reply::call("ask_all", json!({"task": "Buy it."})),
        ("quick", 1) => Reply::text("Bought.").after(Duration::from_secs(1)),
        ("bob", 1) => Reply::call("pay", json!({"say": "paid"})),
        _ => Reply::text("Done."),
    });
    let names = ["bob", "quick"];
    let clerk = names.iter().fold(Agent::builder("clerk", model.clone()), |clerk, name| {
        clerk.tool(AgentTool::new(*name, "Buys."))
    });
    let clerk = clerk.tool(FanOut::new("ask_all", "Asks both.", names).enough(1));
    let bob = Agent::builder("bob", model.clone()).tool(look("pay").needs_approval());
    let quick = Agent::builder("quick", model);
    let team = Team::new([clerk.build().unwrap(), bob.build().unwrap(), quick.build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("clerk", "Go.");
    let end = team.run(&mut conversation).await.unwrap();
    assert_eq!(end, End::Answered("Done.".to_owned()));
    assert_snapshot!(result(&conversation), @r#"
    Bought.
    Step "bob" was stopped: bob stopped: it was cancelled
    Its calls so far:
    - pay {"say":"paid"}: not made: it waits for a person
    "#);
}

#[test]
fn decisions_about_several_steps_are_the_same_after_they_were_saved() {
    let step = |id: &str| json!({"id": id, "tool": "pay", "input": {}});
    let plan =
        serde_json::from_value(json!({"stop_on_failure": true, "steps": [step("p1"), step("p2")]})).unwrap();
    let mut waiting = Conversation::start("clerk", "Go.");
    let call = agent_core::Block::tool_use("p", "plan", json!({}));
    let reply = agent_core::Response::new(vec![call], agent_core::StopReason::ToolUse);
    let recorded =
        |call: &str, outcome: Outcome| Change::Recorded { call: call.to_owned(), done: outcome.into() };
    waiting.apply("run", Change::Answered(reply)).unwrap();
    waiting.apply("run", recorded("p", Outcome::plan(plan))).unwrap();
    for step in ["p1", "p2"] {
        waiting.apply("run/p", recorded(step, Outcome::Wait { question: "May I?".to_owned() })).unwrap();
    }
    let mut decided = waiting.clone();
    decided.approve("run/p/p2").unwrap();
    decided.deny("run/p/p1", "no").unwrap();
    let changes = decided.decided_since(&waiting);
    changes.into_iter().for_each(|(id, change)| waiting.apply(&id, change).unwrap());
    assert_eq!(waiting, decided);
}

/// What the model reads of a plan while a person decides about its steps, and how long the plan took.
async fn decided(plan: Value, all: &[(u64, &str, Option<&str>)]) -> String {
    let (agent, _) = agent([Reply::call("plan", plan), Reply::text("Done.")]);
    let (mut conversation, began) = (agent.start("Go."), Instant::now());
    let run = agent.run(&mut conversation);
    let decisions = run.decisions();
    let deciding = async {
        for (at, key, why) in all {
            tokio::time::sleep(Duration::from_millis(*at).saturating_sub(began.elapsed())).await;
            match why {
                None => decisions.approve(key).unwrap(),
                Some(why) => decisions.deny(key, why).unwrap(),
            }
        }
    };
    let (end, ()) = tokio::join!(run, deciding);
    assert_eq!(end.unwrap().text(), "Done.");
    let took = began.elapsed().as_millis();
    format!("{}\n[{took} ms]", result(&conversation))
}

fn paying(id: &str, say: Value, ms: u64) -> Value {
    json!({"id": id, "tool": "pay", "input": {"say": say, "ms": ms}})
}

#[tokio::test(start_paused = true)]
async fn a_step_that_a_person_decides_goes_on_while_other_steps_run() {
    let steps = json!([
        step("slow", json!("slow"), 1_000),
        paying("one", json!("1"), 10),
        paying("two", json!({"$text": [{"$from": "one"}, "2"]}), 10),
        paying("three", json!("3"), 10),
        step("last", json!({"$text": [{"$from": "two"}, "!"]}), 10),
    ]);
    let all = [
        (50, "run/call_0_0/one", None),
        (100, "run/call_0_0/three", Some("no")),
        (200, "run/call_0_0/two", None),
    ];
    assert_snapshot!(decided(json!({"steps": steps}), &all).await, @r#"
    {"slow":"slow","three":{"error":"step \"three\" failed: denied: no"},"last":"12!"}
    Also carried out: "one", "two"
    [1000 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn decisions_of_one_moment_begin_each_step_once_and_items_are_decided_one_by_one() {
    let each = json!({"id": "each", "tool": "pay", "for_each": ["a", "b", "c"], "input": {"say": {"$item": ""}, "ms": 10}});
    let steps = json!([
        step("slow", json!("slow"), 1_000),
        each,
        paying("one", json!("1"), 10),
        paying("two", json!("2"), 10)
    ]);
    let of = |step: &str| format!("run/call_0_0/{step}");
    let items: Vec<String> = (0..3).map(|item| of(&format!("each/{item}"))).collect();
    let all = [
        (50, &*items[0], None),
        (50, &*items[1], Some("no")),
        (50, &*of("one"), None),
        (50, &*of("two"), None),
        (100, &*items[2], None),
    ];
    assert_snapshot!(decided(json!({"steps": steps}), &all).await, @r#"
    {"slow":"slow","each":["a",{"error":"denied: no"},"c"],"one":1,"two":2}
    [1000 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_denied_step_may_end_its_plan_while_others_run_and_wait() {
    let steps = json!([
        step("slow", json!("slow"), 1_000),
        paying("one", json!("1"), 10),
        paying("two", json!("2"), 10)
    ]);
    let plan = json!({"stop_on_failure": true, "steps": steps});
    assert_snapshot!(decided(plan, &[(50, "run/call_0_0/one", Some("no"))]).await, @r#"
    ERROR step "one" failed: denied: no
    Step "slow" was stopped: cancelled
    [50 ms]
    "#);
}

#[tokio::test(start_paused = true)]
async fn nobody_decides_about_what_a_plan_has_stopped() {
    let plan = json!({"stop_on_failure": true, "steps": [
        {"id": "ask", "tool": "bob", "input": {"task": "Pay."}},
        failing("no", json!("no"), 100),
    ]});
    let model = Script::by(move |request| match (&*request.agent, request.messages.len()) {
        ("clerk", 1) => Reply::call("plan", plan.clone()).and_call("look", json!({"say": "x", "ms": 1_000})),
        ("bob", 1) => Reply::call("pay", json!({"say": "x"})),
        _ => Reply::text("Done."),
    });
    let clerk = Agent::builder("clerk", model.clone()).tool(look("look")).tool(PlanTool::new());
    let clerk = clerk.tool(AgentTool::new("bob", "Pays.")).build().unwrap();
    let bob = Agent::builder("bob", model).tool(look("pay").needs_approval()).build().unwrap();
    let team = Team::new([clerk, bob]).unwrap();
    let mut conversation = Conversation::start("clerk", "Go.");
    let run = team.run(&mut conversation);
    let decisions = run.decisions();
    let (end, ()) = tokio::join!(run, async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let error = decisions.approve("run/call_0_0/ask/call_0_0").unwrap_err();
        assert_eq!(error.key, "run/call_0_0/ask/call_0_0");
    });
    assert_eq!(end.unwrap().text(), "Done.");
}
