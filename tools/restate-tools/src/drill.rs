//! The drill on the engine: the process that serves is killed, or a node of three is.

use std::{
    ops::RangeInclusive,
    path::PathBuf,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use agent_core::Conversation;
use agent_restate::{Invocation, Restate, RunResult};
use drill::{Attempt, Done, Kept, Line, Options, TASK, Tools, lines};
use options::Rounds;
use program::println;
use tokio::{runtime::Runtime, time::timeout};

use crate::{
    kept::{kept, of_session},
    nodes,
    service::Service,
    stage::Stage,
};

/// So long a process may take to go on with a run, or a run to end that nobody stops.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays 50 rounds, or 10 with three nodes, if the options don't say.
pub(crate) fn run(nodes: usize, rounds: &Rounds) -> Done {
    let runtime = Runtime::new()?;
    let options = Options::new(rounds, if nodes == 1 { 50 } else { 10 });
    let stage = match restate_server::install() {
        Err(missing) => {
            println!("skipped: {missing}");
            return Ok(());
        }
        Ok(_) => runtime.block_on(Stage::open(nodes))?,
    };
    match nodes {
        1 => {
            let (stage, runtime) = (&stage, &runtime);
            drill::run("restate", &options, |tools| Ring::new(stage, runtime, tools))
        }
        _ => nodes::run(&options, stage, &runtime),
    }
}

/// A run on the engine, whose process is killed.
struct Ring<'a> {
    stage: &'a Stage,
    runtime: &'a Runtime,
    trip: Trip,
}

impl<'a> Ring<'a> {
    fn new(stage: &'a Stage, runtime: &'a Runtime, tools: Tools) -> Done<Self> {
        Ok(Self { stage, runtime, trip: Trip::new(tools)? })
    }
}

impl drill::Ring for Ring<'_> {
    const OF_PROCESS: bool = true;

    fn attempt(&mut self, after: Option<Duration>) -> Done<Attempt> {
        let Self { stage, runtime, trip } = self;
        runtime.block_on(async {
            let host = stage.host(1)?;
            let service = Service::start(stage.address, Some((&trip.log, trip.tools))).await?;
            let is_first = trip.begin(&host).await?;
            let run = trip.run().clone();
            let ended = async { host.attach(&run).await };
            tokio::pin!(ended);
            // The clock runs from where it goes on: before that, the engine waits longer after each failure.
            let mut open = None;
            if !is_first {
                tokio::select! {
                    opened = timeout(PATIENCE, service.opens()) => open = Some(opened??),
                    ran = &mut ended => return Ok(over(&ran?, None, Duration::ZERO)),
                }
            }
            let began = Instant::now();
            match timeout(after.unwrap_or(PATIENCE), &mut ended).await {
                Ok(ran) => Ok(over(&ran?, open, began.elapsed())),
                Err(_) => {
                    trip.kill();
                    drop(service);
                    Ok(Attempt { killed: after.is_some(), succeeded: false, open, took: began.elapsed() })
                }
            }
        })
    }

    fn lines(&self) -> Done<Vec<Line>> {
        self.trip.lines()
    }

    fn kept(&mut self) -> Done<Kept> {
        let Self { stage, runtime, trip } = self;
        runtime.block_on(async { trip.kept(stage.cluster.admin(), &stage.host(1)?).await })
    }
}

/// A run that has come to its end.
pub(crate) fn over(ran: &RunResult, open: Option<Duration>, took: Duration) -> Attempt {
    Attempt { killed: false, succeeded: ran.end.is_ok(), open, took }
}

/// A run of the drill's team.
pub(crate) struct Trip {
    _folder: tempfile::TempDir,
    pub(crate) log: PathBuf,
    pub(crate) tools: Tools,
    session: String,
    run: Option<Invocation>,
    /// When something was killed, in seconds of the epoch.
    kills: Vec<RangeInclusive<f64>>,
}

impl Trip {
    pub(crate) fn new(tools: Tools) -> Done<Self> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let session = format!("trip-{:016x}", fastrand::u64(..));
        Ok(Self { _folder: folder, log, tools, session, run: None, kills: Vec::new() })
    }

    /// Begins the run, if that was not done; whether it was not.
    pub(crate) async fn begin(&mut self, host: &Restate) -> Done<bool> {
        if self.run.is_some() {
            return Ok(false);
        }
        let conversation = Conversation::start("lead", TASK).with_id(self.session.as_str());
        self.run = Some(host.submit(&conversation, Some("once")).await?);
        Ok(true)
    }

    /// Something is killed now.
    pub(crate) fn kill(&mut self) {
        self.kills.push(now()..=now());
    }

    /// What was killed last is back, and has disturbed the others until so long from now.
    pub(crate) fn is_back(&mut self, disturbed: Duration) {
        if let Some(killed) = self.kills.last_mut() {
            *killed = *killed.start()..=now() + disturbed.as_secs_f64();
        }
    }

    pub(crate) fn run(&self) -> &Invocation {
        self.run.as_ref().expect("it was begun")
    }

    pub(crate) fn lines(&self) -> Done<Vec<Line>> {
        let own = |key: String| of_session(&key, &self.session).unwrap_or(key);
        let own = |line| match line {
            Line::Start(key) => Line::Start(own(key)),
            Line::End(key) => Line::End(own(key)),
            Line::Read(key) => Line::Read(own(key)),
            other @ (Line::Answer(_) | Line::Refuse(_)) => other,
        };
        Ok(lines(&self.log)?.into_iter().map(own).collect())
    }

    pub(crate) async fn kept(&self, admin: &str, host: &Restate) -> Done<Kept> {
        kept(admin, host, &self.session, self.run.as_ref(), &self.kills).await
    }
}

/// In seconds of the epoch.
fn now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock does not stand before 1970");
    now.as_secs_f64()
}
