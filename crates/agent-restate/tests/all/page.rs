//! A web page for sessions on the engine.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Agent, Conversation, Team,
    script::{Reply, Script},
};
use agent_restate::{Restate, Services};
use agent_tools::FnTool;
use agent_web::{Access, router};
use restate_server::Cluster;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::common::{Stage, poll_until};

/// A clerk who asks before he pays.
fn team() -> Team {
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("pay", json!({"Ada": 3})),
        _ => Reply::text("It is paid, and I have written it down.").per_token(Duration::from_millis(5)),
    });
    let pay =
        FnTool::new("pay", "Pays.", |sums: std::collections::BTreeMap<String, u32>| format!("{sums:?}"));
    Team::new([Agent::builder("clerk", model).tool(pay.needs_approval()).build().unwrap()]).unwrap()
}

/// Asks the page's service.
struct Page {
    address: String,
    token: String,
}

impl Page {
    async fn serve(engine: Restate) -> Self {
        let access = Access::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, token) =
            (listener.local_addr().unwrap().to_string(), access.token().unwrap().to_owned());
        let routes = router(Arc::new(engine), &access);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, token }
    }

    async fn ask(&self, path: &str, body: Option<Value>) -> Value {
        let url = format!("http://{}{path}", self.address);
        let client = restate_server::client();
        let request = match &body {
            None => client.get(url),
            Some(body) => client.post(url).header("content-type", "application/json").body(body.to_string()),
        };
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The ids of the events after `last`, until the end of the run.
    async fn events(&self, path: &str, last: u64) -> Vec<u64> {
        let url = format!("http://{}{path}", self.address);
        let request = restate_server::client().get(url).bearer_auth(&self.token);
        let mut answer = request.header("last-event-id", last).send().await.unwrap();
        let mut text = String::new();
        while !text.contains(r#""kind":"ended","value":{"Answered""#) || !text.ends_with("\n\n") {
            let chunk = answer.chunk().await.unwrap().expect("the answer goes on");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
    }
}

#[tokio::test]
async fn the_page_shows_a_session_on_the_engine_and_a_person_decides_there() {
    let Some(cluster) = Cluster::unless_missing(1).await.unwrap() else { return };
    let engine = Restate::at(cluster.ingress()).unwrap().with_admin(cluster.admin()).unwrap();
    let stage = Stage::on(cluster, Services::new(team()).keep_events(&engine)).await;
    let page = Page::serve(engine.clone()).await;
    let run = engine.submit(&Conversation::start("clerk", "Pay Ada.").with_id("p"), None).await.unwrap();

    let waits = poll_until("a session that waits", async || {
        let all = page.ask("/sessions", None).await;
        (all[0]["state"] == "waiting").then(|| all[0].clone())
    })
    .await;
    assert_eq!((&waits["id"], &waits["agent"], &waits["turns"]), (&json!("p"), &json!("clerk"), &json!(1)));
    let shown = page.ask("/sessions/p", None).await;
    assert_eq!(shown["transcript"]["messages"][0]["blocks"][0]["text"], "Pay Ada.");
    let key = shown["transcript"]["waiting"][0]["key"].clone();
    assert_eq!(key, "p/call_0_0");

    page.ask("/sessions/p/decisions", Some(json!({"key": key, "approve": true}))).await;
    let ids = page.events("/sessions/p/events", 0).await;
    assert!(ids.iter().copied().eq(1..=ids.len() as u64), "{ids:?}");
    let rest = page.events("/sessions/p/events", ids.len() as u64 - 3).await;
    assert_eq!(rest, ids[ids.len() - 3..]);
    engine.attach(&run).await.unwrap();

    let timeline = page.ask("/sessions/p/timeline/model", None).await;
    let shown = timeline.to_string();
    assert!(shown.contains("pay"), "{shown}");
    page.ask("/sessions/p/fork", Some(json!({"id": "copy"}))).await;
    let all = page.ask("/sessions", None).await;
    let states: Vec<_> = [0, 1].map(|place| (&all[place]["id"], &all[place]["state"])).into();
    assert_eq!(states, [(&json!("p"), &json!("ended")), (&json!("copy"), &json!("ended"))]);
    drop(stage);
}
