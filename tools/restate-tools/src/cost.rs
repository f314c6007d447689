//! What runs cost on the engine: models and tools take no time, so that nothing else is seen.

use std::time::{Duration, Instant};

use agent_core::Conversation;
use agent_restate::Restate;
use drill::{Done, EFFECTS, TASK, median};
use program::println;
use restate_server::{Balancer, Cluster, register};
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{service::Service, stage::free};

/// Runs one after the other, to know what one takes.
const ONE_BY_ONE: usize = 20;

/// Runs at once, to know how many an engine does.
const AT_ONCE: usize = 60;

/// How many processes serve, in turn.
const REPLICAS: [usize; 3] = [1, 2, 4];

/// What is run: the agent that begins, and what that is.
const RUNS: [(&str, &str); 3] = [
    ("booking", "a run of one answer"),
    ("trains", "one of two calls at once and two answers"),
    ("lead", "one of EFFECTS effects"),
];

/// Measures with one node and with three, and prints what it finds.
pub(crate) fn run() -> Done {
    if let Err(missing) = restate_server::install() {
        println!("skipped: {missing}");
        return Ok(());
    }
    let runtime = Runtime::new()?;
    [1, 3].into_iter().try_for_each(|nodes| runtime.block_on(with(nodes)))
}

async fn with(nodes: usize) -> Done {
    let began = Instant::now();
    let cluster = Cluster::start(nodes).await?;
    println!(
        "{nodes} node{}, up in {:.1} s",
        if nodes == 1 { "" } else { "s" },
        began.elapsed().as_secs_f64()
    );
    let (balancer, host) = (Balancer::start().await?, Restate::at(cluster.ingress())?);
    let mut services = vec![service(&balancer).await?];
    register(cluster.admin(), &balancer.uri()).await?;
    for (agent, what) in RUNS {
        let mut took = Vec::new();
        for _ in 0..ONE_BY_ONE {
            took.push(one(&host, agent).await?);
        }
        let what = what.replace("EFFECTS", &EFFECTS.to_string());
        println!("  {what:<42}{:>8.1} ms", median(&took).as_secs_f64() * 1e3);
    }
    for replicas in REPLICAS {
        while services.len() < replicas {
            services.push(service(&balancer).await?);
        }
        let took = in_parallel(&host).await?.as_secs_f64();
        let (runs, effects) = (AT_ONCE as f64 / took, (AT_ONCE * EFFECTS) as f64 / took);
        let what = format!("{AT_ONCE} such at once, {replicas} served by");
        println!("  {what:<42}{runs:>8.1} runs a second, {effects:.0} effects");
    }
    with_events(&cluster, &host).await?;
    let memory = (1..=nodes).filter_map(|node| cluster.rss_kb(node)).map(|kb| format!("{} MB", kb / 1024));
    println!("  {:<42}  {}", "a node's memory then", memory.collect::<Vec<_>>().join(", "));
    Ok(())
}

/// The same with one process that keeps the events of its runs on the engine.
async fn with_events(cluster: &Cluster, host: &Restate) -> Done {
    let address = free()?;
    let _service = Service::keeping_events(address, cluster.ingress()).await?;
    // The engine gives new work to the address that is registered last.
    register(cluster.admin(), &format!("http://{address}")).await?;
    let mut took = Vec::new();
    for _ in 0..ONE_BY_ONE {
        took.push(one(host, "lead").await?);
    }
    let what = format!("one of {EFFECTS} effects, its events kept");
    println!("  {what:<42}{:>8.1} ms", median(&took).as_secs_f64() * 1e3);
    let took = in_parallel(host).await?.as_secs_f64();
    let what = format!("{AT_ONCE} such at once, their events kept");
    println!("  {what:<42}{:>8.1} runs a second", AT_ONCE as f64 / took);
    Ok(())
}

async fn service(balancer: &Balancer) -> Done<Service> {
    let address = free()?;
    let service = Service::start(address, None).await?;
    balancer.add(address);
    Ok(service)
}

/// How long a run takes that begins with this agent.
async fn one(host: &Restate, agent: &str) -> Done<Duration> {
    let id = format!("{agent}-{:016x}", fastrand::u64(..));
    let mut conversation = Conversation::start(agent, TASK).with_id(id);
    let began = Instant::now();
    host.run(&mut conversation).await?;
    Ok(began.elapsed())
}

async fn in_parallel(host: &Restate) -> Done<Duration> {
    let began = Instant::now();
    let mut runs = JoinSet::new();
    for _ in 0..AT_ONCE {
        let host = host.clone();
        runs.spawn(async move { one(&host, "lead").await.map(drop).map_err(|error| error.to_string()) });
    }
    while let Some(run) = runs.join_next().await {
        run??;
    }
    Ok(began.elapsed())
}
