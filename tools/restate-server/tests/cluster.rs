//! Real servers, started, asked, killed and started again. Skipped where there is none.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use restate_server::{AdminError, Cluster, StartError, cancel, query, register};
use serde_json::json;

const COUNT: &str = "select count(*) as invocations from sys_invocation";

#[tokio::test]
async fn one_node_answers() {
    let begun = Instant::now();
    let Some(cluster) = Cluster::unless_missing(1).await.unwrap() else { return };
    println!("1 node: {:?}, {} MB", begun.elapsed(), cluster.rss_kb(1).unwrap() / 1024);
    assert_eq!(query(cluster.admin(), COUNT).await.unwrap(), [json!({ "invocations": 0 })]);

    let refused = query(cluster.admin(), "select id from nothing").await.unwrap_err();
    assert!(refused.to_string().ends_with("table 'restate.public.nothing' not found"), "{refused}");
    let refused = cancel(cluster.admin(), "inv_1").await.unwrap_err();
    assert!(matches!(refused, AdminError::Refused { status: 400, .. }), "{refused}");

    let folder = cluster.folder().to_owned();
    assert!(folder.join("n1.log").exists());
    let admin = cluster.admin().to_owned();
    drop(cluster);
    assert!(!folder.exists());
    assert!(matches!(query(&admin, COUNT).await.unwrap_err(), AdminError::Unreachable { .. }));
}

#[tokio::test]
async fn one_of_three_nodes_may_die() {
    let begun = Instant::now();
    let Some(mut cluster) = Cluster::unless_missing(3).await.unwrap() else { return };
    let memory: Vec<u64> = (1..=3).map(|node| cluster.rss_kb(node).unwrap() / 1024).collect();
    println!("3 nodes: {:?}, {memory:?} MB", begun.elapsed());
    let (pid, ingress) = (cluster.pid(1).unwrap(), cluster.ingress().to_owned());

    cluster.kill(1);
    assert_eq!((cluster.pid(1), cluster.rss_kb(1)), (None, None));
    assert!(register(cluster.admin(), "http://127.0.0.1:1").await.is_err());
    let begun = Instant::now();
    no_invocations(cluster.admin_of(2)).await;
    println!("the others take over: {:?}", begun.elapsed());

    let begun = Instant::now();
    cluster.restart(1).await.unwrap();
    println!("it is back: {:?}", begun.elapsed());
    assert_ne!(cluster.pid(1), Some(pid));
    assert_eq!(cluster.ingress(), ingress);
    no_invocations(cluster.admin()).await;
}

/// Waits until a node can say how many invocations there are. While a partition moves from one node to
/// another, it can't.
async fn no_invocations(admin: &str) {
    let begun = Instant::now();
    let found = loop {
        match query(admin, COUNT).await {
            Ok(found) => break found,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "it can't say: {error}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(found, [json!({ "invocations": 0 })]);
}

#[tokio::test]
async fn two_nodes_are_no_cluster() {
    match Cluster::start(2).await {
        Err(StartError::Nodes(2)) => {}
        Err(StartError::Missing(missing)) => println!("skipped: {missing}"),
        other => panic!("{other:?}"),
    }
}
