//! Whole runs of agents, recorded and replayed.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Agent, Context, Conversation, Json, Limits, Llm, Outcome, Team, Tool, ToolSpec, Usage, async_trait,
    budget::{Budget, Usd},
    model::Priced,
    script::{Reply, Script},
};
use agent_llm::{Cassette, Claude, Gate};
use agent_mock::{Fault, Mock, Scenario};
use serde_json::json;

use super::{place, read};
use crate::common::KEY;

/// A tool that says where it was asked about, or delegates there.
struct Look {
    spec: ToolSpec,
    to: Option<&'static str>,
}

impl Look {
    fn new(name: &str, to: Option<&'static str>) -> Self {
        let mut spec = ToolSpec::new(name, "Looks.", json!({"type": "object"}));
        spec.read_only = to.is_none();
        spec.targets = to.into_iter().map(str::to_owned).collect();
        Self { spec, to }
    }
}

#[async_trait]
impl Tool for Look {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        match self.to {
            Some(to) => Outcome::delegate(to, format!("Look: {}", input.text())),
            None => Outcome::output(format!("It is at {}.", input.text())),
        }
    }
}

/// A planner that asks three agents in parallel, twice, of which each looks.
fn team(llm: impl Llm + 'static) -> Team {
    let llm: Arc<dyn Llm> = Arc::new(llm);
    let planner = Agent::builder("planner", llm.clone()).tool(Look::new("ask", Some("scout")));
    let scout = Agent::builder("scout", llm).tool(Look::new("look", None));
    Team::new([planner.build().unwrap(), scout.build().unwrap()]).unwrap()
}

/// The replies of these agents. The scout's take as long as `pace` says.
fn model(pace: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Script {
    let ask = |at: u32| json!({"at": at});
    Script::by(move |request| {
        let at = request.messages[0]
            .text()
            .chars()
            .filter_map(|letter| letter.to_digit(10))
            .next_back()
            .unwrap_or(0);
        let slow = |reply: Reply| {
            reply.per_token(Duration::from_millis(10)).after(Duration::from_millis(pace(at.into())))
        };
        match (&*request.agent, request.messages.len()) {
            ("planner", 1 | 3) => Reply::text("I ask.")
                .and_call("ask", ask(1))
                .and_call("ask", ask(2))
                .and_call("ask", ask(3))
                .and_call("ask", ask(3)),
            ("planner", _) => Reply::text("All is well."),
            (_, 1) => slow(Reply::text("I look.").and_call("look", ask(at))),
            _ => slow(Reply::text(format!("Seen {at}."))),
        }
    })
}

async fn run(team: &Team, id: &str) -> String {
    let mut conversation = Conversation::start("planner", "Go.").with_id(id);
    let end = team.run(&mut conversation).await.unwrap();
    assert_eq!(end.text(), "All is well.");
    conversation.to_string()
}

#[tokio::test(start_paused = true)]
async fn parallel_agents_are_replayed_in_whatever_order_they_were_recorded() {
    let paces: [fn(u64) -> u64; 3] = [|_| 0, |at| 1_000 * at, |at| 1_000 * (9 - at)];
    let mut files = Vec::new();
    for pace in paces {
        let (_folder, path) = place();
        let recorded = run(&team(Cassette::record(&path, model(pace)).unwrap()), "recorded").await;
        for id in ["replayed", "another"] {
            let cassette = Cassette::replay(&path).unwrap();
            assert_eq!(run(&team(cassette.clone()), id).await, recorded);
            assert_eq!((cassette.misses(), cassette.unused()), (vec![], vec![]));
        }
        files.push(read(&path));
    }
    assert_ne!(files[1], files[2], "they were recorded in another order");
    let sorted = |file: &String| {
        let mut lines: Vec<String> = file.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&files[1]), sorted(&files[2]));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_tool_is_found_where_it_began() {
    let (_folder, path) = place();
    run(&team(Cassette::record(&path, model(|_| 0)).unwrap()), "recorded").await;
    let cassette = Cassette::replay(&path).unwrap();
    let llm: Arc<dyn Llm> = Arc::new(cassette.clone());
    let planner = Agent::builder("planner", llm.clone()).tool(Look::new("ask", Some("scout")));
    let mut changed = Look::new("look", None);
    changed.spec.description = "Looks far.".to_owned();
    let scout = Agent::builder("scout", llm).tool(changed);
    let team = Team::new([planner.build().unwrap(), scout.build().unwrap()]).unwrap();
    let error = team.run(&mut Conversation::start("planner", "Go.")).await.unwrap_err().to_string();
    let first = r#"An earlier request may be the cause: no recording of this request by agent "scout"."#;
    let place = r#"Differences: tools.look.description: recorded "Looks.", asked "Looks far.""#;
    assert!(error.contains(first) && error.contains(place), "{error}");
    assert_eq!(cassette.misses().len(), 5);
}

fn scenario() -> Scenario {
    let look = |at: u32| json!({"at": at});
    Scenario::new([
        Reply::text("Let me see.").and_call("look", look(1)).and_call("look", look(2)),
        Reply::text("Once more.").and_call("look", look(3)),
        Reply::text("All is well."),
    ])
}

async fn look_with(llm: impl Llm + 'static) -> String {
    let agent = Agent::builder("planner", llm).tool(Look::new("look", None)).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    conversation.to_string()
}

/// Records a run with Claude, and replays it without a server and without a key.
async fn check(claude: impl Fn(String) -> Claude, server: Mock) {
    let (_folder, path) = place();
    let recorded = look_with(Cassette::record(&path, claude(server.url())).unwrap()).await;
    drop(server);
    let replayed = look_with(Cassette::replay(&path).unwrap()).await;
    assert_eq!(replayed, recorded);
    let file = read(&path);
    assert!(!file.contains(KEY) && !file.contains("x-api-key"), "{file}");
}

#[tokio::test]
async fn a_run_with_claude_is_replayed_without_a_server_and_without_a_key() {
    let builder = |url: String| Claude::builder().key(KEY).base_url(url);
    check(|url| builder(url).build().unwrap(), Mock::start(scenario()).await.unwrap()).await;
    check(|url| builder(url).streaming(false).build().unwrap(), Mock::start(scenario()).await.unwrap()).await;
    check(|url| builder(url).threads(true).build().unwrap(), Mock::start(scenario()).await.unwrap()).await;
    // The first attempt breaks off after a call has started early.
    let cut = Mock::start(scenario().fault(0, [Fault::cut("look")])).await.unwrap();
    check(|url| builder(url).gate(Gate::new()).build().unwrap(), cut).await;
}

/// A replay has no backend that knows its prices, so the prices are around the cassette.
#[tokio::test(start_paused = true)]
async fn a_budget_in_dollars_holds_in_a_replay_with_the_prices_around_it() {
    let (_folder, path) = place();
    let paid = async |llm: &dyn Fn() -> Arc<dyn Llm>, cents: f64| {
        let prices =
            |_: &str, usage: &Usage| Some(Usd::from_micros(usage.all_input_tokens() + usage.output_tokens));
        let llm = Priced::new(llm(), "small", prices).unwrap();
        let agent = Agent::builder("planner", llm).max_tokens(1_000).build().unwrap();
        let limits = Limits::new().budget(Budget::new().usd(Usd::dollars(cents / 100.0)));
        let mut conversation = agent.start("Go.");
        let end = agent.run(&mut conversation).limits(limits).await.unwrap();
        (end.to_string(), conversation.usage().cost)
    };
    let record = || {
        let script = Script::new([Reply::text("Gone.").usage(Usage::new(500, 300))]);
        Arc::new(Cassette::record(&path, script).unwrap()) as Arc<dyn Llm>
    };
    let replay = || Arc::new(Cassette::replay(&path).unwrap()) as Arc<dyn Llm>;
    let expected = ("Gone.".to_owned(), Usd::from_micros(800));
    assert_eq!(paid(&record, 10.0).await, expected);
    assert_eq!(paid(&replay, 10.0).await, expected);
    let (end, cost) = paid(&replay, 0.1).await;
    assert!(end.contains("has no room for the next request"), "{end}");
    assert_eq!(cost, Usd::ZERO);
}

/// Each agent of a team has a model of its own, and all record into one file.
#[tokio::test(start_paused = true)]
async fn the_models_of_a_team_share_a_file() {
    let (_folder, path) = place();
    let team = |open: &dyn Fn(&str, Reply) -> Cassette| {
        let ask = Reply::call("ask", json!({"at": 1}));
        let planner = Agent::builder("planner", open("planner", ask)).tool(Look::new("ask", Some("scout")));
        let scout = Agent::builder("scout", open("scout", Reply::text("Found.")));
        Team::new([planner.build().unwrap(), scout.build().unwrap()]).unwrap()
    };
    let record = |_: &str, first: Reply| {
        Cassette::record(&path, Script::new([first, Reply::text("All is well.")])).unwrap()
    };
    let recorded = run(&team(&record), "recorded").await;
    let replay = |_: &str, _: Reply| Cassette::replay(&path).unwrap();
    assert_eq!(run(&team(&replay), "replayed").await, recorded);
    assert!(recorded.contains("Found.") && recorded.contains("All is well."), "{recorded}");
}
