//! Limits on parallel calls, over several processes.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Agent, Context, Conversation, EventKind, Limits, Team,
    script::{Reply, Script},
    tool::Permits,
};
use agent_restate::{
    RestateError, Services,
    restate_sdk::endpoint::{Endpoint, HandleOptions, ProtocolMode},
};
use agent_tools::{AgentTool, FnTool};
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use restate_server::query;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::common::{Calls, Input, Stage, alone, call, calls_then_done, listener, poll_until, start, tool};

/// How many calls run now, how many have run in parallel, and which began, in which process.
#[derive(Clone, Default)]
struct Gauge(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    now: usize,
    most: usize,
    processes: BTreeSet<usize>,
}

/// A call runs, until this is dropped.
struct Entered(Gauge);

impl Gauge {
    fn enter(&self, process: usize) -> Entered {
        let mut running = self.0.lock().unwrap();
        running.now += 1;
        running.most = running.most.max(running.now);
        running.processes.insert(process);
        Entered(self.clone())
    }

    fn most(&self) -> usize {
        self.0.lock().unwrap().most
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().now -= 1;
    }
}

/// A tool whose calls take a while, and count themselves.
fn work(gauge: &Gauge, process: usize) -> FnTool {
    let gauge = gauge.clone();
    FnTool::new("work", "Works.", move |input: Input| {
        let gauge = gauge.clone();
        async move {
            let _entered = gauge.enter(process);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, String>(input.say)
        }
    })
}

/// A boss who lets three clerks make four calls each.
fn office(work: FnTool) -> Team {
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("boss", 1) => {
            let task = || json!({"task": "Work."});
            Reply::call("clerk", task()).and_call("clerk", task()).and_call("clerk", task())
        }
        ("clerk", 1) => (1..4)
            .fold(call("work", 0), |reply, more| reply.and_call("work", json!({"say": more.to_string()}))),
        _ => Reply::text("Done."),
    });
    let boss = Agent::builder("boss", model.clone()).tool(AgentTool::new("clerk", "Works."));
    let clerk = Agent::builder("clerk", model).tool(work);
    Team::new([boss.build().unwrap(), clerk.build().unwrap()]).unwrap()
}

/// Serves each request by one of these processes, and the calls of tools by each in turn.
async fn serve_in_turn(processes: [Endpoint; 2], listener: TcpListener) {
    let next = Arc::new(AtomicUsize::new(0));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (processes, next) = (processes.clone(), next.clone());
        let service = service_fn(move |request| {
            let is_call = http::Request::uri(&request).path().ends_with("/AgentTools/call");
            let process = &processes[next.fetch_add(usize::from(is_call), Ordering::Relaxed) % 2];
            let options = HandleOptions { protocol_mode: ProtocolMode::BidiStream };
            ready(Ok::<_, Infallible>(process.handle_with_options(request, options)))
        });
        let served = http2::Builder::new(TokioExecutor::new());
        tokio::spawn(served.serve_connection(TokioIo::new(stream), service));
    }
}

/// Waits until the engine keeps nothing of a limit: nobody holds a permit or waits for one.
async fn until_unused(stage: &Stage) {
    poll_until("that all permits are given back", async || queues(stage).await.is_empty().then_some(()))
        .await;
}

/// What the engine keeps of limits, by their names.
async fn queues(stage: &Stage) -> BTreeMap<String, Value> {
    let sql = "SELECT service_key AS limit_name, value_utf8 AS queue FROM state WHERE service_name = 'AgentPermits'";
    let rows = query(stage.cluster.admin(), sql).await.unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let queue = |row: &Value| (text(row, "limit_name"), serde_json::from_str(&text(row, "queue")).unwrap());
    rows.iter().map(queue).collect()
}

/// Waits until so many calls wait for a permit.
async fn until_waiting(stage: &Stage, count: usize) {
    poll_until(&format!("{count} calls that wait"), async || {
        let queues = queues(stage).await;
        let waiting = queues.values().map(|queue| queue["waiting"].as_array().unwrap().len());
        (waiting.sum::<usize>() == count).then_some(())
    })
    .await;
}

/// Serves a team by two processes. Its limit is made by each of them.
async fn check(sessions: usize, most: usize, team: impl Fn(FnTool) -> Team) {
    let gauge = Gauge::default();
    let processes =
        [0, 1].map(|process| Services::new(team(work(&gauge, process))).endpoint().unwrap().build());
    let Some(stage) = Stage::open(Services::new(alone(calls_then_done(Reply::text("")), []))).await else {
        return;
    };
    let listener = listener().await;
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(serve_in_turn(processes, listener));
    restate_server::register(stage.cluster.admin(), &format!("http://{address}")).await.unwrap();
    let runs = (0..sessions).map(async |session| {
        let mut conversation = Conversation::start("boss", "Go.").with_id(format!("s-{session}"));
        assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    });
    futures::future::join_all(runs).await;
    assert_eq!(gauge.most(), most);
    assert_eq!(gauge.0.lock().unwrap().processes, [0, 1].into());
    until_unused(&stage).await;
    serving.abort();
}

#[tokio::test]
async fn the_permits_of_a_tool_hold_over_all_processes() {
    check(2, 3, |work| office(work.permits(Permits::new(3)))).await;
}

#[tokio::test]
async fn the_permits_of_all_runs_hold_over_all_processes() {
    check(2, 2, |work| office(work).with_limits(Limits::new().permits(Permits::new(2)))).await;
}

#[tokio::test]
async fn the_parallel_calls_of_a_run_are_counted_over_all_processes_and_its_delegations() {
    check(1, 2, |work| office(work).with_limits(Limits::new().calls_at_once(2))).await;
}

#[tokio::test]
async fn all_limits_together_let_each_call_through() {
    let shared = || Permits::new(4);
    // The smallest one decides.
    check(1, 2, |work| {
        let limits = Limits::new().calls_at_once(2).permits(shared());
        office(work.permits(Permits::new(3))).with_limits(limits)
    })
    .await;
}

#[tokio::test]
async fn a_team_without_limits_asks_for_no_permits() {
    let team = alone(calls_then_done(call("work", "quick")), [work(&Gauge::default(), 0)]);
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    stage.host.run(&mut start("free")).await.unwrap();
    let sql = "SELECT target_service_name AS name FROM sys_invocation";
    let names = query(stage.cluster.admin(), sql).await.unwrap();
    let names: BTreeSet<&str> = names.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["AgentSession", "AgentTools"].into());
}

/// A clerk whose one call, `work`, hangs until it is let go. One call may run at a time.
fn one_by_one(calls: &Calls, open: &Calls) -> Team {
    alone(
        calls_then_done(call("work", "hang")),
        [tool("work", calls, open).idempotent().permits(Permits::new(1))],
    )
}

#[tokio::test]
async fn who_waits_for_a_permit_is_told_of_and_gets_it_in_its_turn() {
    let (calls, open, told) = (Calls::default(), Calls::default(), Arc::new(Mutex::new(Vec::new())));
    let ears = told.clone();
    let services = Services::new(one_by_one(&calls, &open)).listen(move |event| {
        let what = match &event.kind {
            EventKind::CallQueued { why, .. } => format!("{why:?}"),
            EventKind::CallStarted { .. } => "started".to_owned(),
            _ => return,
        };
        ears.lock().unwrap().push(format!("{} {what}", event.conversation));
    });
    let Some(stage) = Stage::open(services).await else { return };
    let mut runs = Vec::new();
    for (waiting, id) in ["d", "a", "c", "b"].into_iter().enumerate() {
        runs.push(stage.host.submit(&start(id), None).await.unwrap());
        calls.until(|calls| !calls.is_empty()).await;
        until_waiting(&stage, waiting).await;
    }
    open.note("open".to_owned());
    for run in &runs {
        assert_eq!(stage.host.attach(run).await.unwrap().end.unwrap().text(), "Done.");
    }
    let mut told = told.lock().unwrap().clone();
    let started: Vec<String> = told.extract_if(.., |line| line.ends_with("started")).collect();
    assert_eq!(started, ["d started", "a started", "c started", "b started"]);
    assert_eq!(told, ["a Permit", "c Permit", "b Permit"]);
    until_unused(&stage).await;
}

#[tokio::test]
async fn a_permit_outlives_the_process_and_is_not_given_twice() {
    let (calls, open) = (Calls::default(), Calls::default());
    let Some(mut stage) = Stage::open(Services::new(one_by_one(&calls, &open))).await else { return };
    let mut runs = vec![stage.host.submit(&start("a"), None).await.unwrap()];
    calls.until(|calls| !calls.is_empty()).await;
    runs.push(stage.host.submit(&start("b"), None).await.unwrap());
    until_waiting(&stage, 1).await;
    for times in 2..4 {
        stage.replace(Services::new(one_by_one(&calls, &open))).await;
        calls.until(|calls| calls["a/call_0_0"] == times).await;
        assert_eq!(calls.made().len(), 1);
    }
    open.note("open".to_owned());
    for run in &runs {
        assert_eq!(stage.host.attach(run).await.unwrap().end.unwrap().text(), "Done.");
    }
    assert_eq!(calls.made(), [("a/call_0_0".to_owned(), 3), ("b/call_0_0".to_owned(), 1)].into());
    until_unused(&stage).await;
}

/// How a run is stopped.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Cancelled,
    /// The invocation of this service is killed by hand.
    Killed(&'static str),
}

impl Stop {
    async fn stop(self, stage: &Stage, id: &str) {
        let Self::Killed(service) = self else {
            assert!(stage.host.cancel(id).await.unwrap());
            return;
        };
        let sql = format!(
            "SELECT id FROM sys_invocation WHERE target_service_name = '{service}' AND target_handler_name IN ('run', 'call') AND status != 'completed' AND target_service_key LIKE '{id}%'"
        );
        for row in query(stage.cluster.admin(), &sql).await.unwrap() {
            let url = format!("{}/invocations/{}/kill", stage.cluster.admin(), row["id"].as_str().unwrap());
            restate_server::client().patch(url).send().await.unwrap().error_for_status().unwrap();
        }
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_keeps_no_permit_and_waits_for_none() {
    let mut stage: Option<Stage> = None;
    for (round, stop) in [Stop::Cancelled, Stop::Killed("AgentSession"), Stop::Killed("AgentLimitedCall")]
        .into_iter()
        .enumerate()
    {
        let (gauge, open) = (Gauge::default(), Calls::default());
        let (counted, opened, calls) = (gauge.clone(), open.clone(), Calls::default());
        let noted = calls.clone();
        let hang = FnTool::new("work", "Hangs.", move |_: Input, context: Context| {
            let (entered, opened) = (counted.enter(0), opened.clone());
            noted.note(context.key());
            async move {
                opened.until(|open| !open.is_empty()).await;
                drop(entered);
                Ok::<_, String>("worked")
            }
        });
        let team = alone(calls_then_done(call("work", "")), [hang.permits(Permits::new(1))]);
        match &mut stage {
            Some(stage) => stage.replace(Services::new(team)).await,
            none => *none = Stage::open(Services::new(team)).await,
        }
        let Some(stage) = &stage else { return };
        let (host, id) = (&stage.host, |name: &str| format!("{name}-{round}"));
        let mut runs = Vec::new();
        for (waiting, name) in ["holds", "waits", "last"].into_iter().enumerate() {
            runs.push(host.submit(&start(&id(name)), None).await.unwrap());
            calls.until(|calls| !calls.is_empty()).await;
            until_waiting(stage, waiting).await;
        }
        stop.stop(stage, &id("waits")).await;
        until_waiting(stage, 1).await;
        assert_eq!(calls.made().len(), 1, "{stop:?}");
        stop.stop(stage, &id("holds")).await;
        calls.until(|calls| calls.contains_key(&format!("{}/call_0_0", id("last")))).await;
        open.note("open".to_owned());
        assert_eq!(host.attach(&runs[2]).await.unwrap().end.unwrap().text(), "Done.");
        if matches!(stop, Stop::Cancelled) {
            let ended = host.attach(&runs[0]).await;
            assert!(matches!(ended, Err(RestateError::Cancelled)), "{ended:?}");
            assert_eq!(gauge.most(), 1, "a call that is stopped has ended before the next begins");
        }
        assert_eq!(calls.made().len(), 2, "{stop:?}");
        until_unused(stage).await;
    }
}
