//! One measurement: some conversations of one side, in a process of their own.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use agent_core::{Conversation, End, Event, Team};
use agent_llm::ClaudeBuilder;
use futures::{StreamExt, stream};
use program::println;
use serde::{Deserialize, Serialize};

use crate::{
    Done, clock,
    floor::Floor,
    ours,
    plot::{END, Plot},
    wire::Wire,
    work::{self, Work},
};

const NO_PANIC: &str = "the listener does not panic";

/// What is done.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    wire: Wire,
    /// The plot the server follows.
    plot: &'static str,
    streamed: bool,
    work: Work,
    /// How many conversations go on at once.
    in_parallel: usize,
    /// What the library's client of Claude has besides; the floor does as it always does.
    set: fn(ClaudeBuilder) -> ClaudeBuilder,
}

/// The jobs there are.
const JOBS: &[Job] = &[
    job("fan_async", "fan", true, Work::Sleep, 1),
    job("fan_blocking", "fan", true, Work::Block, 1),
    job("fan_cpu", "pair", true, Work::Compute, 1),
    job("eager", "eager", true, Work::Uneven, 1),
    job("delegate", "boss", true, Work::Instant, 1),
    job("turns", "turns", false, Work::Instant, 1),
    job("turns_stream", "turns", true, Work::Instant, 1),
    on(Wire::Chat, job("chat_turns", "turns", false, Work::Instant, 1)),
    on(Wire::Chat, job("chat_turns_stream", "turns", true, Work::Instant, 1)),
    on(Wire::Responses, job("responses_turns", "turns", false, Work::Instant, 1)),
    on(Wire::Responses, job("responses_turns_stream", "turns", true, Work::Instant, 1)),
    job("crowd", "turns", true, Work::Instant, 64),
    job("many", "many", true, Work::Instant, usize::MAX),
    with(job("many_h2", "many", true, Work::Instant, usize::MAX), |settings| settings.http2(true)),
    job("long", "long", true, Work::Page, 1),
    with(job("long_threads", "long", true, Work::Page, 1), |settings| settings.threads(true)),
    job("start", "words", true, Work::Instant, 1),
];

const fn job(name: &'static str, plot: &'static str, streamed: bool, work: Work, in_parallel: usize) -> Job {
    Job { name, wire: Wire::Claude, plot, streamed, work, in_parallel, set: |settings| settings }
}

const fn on(wire: Wire, job: Job) -> Job {
    Job { wire, ..job }
}

const fn with(job: Job, set: fn(ClaudeBuilder) -> ClaudeBuilder) -> Job {
    Job { set, ..job }
}

/// What a measurement found, after one conversation that does not count.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Seconds from the first word to the last.
    pub(crate) wall: f64,
    /// Seconds of CPU in that time.
    pub(crate) cpu: f64,
    /// Turns in that time.
    pub(crate) turns: usize,
    /// KB of memory at the peak, above what there was before.
    pub(crate) kb: f64,
    /// Seconds from the first word to the end of the last call that was noted.
    pub(crate) last: f64,
    /// CPU of turns 181 to 200 by that of turns 11 to 30, where there are so many.
    pub(crate) growth: f64,
}

/// Does a job, and prints the [`Sample`] as JSON.
pub(crate) fn run(side: &str, job: &str, url: &str, conversations: usize) -> Done {
    let job =
        JOBS.iter().find(|known| known.name == job).ok_or_else(|| format!("there is no job {job:?}"))?;
    clock::allow_files();
    let sample = tokio::runtime::Runtime::new()?.block_on(async {
        let client = Client::new(side, job, url)?;
        if job.name != "start" {
            client.converse(1, 1).await?;
        }
        measure(&client, job, conversations).await
    })?;
    println!("{}", serde_json::to_string(&sample)?);
    Ok(())
}

async fn measure(client: &Client, job: &Job, conversations: usize) -> Done<Sample> {
    let plot = Plot::named(job.plot).expect("each job has a plot of the table");
    let (noted, memory) = (work::ends().len(), clock::memory("VmRSS"));
    let (begun, cpu) = (Instant::now(), clock::cpu());
    client.converse(conversations, job.in_parallel).await?;
    let (wall, cpu) = (begun.elapsed(), clock::cpu() - cpu);
    let ends = work::ends().split_off(noted);
    let since = |(end, _): &(Instant, Duration)| end.duration_since(begun).as_secs_f64();
    Ok(Sample {
        wall: wall.as_secs_f64(),
        cpu: cpu.as_secs_f64(),
        turns: conversations * (plot.turns + 1),
        kb: clock::memory("VmHWM").saturating_sub(memory) as f64,
        last: ends.last().map_or(0.0, since),
        growth: growth(&ends),
    })
}

/// The job with a call a turn notes the CPU time that was used by then.
fn growth(ends: &[(Instant, Duration)]) -> f64 {
    let used = |from: usize, to: usize| -> f64 {
        ends.chunks_exact(200).map(|turns| (turns[to - 1].1 - turns[from - 1].1).as_secs_f64()).sum()
    };
    if ends.len() < 200 { 0.0 } else { used(180, 200) / used(10, 30) }
}

/// Either side.
enum Client {
    /// The flag says whether a listener keeps the events of the runs.
    Ours(Team, bool),
    Floor(Floor),
}

impl Client {
    fn new(side: &str, job: &Job, url: &str) -> Done<Self> {
        let plot = format!("{url}/{}", job.plot);
        match (side, job.name) {
            ("ours", "delegate") => Ok(Self::Ours(ours::delegating(url)?, false)),
            ("ours" | "heard", _) => {
                let llm = ours::client(job.wire, &plot, job.streamed, job.set)?;
                Ok(Self::Ours(ours::team(llm, job.work)?, side == "heard"))
            }
            ("floor", _) => Ok(Self::Floor(Floor::new(job.wire, &plot, job.streamed, job.work)?)),
            _ => Err(format!("there is no side {side:?}: ours, heard or floor").into()),
        }
    }

    /// Holds conversations, each on a task of its own.
    async fn converse(&self, conversations: usize, in_parallel: usize) -> Done {
        match self {
            Self::Ours(team, is_heard) => {
                let all = (0..conversations).map(|_| Conversation::start(ours::AGENT, "Do the work."));
                let mut all = team.run_many(all, in_parallel);
                let kept = Arc::<Mutex<Vec<Event>>>::default();
                if *is_heard {
                    all = all.listen(move |event| kept.lock().expect(NO_PANIC).push(event.clone()));
                }
                while let Some(finished) = all.next().await {
                    match finished.end? {
                        End::Answered(text) => whole(&text)?,
                        other => return Err(format!("a conversation ended with {other:?}").into()),
                    }
                }
            }
            Self::Floor(floor) => {
                let one = |floor: Floor| tokio::spawn(async move { floor.converse().await });
                let all = stream::iter((0..conversations).map(|_| one(floor.clone())));
                let mut all = all.buffer_unordered(in_parallel.min(conversations));
                while let Some(text) = all.next().await {
                    whole(&text??)?;
                }
            }
        }
        Ok(())
    }
}

/// What is fast because it is not done does not count.
fn whole(text: &str) -> Done {
    if text == END { Ok(()) } else { Err(format!("the last words are {text:?}, not {END:?}").into()) }
}
