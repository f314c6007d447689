//! The gate around a scripted backend, on paused time.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use agent_llm::{
    BoxStream, Delta, Gate, Llm, LlmError, LlmErrorKind, Notice, Request, Response, Retry, RetryPolicy, fold,
};
use futures::{StreamExt, future::join_all, stream};
use tokio::time::{Instant, sleep};

use crate::common::{ask_claude, hi, server, settings, streamed};

const LATENCY: Duration = Duration::from_millis(50);

/// A backend that takes 8 requests a second, 8 at once, and refuses the others as the API does:
/// with a wait in whole seconds.
struct Limited {
    level: Mutex<(f64, Instant)>,
    headers: bool,
    asked: AtomicU64,
    refused: AtomicU64,
}

impl Limited {
    fn new(headers: bool) -> Arc<Self> {
        let level = Mutex::new((8.0, Instant::now()));
        Arc::new(Self { level, headers, asked: AtomicU64::new(0), refused: AtomicU64::new(0) })
    }

    /// What is left after this request; an error if nothing was.
    fn take(&self) -> Result<f64, LlmError> {
        self.asked.fetch_add(1, Relaxed);
        let (level, at) = &mut *self.level.lock().unwrap();
        *level = (*level + 8.0 * at.elapsed().as_secs_f64()).min(8.0);
        *at = Instant::now();
        if *level < 1.0 {
            self.refused.fetch_add(1, Relaxed);
            return Err(refusal(LlmErrorKind::RateLimit, 1));
        }
        *level -= 1.0;
        Ok(*level)
    }

    fn left(left: f64) -> Delta {
        let reset = Duration::from_secs(((8.0 - left) / 8.0).ceil() as u64);
        Delta::Notice(Notice::RateLimit { of: "requests".into(), limit: 8, remaining: left as u64, reset })
    }
}

impl Llm for Limited {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let reply = stream::once(async {
            let left = match self.take() {
                Ok(left) => left,
                Err(error) => return vec![Err(error)],
            };
            sleep(LATENCY).await;
            let told = self.headers.then(|| Ok(Self::left(left)));
            told.into_iter().chain([Ok(Delta::complete(Response::text("hi")))]).collect()
        });
        reply.flat_map(stream::iter).boxed()
    }
}

fn refusal(kind: LlmErrorKind, seconds: u64) -> LlmError {
    let mut error = LlmError::new(kind, "said the test");
    error.retry_after = Some(Duration::from_secs(seconds));
    error
}

/// 64 agents ask 4 times each. (248 of 256 requests have to wait for 1/8 s each: no less than 31
/// s.)
async fn check_crowd(headers: bool) {
    let server = Limited::new(headers);
    let llm = Retry::new(Gate::new().around(server.clone()), RetryPolicy::default().max_retries(4));
    let begun = Instant::now();
    let agent = async || {
        for _ in 0..4 {
            fold(llm.stream(hi()), |_| {}).await.unwrap();
        }
    };
    join_all((0..64).map(|_| agent())).await;
    let (total, asked, refused) =
        (begun.elapsed().as_secs_f64(), server.asked.load(Relaxed), server.refused.load(Relaxed));
    assert!(total < 31.0 * 1.1, "{total} s");
    assert!(refused * 20 < asked, "{refused} of {asked} refused");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_goes_at_the_pace_the_server_takes() {
    check_crowd(false).await;
    check_crowd(true).await;
}

/// What a test backend does with a request.
type Act = dyn Fn(&str) -> BoxStream<'static, Result<Delta, LlmError>> + Send + Sync;

/// A backend that does as the request's last text says, and writes down what it was asked.
#[derive(Clone)]
struct Scene(Arc<Act>, Arc<Mutex<Vec<String>>>);

impl Scene {
    fn new(
        act: impl Fn(&str) -> BoxStream<'static, Result<Delta, LlmError>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(act), Arc::default())
    }

    fn asked(&self) -> String {
        self.1.lock().unwrap().join(" ")
    }
}

impl Llm for Scene {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let text = request.last_text().to_owned();
        let reply = (self.0)(&text);
        self.1.lock().unwrap().push(text);
        reply
    }
}

fn says(text: &str) -> Request {
    Request::new(vec![agent_llm::Message::user(text)])
}

/// A reply after one second.
fn second(_: &str) -> BoxStream<'static, Result<Delta, LlmError>> {
    let reply = async {
        sleep(Duration::from_secs(1)).await;
        Ok(Delta::complete(Response::text("hi")))
    };
    stream::once(reply).boxed()
}

async fn answered(llm: &impl Llm, text: &str) {
    fold(llm.stream(says(text)), |_| {}).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn first_come_is_first_served_within_the_bound() {
    let scene = Scene::new(second);
    let gate = Gate::new().max_open(1);
    let llm = gate.around(scene.clone());
    let begun = Instant::now();
    join_all(["a", "b", "c", "d"].map(|text| answered(&llm, text))).await;
    assert_eq!((scene.asked().as_str(), begun.elapsed()), ("a b c d", Duration::from_secs(4)));
    assert_eq!(format!("{gate:?}"), "Gate { open: 0, waiting: 0 }");
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_says_how_long_and_why() {
    let scene = Scene::new(|text| match text {
        "full" => stream::iter([Err(refusal(LlmErrorKind::RateLimit, 3))]).boxed(),
        "load" => stream::iter([Err(LlmError::new(LlmErrorKind::Overloaded, "said the test"))]).boxed(),
        _ => second(text),
    });
    let wait = async |llm: &dyn Llm| match llm.stream(says("a")).next().await {
        Some(Ok(Delta::Notice(Notice::Wait { wait, reason }))) => format!("{wait:?}: {reason}"),
        other => format!("{other:?}"),
    };
    for (refused, expected) in [
        ("full", "3s: too many requests: said the test"),
        ("load", "500ms: the model's server is overloaded: said the test"),
    ] {
        let llm = Gate::new().around(scene.clone());
        fold(llm.stream(says(refused)), |_| {}).await.unwrap_err();
        assert_eq!(wait(&llm).await, expected);
        let begun = Instant::now();
        answered(&llm, "b").await;
        assert!(begun.elapsed() < Duration::from_secs(5), "it goes when the time is over");
    }
    let llm = Gate::new().max_open(1).around(scene);
    let mut open = llm.stream(says("b"));
    let notice = tokio::select! {
        notice = async { sleep(Duration::from_millis(1)).await; wait(&llm).await } => notice,
        _ = open.next() => panic!("it takes a second"),
    };
    assert_eq!(notice, "0ns: 1 requests are open, 0 go first");
}

/// What is heard of a request and when, each with the seconds since it was made.
async fn heard(llm: &impl Llm, text: &str) -> String {
    let begun = Instant::now();
    let mut reply = llm.stream(says(text));
    let mut lines = Vec::new();
    while let Some(delta) = reply.next().await {
        let line = match delta {
            Ok(Delta::Notice(Notice::Wait { wait, reason })) => format!("wait {wait:?}: {reason}"),
            Ok(Delta::Complete(_)) => "answered".to_owned(),
            other => format!("{other:?}"),
        };
        lines.push(format!("{:.1} {line}", begun.elapsed().as_secs_f64()));
    }
    lines.join("\n")
}

/// Refuses what is a number after a second, with a wait of so many seconds; answers all else.
fn refusing(text: &str) -> BoxStream<'static, Result<Delta, LlmError>> {
    match text.parse() {
        Ok(seconds) => {
            let refused = async move {
                sleep(Duration::from_secs(1)).await;
                Err(refusal(LlmErrorKind::RateLimit, seconds))
            };
            stream::once(refused).boxed()
        }
        Err(_) => second(text),
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_hears_when_it_takes_longer() {
    let llm = Gate::new().max_open(3).around(Scene::new(refusing));
    let failing = async |after: u64, seconds: &str| {
        sleep(Duration::from_millis(after)).await;
        fold(llm.stream(says(seconds)), |_| {}).await.unwrap_err();
    };
    let waiting = async {
        sleep(Duration::from_millis(900)).await;
        heard(&llm, "me").await
    };
    // The second adds too little to be worth a word.
    let (_, _, _, heard) = tokio::join!(failing(0, "5"), failing(300, "5"), failing(600, "30"), waiting);
    insta::assert_snapshot!(heard, @"
    0.0 wait 0ns: 3 requests are open, 0 go first
    0.1 wait 5s: too many requests: said the test
    0.7 wait 30s: too many requests: said the test
    31.7 answered
    ");
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_too_long_is_cut_short_and_one_request_finds_out() {
    let scene = Scene::new(refusing);
    let gate = Gate::new().longest_hold(Duration::from_secs(60));
    let llm = gate.around(scene.clone());
    fold(llm.stream(says("3600")), |_| {}).await.unwrap_err();
    let found_out = async {
        let error = fold(llm.stream(says("3540")), |_| {}).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3540)));
    };
    let others = ["a", "b", "c"].map(|text| heard(&llm, text));
    let (_, others) = tokio::join!(found_out, join_all(others));
    insta::assert_snapshot!(others.join("\n"), @"
    0.0 wait 60s: too many requests: said the test
    61.0 wait 60s: too many requests: said the test
    122.0 answered
    0.0 wait 60s: too many requests: said the test
    61.0 wait 60s: too many requests: said the test
    123.0 answered
    0.0 wait 60s: too many requests: said the test
    61.0 wait 60s: too many requests: said the test
    123.0 answered
    ");
    assert_eq!(scene.asked(), "3600 3540 a b c");
}

#[tokio::test(start_paused = true)]
async fn who_is_dropped_leaves_no_place_behind() {
    let gate = Gate::new().max_open(1);
    let scene = Scene::new(|text| match text {
        "half" => stream::iter([Ok(Delta::words(0, "half"))]).chain(stream::pending()).boxed(),
        "stuck" => stream::once(pending()).boxed(),
        _ => second(text),
    });
    let llm = gate.around(scene.clone());
    let mut half = llm.stream(says("half"));
    assert!(matches!(half.next().await, Some(Ok(Delta::Piece { .. }))));
    let mut waits: Vec<_> = ["x", "y", "z"].map(|text| llm.stream(says(text))).into();
    for waiting in &mut waits {
        assert!(matches!(waiting.next().await, Some(Ok(Delta::Notice(Notice::Wait { .. })))));
    }
    assert_eq!((gate.open(), gate.waiting()), (1, 3));
    drop(waits.remove(1));
    drop(half);
    for mut waiting in waits {
        assert!(matches!(waiting.next().await, Some(Ok(Delta::Complete(_)))));
    }
    assert_eq!(scene.asked(), "half x z");
    // One that was let out, but dropped before it could go.
    let mut stuck = llm.stream(says("stuck"));
    assert!(tokio::time::timeout(LATENCY, stuck.next()).await.is_err());
    let mut lost = llm.stream(says("lost"));
    lost.next().await;
    drop(stuck);
    sleep(LATENCY).await;
    assert_eq!((gate.open(), gate.waiting()), (1, 0));
    drop(lost);
    answered(&llm, "after").await;
    assert_eq!(scene.asked(), "half x z stuck after");
    assert_eq!((gate.open(), gate.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_waits_unread_keeps_no_other_from_going() {
    let gate = Gate::new().max_open(2);
    let llm = gate.around(Scene::new(second));
    let mut open = [llm.stream(says("a")), llm.stream(says("b"))];
    join_all(open.iter_mut().map(|stream| stream.next())).await;
    let mut unread = llm.stream(says("unread"));
    assert!(matches!(unread.next().await, Some(Ok(Delta::Notice(_)))));
    drop(open);
    answered(&llm, "c").await;
    assert_eq!(gate.open(), 1, "the place of the one that is not read");
}

#[tokio::test(start_paused = true)]
async fn fault_30_a_shared_limiter_does_not_deadlock_nested_agents() {
    let llm = Gate::new().max_open(1).around(Scene::new(second));
    // Each agent asks, works on the reply with the next one, and asks again.
    async fn agent(llm: &impl Llm, depth: usize) {
        answered(llm, "before").await;
        if depth > 1 {
            join_all([agent(llm, depth - 1), agent(llm, depth - 1)].map(Box::pin)).await;
        }
        answered(llm, "after").await;
    }
    let begun = Instant::now();
    agent(&llm, 3).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(2 * (1 + 2 + 4)));
}

#[test]
fn a_gate_outlives_the_runtime_of_those_who_waited() {
    let gate = Gate::new().max_open(1);
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let llm = gate.around(Scene::new(second));
            join_all([answered(&llm, "a"), answered(&llm, "b")]).await;
            let mut left = [llm.stream(says("c")), llm.stream(says("d"))];
            let _ =
                tokio::time::timeout(LATENCY, join_all(left.iter_mut().map(|stream| stream.next()))).await;
        });
    }
    assert_eq!((gate.open(), gate.waiting()), (0, 0));
}

#[test]
fn who_waits_in_another_runtime_is_let_out_when_the_first_one_ends() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let llm = Gate::new().max_open(1).around(Scene::new(second));
    let (first, other) = (runtime(), runtime());
    let mut open = llm.stream(says("a"));
    let mut waiting = llm.stream(says("b"));
    first.block_on(async {
        assert!(tokio::time::timeout(LATENCY, open.next()).await.is_err());
        assert!(matches!(waiting.next().await, Some(Ok(Delta::Notice(Notice::Wait { .. })))));
    });
    drop(first);
    other.block_on(async {
        drop(open);
        let said = tokio::time::timeout(Duration::from_secs(9), waiting.next()).await;
        assert!(matches!(said, Ok(Some(Ok(Delta::Complete(_))))), "{said:?}");
    });
}

#[tokio::test]
async fn clients_with_the_same_gate_share_it_and_learn_from_headers() {
    let reply = streamed(crate::common::HELLO)
        .insert_header("anthropic-ratelimit-requests-limit", "1")
        .insert_header("anthropic-ratelimit-requests-remaining", "0")
        .insert_header("anthropic-ratelimit-requests-reset", "2100-01-01T00:00:00Z");
    let server = server(reply).await;
    let gate = Gate::new();
    let claude = settings(server.uri()).gate(gate.clone()).build().unwrap();
    ask_claude(&claude).await.unwrap();
    let other = claude.with(|settings| settings.model("claude-haiku-5-5")).unwrap();
    let said = other.stream(hi()).next().await;
    let Some(Ok(Delta::Notice(Notice::Wait { wait, .. }))) = said else { panic!("{said:?}") };
    assert!(wait > Duration::from_secs(500), "{wait:?}");
    assert_eq!((gate.open(), server.received_requests().await.unwrap().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn field_70_a_plain_bound_holds_from_the_first_request_on_and_learns_nothing() {
    let scene = Scene::new(|text| match text {
        "full" => stream::iter([Err(refusal(LlmErrorKind::RateLimit, 600))]).boxed(),
        "load" => stream::iter([Err(LlmError::new(LlmErrorKind::Overloaded, "said the test"))]).boxed(),
        "last" => {
            let (of, reset) = ("requests".into(), Duration::from_secs(60));
            let none = Delta::Notice(Notice::RateLimit { of, limit: 1, remaining: 0, reset });
            stream::iter([Ok(none), Ok(Delta::complete(Response::text("hi")))]).boxed()
        }
        _ => second(text),
    });
    for (requests, expected) in [(1, 30), (7, 5), (10, 3), (30, 1), (0, 30)] {
        let gate = Gate::at_most(requests);
        let llm = gate.around(scene.clone());
        for _ in 0..20 {
            fold(llm.stream(says("full")), |_| {}).await.unwrap_err();
            fold(llm.stream(says("load")), |_| {}).await.unwrap_err();
            answered(&llm, "last").await;
        }
        let begun = Instant::now();
        let (all, peak) = (join_all((0..30).map(|_| answered(&llm, "a"))), async {
            sleep(Duration::from_millis(500)).await;
            gate.open()
        });
        let (_, open) = tokio::join!(all, peak);
        assert_eq!((open, begun.elapsed()), (requests.max(1), Duration::from_secs(expected)), "{requests}");
    }
}

#[tokio::test]
async fn field_70_a_setting_bounds_the_requests_of_a_client_and_its_clones() {
    let plot =
        agent_mock::Scenario::by(|_| agent_core::script::Reply::text("hi").after(Duration::from_millis(20)));
    let server = agent_mock::Mock::start(plot).await.unwrap();
    let claude = settings(server.url()).requests_at_once(3).build().unwrap();
    let other = claude.with(|settings| settings.model("other")).unwrap();
    let clients = [claude.clone(), claude, other];
    join_all((0..18).map(|place| ask_claude(&clients[place % 3]))).await;
    assert_eq!((server.count(), server.most_open()), (18, 3));
}
