//! What the tests share: a server with a process that serves a team, and tools that report their
//! calls.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, Context, Conversation, Llm, Team,
    script::{Reply, Script},
};
use agent_restate::{Restate, Services};
use agent_tools::FnTool;
use restate_server::{Cluster, register};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// A server, and a process that serves a team to it.
pub(crate) struct Stage {
    pub(crate) host: Restate,
    pub(crate) cluster: Cluster,
    pub(crate) address: std::net::SocketAddr,
    serving: Option<JoinHandle<()>>,
}

impl Stage {
    /// A new server with these services. `None` where it can't be installed.
    pub(crate) async fn open(services: Services) -> Option<Self> {
        let cluster = Cluster::unless_missing(1).await.unwrap()?;
        Some(Self::on(cluster, services).await)
    }

    /// This server with these services.
    pub(crate) async fn on(cluster: Cluster, services: Services) -> Self {
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        let serving = Some(tokio::spawn(services.serve(listener).unwrap()));
        register(cluster.admin(), &format!("http://{address}")).await.unwrap();
        let host = Restate::at(cluster.ingress()).unwrap();
        Self { host, cluster, address, serving }
    }

    /// Stops the process with all its work, and starts another one.
    pub(crate) async fn replace(&mut self, services: Services) {
        self.stop().await;
        // A process that another test starts just now has the old listener, too, until its program
        // begins.
        let address = self.address;
        let bind = async || TcpListener::bind(address).await.ok();
        let listener = poll_until("the address of the process that was stopped is free", bind).await;
        self.serving = Some(tokio::spawn(services.serve(listener).unwrap()));
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// A listener on a port that systems don't give to outgoing connections, so that none has it while a
/// process is replaced.
pub(crate) async fn listener() -> TcpListener {
    loop {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", fastrand::u16(10_000..20_000))).await {
            return listener;
        }
    }
}

/// How often each call started, by its key, and a notification when one does.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<(Mutex<BTreeMap<String, usize>>, Notify)>);

impl Calls {
    pub(crate) fn note(&self, key: String) {
        *self.0.0.lock().unwrap().entry(key).or_default() += 1;
        self.0.1.notify_waiters();
    }

    /// The keys, and how often each call started.
    pub(crate) fn made(&self) -> BTreeMap<String, usize> {
        self.0.0.lock().unwrap().clone()
    }

    pub(crate) async fn until(&self, enough: impl Fn(&BTreeMap<String, usize>) -> bool) {
        loop {
            let more = self.0.1.notified();
            if enough(&self.made()) {
                return;
            }
            more.await;
        }
    }
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Input {
    pub(crate) say: String,
}

/// A tool that returns the text that it is given. With the text `hang`, it waits until `open` is
/// called.
pub(crate) fn tool(name: &str, calls: &Calls, open: &Calls) -> FnTool {
    let (calls, open) = (calls.clone(), open.clone());
    FnTool::new(name, "Says what it is told to say.", move |input: Input, context: Context| {
        let (calls, open) = (calls.clone(), open.clone());
        async move {
            calls.note(context.key());
            if input.say == "hang" {
                open.until(|open| !open.is_empty()).await;
            }
            Ok::<_, String>(input.say)
        }
    })
}

/// A call of such a tool.
pub(crate) fn call(tool: &str, say: impl Display) -> Reply {
    Reply::call(tool, json!({"say": say.to_string()}))
}

/// A model that first makes these calls, and replies "Done." to their results.
pub(crate) fn calls_then_done(first: Reply) -> Arc<dyn Llm> {
    Arc::new(Script::by(move |request| match request.messages.len() {
        1 => first.clone(),
        _ => Reply::text("Done."),
    }))
}

/// A team of one agent with these tools.
pub(crate) fn alone(model: Arc<dyn Llm>, tools: impl IntoIterator<Item = FnTool>) -> Team {
    let agent = tools.into_iter().fold(Agent::builder("clerk", model), |agent, tool| agent.tool(tool));
    Team::new([agent.build().unwrap()]).unwrap()
}

pub(crate) fn start(id: &str) -> Conversation {
    Conversation::start("clerk", "Begin.").with_id(id)
}

/// Polls until there is a value. Fails after a minute.
pub(crate) async fn poll_until<T>(what: &str, mut there: impl AsyncFnMut() -> Option<T>) -> T {
    let poll_until = async {
        loop {
            match there().await {
                Some(found) => return found,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), poll_until)
        .await
        .unwrap_or_else(|_| panic!("not seen: {what}"))
}

/// Waits until the tables of the engine have such rows.
pub(crate) async fn rows(stage: &Stage, sql: &str) {
    poll_until(sql, async || {
        let rows = restate_server::query(stage.cluster.admin(), sql).await.unwrap();
        (!rows.is_empty()).then_some(())
    })
    .await;
}

/// Calls of these tools with these words.
pub(crate) fn calls_of(calls: &[(&str, &str)]) -> Reply {
    let mut calls = calls.iter();
    let (tool, say) = calls.next().unwrap();
    calls.fold(call(tool, say), |reply, (tool, say)| reply.and_call(*tool, json!({"say": say})))
}

/// Runs this team in process and on the engine. Both make the same calls, with the same results.
/// Returns the stage and the calls of the engine.
pub(crate) async fn as_in_process(team: impl Fn(&Calls) -> Team) -> Option<(Stage, Calls)> {
    let (here, there) = (Calls::default(), Calls::default());
    let mut in_process = start("s");
    team(&here).run(&mut in_process).await.unwrap();
    let stage = Stage::open(Services::new(team(&there))).await?;
    let mut conversation = start("s");
    stage.host.run(&mut conversation).await.unwrap();
    assert_eq!(conversation, in_process);
    assert_eq!(there.made(), here.made());
    Some((stage, there))
}
