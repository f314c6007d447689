//! The events of a run in this process.

use agent_core::{
    Agent,
    script::{Reply, Script},
};
use agent_web::{LastEventId, LiveEvents, sse};
use axum::{Router, routing::get};
use futures::{FutureExt, StreamExt};

use crate::client::{Events, serve};

fn agent() -> Agent {
    Agent::builder("main", Script::by(|_| Reply::text("One two three."))).build().unwrap()
}

#[tokio::test]
async fn readers_of_a_run_get_all_events_from_where_they_are_over_several_runs() {
    let live = LiveEvents::new();
    let (agent, handler) = (agent(), live.clone());
    let routes =
        Router::new().route("/events", get(move |last: LastEventId| async move { sse(handler.after(last)) }));
    let address = serve(routes).await;
    let mut early = Events::open(address, "/events", "", None).await;
    let mut conversation = agent.start("Count.");
    agent.run(&mut conversation).listen(live.listener()).await.unwrap();
    conversation.say("Again.");
    agent.run(&mut conversation).listen(live.listener()).await.unwrap();

    // One that was there from the start, and one that comes later.
    let mut all = Vec::new();
    while all.iter().filter(|(_, kind)| kind == "ended").count() < 2 {
        let (id, data) = early.next().await.unwrap();
        all.push((id, data["event"]["kind"]["kind"].as_str().unwrap().to_owned()));
    }
    assert!(all.iter().map(|(id, _)| *id).eq(1..=all.len() as u64), "{all:?}");
    let mut late = Events::open(address, "/events", "", Some(5)).await;
    assert_eq!(late.next().await.unwrap().0, 6);

    // An offset that this process has not reached is one of an earlier process: it begins anew.
    let mut beyond = Events::open(address, "/events", "", Some(u64::MAX)).await;
    assert_eq!(beyond.next().await.unwrap().0, 1);
}

#[tokio::test]
async fn only_the_newest_events_are_kept_and_a_gap_shows_it() {
    let live = LiveEvents::keeping(3);
    let agent = agent();
    let mut there = live.after(LastEventId(0));
    let mut conversation = agent.start("Count.");
    agent.run(&mut conversation).listen(live.listener()).await.unwrap();
    let all = format!("{live:?}");
    assert_eq!(all, "LiveEvents { events: 3 }");
    let first = there.next().await.unwrap().unwrap().offset;
    assert!(first > 1, "the first ones are gone");
    let rest: Vec<u64> =
        [there.next().await, there.next().await].map(|event| event.unwrap().unwrap().offset).into();
    assert_eq!(rest, [first + 1, first + 2]);
    assert!(there.next().now_or_never().is_none());
    let mut late = live.after(LastEventId(first));
    assert_eq!(late.next().await.unwrap().unwrap().offset, first + 1);
}
