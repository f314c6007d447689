//! Budgets: what runs may spend, and how they end when nothing is left.

mod property;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, BoxStream, Cancel, Conversation, Delta, End, Event, EventKind, Limits, Llm, LlmError, Message,
    Request, Response, StopReason, Team, Usage,
    budget::{Budget, BudgetLimit, BudgetScope, SharedBudget, Spent, Usd},
    conversation::Change,
    host::{LocalHost, drive},
    model::{Counts, Notice, Priced, fold},
    script::{Reply, Script},
};
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::time::Instant;

use crate::common::{Act, Log, calls};

const INPUT: u64 = 100;

/// A text that used this many output tokens.
fn says(text: &str, output: u64) -> Reply {
    Reply::text(text).usage(Usage::new(INPUT, output))
}

fn acts(output: u64) -> Reply {
    calls([("act", json!({}))]).usage(Usage::new(INPUT, output))
}

fn agent(name: &str, model: impl Llm + 'static, budget: Option<Budget>) -> Agent {
    let act = Act::new("act", &Log::default()).spec(|spec| spec.budget = budget);
    Agent::builder(name, model).max_tokens(1_000).tool(act).build().unwrap()
}

/// Runs an agent that follows this script, with this budget for the run. Returns how it ended, and
/// how many requests were made.
async fn check(replies: impl IntoIterator<Item = Reply>, budget: Budget, expected: &str, requests: usize) {
    let model = Script::new(replies);
    let agent = agent("main", model.clone(), None);
    let mut conversation = agent.start("Go.");
    let end = agent.run(&mut conversation).limits(Limits::new().budget(budget)).await;
    let end = end.map_or_else(|error| error.to_string(), |end| end.to_string());
    assert_eq!((end.as_str(), model.requests().len()), (expected, requests));
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_when_its_budget_can_not_pay_for_the_next_request() {
    let many = || (0..9).map(|_| acts(400));
    let over = |left: u64, of: &str, needed: u64| {
        format!(
            "the budget of the run has no room for the next request: {left} of {of} are left, and it may need {needed}"
        )
    };
    let budget = Budget::new;
    check([says("Done.", 5)], budget().requests(1).tokens(9_000).calls(0), "Done.", 1).await;
    check(
        many(),
        budget().requests(3),
        "the budget of the run is used up: 3 of 3 requests are spent or reserved",
        3,
    )
    .await;
    let tokens = over(800, "2000 output tokens", 1_000);
    check(many(), budget().output_tokens(2_000), &tokens, 3).await;
    // The server has counted the first request. What is new is estimated.
    let tokens = over(100, "300 input tokens", 162);
    check(many(), budget().input_tokens(300), &tokens, 2).await;
    check([acts(1), says("Nothing was done.", 1)], budget().calls(0), "Nothing was done.", 2).await;
    let nothing = over(5, "5 output tokens", 1_000);
    check(many(), budget().output_tokens(5), &nothing, 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_in_dollars_needs_prices_and_counts_by_them() {
    // A dollar for an output token.
    let prices = |model: &str, usage: &Usage| {
        (model == "gold").then(|| Usd::from_micros(usage.output_tokens * 1_000_000))
    };
    let model = Script::new([acts(400), acts(400), acts(400)]);
    assert_eq!(
        Priced::new(model.clone(), "lead", prices).err().unwrap().to_string(),
        "the price of model \"lead\" is not known: give a list of prices that has it"
    );
    let limits = || Limits::new().budget(Budget::new().usd(Usd::dollars(1_500.0)));
    let free = agent("main", model.clone(), None);
    let error = free.run(&mut free.start("Go.")).limits(limits()).await.unwrap_err().to_string();
    insta::assert_snapshot!(error, @r#"agent "main" got no answer: the model backend is not set up: a budget has a limit in dollars, but the prices of these agents' models are not known: main. Wrap their backends in `Priced`"#);
    assert_eq!(model.requests().len(), 0);

    let agent = agent("main", Priced::new(model.clone(), "gold", prices).unwrap(), None);
    let mut conversation = agent.start("Go.");
    let end = agent.run(&mut conversation).limits(limits()).await.unwrap();
    insta::assert_snapshot!(end, @"the budget of the run has no room for the next request: $700.00 of $1500.00 are left, and it may need $1000.00");
    insta::assert_snapshot!(conversation.usage_by_agent(), @"main: 2 requests, 2 calls, 200 input tokens, 800 output tokens, $800.00");
}

/// A reply that one model begins and another one, which does not say its name, makes.
struct Handed;

impl Llm for Handed {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (model, extra) = (Some("gold".into()), std::collections::BTreeMap::new());
        let start = Delta::Start { id: None, model, usage: Box::default(), extra: extra.clone() };
        let usage = Counts::new(0, 100).into();
        let stop = Delta::Stop { stop_reason: StopReason::EndTurn, stop_details: None, usage, extra };
        let restarted = Delta::Restarted { reason: "busy".to_owned() };
        stream::iter([start, restarted, Delta::words(0, "Hi."), stop]).map(Ok).boxed()
    }
}

#[tokio::test]
async fn a_reply_that_begins_again_has_the_price_of_who_makes_it() {
    let prices = |model: &str, usage: &Usage| {
        let each = if model == "gold" { 1_000 } else { 1 };
        Some(Usd::from_micros(each * usage.output_tokens))
    };
    let priced = Priced::new(Handed, "tin", prices).unwrap();
    let reply = fold(priced.stream(Request::new(vec![Message::user("Go.")])), |_| {}).await.unwrap();
    assert_eq!(reply.usage.cost, Usd::from_micros(100));
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_a_run_starts_again_when_the_user_speaks_and_one_of_a_conversation_does_not() {
    let model = Script::new([says("One.", 400), says("Two.", 400), says("Three.", 400)]);
    let agent = agent("main", model.clone(), None);
    let mut conversation = agent.start("Go.");
    let limits = Limits::new()
        .budget(Budget::new().output_tokens(1_000))
        .conversation_budget(Budget::new().output_tokens(1_500));
    for (expected, words) in [("One.", "On."), ("Two.", "On.")] {
        let end = agent.run(&mut conversation).limits(limits.clone()).await.unwrap();
        assert_eq!(end.text(), expected);
        conversation.say(words);
    }
    let end = agent.run(&mut conversation).limits(limits.clone()).await.unwrap();
    let End::Budget(exceeded) = &end else { panic!("{end}") };
    assert_eq!((&exceeded.scope, exceeded.of), (&BudgetScope::Conversation, BudgetLimit::OutputTokens));
    assert_eq!((exceeded.limit, exceeded.spent, exceeded.needed), (1_500, 800, 1_000));
    // With more, it goes on from there. Nothing was recorded of the end.
    let more = limits.conversation_budget(Budget::new().output_tokens(2_000));
    assert_eq!(agent.run(&mut conversation).limits(more).await.unwrap().text(), "Three.");
    assert_eq!(conversation.spent().output_tokens, 1_200);
}

/// A team whose main agent delegates three times in parallel, and whose expert follows `expert`.
fn delegating(expert: Vec<Reply>, budget: Option<Budget>) -> (Team, Script) {
    let ask = || ("act", json!({"to": "expert"}));
    let three = calls([ask(), ask(), ask()]).usage(Usage::new(INPUT, 100));
    let model = Script::by_agent([("main", vec![three, says("All is done.", 100)]), ("expert", expert)]);
    let agents = ["main", "expert"].map(|name| agent(name, model.clone(), budget.clone()));
    (Team::new(agents).unwrap(), model)
}

#[tokio::test(start_paused = true)]
async fn fault_88_parallel_children_can_not_overshoot_and_wait_for_each_other() {
    let slow = || says("Yes.", 300).after(Duration::from_secs(1));
    let (team, model) = delegating(vec![slow(), slow(), slow()], None);
    let waits = Arc::new(Mutex::new(Vec::new()));
    let seen = waits.clone();
    let listener = move |event: &Event| {
        if let EventKind::Delta(Delta::Notice(Notice::Wait { reason, .. })) = &event.kind {
            seen.lock().unwrap().push(reason.clone());
        }
    };
    // The first reply used 100. Each request may need 1,000, so only two fit until the first has
    // ended.
    let limits = Limits::new().budget(Budget::new().output_tokens(2_400));
    let began = Instant::now();
    let mut conversation = Conversation::start("main", "Go.");
    let end = team.run(&mut conversation).limits(limits).listen(listener).await.unwrap();
    assert_eq!((end.text(), began.elapsed()), ("All is done.", Duration::from_secs(2)));
    assert_eq!((model.requests().len(), conversation.spent().output_tokens), (5, 1_100));
    insta::assert_snapshot!(waits.lock().unwrap().join("\n"), @"requests under way have reserved the rest: the budget of the run has no room for the next request: 300 of 2400 output tokens are left, and it may need 1000");
}

#[tokio::test(start_paused = true)]
async fn fault_89_a_delegated_agent_that_runs_out_returns_what_it_has_done() {
    let expert = vec![acts(600).and_text("I have looked."), acts(600), acts(600)];
    let (team, _) = delegating(expert, Some(Budget::new().output_tokens(1_500)));
    let mut conversation = Conversation::start("main", "Go.");
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "All is done.");
    let results = conversation.messages()[2].tool_results().map(|(_, content, _)| content.to_text());
    insta::assert_snapshot!(results.collect::<Vec<_>>().join("\n"), @r#"
    expert was not done: the budget of the call "run/call_0_0" has no room for the next request: 900 of 1500 output tokens are left, and it may need 1000
    Its calls so far:
    - act {} = done
    Its last words: I have looked.
    expert was not done: the budget of the call "run/call_0_1" has no room for the next request: 900 of 1500 output tokens are left, and it may need 1000
    Its calls so far:
    - act {} = done
    Its last words: I have looked.
    expert was not done: the budget of the call "run/call_0_2" has no room for the next request: 900 of 1500 output tokens are left, and it may need 1000
    Its calls so far:
    - act {} = done
    Its last words: I have looked.
    "#);
}

#[tokio::test(start_paused = true)]
async fn fault_90_a_shared_budget_bounds_all_runs_that_have_it() {
    let model = Script::new((0..9).map(|_| says("Yes.", 400)));
    let agent = agent("main", model.clone(), None);
    let process = SharedBudget::new("process", Budget::new().requests(3));
    let tenant = SharedBudget::new("tenant 7", Budget::new().output_tokens(1_400)).within(&process);
    let run = async |shared: &SharedBudget| {
        let limits = Limits::new().shared_budget(shared.clone());
        agent.run(&mut agent.start("Go.")).limits(limits).await.unwrap().to_string()
    };
    assert_eq!(run(&tenant).await, "Yes.");
    assert_eq!(run(&tenant).await, "Yes.");
    insta::assert_snapshot!(run(&tenant).await, @r#"the budget "tenant 7" has no room for the next request: 600 of 1400 output tokens are left, and it may need 1000"#);
    let other = SharedBudget::new("tenant 8", Budget::new()).within(&process);
    assert_eq!(run(&other).await, "Yes.");
    insta::assert_snapshot!(run(&other).await, @r#"the budget "process" is used up: 3 of 3 requests are spent or reserved"#);
    assert_eq!((process.spent().requests, process.reserved()), (3, Spent::default()));
    let own = SharedBudget::new("own", Budget::new().requests(1));
    assert_eq!(run(&own.clone().within(&own)).await, "Yes.", "it pays once");
    let restored = SharedBudget::new("process", Budget::new().requests(3)).already_spent(process.spent());
    assert!(run(&restored).await.contains("used up"));
}

#[tokio::test(start_paused = true)]
async fn the_model_and_the_listener_are_warned_and_the_last_answer_has_a_part_of_its_own() {
    let model = Script::new([acts(500), acts(500), acts(500), says("This is what I have.", 900)]);
    let agent = agent("main", model.clone(), None);
    let notices = Arc::new(Mutex::new(Vec::new()));
    let seen = notices.clone();
    let listener = move |event: &Event| {
        if let EventKind::Delta(Delta::Notice(Notice::Budget { message })) = &event.kind {
            seen.lock().unwrap().push(message.clone());
        }
    };
    let budget = Budget::new().output_tokens(3_000).warn_at(30).keep_for_answer(30);
    let mut conversation = agent.start("Go.");
    let run = agent.run(&mut conversation).limits(Limits::new().budget(budget)).listen(listener);
    assert_eq!(run.await.unwrap().text(), "This is what I have.");
    insta::assert_snapshot!(notices.lock().unwrap().join("\n"), @r"
    the budget of the run: 1000 of 3000 output tokens are spent
    the budget of the run has no room for the next request: 600 of 2100 output tokens are left, and it may need 1000; this is the last answer
    ");
    let requests = model.requests();
    let last: Vec<String> = requests.iter().map(|request| request.last_text()).collect();
    insta::assert_snapshot!(last.join("\n---\n"), @r"
    Go.
    ---

    ---
    [Note: the budget of the run: 1000 of 3000 output tokens are spent. Come to an end soon.]
    ---
    [act answered: done][Note: the budget of the run: 1500 of 3000 output tokens are spent. Come to an end soon.][Note: The budget is used up, and there are no tools any more. Give your final answer now, from what you have.]
    ");
    assert_eq!(requests.iter().map(|request| request.tools.len()).collect::<Vec<_>>(), [1, 1, 1, 0]);
    // Only the requests have the notes.
    assert!(conversation.messages().iter().all(|message| !message.text().contains("Note")));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_stopped_counts_with_all_that_it_may_have_used() {
    let model = Script::new([says("Yes.", 5).after(Duration::from_secs(60))]);
    let agent = agent("main", model, None);
    let limits = Limits::new().budget(Budget::new().output_tokens(1_500));
    let mut conversation = agent.start("Go.");
    let run = agent.run(&mut conversation).limits(limits.clone());
    assert!(tokio::time::timeout(Duration::from_secs(1), run).await.is_err());
    assert_eq!((conversation.spent().output_tokens, conversation.spent().requests), (1_000, 1));
    let end = agent.run(&mut conversation).limits(limits).await.unwrap();
    assert!(matches!(end, End::Budget(exceeded) if exceeded.spent == 1_000));
}

/// Some servers count nothing. A budget of tokens must hold all the same.
#[tokio::test(start_paused = true)]
async fn tokens_that_the_server_does_not_count_are_estimated() {
    let say = || Reply::text("Word ".repeat(100));
    let model = Script::new([say(), say(), say()]);
    let agent = agent("main", model, None);
    let limits = Limits::new().conversation_budget(Budget::new().output_tokens(1_400));
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).limits(limits.clone()).await.unwrap();
    assert_eq!((conversation.spent().output_tokens, conversation.spent().requests), (263, 1));
    assert!(conversation.spent().input_tokens > 50);
    conversation.say("On.");
    agent.run(&mut conversation).limits(limits.clone()).await.unwrap();
    conversation.say("On.");
    let end = agent.run(&mut conversation).limits(limits).await.unwrap();
    assert!(matches!(end, End::Budget(exceeded) if exceeded.spent == 526));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_kept_in_part_counts_with_all_that_it_may_have_used() {
    let model = Script::new([says("One two three four.", 5).per_token(Duration::from_secs(1))]);
    let agent = agent("main", model, None);
    let limits = Limits::new().budget(Budget::new().output_tokens(1_500));
    let (mut conversation, cancel) = (agent.start("Go."), Cancel::new());
    let run = agent.run(&mut conversation).limits(limits).keep_partial_reply(true).cancelled_by(&cancel);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        cancel.all();
    };
    let (end, ()) = futures::future::join(run, stop).await;
    assert!(matches!(end, Ok(End::Cut(_))), "{end:?}");
    assert_eq!((conversation.spent().output_tokens, conversation.spent().requests), (1_000, 1));
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_time_stops_the_reply_that_streams() {
    let model = Script::new([says("Yes.", 5).after(Duration::from_secs(60))]);
    let agent = agent("main", model, None);
    let limits = Limits::new().budget(Budget::new().time(Duration::from_secs(2)));
    let (mut conversation, began) = (agent.start("Go."), Instant::now());
    let end = agent.run(&mut conversation).limits(limits).await.unwrap();
    assert_eq!(end.to_string(), "the budget of the run is used up: its 2s are over");
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}

/// Nobody says then when a run begins, so the failure is an error.
#[tokio::test(start_paused = true)]
async fn a_budget_also_holds_for_the_loop_alone() {
    let (team, model) = delegating(vec![says("Yes.", 300), says("Yes.", 300), says("Yes.", 300)], None);
    let limits = Limits::new().budget(Budget::new().requests(4));
    let host = LocalHost::new(team.with_limits(limits));
    let mut conversation = Conversation::start("main", "Go.");
    let error = drive(&mut conversation, &host).await.unwrap_err();
    insta::assert_snapshot!(error, @r#"agent "main" got no answer: the request is not paid for: the budget of the run is used up: 4 of 4 requests are spent or reserved"#);
    assert_eq!(model.requests().len(), 4);
}

#[test]
fn what_is_reserved_when_a_process_ends_counts_as_spent() {
    let mut conversation = Conversation::start("main", "Go.");
    let reserved =
        |output| Change::Reserved { agent: "main".to_owned(), usage: Usage::new(7, output), request: None };
    conversation.apply("run", reserved(100)).unwrap();
    conversation.apply("run", reserved(300)).unwrap();
    let text = serde_json::to_string(&conversation).unwrap();
    let mut read: Conversation = serde_json::from_str(&text).unwrap();
    assert_eq!(read, conversation);
    for (id, change) in read.unsettled() {
        read.apply(&id, change).unwrap();
    }
    assert_eq!((read.spent().output_tokens, read.spent().requests, read.unsettled()), (300, 1, Vec::new()));
    conversation.apply("run", Change::Answered(Response::text("Yes."))).unwrap();
    assert_eq!(conversation.unsettled(), Vec::new());
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_can_not_be_paid_for_returns_to_the_agent_that_asked() {
    let to_next = calls([("act", json!({"transfer": "next"}))]).usage(Usage::new(INPUT, 100));
    let model = Script::by_agent([("main", vec![to_next, says("I go on.", 10)]), ("next", vec![])]);
    let small = agent("main", model.clone(), None);
    let next = Agent::builder("next", model.clone()).max_tokens(50_000).build().unwrap();
    let team = Team::new([small, next]).unwrap();
    let limits = Limits::new().budget(Budget::new().output_tokens(5_000));
    let mut conversation = Conversation::start("main", "Go.");
    let end = team.run(&mut conversation).limits(limits).await.unwrap();
    assert_eq!((end.text(), conversation.agent()), ("I go on.", "main"));
}
