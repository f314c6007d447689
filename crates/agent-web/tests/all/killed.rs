//! The process that runs the agents is killed, and a reader goes on.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use agent_core::sessions::{Decision, Sessions};
use agent_journal::Journal;
use agent_web::{Access, router};
use serde_json::Value;

use crate::{
    client::{Events, serve},
    team::{clerk, run},
};

/// The file of the process that runs the agents.
const FILE: &str = "AGENT_WEB_TEST_JOURNAL";

/// Not a test: the process that the test below starts and kills.
#[tokio::test]
async fn the_process_of_the_agents() {
    if let Some(file) = std::env::var_os(FILE) {
        run(&PathBuf::from(file), clerk("Ada", Duration::from_millis(15))).await;
    }
}

/// A process that runs the agents until they have nothing to do.
fn start(file: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command.args(["--exact", "killed::the_process_of_the_agents"]).env(FILE, file);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Reads until an event is of this kind. Checks that no event is missing or comes twice.
async fn read_until(events: &mut Events, last: &mut u64, is_last: impl Fn(&str, u64) -> bool) -> Vec<Value> {
    let mut read = Vec::new();
    loop {
        let (id, data) = events.next().await.expect("the answer goes on");
        assert_eq!(id, *last + 1, "an event is missing or came twice: {data}");
        assert_eq!(data["offset"], id);
        *last = id;
        let kind = data["event"]["kind"]["kind"].as_str().unwrap().to_owned();
        read.push(data);
        if is_last(&kind, id) {
            return read;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_comes_back_after_a_kill_misses_nothing_and_gets_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.journal");
    let journal = Journal::open(&file).unwrap();
    let access = Access::new();
    let token = access.token().unwrap().to_owned();
    let address = serve(router(Arc::new(journal.clone()), &access)).await;
    let path = "/sessions/s/events";

    // The first process asks a person, and ends.
    assert!(start(&file).wait().unwrap().success());
    let (mut last, mut seen) = (0, Vec::new());
    let mut events = Events::open(address, path, &token, None).await;
    seen.extend(read_until(&mut events, &mut last, |kind, _| kind == "ended").await);
    Sessions::decide(&journal, "s/call_0_1", Decision::Approve).await.unwrap();

    // The second one is killed in the middle of its report, which takes a second.
    let mut second = start(&file);
    let begins = last;
    seen.extend(read_until(&mut events, &mut last, |kind, id| kind == "delta" && id > begins + 8).await);
    drop(events);
    second.kill().unwrap();
    assert!(!second.wait().unwrap().success(), "it was killed before its end");

    // The third one goes on. So does the reader, who was away.
    let mut third = start(&file);
    let mut events = Events::open(address, path, &token, Some(last)).await;
    seen.extend(read_until(&mut events, &mut last, |kind, _| kind == "ended").await);
    assert!(third.wait().unwrap().success());

    let runs: BTreeSet<_> = seen.iter().map(|event| event["run_began_ms"].as_u64().unwrap()).collect();
    assert_eq!(runs.len(), 3, "the events of three processes");
    let text = journal.conversation("s").unwrap().to_string();
    assert!(text.contains("< call_0_1 = paid Ada") && text.matches("paid Ada").count() == 1, "{text}");
    let kept = journal.kept_events("s", 0).unwrap();
    assert_eq!(kept.last().map(|event| event.offset), Some(last));
}
