//! Exclusive calls whose thread does not return although their result is no longer wanted.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    task::Poll,
};

use agent_core::{
    Cancel, Context, Conversation, End, Event, EventKind, Json, Outcome, RunError, Team, Tool, ToolSpec,
    async_trait,
    event::EventLog,
    script::{Reply, Script},
};
use futures::poll;
use serde_json::json;
use tokio::{sync::Notify, time::advance};

use crate::common::{Log, agent, calls, ms};

/// An exclusive blocking tool that returns when it is released.
struct Stuck {
    spec: ToolSpec,
    begun: Notify,
    let_go: Mutex<mpsc::Receiver<()>>,
    log: Mutex<Vec<String>>,
}

#[async_trait]
impl Tool for Stuck {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Json, context: Context) -> Outcome {
        self.log.lock().unwrap().push(format!("{} begins", context.call_id()));
        self.begun.notify_one();
        self.let_go.lock().unwrap().recv().unwrap();
        self.log.lock().unwrap().push(format!("{} returns", context.call_id()));
        Outcome::output("done")
    }
}

/// A team in which `main` gives this reply and then says "Done.", and `b` calls the tool twice.
struct Scene {
    team: Team,
    tool: Arc<Stuck>,
    let_go: mpsc::Sender<()>,
    told: Arc<Mutex<Vec<String>>>,
}

fn twice() -> Reply {
    calls([("stuck", json!({})), ("stuck", json!({"again": true}))])
}

impl Scene {
    fn new(main: Reply) -> Self {
        let (let_go, wait) = mpsc::channel();
        let mut spec = ToolSpec::new("stuck", "Takes its time.", json!({"type": "object"}));
        (spec.exclusive, spec.blocking, spec.timeout) = (true, true, Some(ms(50)));
        let (begun, wait, log) = (Notify::new(), Mutex::new(wait), Mutex::default());
        let tool = Arc::new(Stuck { spec, begun, let_go: wait, log });
        let model = Script::by_agent([
            ("main", vec![main, Reply::text("Done.")]),
            ("b", vec![twice(), Reply::text("b is done.")]),
        ]);
        let agents = ["main", "b"].map(|name| agent(name, &model, &Log::default()).tool(tool.clone()));
        let team = Team::new(agents.map(|agent| agent.build().unwrap())).unwrap();
        Self { team, tool, let_go, told: Arc::default() }
    }

    /// Runs the scene while `meanwhile` runs. Keeps the lines of `CallGoesOn` events.
    async fn run(
        &self,
        cancel: &Cancel,
        conversation: &mut Conversation,
        meanwhile: impl Future<Output = ()>,
    ) -> Result<End, RunError> {
        let told = self.told.clone();
        let listen = move |event: &Event| {
            if let EventKind::CallGoesOn { .. } = &event.kind {
                told.lock().unwrap().extend(EventLog::new(100).line(event));
            }
        };
        let run = self.team.run(conversation).cancelled_by(cancel).listen(listen);
        futures::join!(run, meanwhile).0
    }

    /// Runs the scene like `run`, and checks that it waits for no thread once `meanwhile` is done:
    /// the run is then over in a few polls.
    async fn ends(
        &self,
        cancel: &Cancel,
        conversation: &mut Conversation,
        meanwhile: impl Future<Output = ()>,
    ) -> Result<End, RunError> {
        let done = Notify::new();
        let meanwhile = async {
            meanwhile.await;
            done.notify_one();
        };
        let mut run = pin!(self.run(cancel, conversation, meanwhile));
        tokio::select! {
            biased;
            end = &mut run => return end,
            () = done.notified() => {}
        }
        for _ in 0..1_000 {
            if let Poll::Ready(end) = poll!(&mut run) {
                return end;
            }
            tokio::task::yield_now().await;
        }
        panic!("the run waits for the thread");
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn log(&self) -> Vec<String> {
        self.tool.log.lock().unwrap().clone()
    }
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn field_47_what_takes_turns_with_a_call_waits_until_its_thread_returns_and_that_is_told() {
    for (timed_out, why) in [(false, "cancelled"), (true, "timed out after 50ms")] {
        let (scene, cancel) = (Scene::new(twice()), Cancel::new());
        let mut conversation = Conversation::start("main", "Go.");
        let meanwhile = async {
            scene.tool.begun.notified().await;
            match timed_out {
                true => advance(ms(51)).await,
                false => assert!(cancel.call("run/call_0_0")),
            }
            settle().await;
            let told = scene.told();
            assert!(
                told.len() == 1 && told[0].contains(&format!("! stuck {why}, but has not returned")),
                "{told:?}"
            );
            assert_eq!(scene.log(), ["call_0_0 begins"]);
            (0..2).for_each(|_| scene.let_go.send(()).unwrap());
        };
        let end = scene.run(&cancel, &mut conversation, meanwhile).await;
        assert_eq!(end.unwrap().text(), "Done.");
        let expected = ["call_0_0 begins", "call_0_0 returns", "call_0_1 begins", "call_0_1 returns"];
        assert_eq!((scene.log().as_slice(), scene.told().len()), (&expected.map(str::to_owned)[..], 1));
        assert!(conversation.to_string().contains(&format!("< call_0_0 failed: {why}")), "{conversation}");
    }
}

#[tokio::test(start_paused = true)]
async fn field_47_a_run_that_is_cancelled_waits_for_no_thread() {
    for timed_out in [false, true] {
        let (scene, cancel) = (Scene::new(twice()), Cancel::new());
        let mut conversation = Conversation::start("main", "Go.");
        let meanwhile = async {
            scene.tool.begun.notified().await;
            if timed_out {
                advance(ms(51)).await;
                settle().await;
            }
            cancel.all();
        };
        let end = scene.ends(&cancel, &mut conversation, meanwhile).await;
        assert_eq!((end, scene.told().len()), (Err(RunError::Cancelled), usize::from(timed_out)));
        assert_eq!(scene.log(), ["call_0_0 begins"], "the other one never does");
        let why = if timed_out { "timed out after 50ms" } else { "cancelled" };
        let text = conversation.to_string();
        assert!(
            text.contains(&format!("< call_0_0 failed: {why}\n  < call_0_1 failed: cancelled")),
            "{text}"
        );
        scene.let_go.send(()).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn field_47_a_delegated_conversation_that_is_cancelled_waits_for_no_thread() {
    let (scene, cancel) = (Scene::new(calls([("act", json!({"to": "b"}))])), Cancel::new());
    let mut conversation = Conversation::start("main", "Go.");
    let meanwhile = async {
        scene.tool.begun.notified().await;
        assert!(cancel.call("run/call_0_0"));
    };
    let end = scene.ends(&cancel, &mut conversation, meanwhile).await;
    assert_eq!((end.unwrap().text(), scene.log().len()), ("Done.", 1));
    assert!(
        conversation.to_string().contains("< call_0_0 failed: b stopped: it was cancelled"),
        "{conversation}"
    );
    scene.let_go.send(()).unwrap();
}
