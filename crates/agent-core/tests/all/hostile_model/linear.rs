//! Many blocks and many calls: the work grows linearly, and long work lets other tasks run.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use agent_core::{
    Agent, Block, BoxStream, Conversation, Delta, Event, EventKind, Limits, Llm, LlmError, Outcome, Request,
    Response, StopReason, Team, ToolSpec,
    agent::Rules,
    conversation::{Change, Turn},
    model::{Fold, Piece, non_streaming},
    script::{Reply, Script},
    tool::ExclusiveBy,
};
use agent_timeline::Timeline;
use futures::{FutureExt, StreamExt, stream};
use serde_json::json;

use crate::common::{Act, Log, agent, ms};

#[test]
fn field_80_very_many_blocks_are_folded_whatever_order_they_come_in() {
    const MANY: usize = 60_000;
    let begin = |index: usize| Delta::Block { index, block: Block::text(format!("{index}")) };
    let more = |index: usize| Delta::Piece { index, piece: Piece::Text("+".to_owned()) };
    let up = || (0..MANY).collect::<Vec<_>>();
    let down = || (0..MANY).rev().collect::<Vec<_>>();
    for (begun, grown) in [(up(), up()), (up(), down()), (down(), up()), (down(), down())] {
        let mut fold = Fold::default();
        begun
            .into_iter()
            .map(begin)
            .chain(grown.into_iter().map(more))
            .for_each(|delta| fold.push(delta).unwrap());
        assert!(fold.push(begin(7)).is_err(), "no block begins twice");
        fold.push(Delta::stop(StopReason::EndTurn)).unwrap();
        let content = fold.finish().unwrap().content;
        assert_eq!(content.len(), MANY);
        let as_it_should = |(place, block): (usize, &Block)| block.as_text() == Some(&*format!("{place}+"));
        assert!(content.iter().enumerate().all(as_it_should));
    }
}

/// A model whose reply is always ready.
struct Ready(usize, Arc<AtomicUsize>);

impl Llm for Ready {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let words = stream::iter(0..self.0).map(|index| {
            self.1.fetch_add(1, Ordering::Relaxed);
            Ok(Delta::Block { index, block: Block::text("x") })
        });
        words.chain(stream::iter([Ok(Delta::stop(StopReason::EndTurn))])).boxed()
    }
}

/// The most steps of a run without a break for other tasks on the thread.
async fn at_a_stretch(steps: Arc<AtomicUsize>, run: impl Future<Output = ()>) -> usize {
    let most = Arc::new(AtomicUsize::new(0));
    let (seen, count) = (most.clone(), steps.clone());
    let other = tokio::spawn(async move {
        let mut before = 0;
        loop {
            let now = count.load(Ordering::Relaxed);
            seen.fetch_max(now - before, Ordering::Relaxed);
            before = now;
            tokio::task::yield_now().await;
        }
    });
    run.await;
    other.abort();
    most.load(Ordering::Relaxed)
}

#[tokio::test]
async fn field_80_a_reply_that_never_waits_lets_others_run() {
    let steps = Arc::new(AtomicUsize::new(0));
    let agent = Agent::builder("main", Ready(20_000, steps.clone())).build().unwrap();
    let run = async { drop(agent.run(&mut agent.start("Go.")).await.unwrap()) };
    let most = at_a_stretch(steps.clone(), run).await;
    assert!(steps.load(Ordering::Relaxed) == 20_000 && (1..=256).contains(&most), "{most}");
}

/// Polls a run until it is over, or for this many milliseconds. Returns the most steps in one poll,
/// and the number of all steps.
async fn polled(steps: &AtomicUsize, limit: u64, run: impl Future<Output = ()>) -> (usize, usize) {
    let (mut run, mut most) = (pin!(run), 0);
    let polled = poll_fn(|context| {
        let before = steps.load(Ordering::Relaxed);
        let polled = run.as_mut().poll(context);
        most = most.max(steps.load(Ordering::Relaxed) - before);
        polled
    });
    let _ = tokio::time::timeout(ms(limit), polled).await;
    (most, steps.load(Ordering::Relaxed))
}

/// A model whose reply is always ready. Each of its blocks takes a millisecond of work.
struct Slow(usize, Arc<AtomicUsize>);

impl Llm for Slow {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let in_time = |delta| {
            self.1.fetch_add(1, Ordering::Relaxed);
            // The first poll moves the clock.
            let _ = tokio::time::advance(ms(1)).now_or_never();
            Ok(delta)
        };
        let blocks = (0..self.0).map(|index| Delta::Block { index, block: Block::text("x") });
        stream::iter(blocks.chain([Delta::stop(StopReason::EndTurn)])).map(in_time).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn field_80_a_limit_holds_while_a_reply_never_waits_and_no_poll_takes_more_than_a_part_of_it() {
    const MANY: usize = 60_000;
    // The number of steps that tokio allows a task before it must yield, plus the piece at which it
    // notices.
    const PART: usize = 129;
    for (limit, expected) in [(1_000_000, MANY + 1..=MANY + 1), (1_000, 1_000..=1_000 + 2 * PART)] {
        let steps = Arc::new(AtomicUsize::new(0));
        let agent = Agent::builder("main", Slow(MANY, steps.clone())).build().unwrap();
        let mut conversation = agent.start("Go.");
        let run = async { drop(agent.run(&mut conversation).await.unwrap()) };
        let (most, all) = polled(&steps, limit, run).await;
        assert!((1..=PART).contains(&most) && expected.contains(&all), "{limit}: {most} of {all}");
    }
}

#[tokio::test]
async fn field_80_of_a_whole_reply_of_very_many_calls_each_poll_makes_a_part() {
    const MANY: usize = 60_000;
    let steps = Arc::new(AtomicUsize::new(0));
    let count = steps.clone();
    let model = Says(Mutex::new(Some(
        (0..MANY).map(|place| Block::tool_use(format!("a{place}"), "act", json!({}))).collect(),
    )));
    let agent = agent_of(model);
    let mut conversation = agent.start("Go.");
    let limits = Limits::new().calls_in_reply(0);
    let run = agent.run(&mut conversation).limits(limits).listen(move |event: &Event| {
        let is_step = matches!(event.kind, EventKind::CallEnded { .. });
        count.fetch_add(usize::from(is_step), Ordering::Relaxed);
    });
    let (most, all) = polled(&steps, 1_000_000, async { drop(run.await.unwrap()) }).await;
    assert!((1..=256).contains(&most) && all == MANY, "{most} of {all}");
}

/// A model that replies with these blocks in one piece, and then that it is done.
struct Says(Mutex<Option<Vec<Block>>>);

impl Llm for Says {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let calls = self.0.lock().unwrap().take();
        non_streaming(async {
            Ok(calls
                .map_or_else(|| Response::text("Done."), |calls| Response::new(calls, StopReason::ToolUse)))
        })
    }
}

fn agent_of(model: impl Llm + 'static) -> Agent {
    Agent::builder("main", model).tool(Act::new("act", &Log::default())).build().unwrap()
}

#[tokio::test]
async fn field_81_calls_that_end_at_once_let_others_run() {
    let reply = (0..5_000).fold(Reply::default(), |reply, _| reply.and_call("act", json!({})));
    let model = Script::new([reply, Reply::text("Done.")]);
    let agent = agent("main", &model, &Log::default()).build().unwrap();
    let steps = Arc::new(AtomicUsize::new(0));
    let count = steps.clone();
    let run = async {
        let mut conversation = agent.start("Go.");
        let run = agent.run(&mut conversation).limits(Limits::new().calls_in_reply(0));
        let listen = move |event: &Event| {
            let is_step = matches!(event.kind, EventKind::CallEnded { .. });
            count.fetch_add(usize::from(is_step), Ordering::Relaxed);
        };
        run.listen(listen).await.unwrap();
    };
    let most = at_a_stretch(steps.clone(), run).await;
    assert!(steps.load(Ordering::Relaxed) == 5_000 && (1..=256).contains(&most), "{most}");
}

/// Rules that count how often they are asked about a call.
struct Counted(Team, AtomicUsize);

impl Rules for Counted {
    fn spec(&self, agent: &str, tool: &str) -> Option<&ToolSpec> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.spec(agent, tool)
    }

    fn turns(&self, agent: &str) -> u32 {
        self.0.turns(agent)
    }

    fn limits(&self) -> &Limits {
        self.0.limits()
    }

    fn agents(&self) -> Vec<&str> {
        self.0.agents()
    }
}

/// Makes this many calls of a tool, and completes those that may start in reverse order. Returns
/// how often the rules were asked.
fn asked(tool: &str, calls: usize) -> usize {
    let log = Log::default();
    let by_key = Act::new("by_key", &log).spec(|spec| spec.exclusive_by = Some(ExclusiveBy::field("key")));
    let model = Script::new([]);
    let team = Team::new([agent("main", &model, &log).tool(by_key).build().unwrap()]).unwrap();
    let rules = Counted(team.with_limits(Limits::new().calls_in_reply(None)), AtomicUsize::new(0));
    let mut conversation = Conversation::start("main", "Go.");
    let reply = (0..calls).map(|place| Block::tool_use(format!("a{place}"), tool, json!({"key": "k"})));
    let reply = Response::new(reply.collect(), StopReason::ToolUse);
    conversation.apply("run", Change::Answered(reply)).unwrap();
    let mut made = 0;
    while let Turn::Tools(mut turn) = conversation.turn(&rules) {
        let mut work = turn.take_work();
        while let Some(next) = work.pop() {
            made += 1;
            work.extend(turn.record(next.id(), Outcome::output("x").into()));
        }
    }
    assert_eq!((made, conversation.messages().len()), (calls, 3));
    rules.1.into_inner()
}

#[test]
fn field_81_the_work_for_a_call_is_the_same_however_many_there_are() {
    for tool in ["act", "act_alone", "by_key"] {
        let few = asked(tool, 500);
        let many = asked(tool, 5_000);
        assert!(few <= 5 * 500 && many <= 10 * few + 10, "{tool}: {few}, {many}");
    }
}

#[test]
fn field_81_very_many_calls_of_one_id_have_ids_of_their_own() {
    const MANY: usize = 20_000;
    let mut conversation = Conversation::start("main", "Go.");
    let reply = |calls: usize| {
        let calls = vec![Block::tool_use("x", "act", json!({})); calls];
        Change::Answered(Response::new(calls, StopReason::MaxTokens))
    };
    conversation.apply("run", reply(MANY)).unwrap();
    let ids: Vec<String> = conversation.open_calls().map(|call| call.id.clone()).collect();
    let as_it_should = |(place, id): (usize, &String)| *id == format!("x_{}", place + 2);
    assert!(ids[0] == "x" && ids[1..].iter().enumerate().all(as_it_should));
    conversation.say("Go on.");
    conversation.apply("run", reply(1)).unwrap();
    assert_eq!(conversation.open_calls().next().unwrap().id, format!("x_{}", MANY + 1));
    // A conversation that is read back finds the same ids.
    conversation.say("Go on.");
    let written = serde_json::to_string(&conversation).unwrap();
    let mut read: Conversation = serde_json::from_str(&written).unwrap();
    for conversation in [&mut conversation, &mut read] {
        conversation.apply("run", reply(2)).unwrap();
    }
    assert_eq!(read, conversation);
}

#[tokio::test(start_paused = true)]
async fn field_81_a_timeline_of_very_many_calls_has_them_in_order_under_their_agents() {
    let call = |task: &str| json!({"to": "b", "task": task});
    let many = (0..3_000).fold(Reply::default(), |reply, _| reply.and_call("act", json!({})));
    let both = Reply::call("act", call("x")).and_call("act", call("y"));
    let (log, model) = (
        Log::default(),
        Script::by_agent([
            ("main", vec![both, Reply::text("Done.")]),
            ("b", vec![many, Reply::text("Done.")]),
        ]),
    );
    let team = ["main", "b"].map(|name| agent(name, &model, &log).build().unwrap());
    let team = Team::new(team).unwrap().with_limits(Limits::new().calls_in_reply(None).calls(None));
    let events = Arc::new(Mutex::new(Vec::new()));
    let listener = events.clone();
    let mut conversation = Conversation::start("main", "Go.");
    let run = team.run(&mut conversation);
    run.listen(move |event| listener.lock().unwrap().push(event.clone())).await.unwrap();
    let picture = Timeline::new(events.lock().unwrap().iter()).to_text(60);
    let rows: Vec<&str> = picture.lines().map(|line| line.split('|').next().unwrap().trim_end()).collect();
    let expert = || std::iter::once("  b").chain(vec!["    act"; 3_000]);
    let expected: Vec<&str> = std::iter::once("main").chain(expert()).chain(expert()).collect();
    assert_eq!(rows, expected);
}
