//! Values that belong to a run.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use agent_core::{
    Agent, Context, Conversation, End, EventKind, Json, Outcome, RunError, Team, Tool, ToolSpec, async_trait,
    host::{HostError, HostWrapper, LocalHost, Mode, drive},
    script::{Reply, Script},
    tool::{MissingValue, Need},
};
use futures::{StreamExt, future::join_all};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Act, Log, calls, ms};

/// What belongs to a run in these tests.
struct User(&'static str);

/// What the tools saw: the conversation, the tool and the user.
type Seen = Arc<Mutex<Vec<String>>>;

/// A tool that needs the user and says who it is, after some time.
struct Who {
    spec: ToolSpec,
    seen: Seen,
}

impl Who {
    fn new(name: &str, seen: &Seen) -> Self {
        let mut spec = ToolSpec::new(name, "Says who the user is.", json!({"type": "object"}));
        spec.needs = vec![Need::of::<User>()];
        Self { spec, seen: seen.clone() }
    }

    fn spec(mut self, change: impl FnOnce(&mut ToolSpec)) -> Self {
        change(&mut self.spec);
        self
    }
}

#[async_trait]
impl Tool for Who {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Json, context: Context) -> Outcome {
        if !self.spec.blocking {
            tokio::time::sleep(ms(10)).await;
        }
        let user = context.need::<User>().map(|user| user.0.to_owned());
        let name = user.clone().unwrap_or_else(|missing| missing.to_string());
        self.seen.lock().unwrap().push(format!("{} {}: {name}", context.conversation(), self.spec.name));
        user.into()
    }
}

/// An agent whose tools all need the user, except `act`.
fn agent(name: &str, model: &Script, seen: &Seen) -> Agent {
    let who = |name: &str| Who::new(name, seen);
    let built = Agent::builder(name, model.clone())
        .tool(Act::new("act", &Log::default()))
        .tool(who("who"))
        .tool(who("who_early").spec(|spec| spec.read_only = true))
        .tool(who("who_blocking").spec(|spec| spec.blocking = true))
        .tool(who("who_alone").spec(|spec| spec.exclusive = true))
        .tool(who("who_slowly").spec(|spec| spec.timeout = Some(ms(5_000))))
        .tool(who("who_shared").spec(|spec| (spec.read_only, spec.shared) = (true, true)));
    built.build().unwrap()
}

/// A team with calls of each kind: delegated two levels deep, and after a transfer.
fn team(seen: &Seen) -> Team {
    let (act, who) = (|input| ("act", input), ("who", json!({})));
    let kinds =
        ["who_early", "who_early", "who_blocking", "who_alone", "who_slowly", "who_shared", "who_shared"];
    let first = kinds.map(|kind| (kind, json!({}))).into_iter().chain([act(json!({"to": "expert"}))]);
    let model = Script::by_agent([
        ("main", vec![calls(first).per_block(ms(20)), calls([act(json!({"transfer": "next"}))])]),
        ("expert", vec![calls([who.clone(), act(json!({"to": "deep"}))]), Reply::text("Done.")]),
        ("deep", vec![calls([who.clone()]), Reply::text("Done.")]),
        ("next", vec![calls([who]), Reply::text("All done.")]),
    ]);
    Team::new(["main", "expert", "deep", "next"].map(|name| agent(name, &model, seen))).unwrap()
}

fn sorted(seen: &Seen) -> String {
    let mut lines = std::mem::take(&mut *seen.lock().unwrap());
    lines.sort();
    lines.join("\n")
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_call_reads_the_values_of_its_run() {
    for mode in [Mode::Concurrent, Mode::Sequential] {
        let (seen, mut conversation) = (Seen::default(), Conversation::start("main", "Go."));
        let end = team(&seen).run(&mut conversation).mode(mode).with(User("Bob")).with(User("Ada")).await;
        assert_eq!(end.unwrap().text(), "All done.");
        let seen = sorted(&seen);
        match mode {
            Mode::Concurrent => assert_snapshot!(seen, @r"
            run who: Ada
            run who_alone: Ada
            run who_blocking: Ada
            run who_early: Ada
            run who_early: Ada
            run who_shared: Ada
            run who_slowly: Ada
            run/call_0_7 who: Ada
            run/call_0_7/call_0_1 who: Ada
            "),
            Mode::Sequential => assert_snapshot!(seen, @r"
            run who: Ada
            run who_alone: Ada
            run who_blocking: Ada
            run who_early: Ada
            run who_early: Ada
            run who_shared: Ada
            run who_shared: Ada
            run who_slowly: Ada
            run/call_0_7 who: Ada
            run/call_0_7/call_0_1 who: Ada
            "),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn runs_in_parallel_never_see_each_others_values() {
    const NAMES: [&str; 4] = ["Ada", "Bob", "Cem", "Dan"];
    let seen = Seen::default();
    let model = Script::by(|request| match request.messages.len() {
        1 => calls([("who", json!({})), ("who_early", json!({})), ("who_blocking", json!({}))])
            .per_block(ms(7)),
        _ => Reply::text("Done."),
    });
    let team = Team::new([agent("main", &model, &seen)]).unwrap();
    let runs = (0..40).map(|run| {
        let (team, name) = (team.clone(), NAMES[run % NAMES.len()]);
        tokio::spawn(async move {
            let mut conversation = Conversation::start("main", "Go.").with_id(format!("of-{name}-{run}"));
            team.run(&mut conversation).with(User(name)).await.unwrap();
        })
    });
    for run in join_all(runs).await {
        run.unwrap();
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 120);
    for line in &*seen {
        let (conversation, name) = line.split_once(": ").unwrap();
        assert!(conversation.starts_with(&format!("of-{name}-")), "{line}");
    }
}

#[tokio::test]
async fn many_conversations_share_the_values() {
    let seen = Seen::default();
    let model = Script::by(|request| match request.messages.len() {
        1 => calls([("who", json!({}))]),
        _ => Reply::text("Done."),
    });
    let team = Team::new([agent("main", &model, &seen)]).unwrap();
    let conversations = || (0..2).map(|_| Conversation::start("main", "Go."));
    let ends = team.run_many(conversations(), 2).with(User("Ada")).map(|finished| finished.end.unwrap());
    assert_eq!(ends.count().await, 2);
    assert_snapshot!(sorted(&seen), @r"
    run-0 who: Ada
    run-1 who: Ada
    ");
    let without = team.run_many(conversations(), 2).map(|finished| finished.end.unwrap_err());
    let errors: Vec<RunError> = without.collect().await;
    assert!(matches!(&*errors, [RunError::MissingValue(_), RunError::MissingValue(_)]), "{errors:?}");
}

/// A wrapper that counts its own requests.
struct Counting(LocalHost, Mutex<u32>);

impl HostWrapper for Counting {
    type Stop = Infallible;

    fn local(&self) -> &LocalHost {
        &self.0
    }

    async fn ask(
        &self,
        so_far: &Conversation,
    ) -> Result<Result<agent_core::Response, agent_core::conversation::Failure>, HostError<Infallible>> {
        *self.1.lock().unwrap() += 1;
        Ok(agent_core::host::Host::ask(&self.0, so_far).await?)
    }
}

/// A team of which only the agent of the second delegation needs the user.
fn deep_need() -> (Team, Script) {
    let model = Script::by(|_| Reply::text("Nothing to do."));
    let act = || Act::new("act", &Log::default());
    let plain = |name: &str| Agent::builder(name, model.clone()).tool(act()).build().unwrap();
    let deep = agent("deep", &model, &Seen::default());
    (Team::new([plain("main"), plain("expert"), deep]).unwrap(), model)
}

#[tokio::test]
async fn a_missing_value_is_named_before_any_request() {
    let (team, model) = deep_need();
    let start = || Conversation::start("main", "Go.");
    let mut conversation = start();
    let error = team.run(&mut conversation).with(Arc::new(User("Ada"))).await.unwrap_err();
    assert_snapshot!(error, @r#"agent "deep", tool "who" needs a value of type all::values::User, but none was given: give it with `.with(value)` (given: alloc::sync::Arc<all::values::User>)"#);
    assert_eq!(conversation, start());
    let RunError::MissingValue(missing) = error else { panic!("{error}") };
    let MissingValue { agent, tool, .. } = &missing;
    assert_eq!((&**agent, &**tool), ("deep", "who"));

    let without = || LocalHost::new(team.clone());
    let error = drive(&mut conversation, &without()).await.unwrap_err();
    assert_snapshot!(error, @r#"agent "deep", tool "who" needs a value of type all::values::User, but none was given: give it with `.with(value)`"#);
    let host = Counting(without(), Mutex::default());
    assert_eq!(host.run(&mut conversation).await, Err(HostError::Run(error)));
    assert_eq!((*host.1.lock().unwrap(), model.requests().len()), (0, 0));

    let host = Counting(without().with(User("Ada")), Mutex::default());
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Nothing to do.");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lacks_a_value_leaves_open_calls_to_a_run_that_has_it() {
    let seen = Seen::default();
    let model = Script::new([calls([("who", json!({}))]), Reply::text("Done.")]);
    let agent = agent("main", &model, &seen);
    let mut conversation = agent.start("Go.");
    let mut run = agent.run(&mut conversation).with(User("Ada"));
    while let Some(event) = run.next().await {
        if matches!(event.kind, EventKind::CallStarted { .. }) {
            break;
        }
    }
    drop(run);
    let open = conversation.clone();
    assert!(matches!(agent.run(&mut conversation).await, Err(RunError::MissingValue(_))));
    let host = LocalHost::new(Team::new([agent.clone()]).unwrap());
    assert!(matches!(drive(&mut conversation, &host).await, Err(RunError::MissingValue(_))));
    assert_eq!(conversation, open);
    assert_eq!(agent.run(&mut conversation).with(User("Bob")).await.unwrap().text(), "Done.");
    assert_eq!(sorted(&seen), "run who: Bob", "each run gives its own value");
}

#[tokio::test]
async fn a_value_is_missed_also_where_there_is_nothing_to_do() {
    let model = Script::new([calls([("act", json!({"ask": "May I?"}))])]);
    let agent = agent("main", &model, &Seen::default());
    let mut conversation = agent.start("Go.");
    let waits = agent.run(&mut conversation).with(User("Ada")).await.unwrap();
    assert!(matches!(waits, End::Waiting(_)));
    let error = agent.run(&mut conversation).await.unwrap_err();
    assert!(matches!(error, RunError::MissingValue(_)), "{error}");
}

/// A tool around another one, which gives it the user.
struct AsAda(Who, ToolSpec);

#[async_trait]
impl Tool for AsAda {
    fn spec(&self) -> &ToolSpec {
        &self.1
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        self.0.call(input, context.with(User("Ada"))).await
    }
}

#[tokio::test]
async fn a_tool_around_another_one_can_give_it_a_value() {
    let seen = Seen::default();
    let who = Who::new("who", &seen);
    let mut spec = who.spec.clone();
    spec.needs.clear();
    let model = Script::new([calls([("who", json!({}))]), Reply::text("Done.")]);
    let agent = Agent::builder("main", model).tool(AsAda(who, spec)).build().unwrap();
    agent.run(&mut agent.start("Go.")).await.unwrap();
    assert_eq!(sorted(&seen), "run who: Ada");
}

#[tokio::test]
async fn values_are_neither_in_the_record_nor_in_debug() {
    #[derive(Debug)]
    struct Secret(#[allow(dead_code, reason = "it shows in Debug")] &'static str);

    let model = Script::new([Reply::text("Done.")]);
    let agent = Agent::builder("main", model.clone()).build().unwrap();
    let mut conversation = agent.start("Go.");
    let secret = || Secret("sesame");
    assert!(format!("{:?}", secret()).contains("sesame"));
    let run = agent.run(&mut conversation).with(secret());
    let shown = format!("{run:?}");
    run.await.unwrap();
    let host = LocalHost::new(Team::new([agent]).unwrap()).with(secret());
    let context = Context::by_hand("call").with(secret());
    assert_eq!(context.get::<Secret>().map(|secret| secret.0), Some("sesame"));
    let record = serde_json::to_string(&conversation).unwrap();
    for text in
        [shown, format!("{host:?}"), format!("{context:?}"), format!("{:?}", model.requests()), record]
    {
        assert!(!text.contains("sesame"), "{text}");
    }
}
