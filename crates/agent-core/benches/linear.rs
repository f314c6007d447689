//! What a block, a call and a row of a timeline cost, by how many there are: the figures of a line must not grow.
//!
//! `cargo xtask bench linear`

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use agent_core::{
    Agent, Block, Conversation, Delta, Event, Fold, Limits, Outcome, Response, StopReason, Team, Timeline,
    Told, Turn, async_trait,
    script::{Reply, Script},
};
use agent_core::{Context, Json, Tool, ToolSpec};
use serde_json::json;

/// How many there are,
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// and so many runs, of which the median counts.
const RUNS: usize = 5;

fn main() {
    println!("one thread; median of {RUNS} runs; microseconds for each\n");
    println!("{:<44}{:>10}{:>10}{:>10}", "of so many:", SIZES[0], SIZES[1], SIZES[2]);
    line("a block of a reply: folded", |many| time(|| fold(0..many)));
    line("the same, the last place first", |many| time(|| fold((0..many).rev())));
    line("a call of a reply: taken in and recorded", |many| {
        time(|| turn(many, &|place| format!("a{place}")))
    });
    line("the same, all with one id", |many| time(|| turn(many, &|_| "a".to_owned())));
    line("a call of a run, on a task of its own", |many| {
        let (run, _) = run(many);
        run
    });
    line("an event of that run: in a timeline", |many| {
        let (_, events) = run(many);
        let all = time(|| drop(black_box(Timeline::new(&events).render(100))));
        all * u32::try_from(many).expect("it is small") / u32::try_from(events.len()).expect("it is small")
    });
}

/// One line: the time that `measure` takes for each of so many.
fn line(name: &str, measure: impl Fn(usize) -> Duration) {
    print!("{name:<44}");
    for many in SIZES {
        let mut times: Vec<Duration> = (0..RUNS).map(|_| measure(many)).collect();
        times.sort();
        print!("{:>10.2}", times[RUNS / 2].as_secs_f64() * 1e6 / many as f64);
    }
    println!();
}

fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn fold(places: impl Iterator<Item = usize>) {
    let mut fold = Fold::default();
    for index in places {
        fold.push(Delta::Block { index, block: Block::text("") }).expect("each begins once");
        fold.push(Delta::words(index, "word")).expect("it has begun");
    }
    fold.push(Delta::stop(StopReason::EndTurn)).expect("it ends once");
    black_box(fold.finish().expect("it is whole"));
}

fn team(model: Script) -> Team {
    let agent = Agent::builder("main", model).tool(Nothing::new()).build().expect("it is well formed");
    let limits = Limits::new().calls(None).calls_in_reply(None);
    Team::new([agent]).expect("it is alone").with_limits(limits)
}

/// A turn of the tools in the machine alone; the calls end in another order than they began in.
fn turn(calls: usize, id: &dyn Fn(usize) -> String) {
    let team = team(Script::new([]));
    let mut conversation = Conversation::start("main", "Go.");
    let calls = (0..calls).map(|place| Block::tool_use(id(place), "nothing", json!({})));
    let reply = Response::new(calls.collect(), StopReason::ToolUse);
    conversation.tell("run", Told::Answered(reply)).expect("it is the model's turn");
    let Turn::Tools(mut turn) = conversation.turn(&team) else { panic!("there are calls") };
    for work in turn.take_work().into_iter().rev() {
        turn.record(work.id(), Outcome::output("x").into());
    }
    black_box(conversation);
}

/// A run with one turn of so many calls; how long it took, and its events.
fn run(calls: usize) -> (Duration, Vec<Event>) {
    let reply = (0..calls).fold(Reply::default(), |reply, _| reply.and_call("nothing", json!({})));
    let team = team(Script::new([reply, Reply::text("Done.")]));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it needs nothing");
    let mut conversation = Conversation::start("main", "Go.");
    let begun = Instant::now();
    runtime.block_on(team.run(&mut conversation).into_future()).expect("nothing goes wrong");
    let took = begun.elapsed();
    let mut conversation = Conversation::start("main", "Go.");
    let reply = (0..calls).fold(Reply::default(), |reply, _| reply.and_call("nothing", json!({})));
    let events = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let listener = events.clone();
    let team = self::team(Script::new([reply, Reply::text("Done.")]));
    let listen = move |event: &Event| listener.lock().expect("nothing panics").push(event.clone());
    runtime.block_on(team.run(&mut conversation).listen(listen).into_future()).expect("nothing goes wrong");
    let events = std::mem::take(&mut *events.lock().expect("nothing panics"));
    (took, events)
}

struct Nothing(ToolSpec);

impl Nothing {
    fn new() -> Self {
        Self(ToolSpec::new("nothing", "Does nothing.", json!({"type": "object"})))
    }
}

#[async_trait]
impl Tool for Nothing {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::output("x")
    }
}
