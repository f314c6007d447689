//! What a block, a call and a row of a timeline cost, by how many there are: the figures of a line
//! must not grow.
//!
//! `cargo xtask bench linear`

use std::{
    hint::black_box,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use agent_core::{
    Agent, Block, Context, Conversation, Delta, End, Event, EventKind, Json, Limits, Outcome, Response, Run,
    StopReason, Team, Tool, ToolSpec, async_trait,
    conversation::{Change, Turn},
    model::Fold,
    script::{Reply, Script},
};
use agent_timeline::Timeline;
use program::{print, println};
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
    let all = SIZES.map(events);
    line("an event: in a timeline", |many| {
        let events = all.iter().min_by_key(|events| events.len().abs_diff(2 * many)).expect("there are some");
        let took = time(|| drop(black_box(Timeline::new(events).to_text(100))));
        took.mul_f64(many as f64 / events.len() as f64)
    });
    line("a call of a run, on a task of its own", |many| {
        let team = run_of(many);
        time(|| drop(black_box(drive(team.run(&mut Conversation::start("main", "Go."))))))
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
    conversation.apply("run", Change::Answered(reply)).expect("it is the model's turn");
    let Turn::Tools(mut turn) = conversation.turn(&team) else { panic!("there are calls") };
    for work in turn.take_work().into_iter().rev() {
        turn.record(work.id(), Outcome::output("x").into());
    }
    black_box(conversation);
}

/// A team whose run has one turn of so many calls.
fn run_of(calls: usize) -> Team {
    let reply = (0..calls).fold(Reply::default(), |reply, _| reply.and_call("nothing", json!({})));
    team(Script::new([reply, Reply::text("Done.")]))
}

fn drive(run: Run<'_>) -> End {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it needs nothing");
    runtime.block_on(run).expect("nothing goes wrong")
}

/// The events of such a run but for the pieces of its replies: two a call.
fn events(calls: usize) -> Vec<Event> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let listener = events.clone();
    let listen = move |event: &Event| {
        if !matches!(event.kind, EventKind::Delta(_)) {
            listener.lock().expect("nothing panics").push(event.clone());
        }
    };
    drive(run_of(calls).run(&mut Conversation::start("main", "Go.")).listen(listen));
    let mut events = events.lock().expect("nothing panics");
    std::mem::take(&mut *events)
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
