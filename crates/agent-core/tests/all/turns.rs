//! Calls that take turns: by key, and for permits.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use agent_core::{
    Agent, Context, Conversation, EventKind, Json, Limits, Outcome, Team, Tool, ToolSpec, async_trait,
    host::Mode,
    script::{Reply, Script},
    tool::{ExclusiveBy, Permits},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::common::{Act, Log, agent, calls, ms};

/// Checks the results and times of these calls. `edit` and `rename` take turns by file; `act` does
/// not.
async fn check(each: Value, milliseconds: u64, expected: &[&str]) {
    let reply =
        each.as_array().unwrap().iter().fold(Reply::default(), |reply, call| {
            reply.and_call(call["tool"].as_str().unwrap(), call.clone())
        });
    let (model, log) = (Script::new([reply, Reply::text("Done.")]), Log::default());
    let by_file = ExclusiveBy::field("file");
    let turns = |name: &str| {
        let by_file = by_file.clone();
        Act::new(name, &log).spec(|spec| spec.exclusive_by = Some(by_file))
    };
    let agent = agent("main", &model, &log).tool(turns("edit")).tool(turns("rename"));
    let alone = turns("edit_alone").spec(|spec| spec.exclusive = true);
    let agent = agent.tool(alone).tool(turns("read").spec(|spec| spec.read_only = true)).build().unwrap();
    let (mut conversation, began) = (Conversation::start("main", "Go."), Instant::now());
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let run = agent.run(&mut conversation).listen(move |event| {
        if let EventKind::CallStarted { id, .. } = &event.kind {
            listener.lock().unwrap().push(format!("{id} at {}", event.at.as_millis()));
        }
    });
    run.await.unwrap();
    assert_eq!(began.elapsed(), ms(milliseconds));
    told.lock().unwrap().sort();
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_key_take_turns_in_call_order_and_others_do_not_wait() {
    check(
        json!([
            {"tool": "edit", "file": "a", "ms": 100},
            {"tool": "edit", "file": "a", "ms": 100},
            {"tool": "edit", "file": "b", "ms": 50},
            {"tool": "act", "ms": 500},
            {"tool": "rename", "file": "a", "ms": 100},
            {"tool": "edit", "ms": 10},
        ]),
        500,
        &[
            "call_0_0 at 0",
            "call_0_1 at 100",
            "call_0_2 at 0",
            "call_0_3 at 0",
            "call_0_4 at 200",
            "call_0_5 at 0",
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_barrier_holds_for_calls_that_take_turns_and_a_failure_gives_the_turn_on() {
    check(
        json!([
            {"tool": "edit", "file": "a", "ms": 100, "fail": "no"},
            {"tool": "edit", "file": "a", "ms": 100},
            {"tool": "act_alone", "ms": 100},
            {"tool": "edit", "file": "a", "ms": 100},
        ]),
        400,
        &["call_0_0 at 0", "call_0_1 at 100", "call_0_2 at 200", "call_0_3 at 300"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_runs_alone_and_takes_turns_waits_for_all_before_it() {
    check(
        json!([
            {"tool": "edit", "file": "a", "ms": 10},
            {"tool": "act", "ms": 100},
            {"tool": "edit_alone", "file": "a", "ms": 10},
        ]),
        110,
        &["call_0_0 at 0", "call_0_1 at 0", "call_0_2 at 100"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_read_after_a_call_of_its_key_is_read_again() {
    check(
        json!([
            {"tool": "read", "file": "a", "ms": 10},
            {"tool": "edit", "file": "a", "ms": 100},
            {"tool": "read", "file": "a", "ms": 10},
        ]),
        120,
        &["call_0_0 at 0", "call_0_1 at 10", "call_0_2 at 110"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_by_one_calls_that_take_turns_keep_to_the_order_of_all() {
    let log = Log::default();
    let edit = || ("edit", json!({"file": "a", "ms": 10}));
    let model = Script::new([calls([edit(), ("act", json!({"ms": 10})), edit()]), Reply::text("Done.")]);
    let edits = Act::new("edit", &log).spec(|spec| spec.exclusive_by = Some(ExclusiveBy::field("file")));
    let agent = agent("main", &model, &log).tool(edits).build().unwrap();
    let (mut conversation, mut begun) = (Conversation::start("main", "Go."), Vec::new());
    let mut run = agent.run(&mut conversation).mode(Mode::Sequential);
    while let Some(event) = run.next().await {
        if let EventKind::CallStarted { id, .. } = event.kind {
            begun.push(id);
        }
    }
    assert_eq!(begun, ["call_0_0", "call_0_1", "call_0_2"]);
}

#[tokio::test(start_paused = true)]
async fn one_bound_in_several_places_is_one_bound() {
    let (permits, log) = (Permits::new(1), Log::default());
    let model = Script::new([calls([("slow", json!({"ms": 100}))]), Reply::text("Done.")]);
    let of_tool = permits.clone();
    let slow = Act::new("slow", &log).spec(|spec| spec.permits = Some(of_tool));
    let agent = agent("main", &model, &log).tool(slow).build().unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let run = agent.run(&mut conversation).limits(Limits::new().permits(permits));
    let end = tokio::time::timeout(ms(1000), run).await.expect("no call waits for itself");
    assert_eq!(end.unwrap().text(), "Done.");
}

#[tokio::test(start_paused = true)]
async fn bounds_that_stand_crosswise_hold_up_nobody_for_good() {
    let (permits, began) = ([Permits::new(1), Permits::new(1)], Instant::now());
    let run = async |of_tool: &Permits, of_all: &Permits| {
        let input = || json!({"ms": 100});
        let model = Script::new([calls([("slow", input()), ("slow", input())]), Reply::text("Done.")]);
        let slow = Act::new("slow", &Log::default()).spec(|spec| spec.permits = Some(of_tool.clone()));
        let agent = agent("main", &model, &Log::default()).tool(slow).build().unwrap();
        let mut conversation = Conversation::start("main", "Go.");
        agent.run(&mut conversation).limits(Limits::new().permits(of_all.clone())).await.unwrap()
    };
    let [one, other] = &permits;
    let both = futures::future::join(run(one, other), run(other, one));
    tokio::time::timeout(ms(10_000), both).await.expect("they don't wait for each other");
    assert_eq!(began.elapsed(), ms(400));
}

/// A tool that counts how many of its calls are running.
struct Counted {
    spec: ToolSpec,
    /// The counts of the tool, of the run, and of both runs.
    counts: [Arc<Count>; 3],
}

#[derive(Default)]
struct Count {
    open: AtomicUsize,
    peak: AtomicUsize,
}

impl Count {
    fn begin(&self) {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(open, Ordering::SeqCst);
    }

    fn end(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Tool for Counted {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        let input: Value = input.parse().unwrap();
        if let Some(to) = input["to"].as_str() {
            return Outcome::delegate(to, "Go.");
        }
        self.counts.iter().for_each(|count| count.begin());
        tokio::time::sleep(ms(input["ms"].as_u64().unwrap())).await;
        self.counts.iter().for_each(|count| count.end());
        Outcome::output("done")
    }
}

/// An agent in a tree. Each call of its one reply is a tool with a duration, or another agent.
#[derive(Clone, Debug)]
struct Node(Vec<Work>);

#[derive(Clone, Debug)]
enum Work {
    Tool(usize, u64),
    Agent(Node),
}

fn tree() -> impl Strategy<Value = Node> {
    let call = (0..2_usize, 0..30_u64).prop_map(|(tool, milliseconds)| Work::Tool(tool, milliseconds));
    let leaf = prop::collection::vec(call.clone(), 0..4).prop_map(Node);
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop::collection::vec(prop_oneof![2 => call.clone(), 1 => inner.prop_map(Work::Agent)], 0..5)
            .prop_map(Node)
    })
}

const TOOLS: [&str; 2] = ["a", "b"];

/// Collects the replies of each agent in a tree, each under its own name.
fn plot(name: &str, Node(work): &Node, parts: &mut Vec<(String, Vec<Reply>)>) {
    let mut reply = Reply::default();
    for (place, work) in work.iter().enumerate() {
        reply = match work {
            Work::Tool(tool, milliseconds) => reply.and_call(TOOLS[*tool], json!({"ms": milliseconds})),
            Work::Agent(node) => {
                let inner = format!("{name}_{place}");
                plot(&inner, node, parts);
                reply.and_call("a", json!({"to": inner}))
            }
        };
    }
    let last = if work.is_empty() { Vec::new() } else { vec![reply] };
    parts.push((name.to_owned(), last.into_iter().chain([Reply::text("Done.")]).collect()));
}

/// Runs two teams in parallel. Returns the most parallel calls of tool a, of tool b, of each run,
/// and of both runs.
async fn peaks(trees: [Node; 2], of_tool: [usize; 2], of_run: usize, of_all: usize) -> [usize; 5] {
    let permits = of_tool.map(Permits::new);
    let (tools, both) = (TOOLS.map(|_| Arc::new(Count::default())), Arc::new(Count::default()));
    let shared = Permits::new(of_all);
    let mut of_runs = Vec::new();
    let mut runs = Vec::new();
    for tree in trees {
        let mut parts = Vec::new();
        plot("main", &tree, &mut parts);
        let names: Vec<String> = parts.iter().map(|(name, _)| name.clone()).collect();
        let (model, run) = (Script::by_agent(parts), Arc::new(Count::default()));
        let agents = names.into_iter().map(|name| {
            let tools = TOOLS.iter().enumerate().map(|(place, tool)| {
                let mut spec = ToolSpec::new(*tool, "Takes its time.", json!({"type": "object"}));
                (spec.permits, spec.read_only) = (Some(permits[place].clone()), place == 1);
                let counts = [tools[place].clone(), run.clone(), both.clone()];
                Arc::new(Counted { spec, counts }) as Arc<dyn Tool>
            });
            Agent::builder(name, model.clone()).tools(tools.collect::<Vec<_>>()).build().unwrap()
        });
        let limits = Limits::new().calls_at_once(of_run).permits(shared.clone());
        runs.push(Team::new(agents).unwrap().with_limits(limits));
        of_runs.push(run);
    }
    let each = runs.iter().map(async |team| {
        let mut conversation = Conversation::start("main", "Go.");
        team.run(&mut conversation).await.unwrap()
    });
    for end in futures::future::join_all(each).await {
        assert_eq!(end.text(), "Done.");
    }
    [tools[0].peak(), tools[1].peak(), of_runs[0].peak(), of_runs[1].peak(), both.peak()]
}

proptest! {
    #[test]
    fn any_tree_of_agents_under_any_limits_ends_and_no_limit_is_exceeded(
        trees in [tree(), tree()],
        of_tool in [1..4_usize, 1..4_usize],
        of_run in 1..5_usize,
        of_all in 1..5_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let peaks = runtime.block_on(peaks(trees, of_tool, of_run, of_all));
        let limits = [of_tool[0], of_tool[1], of_run, of_run, of_all];
        prop_assert!(peaks.iter().zip(limits).all(|(peak, limit)| *peak <= limit), "{peaks:?} of {limits:?}");
    }
}

#[test]
fn permits_say_how_many_calls_they_allow() {
    assert_eq!([0, 1, 7].map(|calls| Permits::new(calls).clone().calls()), [1, 1, 7]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_permit_is_told_of() {
    let log = Log::default();
    let model = Script::new([
        calls([("slow", json!({"ms": 100})), ("slow", json!({"ms": 100}))]),
        Reply::text("Done."),
    ]);
    let slow = Act::new("slow", &log).spec(|spec| spec.permits = Some(Permits::new(1)));
    let agent = agent("main", &model, &log).tool(slow).build().unwrap();
    let (mut conversation, began) = (Conversation::start("main", "Go."), Instant::now());
    let mut run = agent.run(&mut conversation);
    let mut queued = Vec::new();
    while let Some(event) = run.next().await {
        if let EventKind::CallQueued { id, .. } = event.kind {
            queued.push(format!("{id} at {}", event.at.as_millis()));
        }
    }
    run.await.unwrap();
    assert_eq!((queued, began.elapsed()), (vec!["call_0_1 at 0".to_owned()], ms(200)));
}
