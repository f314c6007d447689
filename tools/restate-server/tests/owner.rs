//! A cluster ends with its owner, even if that is killed.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, future, thread};

use restate_server::Cluster;

const OWNER: &str = "OWNER_OF_A_CLUSTER";

/// The process that is killed. In a run of all tests it does nothing.
#[tokio::test]
async fn owner() {
    if env::var_os(OWNER).is_some() {
        let cluster = Cluster::start(1).await.unwrap();
        println!("\nowns {} {}", cluster.ingress(), cluster.folder().display());
        future::pending::<()>().await;
    }
}

#[tokio::test]
async fn servers_end_with_their_owner() {
    if let Err(missing) = restate_server::install() {
        println!("skipped: {missing}");
        return;
    }
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--exact", "owner", "--nocapture"])
        .env(OWNER, "")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let owns = lines.into_iter().find(|line| line.starts_with("owns ")).expect("it has started a cluster");
    let owns: Vec<&str> = owns.split(' ').collect();
    let ingress = owns[1].strip_prefix("http://").unwrap();
    assert!(TcpStream::connect(ingress).is_ok());

    owner.kill().unwrap();
    owner.wait().unwrap();
    let begun = Instant::now();
    while TcpStream::connect(ingress).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it outlives its owner");
        thread::yield_now();
    }
    println!("it ends after its owner: {:?}", begun.elapsed());
    // Who starts the next one tidies up.
    drop(Cluster::start(1).await.unwrap());
    assert!(!Path::new(owns[2]).exists());
}
