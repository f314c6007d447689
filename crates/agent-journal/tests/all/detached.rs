//! Calls that go on in the background of runs that survive their process.

use std::{collections::BTreeSet, future::Future, time::Duration};

use agent_core::{
    Agent, Conversation, End, Request, Role, Team,
    conversation::Change,
    script::{Reply, Script},
};
use agent_journal::Entry;
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, Place, calls, start, tool};

/// Detached calls of every kind: two that end, one that fails, one that must not be made twice, and a
/// specialist who makes calls. Ordinary calls are beside them.
fn says(agent: &str, turn: usize) -> Reply {
    match (agent, turn) {
        ("main", 0) => calls([
            ("later", json!({"say": "a"})),
            ("later", json!({"fail": "b"})),
            ("once_later", json!({"say": "c"})),
            ("later", json!({"to": "expert"})),
            ("act", json!({"say": "d"})),
            ("maybe", json!({"say": "e"})),
        ]),
        ("main", 1) => calls([("act_once", json!({"say": "f"}))]),
        ("expert", 0) => calls([("act_once", json!({"say": "g"})), ("act", json!({"say": "h"}))]),
        ("expert", _) => Reply::text("Expertly done."),
        ("main", _) => Reply::text("Done."),
        other => panic!("{other:?} is not in the script"),
    }
}

fn team() -> (Team, Log) {
    let log = Log::default();
    let model = Script::by(|request: &Request| {
        let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
        says(&request.agent, turn)
    });
    let agent = |name: &str| {
        let later = |name: &str, log: &Log| {
            tool(name, log, |spec| (spec.idempotent, spec.detach_after) = (true, Some(Duration::ZERO)))
        };
        Agent::builder(name, model.clone())
            .tool(tool("act", &log, |spec| spec.idempotent = true))
            .tool(tool("act_once", &log, |_| ()))
            .tool(later("later", &log))
            .tool(tool("once_later", &log, |spec| spec.detach_after = Some(Duration::ZERO)))
            .tool(tool("maybe", &log, |spec| {
                (spec.idempotent, spec.detach_after) = (true, Some(Duration::from_secs(600)));
            }))
            .build()
            .unwrap()
    };
    (Team::new([agent("main"), agent("expert")]).unwrap(), log)
}

/// Runs or continues the conversation `s`.
async fn run(place: &Place) -> (Conversation, Log) {
    let (team, log) = team();
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    let end = host.run(&mut conversation).await.unwrap();
    assert_eq!(end, End::Answered("Done.".to_owned()));
    assert_eq!(journal.conversation("s").unwrap(), conversation, "it is the fold of the journal");
    (conversation, log)
}

/// How often the model was told the result of each background call.
fn told(conversation: &Conversation) -> Vec<String> {
    let told = conversation.messages().iter().filter(|message| message.text().starts_with("[The background"));
    let mut told: Vec<String> = told.map(|message| message.text().replace('\n', " ")).collect();
    told.sort();
    told
}

#[tokio::test]
async fn invariant_9_a_detached_call_is_told_once_from_wherever_the_run_is_continued() {
    let whole = Place::new();
    let (undisturbed, all) = run(&whole).await;
    assert_snapshot!(told(&undisturbed).join("\n"), @r#"
    [The background call "call_0_0" of later has ended. Its result:] a
    [The background call "call_0_1" of later has failed:] b
    [The background call "call_0_2" of once_later has ended. Its result:] c
    [The background call "call_0_3" of later has ended. Its result:] Expertly done.
    "#);
    let entries = whole.open().entries("s").unwrap();
    assert!(entries.len() > 30, "{}", entries.len());
    for keep in 1..=entries.len() {
        let place = Place::new();
        std::fs::copy(&whole.path, &place.path).unwrap();
        place.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        let (mut recorded, mut started) = (BTreeSet::new(), BTreeSet::new());
        for (id, entry) in &entries[..keep] {
            match entry {
                Entry::Change(Change::Recorded { call, .. }) => drop(recorded.insert(format!("{id}/{call}"))),
                Entry::Started(call) => drop(started.insert(format!("{id}/{}", call.id))),
                _ => {}
            }
        }
        let (resumed, log) = run(&place).await;
        let repeated: Vec<_> = log.made().into_keys().filter(|key| recorded.contains(key)).collect();
        assert_eq!(repeated, [""; 0], "finished before entry {keep}, and made again");
        let is_lost =
            |key: &String| !started.contains(key) && !recorded.contains(key) && !log.made().contains_key(key);
        let lost: Vec<_> = all.made().into_keys().filter(is_lost).collect();
        assert_eq!(lost, [""; 0], "not made after entry {keep}");
        let unknown = |line: &String| line.contains("outcome unknown");
        let told: Vec<String> = told(&resumed);
        assert_eq!(told.len(), 4, "{keep}: {told:?}");
        // Only a call that must not be made twice, and had started, can be unknown.
        for line in told.iter().filter(|line| unknown(line)) {
            assert!(line.contains("once_later") && started.contains("s/call_0_2/call_0_2"), "{keep}: {line}");
        }
    }
}

/// A run that is dropped may have written what it has not recorded in memory.
#[tokio::test]
async fn the_same_host_goes_on_after_a_run_that_was_dropped_anywhere() {
    for polls in 1..80 {
        let place = Place::new();
        let (team, log) = team();
        let journal = place.open();
        let mut conversation = start();
        let host = journal.host(team, &mut conversation).await.unwrap();
        {
            let mut run = host.run(&mut conversation);
            let mut left = polls;
            let some_polls =
                std::future::poll_fn(|context| match std::pin::Pin::new(&mut run).poll(context) {
                    std::task::Poll::Pending if left > 1 => {
                        left -= 1;
                        std::task::Poll::Pending
                    }
                    _ => std::task::Poll::Ready(()),
                });
            some_polls.await;
        }
        let end = host.run(&mut conversation).await.unwrap_or_else(|error| panic!("{polls}: {error}"));
        assert_eq!(end, End::Answered("Done.".to_owned()), "{polls}");
        assert_eq!(journal.conversation("s").unwrap(), conversation, "{polls}");
        assert_eq!(told(&conversation).len(), 4, "{polls}: {conversation}");
        let once = ["s/call_0_2/call_0_2", "s/call_1_0"];
        assert!(once.iter().all(|key| log.made().get(*key).copied().unwrap_or(1) == 1), "{polls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_detached_call_that_waits_for_a_person_is_decided_in_another_process() {
    let place = Place::new();
    let build = || {
        let log = Log::default();
        let model = Script::by(|request: &Request| match request.messages.len() {
            1 => calls([("later", json!({"ask": "May I?", "say": "paid"}))]),
            length => Reply::text(format!("{length} messages.")),
        });
        let later = tool("later", &log, |spec| spec.detach_after = Some(Duration::ZERO));
        (Team::new([Agent::builder("main", model).tool(later).build().unwrap()]).unwrap(), log)
    };
    let mut conversation = start();
    let journal = place.open();
    let host = journal.host(build().0, &mut conversation).await.unwrap();
    let End::Waiting(calls) = host.run(&mut conversation).await.unwrap() else { panic!("it waits") };
    assert_eq!(calls[0].key, "s/call_0_0/call_0_0");
    drop((host, journal));
    place.open().approve(&calls[0].key).await.unwrap();
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(build().0, &mut conversation).await.unwrap();
    assert_eq!(host.run(&mut conversation).await.unwrap(), End::Answered("5 messages.".to_owned()));
    assert_snapshot!(conversation, @r#"
    user: Go.
      > call_0_0 later {"ask":"May I?","say":"paid"}
      < call_0_0 = This call of later goes on in the background, as "call_0_0". You will be told its result in a message of its own. You can do other work meanwhile.
    main: 3 messages.
    user: [The background call "call_0_0" of later has ended. Its result:]
      | paid
    main: 5 messages.
    "#);
}
