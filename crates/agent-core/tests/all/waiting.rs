//! Calls that wait for a person.

use agent_core::{Conversation, End, script::Reply};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, calls, ms, run, team};

fn keys(end: &End) -> Vec<&str> {
    let End::Waiting(calls) = end else { panic!("{end:?}") };
    calls.iter().map(|call| call.key.as_str()).collect()
}

fn asking() -> (agent_core::Team, Log) {
    let reply = calls([
        ("act", json!({"ask": "Delete all?", "say": "deleted"})),
        ("act", json!({"ms": 100})),
        ("act", json!({"to": "clerk"})),
        ("act", json!({"ask": "Really?", "say": "really"})),
    ]);
    let clerk = vec![calls([("act", json!({"ask": "May I?", "say": "filed"}))]), Reply::text("Filed.")];
    let (team, _, log) = team([("main", vec![reply, Reply::text("Done.")]), ("clerk", clerk)]);
    (team, log)
}

#[tokio::test(start_paused = true)]
async fn fault_2_one_of_several_waiting_calls_is_rejected_and_all_results_are_there() {
    let (team, log) = asking();
    let ran = run(&team).await;
    assert_eq!(ran.took, ms(100), "the other calls are not held up");
    assert_eq!(keys(&ran.end), ["run/call_0_0", "run/call_0_2/call_0_0", "run/call_0_3"]);

    let written = serde_json::to_string(&ran.conversation).unwrap();
    let mut conversation: Conversation = serde_json::from_str(&written).unwrap();
    conversation.approve("run/call_0_0").unwrap();
    conversation.deny("run/call_0_3", "not today").unwrap();
    assert_eq!(keys(&team.run(&mut conversation).await.unwrap()), ["run/call_0_2/call_0_0"]);

    conversation.approve("run/call_0_2/call_0_0").unwrap();
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Done.");
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"ask":"Delete all?","say":"deleted"}
      > call_0_1 act {"ms":100}
      > call_0_2 act {"to":"clerk"}
      > call_0_3 act {"ask":"Really?","say":"really"}
      < call_0_0 = deleted
      < call_0_1 = done
      < call_0_2 = Filed.
      < call_0_3 failed: denied: not today
    main: Done.
    "#);
    assert_eq!(log.begun()["run/call_0_1"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_wait_can_be_neither_allowed_nor_denied() {
    let (team, _) = asking();
    let mut conversation = run(&team).await.conversation;
    assert_snapshot!(conversation.approve("run/call_0_1").unwrap_err(), @r#"no call with the key "run/call_0_1" waits for a person (it may be decided already): Conversation::waiting lists the calls that wait, with their keys"#);
    conversation.deny("run/call_0_0", "no").unwrap();
    assert!(conversation.approve("run/call_0_0").is_err());
}

#[tokio::test(start_paused = true)]
async fn under_another_id_the_calls_that_wait_in_delegated_conversations_go_along() {
    let (team, _) = asking();
    let fork = run(&team).await.conversation.with_id("fork");
    let written = serde_json::to_string(&fork).unwrap();
    let mut fork: Conversation = serde_json::from_str(&written).unwrap();
    let end = team.run(&mut fork).await.unwrap();
    assert_eq!(keys(&end), ["fork/call_0_0", "fork/call_0_2/call_0_0", "fork/call_0_3"]);
    fork.approve("fork/call_0_2/call_0_0").unwrap();
}

/// How a run of the conversation ends, and the ends in its events.
async fn polled(team: &agent_core::Team, conversation: &mut Conversation) -> (End, Vec<End>) {
    let (mut run, mut told) = (team.run(conversation), Vec::new());
    while let Some(event) = run.next().await {
        if let (agent_core::EventKind::Ended(end), 0) = (event.kind, event.depth) {
            told.push(end);
        }
    }
    (run.await.unwrap(), told)
}

#[tokio::test(start_paused = true)]
async fn field_76_that_a_run_still_waits_is_told_once_and_what_waits_is_known_without_one() {
    let (team, _) = asking();
    let mut conversation = Conversation::start("main", "Go.");
    for decided in ["run/call_0_0", "run/call_0_2/call_0_0", "run/call_0_3"] {
        let (end, told) = polled(&team, &mut conversation).await;
        assert_eq!(told, std::slice::from_ref(&end), "before {decided}");
        let waiting: Vec<String> = conversation.waiting().into_iter().map(|call| call.key).collect();
        assert_eq!(waiting, keys(&end));
        assert_eq!(polled(&team, &mut conversation).await, (end, vec![]));
        conversation.approve(decided).unwrap();
    }
    let (end, told) = polled(&team, &mut conversation).await;
    assert_eq!((end.text(), told), ("Done.", vec![End::Answered("Done.".to_owned())]));
    assert!(conversation.waiting().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_approved_call_that_the_user_went_on_from_says_that_it_was_approved() {
    let (team, _) = asking();
    let mut conversation = run(&team).await.conversation;
    conversation.approve("run/call_0_0").unwrap();
    conversation.say("Never mind.");
    let result = |id: &str| {
        let mut results = conversation.messages().iter().flat_map(agent_core::Message::tool_results);
        results.find(|(of, ..)| *of == id).unwrap().1.to_text()
    };
    let approved = "no result: a person had approved it, and the user went on before it ended. If it had begun, it may have had its effect";
    assert_eq!(result("call_0_0"), approved);
    assert_eq!(result("call_0_3"), "not run: the user went on before a person approved it");
}
