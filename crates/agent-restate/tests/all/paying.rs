//! What is paid for when requests are under way in parallel, when processes disappear, and when runs
//! are stopped.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Agent, BoxStream, Conversation, Delta, EventKind, Limits, Llm, LlmError, Request, Team, Usage,
    budget::{Budget, SharedBudget, Spent},
    model::Notice,
    script::{Reply, Script},
};
use agent_restate::{RestateError, Services};
use agent_tools::AgentTool;
use futures::{StreamExt, stream};
use restate_server::query;
use serde_json::json;
use tokio::sync::Barrier;

use crate::common::{Calls, Stage, call, tool};

/// The output tokens of each reply, and the most that one may have.
const OUTPUT: u64 = 300;
const MOST: u32 = 8_000;

/// A model that notes each request. Those of one kind hang until `open` is called.
#[derive(Clone)]
struct Model {
    script: Script,
    asked: Calls,
    open: Calls,
    hangs: (&'static str, usize),
}

impl Model {
    fn new(script: Script, hangs: (&'static str, usize)) -> Self {
        Self { script, asked: Calls::default(), open: Calls::default(), hangs }
    }

    /// Waits until so many requests hang.
    async fn until_hanging(&self, count: usize) {
        let kind = format!("{} {}", self.hangs.0, self.hangs.1);
        let hang = |asked: &BTreeMap<String, usize>| {
            asked.iter().filter(|(asked, _)| asked.starts_with(&kind)).map(|(_, times)| times).sum::<usize>()
                >= count
        };
        self.asked.until(hang).await;
    }
}

impl Llm for Model {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let kind = (&*request.agent, request.messages.len());
        let hangs = kind == self.hangs;
        self.asked.note(format!("{} {} in {}", kind.0, kind.1, request.conversation));
        let begin = async move {
            if hangs {
                self.open.until(|open| !open.is_empty()).await;
            }
        };
        stream::once(begin).flat_map(move |()| self.script.stream(request.clone())).boxed()
    }
}

/// A boss who asks so many clerks in parallel. Each clerk makes a call.
fn script(clerks: usize) -> Script {
    Script::by(move |request| {
        let ask = || json!({"task": "Work."});
        let reply = match (&*request.agent, request.messages.len()) {
            ("boss", 1) => {
                (1..clerks).fold(Reply::call("clerk", ask()), |reply, _| reply.and_call("clerk", ask()))
            }
            ("clerk", 1) => call("work", "on"),
            _ => Reply::text("Done."),
        };
        reply.usage(Usage::new(10, OUTPUT))
    })
}

fn team(model: &Model, limits: &Limits) -> Team {
    let none = Calls::default();
    let agent = |name: &str| Agent::builder(name, model.clone()).max_tokens(MOST);
    let boss = agent("boss").tool(AgentTool::new("clerk", "Works.")).build().unwrap();
    let clerk = agent("clerk").tool(tool("work", &none, &none).idempotent()).build().unwrap();
    Team::new([boss, clerk]).unwrap().with_limits(limits.clone())
}

fn output(most: u64) -> Limits {
    Limits::new().conversation_budget(Budget::new().output_tokens(most))
}

fn start(id: &str) -> Conversation {
    Conversation::start("boss", "Go.").with_id(id)
}

/// The text without the names that differ between sessions.
fn transcript(conversation: &Conversation) -> String {
    conversation.to_string().replace(conversation.id(), "ID")
}

#[tokio::test]
async fn fault_88_on_the_engine_a_crash_neither_forgets_what_was_spent_nor_counts_it_twice() {
    let limits = output(100_000);
    let Some(mut stage) = Stage::open(Services::new(team(&Model::new(script(2), ("", 0)), &limits))).await
    else {
        return;
    };
    let mut undisturbed = start("undisturbed");
    stage.host.run(&mut undisturbed).await.unwrap();
    let expected = undisturbed.spent();
    assert_eq!((expected.requests, expected.output_tokens), (6, 6 * OUTPUT));
    // Each request under way counts with all that it might have used.
    for (hangs, under_way, crashes) in
        [(("boss", 1), 1, 1), (("clerk", 1), 2, 1), (("clerk", 3), 2, 2), (("boss", 3), 1, 3)]
    {
        let id = format!("{}-{}", hangs.0, hangs.1);
        let mut run = None;
        for _ in 0..crashes {
            let model = Model::new(script(2), hangs);
            stage.replace(Services::new(team(&model, &limits))).await;
            if run.is_none() {
                run = Some(stage.host.submit(&start(&id), None).await.unwrap());
            }
            model.until_hanging(under_way).await;
        }
        stage.replace(Services::new(team(&Model::new(script(2), ("", 0)), &limits))).await;
        let ran = stage.host.attach(&run.unwrap()).await.unwrap();
        assert_eq!(ran.end.unwrap().text(), "Done.", "{id}");
        assert_eq!(transcript(&ran.conversation), transcript(&undisturbed), "{id}");
        let (spent, lost) = (ran.conversation.spent(), (under_way * crashes) as u64);
        assert_eq!(spent.output_tokens, expected.output_tokens + lost * u64::from(MOST), "{id}");
        assert_eq!(spent.requests, expected.requests + lost, "{id}");
    }
}

#[tokio::test]
async fn a_run_that_continues_on_the_engine_has_only_what_is_left() {
    let limits = output(9_800);
    let model = Model::new(script(2), ("boss", 1));
    let Some(mut stage) = Stage::open(Services::new(team(&model, &limits))).await else { return };
    let run = stage.host.submit(&start("crash"), None).await.unwrap();
    model.until_hanging(1).await;
    stage.replace(Services::new(team(&Model::new(script(2), ("", 0)), &limits))).await;
    let ran = stage.host.attach(&run).await.unwrap();
    let over = "the budget of the conversation has no room for the next request: 1800 of 9800 output tokens are left, and it may need 8000";
    assert_eq!(ran.end.unwrap().to_string(), over);
    assert_eq!(ran.conversation.spent().output_tokens, 8_000);
    let mut again = ran.conversation;
    assert_eq!(stage.host.run(&mut again).await.unwrap().to_string(), over);

    // A request that is cancelled counts in the same way.
    let model = Model::new(script(2), ("boss", 1));
    for keep in [false, true] {
        stage.replace(Services::new(team(&model, &limits)).keep_partial_reply(keep)).await;
        let mut conversation = start(&format!("cancel-{keep}"));
        let run = stage.host.submit(&conversation, None).await.unwrap();
        model.until_hanging(1 + usize::from(keep)).await;
        assert!(stage.host.cancel(conversation.id()).await.unwrap());
        let cancelled = stage.host.attach(&run).await.unwrap_err();
        assert!(matches!(cancelled, RestateError::Cancelled), "{cancelled}");
        let kept = stage.host.history(conversation.id()).await.unwrap().unwrap();
        assert_eq!((kept.spent().requests, kept.spent().output_tokens), (1, 8_000), "{keep}");
        assert_eq!(stage.host.run(&mut conversation).await.unwrap().to_string(), over);
    }
}

/// A model whose requests by clerks only go on in pairs.
struct Pairs {
    script: Script,
    pair: Barrier,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Llm for Pairs {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let is_clerk = request.agent == "clerk".into();
        let begin = async move {
            if is_clerk {
                let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(now, Ordering::SeqCst);
                self.pair.wait().await;
                self.under_way.fetch_sub(1, Ordering::SeqCst);
            }
        };
        stream::once(begin).flat_map(move |()| self.script.stream(request.clone())).boxed()
    }
}

#[tokio::test]
async fn fault_88_on_the_engine_parallel_delegations_can_not_overshoot_and_wait_for_each_other() {
    let script = Script::by(|request| {
        let ask = || json!({"task": "Work."});
        let reply = match (&*request.agent, request.messages.len()) {
            ("boss", 1) => {
                (1..6).fold(Reply::call("clerk", ask()), |reply, _| reply.and_call("clerk", ask()))
            }
            _ => Reply::text("Done."),
        };
        reply.usage(Usage::new(10, 10))
    });
    let model = Arc::new(Pairs { script, pair: Barrier::new(2), under_way: 0.into(), most: 0.into() });
    let agent = |name: &str| Agent::builder(name, model.clone() as Arc<dyn Llm>).max_tokens(1_000);
    let boss = agent("boss").tool(AgentTool::new("clerk", "Works.")).build().unwrap();
    let team = Team::new([boss, agent("clerk").build().unwrap()]).unwrap();
    // Two may be under way, and no third one.
    let waits = Arc::new(Mutex::new(Vec::new()));
    let seen = waits.clone();
    let services = Services::new(team.with_limits(output(2_900))).listen(move |event| {
        if let EventKind::Delta(Delta::Notice(Notice::Wait { reason, .. })) = &event.kind {
            seen.lock().unwrap().push(reason.clone());
        }
    });
    let Some(stage) = Stage::open(services).await else { return };
    let mut conversation = start("pairs");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    assert_eq!((model.most.load(Ordering::SeqCst), conversation.spent().output_tokens), (2, 80));
    let waits = waits.lock().unwrap();
    let why = "requests under way have reserved the rest: the budget of the conversation has no room for the next request: 890 of 2900 output tokens are left, and it may need 1000";
    assert!(waits.iter().any(|wait| wait == why), "{waits:?}");
}

#[tokio::test]
async fn nobody_waits_on_the_engine_for_what_a_killed_conversation_had_reserved() {
    // One clerk may ask at a time.
    let (model, limits) = (Model::new(script(2), ("clerk", 1)), output(17_000));
    let Some(stage) = Stage::open(Services::new(team(&model, &limits))).await else { return };
    let run = stage.host.submit(&start("kill"), None).await.unwrap();
    model.until_hanging(2).await;
    let sql =
        "SELECT id FROM sys_invocation WHERE target_handler_name = 'delegated' AND status != 'completed'";
    for row in query(stage.cluster.admin(), sql).await.unwrap() {
        let url = format!("{}/invocations/{}/kill", stage.cluster.admin(), row["id"].as_str().unwrap());
        restate_server::client().patch(url).send().await.unwrap().error_for_status().unwrap();
    }
    let ran = stage.host.attach(&run).await.unwrap();
    let over = "the budget of the conversation has no room for the next request: 700 of 17000 output tokens are left, and it may need 8000";
    assert_eq!(ran.end.unwrap().to_string(), over);
}

#[tokio::test]
async fn a_budget_of_time_stops_the_reply_that_streams_on_the_engine() {
    let model = Model::new(script(2), ("clerk", 1));
    let limits = Limits::new().budget(Budget::new().time(Duration::from_millis(1_500)));
    let Some(stage) = Stage::open(Services::new(team(&model, &limits))).await else { return };
    let mut conversation = start("time");
    let end = stage.host.run(&mut conversation).await.unwrap();
    assert_eq!(end.to_string(), "the budget of the run is used up: its 1.5s are over");
    let failed = "clerk was not done: the budget of the run is used up: its 1.5s are over";
    assert_eq!(conversation.to_string().matches(failed).count(), 2, "{conversation}");
    assert_eq!(conversation.spent().output_tokens, OUTPUT + 2 * u64::from(MOST));
}

#[tokio::test]
async fn fault_90_on_the_engine_a_shared_budget_bounds_all_sessions_that_have_it() {
    let process = SharedBudget::new("process", Budget::new().requests(11));
    let tenant =
        |name: &str, most| SharedBudget::new(name, Budget::new().output_tokens(most)).within(&process);
    let serve = |tenant: &SharedBudget, hangs| {
        let model = Model::new(script(1), hangs);
        (Services::new(team(&model, &Limits::new().shared_budget(tenant.clone()))), model)
    };
    let tenant_7 = tenant("tenant 7", 18_500);
    let (services, model) = serve(&tenant_7, ("boss", 1));
    let Some(mut stage) = Stage::open(services).await else { return };
    // Two sessions ask at the same time, and their process is gone. A third one does not fit.
    let mut runs = Vec::new();
    for id in ["one", "two"] {
        runs.push(stage.host.submit(&start(id), None).await.unwrap());
    }
    model.until_hanging(2).await;
    let balance = stage.host.shared_budget("tenant 7").await.unwrap().unwrap();
    assert_eq!((balance.spent.output_tokens, balance.reserved.output_tokens), (0, 16_000));
    stage.replace(serve(&tenant_7, ("", 0)).0).await;
    let mut ends = Vec::new();
    for run in &runs {
        ends.push(stage.host.attach(run).await.unwrap().end.unwrap().to_string());
    }
    let tenants = r#"the budget "tenant 7" has no room for the next request: 2500 of 18500 output tokens are left, and it may need 8000"#.to_owned();
    assert_eq!(ends, [tenants.clone(), tenants.clone()]);

    // Another process knows what was spent. The larger budget holds for other tenants, too.
    let tenant_8 = tenant("tenant 8", 90_000);
    stage.replace(serve(&tenant_8, ("", 0)).0).await;
    for id in ["three", "four"] {
        assert_eq!(stage.host.run(&mut start(id)).await.unwrap().text(), "Done.");
    }
    let of_process = r#"the budget "process" is used up: 11 of 11 requests are spent or reserved"#;
    let mut last = start("five");
    assert_eq!(stage.host.run(&mut last).await.unwrap().to_string(), of_process);
    assert!(last.to_string().contains("clerk was not done: the budget \"process\" is used up"), "{last}");
    let balance = stage.host.shared_budget("process").await.unwrap().unwrap();
    assert_eq!((balance.spent.requests, balance.reserved), (11, Spent::default()));
    stage.host.forget_shared_budget("process").await.unwrap();
    assert_eq!(stage.host.shared_budget("process").await.unwrap(), None);
    assert_eq!(stage.host.run(&mut start("six")).await.unwrap().text(), "Done.");
}
