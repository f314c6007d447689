//! The drill on three nodes: one of them is killed, and started again.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use drill::{Attempt, Done, Kept, Line, Options, Tools};
use tokio::{
    runtime::Runtime,
    sync::Mutex,
    time::{sleep, timeout},
};

use crate::{
    drill::{Trip, over},
    service::Service,
    stage::Stage,
};

/// So long a run may take to go on with two nodes.
const PATIENCE: Duration = Duration::from_secs(120);

/// So long a node that is back may take over from others what they are at.
const DISTURBED: Duration = Duration::from_secs(10);

/// So long the tables of a node may lag behind what a model has read.
const LAG: Duration = Duration::from_secs(10);

/// So long before one looks again.
const PAUSE: Duration = Duration::from_millis(20);

/// Plays the rounds. The process that serves lives as long as a run; each node in turn may be the one that is killed.
pub(crate) fn run(options: &Options, stage: Stage, runtime: &Runtime) -> Done {
    let (stage, mut runs) = (Mutex::new(stage), 0);
    drill::run("restate", options, |tools| {
        runs += 1;
        Ring::new(&stage, runtime, tools, runs)
    })
}

struct Ring<'a> {
    stage: &'a Mutex<Stage>,
    runtime: &'a Runtime,
    trip: Trip,
    _service: Service,
    /// The node that is killed next, counted on beyond the last.
    turn: usize,
    /// How long it took after the last kill until something was done again.
    recovered: Option<Duration>,
}

impl<'a> Ring<'a> {
    fn new(stage: &'a Mutex<Stage>, runtime: &'a Runtime, tools: Tools, turn: usize) -> Done<Self> {
        let trip = Trip::new(tools)?;
        let service = runtime.block_on(async {
            let address = stage.lock().await.address;
            Service::start(address, Some((&trip.log, tools))).await
        })?;
        Ok(Self { stage, runtime, trip, _service: service, turn, recovered: None })
    }

    /// Kills a node, waits until another has taken over, and starts it again.
    async fn kill(trip: &Trip, stage: &mut Stage, node: usize) -> Done<Duration> {
        let before = trip.lines()?.len();
        let (killed, host) = (Instant::now(), stage.host(other(node))?);
        stage.cluster.kill(node);
        let moves = async {
            while trip.lines()?.len() == before && host.result(trip.run()).await.ok().flatten().is_none() {
                sleep(PAUSE).await;
            }
            Done::Ok(())
        };
        timeout(PATIENCE, moves).await??;
        let recovered = killed.elapsed();
        stage.cluster.restart(node).await?;
        Ok(recovered)
    }
}

impl drill::Ring for Ring<'_> {
    const OF_PROCESS: bool = false;

    fn attempt(&mut self, after: Option<Duration>) -> Done<Attempt> {
        self.turn += 1;
        let node = 1 + self.turn % 3;
        let open = self.recovered.take();
        let Self { stage, runtime, trip, recovered, .. } = self;
        runtime.block_on(async {
            let mut stage = stage.lock().await;
            let host = stage.host(other(node))?;
            trip.begin(&host).await?;
            let began = Instant::now();
            let ended = again(|| host.attach(trip.run()));
            if let Ok(ran) = timeout(after.unwrap_or(PATIENCE), ended).await {
                return Ok(over(&ran?, open, began.elapsed()));
            }
            let took = began.elapsed();
            trip.kill();
            *recovered = Some(Self::kill(trip, &mut stage, node).await?);
            trip.is_back(DISTURBED);
            Ok(Attempt { killed: true, succeeded: false, open, took })
        })
    }

    fn lines(&self) -> Done<Vec<Line>> {
        self.trip.lines()
    }

    fn kept(&mut self) -> Done<Kept> {
        let Self { stage, runtime, trip, .. } = self;
        runtime.block_on(async {
            let stage = stage.lock().await;
            let (host, began) = (stage.host(1)?, Instant::now());
            loop {
                let lines = trip.lines()?;
                let mut kept = again(|| trip.kept(stage.cluster.admin(), &host)).await?;
                // The process that serves goes on meanwhile, so accounts and log differ.
                kept.paid = None;
                let is_there =
                    |line: &Line| !matches!(line, Line::Read(key) if !kept.outcomes.contains_key(key));
                if lines.iter().all(is_there) || began.elapsed() > LAG {
                    return Ok(kept);
                }
                sleep(PAUSE).await;
            }
        })
    }
}

/// A node that lives while this one does not.
fn other(node: usize) -> usize {
    1 + node % 3
}

/// Asks until it is answered: while a node takes over, others say so.
async fn again<T, E: Into<Box<dyn Error + Send + Sync>>>(
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> Done<T> {
    let began = Instant::now();
    loop {
        match ask().await {
            Err(_) if began.elapsed() < PATIENCE => sleep(PAUSE).await,
            answer => return answer.map_err(Into::into),
        }
    }
}
