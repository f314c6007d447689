//! Many conversations in parallel.

use agent_core::{
    Agent, Conversation, Team,
    host::Progress,
    script::{Reply, Script},
};
use futures::StreamExt;
use serde_json::json;
use tokio::time::Instant;

use crate::common::{Act, Log, calls, ms};

fn team(log: &Log) -> Team {
    // The script is a function, so that all conversations can have the same id.
    let model = Script::by(|request| match request.messages.len() {
        1 => calls(vec![("act", json!({"ms": 500})); 2]),
        _ => Reply::text(request.messages[0].text()).after(ms(500)),
    });
    Team::new([Agent::builder("main", model).tool(Act::new("act", log)).build().unwrap()]).unwrap()
}

fn conversations(count: usize) -> impl Iterator<Item = Conversation> {
    (0..count).map(|n| Conversation::start("main", format!("I am {n}.")).with_id(format!("run-{n}")))
}

#[tokio::test(start_paused = true)]
async fn a_thousand_conversations_of_one_second_end_after_exactly_one_second() {
    let (log, began) = (Log::default(), Instant::now());
    let mut many = team(&log).run_many(conversations(1000), usize::MAX);
    let mut ended = Vec::new();
    while let Some(finished) = many.next().await {
        let said = finished.end.unwrap();
        assert_eq!(said.text(), format!("I am {}.", finished.index));
        ended.push(finished.index);
    }
    ended.sort_unstable();
    assert_eq!(ended, (0..1000).collect::<Vec<_>>());
    assert_eq!((began.elapsed(), log.peak()), (ms(1000), 2000));
    assert_eq!(many.progress(), Progress { done: 1000, running: 0, total: 1000 });
}

#[tokio::test(start_paused = true)]
async fn at_most_so_many_are_under_way() {
    let (log, began) = (Log::default(), Instant::now());
    let mut many = team(&log).run_many(conversations(10), 4);
    assert!(many.next().await.is_some());
    assert_eq!(many.progress(), Progress { done: 1, running: 4, total: 10 });
    assert_eq!(many.by_ref().count().await, 9);
    assert_eq!((began.elapsed(), log.peak()), (ms(3000), 8));
}

#[tokio::test]
async fn a_run_is_a_plain_send_future() {
    let team = team(&Log::default());
    let ended = tokio::spawn(async move {
        let mut conversation = Conversation::new("main");
        team.run(&mut conversation).await.map(|_| conversation.id().to_owned())
    });
    assert_eq!(ended.await.unwrap().unwrap(), "run");
}

#[tokio::test(start_paused = true)]
async fn conversations_without_an_id_get_one_each() {
    let log = Log::default();
    let same = (0..3).map(|_| Conversation::start("main", "Go."));
    assert_eq!(team(&log).run_many(same, 3).count().await, 3);
    assert_eq!(log.begun().len(), 6, "{:?}", log.begun());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_aborts_what_is_under_way() {
    let log = Log::default();
    let mut many = team(&log).run_many(conversations(4), 4);
    assert!(tokio::time::timeout(ms(100), many.next()).await.is_err());
    assert_eq!(log.open(), 8);
    drop(many);
    tokio::time::sleep(ms(1)).await;
    assert_eq!((log.open(), log.ended().len()), (0, 0));
}
